"""What a worker tells about itself: events of its life, positions per partition, readiness (pure).

The shell calls an `Observer` once per slice or checkpoint, never per event; metrics implement it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

Phase = Literal["starting", "recovering", "running", "rebalancing", "stopping"]


class Observer(Protocol):
    """Hooks of a worker's life; each must be cheap and must not raise.

    `group` is a `ProcessorGroup.name`. Seconds are wall seconds, bytes are keys plus values.
    """

    def slice_processed(
        self,
        topic: str,
        partition: int,
        *,
        records: int,
        seconds: float,
        next_offset: int,
        highwater: int,
    ) -> None:
        """One slice went through `Processor.process`; lag is `highwater - next_offset`."""

    def outgoing_sent(self, topic: str, partition: int, *, records: int) -> None:
        """Records concluded from a slice of `topic`/`partition` were handed to the producer."""

    def checkpoint_done(
        self, group: str, partition: int, *, writes: int, size_bytes: int, seconds: float
    ) -> None:
        """A checkpoint is confirmed by the broker and its slices are acknowledged."""

    def checkpoint_failed(self, group: str, partition: int) -> None:
        """A checkpoint could not be made durable; the worker ends."""

    def recovered(
        self, group: str, partition: int, *, entries: int, size_bytes: int, seconds: float
    ) -> None:
        """A partition's processor was built; `seconds` count from the assignment."""

    def assigned(self, topic: str, partition: int) -> None:
        """A source partition is now processed here."""

    def revoked(self, topic: str, partition: int) -> None:
        """A source partition is no longer processed here: end its series."""


class NullObserver:
    """An observer that looks away; base of observers that watch only some events."""

    def slice_processed(
        self,
        topic: str,
        partition: int,
        *,
        records: int,
        seconds: float,
        next_offset: int,
        highwater: int,
    ) -> None:
        """See `Observer`."""

    def outgoing_sent(self, topic: str, partition: int, *, records: int) -> None:
        """See `Observer`."""

    def checkpoint_done(
        self, group: str, partition: int, *, writes: int, size_bytes: int, seconds: float
    ) -> None:
        """See `Observer`."""

    def checkpoint_failed(self, group: str, partition: int) -> None:
        """See `Observer`."""

    def recovered(
        self, group: str, partition: int, *, entries: int, size_bytes: int, seconds: float
    ) -> None:
        """See `Observer`."""

    def assigned(self, topic: str, partition: int) -> None:
        """See `Observer`."""

    def revoked(self, topic: str, partition: int) -> None:
        """See `Observer`."""


@dataclass(slots=True)
class Position:
    """How far one source partition is: the next offset to process, and the log's end."""

    next_offset: int
    highwater: int

    @property
    def lag(self) -> int:
        """Records that wait; never negative (the end may be known later than a slice)."""
        return max(0, self.highwater - self.next_offset)


@dataclass(slots=True)
class WorkerStatus:
    """What a worker knows of itself; read by the page, the metrics and the watchdog.

    Attributes:
        phase: `running` means recovered and consuming, the only phase that is ready.
        positions: per (topic, partition) of the sources assigned here.
        confirmed: checkpoints confirmed since the start.
        recovery_steps: grows while changelogs are read; a sign of life during recovery.
    """

    phase: Phase = "starting"
    positions: dict[tuple[str, int], Position] = field(default_factory=dict)
    confirmed: int = 0
    recovery_steps: int = 0

    @property
    def ready(self) -> bool:
        """Whether the state is recovered and slices are processed."""
        return self.phase == "running"

    def lags(self) -> dict[tuple[str, int], int]:
        """Waiting records per (topic, partition)."""
        return {tp: position.lag for tp, position in self.positions.items()}

    def most_lag(self) -> int:
        """The most records that wait in any one partition."""
        return max((position.lag for position in self.positions.values()), default=0)

    def progress(self) -> tuple[int, int, int]:
        """A value that changes whenever the worker gets anything done."""
        done = sum(position.next_offset for position in self.positions.values())
        return done, self.confirmed, self.recovery_steps
