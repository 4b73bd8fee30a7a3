"""Counts and seconds that are not judged yet, and the partitions' clocks (pure)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_minutes import NOTHING_HEARD, SECONDS, pack_each_second, unpack_seconds
from agents.flow_series import WIDTH
from agents.sparse_rows import HEAD, packed_rows
from streams.errors import StateError
from streams.event_time import MINUTE_MS, SECOND_MS

if TYPE_CHECKING:
    from agents.flow_minutes import CountArray, FlowMinutes, HeardArray

_FORMAT: Final = 2
_CLOCK: Final = struct.Struct("<BqBqH")  # format, next minute, next second, hour, partitions
_PENDING: Final = struct.Struct("<qHHH")  # minute, partition, numbers, bytes of seconds
_CLOCK_KEY: Final = -1
_NONE: Final = -1
_NO_COUNTS: Final = np.zeros(WIDTH, np.uint32)


class PendingMinutes:
    """Counts that are not judged yet, and the partitions' clocks.

    As a checkpoint section its keys are minutes; key -1 holds the clocks.

    Args:
        partitions: how many there are.

    Attributes:
        next_minute: the first that is not judged; -1 before anything was due.
        next_second: of that minute, the first that was not listened to.
        hour: the UTC hour whose expectation stands; -1 before the first.
    """

    def __init__(self, partitions: int) -> None:
        self._heard_ms = [0] * partitions
        self._minutes: dict[int, dict[int, CountArray]] = {}
        self._seconds: dict[int, dict[int, HeardArray]] = {}
        self._dirty: set[int] = set()
        # As they were written last: a minute waits through several checkpoints, partition by partition.
        self._packed: dict[int, dict[int, bytes]] = {}
        self.next_minute = _NONE
        self.next_second = 0
        self.hour = _NONE

    @property
    def heard_ms(self) -> int:
        """Every partition was read up to this log time."""
        return min(self._heard_ms)

    def take(self, message: FlowMinutes) -> None:
        """Keep the greatest counts per partition, minute and cell.

        What every partition was read past stays as it was told by then, whether it was judged or not.

        Raises:
            StateError: the partition does not exist.
        """
        own = message.partition
        if own >= len(self._heard_ms):
            raise StateError(
                f"region-cells: partition {own} of a message is not below {len(self._heard_ms)}"
            )
        closed = self.closed_minute
        for minute, counts in message.minutes.items():
            if minute < closed:
                continue
            parts = self._minutes.setdefault(minute, {})
            known = parts.get(own)
            parts[own] = counts if known is None else np.maximum(known, counts)
            self._changed(minute, own)
        for minute, heard in message.seconds.items():
            if minute >= closed:
                of_minute = self._seconds.setdefault(minute, {})
                of_minute[own] = of_minute.get(own, NOTHING_HEARD) | heard
                self._changed(minute, own)
        self._heard_ms[own] = max(self._heard_ms[own], message.heard_ms)
        self._dirty.add(_CLOCK_KEY)

    def _changed(self, minute: int, partition: int) -> None:
        self._dirty.add(minute)
        packed = self._packed.get(minute)
        if packed:
            packed.pop(partition, None)

    @property
    def closed_minute(self) -> int:
        """Every partition was read past the minutes before this one; -1 before anything was due."""
        return _NONE if self.next_minute == _NONE else self.heard_ms // MINUTE_MS

    def is_due(self, until_ms: int) -> bool:
        """Whether there are seconds before a log time that were not judged."""
        next_ms = self.next_minute * MINUTE_MS + self.next_second * SECOND_MS
        return self.next_minute != _NONE and next_ms + SECOND_MS <= until_ms

    def begin(self) -> bool:
        """Whether there is a minute to judge now or soon; the first is the first that is complete."""
        if self.next_minute == _NONE:
            closed = self.heard_ms // MINUTE_MS
            first = min(self._minutes, default=closed)
            if first < closed:
                self.next_minute = first
        return self.next_minute != _NONE

    def seconds_until(self, until_ms: int) -> int:
        """Seconds of the next minute that end by a log time."""
        since_ms = until_ms - self.next_minute * MINUTE_MS
        return min(max(since_ms // SECOND_MS, 0), SECONDS)

    def heard(self) -> HeardArray:
        """The seconds of the next minute in which each cell of the region was heard so far."""
        heard = NOTHING_HEARD
        for own in self._seconds.get(self.next_minute, {}).values():
            heard = heard | own
        return heard

    def pop(self) -> tuple[npt.NDArray[np.int64], HeardArray]:
        """The region's counts of the next minute, shape (WIDTH,), and its seconds; none are zeros."""
        total = np.zeros(WIDTH, np.int64)
        for counts in self._minutes.pop(self.next_minute, {}).values():
            total += counts
        heard = self.heard()
        self._seconds.pop(self.next_minute, None)
        self._packed.pop(self.next_minute, None)
        self.next_minute += 1
        self._dirty.add(_CLOCK_KEY)
        return total, heard

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The minutes that changed since the last drain, and the clocks."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """A guess: ten partitions with events in thirty cells."""
        return 2000 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The clocks, and of these minutes those that are not judged yet."""
        kept = {minute for minute in keys if minute in self._minutes or minute in self._seconds}
        head = _CLOCK.pack(
            _FORMAT, self.next_minute, self.next_second, self.hour, len(self._heard_ms)
        )
        chunks = [head, np.array(self._heard_ms, "<i8").tobytes()]
        self._pack(kept)
        for minute in sorted(kept):
            packed = self._packed[minute]
            chunks += [packed[partition] for partition in sorted(packed)]
        return b"".join(chunks), kept | {_CLOCK_KEY}

    def _pack(self, minutes: set[int]) -> None:
        """Pack what changed in these minutes since they were packed last, all at once."""
        entries = []
        for minute in minutes:
            packed = self._packed.setdefault(minute, {})
            counted, heard = self._minutes.get(minute, {}), self._seconds.get(minute, {})
            entries += [
                (minute, own, counted.get(own, _NO_COUNTS), heard.get(own, NOTHING_HEARD))
                for own in counted.keys() | heard.keys()
                if own not in packed
            ]
        if not entries:
            return
        of_entry, partitions, counts, seconds = zip(*entries, strict=True)
        all_counts = packed_rows(of_entry, counts, "<u2", "<u4")
        all_seconds = pack_each_second(of_entry, seconds)
        for minute, own, numbers, heard_then in zip(
            of_entry, partitions, all_counts, all_seconds, strict=True
        ):
            _, count = HEAD.unpack_from(numbers)
            head = _PENDING.pack(minute, own, count, len(heard_then))
            self._packed[minute][own] = head + numbers[HEAD.size :] + heard_then

    def load(self, payload: bytes) -> set[int]:
        """Restore the clocks and minutes.

        Raises:
            StateError: written by another version, or with another number of partitions.
        """
        if payload[:1] != bytes([_FORMAT]):
            raise StateError(f"flow watch: state format {payload[0]} is not {_FORMAT}")
        clock = _CLOCK.unpack_from(payload)
        _, self.next_minute, self.next_second, self.hour, partitions = clock
        if partitions != len(self._heard_ms):
            raise StateError(
                f"flow watch: state has {partitions} partitions, not {len(self._heard_ms)}"
            )
        at = _CLOCK.size
        self._heard_ms = np.frombuffer(payload, "<i8", partitions, at).tolist()
        at += 8 * partitions
        keys = {_CLOCK_KEY}
        while at < len(payload):
            minute, partition, count, length = _PENDING.unpack_from(payload, at)
            at += _PENDING.size
            counts = np.zeros(WIDTH, np.uint32)
            places = np.frombuffer(payload, "<u2", count, at)
            counts[places] = np.frombuffer(payload, "<u4", count, at + 2 * count)
            at += 6 * count
            seconds = unpack_seconds(payload[at : at + length], "flow watch")[minute]
            at += length
            if count:
                self._minutes.setdefault(minute, {})[partition] = counts
            self._seconds.setdefault(minute, {})[partition] = seconds
            keys.add(minute)
        for minute in [minute for minute in self._minutes if minute < self.next_minute]:
            del self._minutes[minute]
        for minute in [minute for minute in self._seconds if minute < self.next_minute]:
            del self._seconds[minute]
        return keys
