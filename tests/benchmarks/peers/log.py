"""The log that every competitor reads: the simulated region's days, in a real Kafka."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from streams.settings import Settings
from streams.topic_admin import ensure_topics
from streams.topics import ACTIVITY_MARKS, DEAD_LETTERS, FINDINGS, FLOWS, REGION_CELLS
from tests.benchmarks.peers.truth import Truth
from tests.benchmarks.region_batches import region_batches
from tests.support.servers_traffic import produce_recorded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from simulators.recording import RecordedBatch
    from tests.benchmarks.peers.work import Result

PARTITIONS: Final = 8
_CHUNK: Final = 100_000
_OWN: Final = (ACTIVITY_MARKS, REGION_CELLS, FINDINGS, DEAD_LETTERS)
"""What a worker writes for itself and reads again; the next one is to begin without it."""


def fill(bootstrap: str, start: date, sizes: Mapping[str, int]) -> tuple[dict[str, Result], int]:
    """Produce the first events of the region's days, once for every size.

    Args:
        bootstrap: Kafka servers.
        start: first local day.
        sizes: how many events the topics of each prefix are to hold, at least.

    Returns:
        What is to be counted in the topics of each prefix, and the bytes of an event's value.
    """
    settings = Settings(kafka_bootstrap=bootstrap, partitions=PARTITIONS)
    ensure_topics(settings, create=True)
    if more := [prefix + flow for prefix in sizes if prefix for flow in FLOWS]:
        _create(bootstrap, more)
    truth, results, size_bytes = Truth(), {}, 0
    waiting: dict[str, list[RecordedBatch]] = {prefix: [] for prefix in sizes}
    held = 0
    for batch in region_batches(start):
        truth.add(batch.flow, batch.values)
        size_bytes += sum(map(len, batch.values))
        held += len(batch)
        for prefix, wanted in sizes.items():
            if prefix in results:
                continue
            waiting[prefix].append(replace(batch, flow=prefix + batch.flow))
            if truth.events >= wanted:
                results[prefix] = truth.result()
        is_over = len(results) == len(sizes)
        if held >= _CHUNK or is_over:
            for prefix, batches in waiting.items():
                produce_recorded(bootstrap, batches, partitions=PARTITIONS)
                waiting[prefix] = []
            held = 0
        if is_over:
            return results, size_bytes // truth.events
    raise AssertionError("a year of the region has fewer events")


def _create(bootstrap: str, names: list[str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    finally:
        admin.close()


def empty_own_topics(bootstrap: str) -> None:
    """Delete what workers have written beside their state."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        partitions = [
            TopicPartition(topic, number)
            for topic in _OWN
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        admin.delete_records(consumer.end_offsets(partitions))
    finally:
        admin.close()
        consumer.close()


def changelog(bootstrap: str, topic: str) -> list[dict[bytes, bytes]]:
    """The present keys and values of a changelog, partition by partition."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, max_partition_fetch_bytes=16 << 20)
    try:
        numbers = sorted(consumer.partitions_for_topic(topic) or ())
        return [_entries(consumer, TopicPartition(topic, number)) for number in numbers]
    finally:
        consumer.close()


def _entries(consumer: KafkaConsumer, partition: TopicPartition) -> dict[bytes, bytes]:
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    entries: dict[bytes, bytes] = {}
    while consumer.position(partition) < end:
        for record in consumer.poll(timeout_ms=1000).get(partition, ()):
            if record.value is None:
                entries.pop(record.key, None)
            else:
                entries[record.key] = record.value
    return entries
