"""The border between the Faust shell and the pure core: what a partition's processor must do.

The shell hands a processor the records that one fetch returned for one partition, sends what it gives
back, writes its checkpoints to a changelog and acknowledges the records once those are confirmed. The
processor thinks; it knows no Kafka, clock or network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Record(Protocol):
    """One Kafka record, as aiokafka's `ConsumerRecord` and the tests' fakes both have it."""

    @property
    def offset(self) -> int:
        """Offset in its partition."""

    @property
    def timestamp(self) -> int:
        """Kafka timestamp, milliseconds UTC."""

    @property
    def key(self) -> bytes | None:
        """Key bytes as they travelled."""

    @property
    def value(self) -> bytes | None:
        """Value bytes as they travelled; `None` for a tombstone."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to be produced; `partition` is `None` where the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A partition's state as changelog writes, in the order in which they must be appended.

    Attributes:
        writes: changelog keys and values; `None` deletes.
        token: handed back through `Processor.confirm` once every write is confirmed.
    """

    writes: tuple[tuple[bytes, bytes | None], ...]
    token: object


class Processor(Protocol):
    """The state of one partition of a group of topics, and everything that is concluded from it.

    The shell calls `recover` once, before anything else, then `process` in offset order per topic.
    Records below the applied offset of their topic (`applied`) were seen before a restart: the
    processor skips them itself. No method blocks, awaits or raises for bad input.
    """

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        """Rebuild from the changelog's entries of this partition (empty at the first start).

        Args:
            entries: the changelog's present keys and values.
            owner: grows from owner to owner of the partition (Kafka's group generation).

        Raises:
            StateError: the entries contradict each other; the worker stops.
        """

    def process(self, topic: str, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Take one slice; give back what must be produced because of it."""

    def pass_time(self, read_ms: Mapping[str, int]) -> Sequence[Outgoing]:
        """Learn how far topics were read without anything new in them.

        Args:
            read_ms: by topic, a log time (Kafka timestamp, milliseconds UTC): everything earlier was
                processed.
        """

    def checkpoint(self) -> Checkpoint:
        """Freeze everything applied so far into changelog writes."""

    def confirm(self, token: object) -> None:
        """Learn that the checkpoint with this token is durable."""

    def applied(self, topic: str) -> int:
        """The next offset of `topic` that this state has not applied yet (0 at the beginning)."""

    def pending_bytes(self) -> int:
        """A cheap estimate of what a checkpoint would write now; the shell bounds it."""
