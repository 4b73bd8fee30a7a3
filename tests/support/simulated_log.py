"""Kafka as a list in memory: logs that workers without a broker read, and their changelogs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from simulators.partitions import partition_of
from streams.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.processing import Outgoing

TopicPartition = tuple[str, int]


class LogRecord(NamedTuple):
    """One record; see `streams.processing.Record`."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass
class MemoryLog:
    """Topics, committed offsets and changelogs of one service.

    Attributes:
        partitions: of every topic whose key decides.
        logs: records by topic and partition.
        committed: the group's offsets.
        changelogs: present entries by group and partition.
    """

    partitions: int
    logs: defaultdict[TopicPartition, list[LogRecord]] = field(
        default_factory=lambda: defaultdict(list)
    )
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    changelogs: defaultdict[TopicPartition, dict[bytes, bytes]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def append(
        self, topic: str, partition: int, *, at_ms: int, key: bytes | None, value: bytes | None
    ) -> None:
        """Put one record at a log's end."""
        log = self.logs[topic, partition]
        log.append(LogRecord(len(log), at_ms, key, value))

    def send(self, record: Outgoing, at_ms: int) -> None:
        """Put what a worker produced where its partition or key says."""
        partition = record.partition
        if partition is None:
            whole = TOPICS[record.topic].partitions == 1 or record.key is None
            partition = 0 if whole else partition_of(record.key or b"", self.partitions)
        self.append(record.topic, partition, at_ms=at_ms, key=record.key, value=record.value)

    def end(self, place: TopicPartition) -> int:
        """The offset after the last record."""
        return len(self.logs[place])

    def read(self, place: TopicPartition, start: int, most: int) -> Sequence[LogRecord]:
        """At most so many records from an offset on."""
        return self.logs[place][start : start + most]

    def write(
        self, group: str, partition: int, writes: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        """Apply a checkpoint's writes to a changelog."""
        entries = self.changelogs[group, partition]
        for key, value in writes:
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
