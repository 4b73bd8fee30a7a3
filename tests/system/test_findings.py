"""Workers die in mid-attack: no finding is lost, none is doubled, and the alerts say the same."""

from __future__ import annotations

import os
import subprocess
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from agents.findings import FindingStatus, Severity, read_finding
from streams.findings_log import FindingsLog
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.settings import Settings
from streams.topics import FINDINGS
from tests.support.servers_alertmanager import Alertmanager, Pager
from tests.support.servers_findings import LiveRegion, latest, states, undisturbed
from tests.support.servers_worker import COMMAND, Worker, counted, summed
from tests.system.conftest import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agents.findings import Finding
    from tests.support.servers_kafka import KafkaCluster

pytestmark = pytest.mark.system

ATTACKS = ("predice:identities=7353", "fast-harvest")
EVENTS_EACH = 60
"""What a worker takes, about a second's worth, before it dies."""
WITHIN_S = 180.0
# Longer than a record needs from its time stamp to the log, however busy the machine is.
MARGIN_MS = 5_000


class Service:
    """Kafka, Alertmanager, and the workers that a test starts and kills."""

    def __init__(
        self, directory: Path, settings: Settings, alertmanager: Alertmanager, log: FindingsLog
    ) -> None:
        self.kafka = settings.kafka_bootstrap
        self.settings = settings
        self.log = log
        self.alertmanager = alertmanager
        self._directory = directory
        self._reader = RecordReader(Schemas.load())
        self.workers: list[Worker] = []

    def worker(self, name: str) -> Worker:
        worker = Worker(
            self._directory,
            name,
            bootstrap=self.kafka,
            partitions=PARTITIONS,
            # The shortest that Kafka grants: the dead are missed after so long.
            session_timeout_s=6,
            decision_margin_ms=MARGIN_MS,
            alertmanager_urls=self.alertmanager.url,
        )
        self.workers.append(worker)
        worker.start()
        return worker

    def findings(self) -> list[Finding]:
        """Every revision that the topic holds, from its start."""
        return [
            read_finding(record.value, self._reader)
            for records in self.log.records(FINDINGS)
            for record in records
        ]

    def alerts(self) -> list[str]:
        """The findings of all alerts that are true now."""
        return sorted(alert["labels"]["finding"] for alert in self.alertmanager.alerts())


@pytest.fixture
def service(tmp_path: Path, kafka: KafkaCluster) -> Iterator[Service]:
    settings = Settings(kafka_bootstrap=kafka.bootstrap, partitions=PARTITIONS)
    with (
        Pager() as pager,
        Alertmanager(tmp_path / "am", webhook=pager.url) as alertmanager,
        FindingsLog(settings) as log,
    ):
        service = Service(tmp_path, settings, alertmanager, log)
        try:
            yield service
        finally:
            for worker in service.workers:
                worker.process.close()


def _until(ready: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not ready():
        assert time.monotonic() < deadline, f"not within {WITHIN_S:.0f} s: {what}"
        time.sleep(0.2)


def _due(findings: list[Finding]) -> list[str]:
    """The findings that Alertmanager must show."""
    return sorted(
        one.finding_id
        for one in latest(findings).values()
        if one.status.is_open and one.severity.rank >= Severity.MEDIUM.rank
    )


def _judge(service: Service, finding_id: str) -> None:
    """An analyst's answer, by the command."""
    subprocess.run(
        [COMMAND[0], "findings", "judge", finding_id, "benign", "--kafka", service.kafka],
        check=True,
        timeout=120,
        env={"PATH": os.environ["PATH"]},
    )


def test_workers_that_die_in_mid_attack_neither_lose_nor_double_a_finding(service: Service) -> None:
    first = service.worker("first")
    first.wait_ready()
    region = LiveRegion(service.kafka, ATTACKS, speed=60, scale=0.05, attack_after_s=6, seconds=400)
    region.start()

    _until(service.findings, "a first finding")
    _die_in_mid_attack(region, first)
    second = service.worker("second")
    _die_in_mid_attack(region, second)
    # From here two share the partitions, until one of them dies.
    third = service.worker("third")
    first.start()
    _die_in_mid_attack(region, third)
    _until(lambda: counted(first), "the first worker back at work")
    region.finish()

    expected = states(undisturbed(service.log, service.settings))
    assert len(expected) >= len(ATTACKS)
    _until(lambda: states(service.findings()) == expected, "the findings of an undisturbed reader")
    _until(lambda: service.alerts() == _due(service.findings()), "exactly the open findings")
    assert service.alerts()

    judged = next(one for one in service.findings() if one.finding_id == service.alerts()[0])
    _judge(service, judged.finding_id)
    _until(lambda: judged.finding_id not in service.alerts(), "the alert's end")
    assert latest(service.findings())[judged.finding_id].status is FindingStatus.BENIGN
    first.process.kill()
    first.start()
    first.wait_ready()
    _until(lambda: summed("vigie_consumer_lag_records", first) == 0, "through with everything")

    whole = service.findings()
    assert states(whole) == states(undisturbed(service.log, service.settings))
    assert latest(whole)[judged.finding_id].status is FindingStatus.BENIGN
    assert service.alerts() == _due(whole)
    assert judged.finding_id not in service.alerts()
    revisions = defaultdict(set)
    for one in whole:
        revisions[one.finding_id].add(one.revision)
    assert all(own == set(range(len(own))) for own in revisions.values())
    assert first.process.terminate() == 0
    print(f"{len(revisions)} findings, {len(whole)} records of {sum(map(len, revisions.values()))}")


def _die_in_mid_attack(region: LiveRegion, worker: Worker) -> None:
    """Kill a worker that has taken and kept something new of attacks that go on."""
    _until(lambda: counted(worker), f"{worker.process.name} at work")
    before = counted(worker).total()
    _until(lambda: counted(worker).total() >= before + EVENTS_EACH, "further events")
    worker.process.kill()
    assert region.running, "the attacks ended before the worker did"
