"""`vigie findings` against a broker: what is published is listed, judged and traced to patients."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import orjson
import polars as pl
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from agents.findings import VerdictKind, read_verdict
from simulators.broker import EmbeddedBroker
from simulators.partitions import partition_of
from simulators.publish import replay
from simulators.recording import Recording, simulate_to_directory
from streams import cli
from streams.audit import read_entry
from streams.kafka_access import KafkaAccess
from streams.settings import Settings
from streams.topic_admin import ensure_topics
from streams.topics import AUDIT, FINDINGS, PLATFORM_ACCESSES, VERDICTS
from tests.support.findings import READER, finding, kept, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agents.findings import Finding

pytestmark = pytest.mark.integration

PARTITIONS = 4


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("findings") / "region"
    simulate_to_directory(directory=directory, start=date(2025, 9, 1), days=1, seed=1, scale=0.05)
    return directory


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with EmbeddedBroker() as broker:
        settings = Settings(kafka_bootstrap=broker.bootstrap, partitions=PARTITIONS)
        ensure_topics(settings, create=True)
        monkeypatch.setenv("VIGIE_KAFKA_BOOTSTRAP", broker.bootstrap)
        yield broker.bootstrap


def _publish(bootstrap: str, *found: Finding) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for one in found:
        record = kept(one)
        producer.send(FINDINGS, record.value, record.key, partition=0).get(timeout=10)
    producer.close()


def _json(capsys: pytest.CaptureFixture[str], *argv: str) -> object:
    assert cli.main(["findings", *argv, "--json"]) == 0
    return orjson.loads(capsys.readouterr().out)


def _verdicts(bootstrap: str) -> list[tuple[int, bytes, bytes]]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(VERDICTS, number) for number in range(PARTITIONS)])
    polled = consumer.poll(timeout_ms=5_000)
    consumer.close()
    return [(r.partition, r.key, r.value) for records in polled.values() for r in records]


def test_findings_are_listed_and_verdicts_reach_their_structures_partition(
    bootstrap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _json(capsys, "list") == []
    _publish(bootstrap, finding(), finding(finding_id="f-0002"), resolved(finding_id="f-0002"))
    listed = _json(capsys, "list")
    assert isinstance(listed, list)
    assert [(one["finding_id"], one["status"]) for one in listed] == [
        ("f-0001", "OPEN"),
        ("f-0002", "RESOLVED"),
    ]

    assert cli.main(["findings", "watch", "--seconds", "0.5"]) == 0
    told = capsys.readouterr().out
    assert "f-0001" in told
    assert "f-0002" not in told

    assert cli.main(["findings", "judge", "f-0001", "benign"]) == 0
    ((partition, key, value),) = _verdicts(bootstrap)
    assert key == b"structure-1"
    assert partition == partition_of(key, PARTITIONS)
    verdict = read_verdict(value, READER)
    assert (verdict.finding_id, verdict.verdict) == ("f-0001", VerdictKind.BENIGN)


def test_a_verdict_on_the_whole_region_has_a_partition_too(bootstrap: str) -> None:
    _publish(bootstrap, finding(structure_pid=None, actor_pid=None))
    assert cli.main(["findings", "judge", "f-0001", "confirmed"]) == 0
    ((partition, key, _),) = _verdicts(bootstrap)
    assert (partition, key) == (partition_of(b"", PARTITIONS), b"")


def test_kafka_and_a_recording_of_the_same_events_tell_the_same_patients(
    bootstrap: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accesses = pl.concat(list(Recording(recorded).frames(PLATFORM_ACCESSES)))
    with_patient = accesses.filter(pl.col("patient_pid").is_not_null())
    busiest = with_patient["actor_pid"].drop_nulls().value_counts(sort=True)["actor_pid"][0]
    times = accesses["occurred_at"]
    start_ms, end_ms = times.min(), times.max()
    assert isinstance(start_ms, int)
    assert isinstance(end_ms, int)
    one = finding(actor_pid=busiest, window_start_ms=start_ms, window_end_ms=end_ms + 1)
    _publish(bootstrap, one)
    replay(directory=recorded, access=KafkaAccess(bootstrap), speed=0)

    from_kafka = _json(capsys, "patients", "f-0001")
    assert from_kafka == _json(capsys, "patients", "f-0001", "--recording", str(recorded))
    assert isinstance(from_kafka, dict)
    expected = with_patient.filter(pl.col("actor_pid") == busiest)["patient_pid"].n_unique()
    assert len(from_kafka["patients"]) >= expected > 0
    # Whoever named them is noted, wherever the events came from.
    noted = [read_entry(value, READER) for value in _audit(bootstrap)]
    assert [(one["detail"], one["finding_id"]) for one in noted] == [("PATIENTS", "f-0001")] * 2
    assert {(one["window_start"], one["window_end"]) for one in noted} == {(start_ms, end_ms + 1)}


def _audit(bootstrap: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(AUDIT, 0)])
    polled = consumer.poll(timeout_ms=5_000)
    consumer.close()
    return [record.value for records in polled.values() for record in records]


def test_a_topic_that_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedBroker() as broker:
        assert cli.main(["findings", "list", "--kafka", broker.bootstrap]) == 2
    assert capsys.readouterr().err.startswith("vigie: findings: no such topic in Kafka")


def test_a_kafka_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streams.findings_log._CONNECT_MS", 200)
    assert cli.main(["findings", "list", "--kafka", "127.0.0.1:1"]) == 2
    assert "no Kafka answers at 127.0.0.1:1" in capsys.readouterr().err
