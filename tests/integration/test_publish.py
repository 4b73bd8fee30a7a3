import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from simulators.broker import EmbeddedBroker, free_port
from simulators.partitions import partition_of
from simulators.publish import replay, simulate_to_kafka
from simulators.recording import Recording, simulate_to_directory
from streams.codec import SliceCodec
from streams.errors import InputError
from streams.kafka_access import KafkaAccess
from streams.registry import Registry
from streams.schemas import Schemas
from streams.topics import FLOWS
from tests.support.registry_server import schema_registry

pytestmark = pytest.mark.integration

PARTITIONS = 4
START = date(2025, 9, 1)


@pytest.fixture
def bootstrap() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        admin.create_topics([NewTopic(flow, PARTITIONS, 1) for flow in FLOWS])
        admin.close()
        yield broker.bootstrap


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("publish") / "region"
    simulate_to_directory(directory=directory, start=START, days=1, seed=1, scale=0.01)
    return directory


Row = tuple[bytes, bytes]


def kept(bootstrap: str, expected: int) -> tuple[dict[str, Counter[Row]], set[tuple[bytes, int]]]:
    """Every record as key and value, per flow; and each key's partition.

    Each must have a Kafka timestamp at which no retention deletes it yet.

    Reads until `expected` records are there and a poll brings no more: the embedded broker tells ends
    that lie before the last batch's end.
    """
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(flow, p) for flow in FLOWS for p in range(PARTITIONS)])
    found: dict[str, Counter[Row]] = {flow: Counter() for flow in FLOWS}
    recent_ms = time.time_ns() // 1_000_000 - 600_000
    places = set()
    deadline = time.monotonic() + 20
    silent = False
    while time.monotonic() < deadline:
        if silent and sum(rows.total() for rows in found.values()) >= expected:
            break
        polled = consumer.poll(timeout_ms=500)
        silent = not polled
        for records in polled.values():
            for record in records:
                assert record.timestamp > recent_ms
                found[record.topic][record.key, record.value] += 1
                places.add((record.key, record.partition))
    consumer.close()
    return found, places


def recorded_rows(directory: Path, shift_ms: int = 0) -> dict[str, Counter[Row]]:
    rows: dict[str, Counter[Row]] = {flow: Counter() for flow in FLOWS}
    for batch in Recording(directory).batches(shift_ms=shift_ms):
        rows[batch.flow].update(zip(batch.keys, batch.values, strict=True))
    return rows


def test_a_replay_brings_every_recorded_event_once_where_its_key_belongs(
    bootstrap: str, recorded: Path
) -> None:
    told: list[int] = []
    summary = replay(
        directory=recorded, access=KafkaAccess(bootstrap), speed=0, progress=told.append
    )
    found, places = kept(bootstrap, summary.total)

    assert found == recorded_rows(recorded)
    assert summary.total == sum(told) == Recording(recorded).total_records()
    assert {(key, partition_of(key, PARTITIONS)) for key, _ in places} == places


def test_a_shifted_replay_begins_now(bootstrap: str, recorded: Path) -> None:
    before_ms = time.time_ns() // 1_000_000
    summary = replay(directory=recorded, access=KafkaAccess(bootstrap), speed=0, shift_to_now=True)
    after_ms = time.time_ns() // 1_000_000
    found, _ = kept(bootstrap, summary.total)

    codec = SliceCodec(Schemas.load())
    first_ms = min(
        int(codec.decode(flow, [value for _, value in rows]).frame["recorded_at"].min())
        for flow, rows in found.items()
        if rows
    )
    assert before_ms <= first_ms <= after_ms
    shift_ms = first_ms - Recording(recorded).first_recorded_ms()
    assert found == recorded_rows(recorded, shift_ms)


def test_a_simulation_into_kafka_is_the_recording(bootstrap: str, recorded: Path) -> None:
    summary = simulate_to_kafka(
        access=KafkaAccess(bootstrap), start=START, days=1, seed=1, scale=0.01
    )
    found, _ = kept(bootstrap, summary.total)

    assert found == recorded_rows(recorded)
    assert summary.events == {flow: rows.total() for flow, rows in found.items()}


def test_with_a_registry_records_travel_in_confluent_framing(
    bootstrap: str, recorded: Path
) -> None:
    with schema_registry() as (url, subjects):
        summary = replay(
            directory=recorded, access=KafkaAccess(bootstrap), speed=0, registry_url=url
        )
        found, _ = kept(bootstrap, summary.total)
        reader = SliceCodec(Schemas.load(), Registry(url))
        decoded = {
            flow: reader.decode(flow, [value for _, value in rows.elements()])
            for flow, rows in found.items()
        }

    sent = {flow for flow, rows in found.items() if rows}
    assert {subject.removesuffix("-value") for subject in subjects} == sent
    assert all(value[0] == 0 for rows in found.values() for _, value in rows)
    assert {flow: result.frame.height for flow, result in decoded.items()} == summary.events
    plain = SliceCodec(Schemas.load())
    for flow, rows in recorded_rows(recorded).items():
        expected = plain.decode(flow, [value for _, value in rows.elements()]).frame
        assert decoded[flow].frame.sort("event_id").equals(expected.sort("event_id"))


def test_a_kafka_that_does_not_answer_is_named_within_ten_seconds(recorded: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    started = time.monotonic()

    with pytest.raises(InputError, match=nobody):
        replay(directory=recorded, access=KafkaAccess(nobody))
    assert time.monotonic() - started < 10
