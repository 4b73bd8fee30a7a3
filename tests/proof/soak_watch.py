"""Watches a worker from outside while it works: memory, metrics, answers, findings."""

from __future__ import annotations

import http.client
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from kafka import KafkaConsumer, TopicPartition

from agents.findings import read_finding
from simulators.broker import LOOPBACK
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import FINDINGS, FLOWS
from tests.proof.soak_figures import Ages, Sent
from tests.proof.soak_traffic import prober

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.servers_worker import Worker

Sample = tuple[str, frozenset[tuple[str, str]]]

_PING_S: Final = 0.1
_PING_TIMEOUT_S: Final = 60.0
_POLL_MS: Final = 50
_LABELS: Final = ("flow", "partition")


@dataclass
class Row:
    """One line of the figure series."""

    second: float
    resident_bytes: int
    sent: int
    shown: int
    lag: int
    oldest_hidden_ms: int
    slowest_answer_ms: float
    findings: int
    mean_checkpoint_ms: float
    changelog_bytes: int


@dataclass
class Watched:
    """What was seen.

    Attributes:
        rows: the series.
        ages: how old events are while they do not show.
        finding_ms: of each probe that was found, from its sending to its finding's arrival.
        opened: findings that were no probe's.
    """

    rows: list[Row] = field(default_factory=list)
    ages: Ages = field(default_factory=Ages)
    finding_ms: dict[int, float] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)


class Watch:
    """Takes samples until told to stop.

    Args:
        worker: the worker.
        bootstrap: Kafka servers.
        sent: the producer's book.
        partitions: of the flows.
    """

    def __init__(self, worker: Worker, bootstrap: str, sent: Sent, partitions: int) -> None:
        self.watched = Watched()
        self._worker = worker
        self._bootstrap = bootstrap
        self._sent = sent
        self._partitions = partitions
        self._ending = threading.Event()
        self._slowest_ms = 0.0
        self._longest_block_ms = 0.0
        self._checkpoints = (0.0, 0.0)
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(run,), daemon=True)
            for run in (self._ping, self._listen)
        ]

    @property
    def longest_block_ms(self) -> float:
        """The longest that the worker took to say that it lives: its event loop was busy so long."""
        return self._longest_block_ms

    def run(
        self, seconds: float, every_s: float, failure: Callable[[], BaseException | None]
    ) -> None:
        """Sample for so long, at scattered moments, so that they fit no rhythm of the worker.

        Args:
            seconds: how long.
            every_s: mean time between two samples.
            failure: what the load met, if anything.

        Raises:
            BaseException: whatever the load or a thread of this watch met.
        """
        for thread in self._threads:
            thread.start()
        scatter = random.Random(1)
        began_s = time.monotonic()
        while (now_s := time.monotonic()) < began_s + seconds:
            self._sample(now_s - began_s)
            met = failure() or next(iter(self._failures), None)
            if met is not None:
                raise met
            time.sleep(max(0.0, every_s * scatter.uniform(0.6, 1.4)))
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _sample(self, second: float) -> None:
        samples = self._worker.samples()
        at_ms = time.time_ns() // 1_000_000
        if not samples:
            if not self._worker.process.running:
                raise self._worker.process.error("the worker ended")
            return
        shown = _shown(samples, self._partitions)
        oldest_ms = self.watched.ages.observe(self._sent, shown, at_ms)
        slowest_ms, self._slowest_ms = self._slowest_ms, 0.0
        self.watched.rows.append(
            Row(
                second=round(second, 2),
                resident_bytes=resident_bytes(self._worker.process.pid),
                sent=self._sent.total,
                shown=int(sum(int(counts.sum()) for counts in shown.values())),
                lag=int(_sum(samples, "vigie_consumer_lag_records")),
                oldest_hidden_ms=oldest_ms,
                slowest_answer_ms=round(slowest_ms, 1),
                findings=len(self.watched.finding_ms),
                mean_checkpoint_ms=round(self._mean_checkpoint_ms(samples), 2),
                changelog_bytes=int(_sum(samples, "vigie_checkpoint_bytes_total")),
            )
        )

    def _mean_checkpoint_ms(self, samples: Mapping[Sample, float]) -> float:
        name = "vigie_checkpoint_duration_seconds"
        now = _sum(samples, f"{name}_sum"), _sum(samples, f"{name}_count")
        seconds, count = (new - old for new, old in zip(now, self._checkpoints, strict=True))
        self._checkpoints = now
        return 1000 * seconds / count if count else 0.0

    def _guarded(self, run: Any) -> None:
        try:
            run()
        except BaseException as failure:  # noqa: BLE001 (raised again by `run`)
            self._failures.append(failure)

    def _ping(self) -> None:
        """Ask again and again whether the worker lives; its answer comes from its event loop."""
        while not self._ending.wait(_PING_S):
            began_s = time.monotonic()
            asked = http.client.HTTPConnection(LOOPBACK, self._worker.port, timeout=_PING_TIMEOUT_S)
            try:
                asked.request("GET", "/healthz")
                asked.getresponse().read()
            finally:
                asked.close()
            took_ms = (time.monotonic() - began_s) * 1000
            self._slowest_ms = max(self._slowest_ms, took_ms)
            self._longest_block_ms = max(self._longest_block_ms, took_ms)

    def _listen(self) -> None:
        """Take findings as they come."""
        reader = RecordReader(Schemas.load())
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=None, enable_auto_commit=False
        )
        probers: dict[str, int] = {}
        try:
            place = TopicPartition(FINDINGS, 0)
            consumer.assign([place])
            consumer.seek_to_beginning(place)
            while not self._ending.is_set():
                polled = consumer.poll(timeout_ms=_POLL_MS)
                at_ms = time.time_ns() // 1_000_000
                sent = self._sent.probes
                for number in range(len(probers), len(sent)):
                    probers[prober(number)] = number
                for record in (r for records in polled.values() for r in records):
                    finding = read_finding(record.value, reader)
                    probe = probers.get(finding.actor_pid or "")
                    if probe is None:
                        self.watched.opened.add(finding.finding_id)
                    else:
                        self.watched.finding_ms.setdefault(probe, at_ms - sent[probe])
        finally:
            consumer.close()


def resident_bytes(pid: int, name: str = "VmRSS") -> int:
    """Resident memory of a process, from the kernel."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _shown(samples: Mapping[Sample, float], partitions: int) -> dict[str, Any]:
    shown = {flow: np.zeros(partitions, np.int64) for flow in FLOWS}
    for (name, labels), value in samples.items():
        if name == "vigie_events_total":
            of = dict(labels)
            shown[of["flow"]][int(of["partition"])] += int(value)
    return shown


def _sum(samples: Mapping[Sample, float], name: str) -> float:
    return sum(value for (own, _), value in samples.items() if own == name)
