"""What a source partition tells the region about its flows: counts per minute of log time (pure).

Minutes are those in which Kafka took the records (their log time), not those in which events
occurred: what was recorded in a minute is known for certain once the partition was read past it, so a
minute's counts are final, and the same in every run. It also is what a broken line looks like: nothing
comes. Events that a source held back show as an outage and a burst afterwards, which is the truth.

Messages hold cumulative counts, so they may be repeated, come in any order and be older than what is
known: the receiver keeps the greatest per partition, minute and cell.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_series import ALL_CELLS, BOX_CLASSES, CELLS, WIDTH
from streams.errors import StateError
from streams.event_time import HOUR_MS, MINUTE_MS
from streams.vocabulary import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agents.series import Coded, SeriesCodes
    from streams.event_time import Int64Array

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BHqH")  # version, partition, heard_ms, minutes
_MINUTE: Final = struct.Struct("<qH")  # minute, numbers
_FAILURE: Final = OUTCOMES.index("FAILURE")
_DENSE_MINUTES: Final = 1440
"""A slice that spans no more is counted in one table."""
_KEPT_MINUTES: Final = 2 * HOUR_MS // MINUTE_MS

CountArray = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class FlowMinutes:
    """One message.

    Attributes:
        partition: whose counts they are.
        heard_ms: every record with an earlier log time was read there, and is told here or before.
        minutes: cumulative counts of shape (WIDTH,) by minute (`log time // MINUTE_MS`).
    """

    partition: int
    heard_ms: int
    minutes: dict[int, CountArray]


def encode_minutes(message: FlowMinutes) -> bytes:
    """One message as bytes."""
    head = _HEAD.pack(_VERSION, message.partition, message.heard_ms, len(message.minutes))
    return head + _packed(sorted(message.minutes.items()))


def read_minutes(value: bytes) -> FlowMinutes:
    """Read one message.

    Raises:
        StateError: the bytes are not a message of this version.
    """
    if len(value) < _HEAD.size or value[0] != _VERSION:
        raise StateError("region-cells: a message is not a list of flow minutes")
    _, partition, heard_ms, count = _HEAD.unpack_from(value)
    minutes = _unpacked(value[_HEAD.size :], "region-cells")
    if len(minutes) != count:
        raise StateError(f"region-cells: a message does not hold the {count} minutes it names")
    return FlowMinutes(partition, heard_ms, minutes)


def _packed(minutes: Iterable[tuple[int, CountArray]]) -> bytes:
    chunks = []
    for minute, counts in minutes:
        places = np.flatnonzero(counts)
        chunks += [
            _MINUTE.pack(minute, len(places)),
            places.astype("<u2").tobytes(),
            counts[places].astype("<u4").tobytes(),
        ]
    return b"".join(chunks)


def _unpacked(payload: bytes, where: str) -> dict[int, CountArray]:
    minutes: dict[int, CountArray] = {}
    at = 0
    while at < len(payload):
        if at + _MINUTE.size > len(payload):
            raise StateError(f"{where}: a minute is cut short")
        minute, count = _MINUTE.unpack_from(payload, at)
        at += _MINUTE.size
        if at + 6 * count > len(payload):
            raise StateError(f"{where}: a minute is cut short")
        places = np.frombuffer(payload, "<u2", count, at)
        if count and int(places.max()) >= WIDTH:
            raise StateError(f"{where}: a minute names a cell that does not exist")
        counts = np.zeros(WIDTH, np.uint32)
        counts[places] = np.frombuffer(payload, "<u4", count, at + 2 * count)
        minutes[minute] = counts
        at += 6 * count
    return minutes


class MinuteCells:
    """The counts per minute of one source partition, and which of them are not told yet.

    As a checkpoint section its keys are minutes.

    Args:
        codes: the code space of the partition's events.
    """

    def __init__(self, codes: SeriesCodes) -> None:
        _, _, departments, outcomes = codes.shape
        self._outcomes = outcomes
        # Traffic codes count outcomes within departments within cells.
        self._cell_size = departments * outcomes
        self._minutes: dict[int, CountArray] = {}
        self._untold: set[int] = set()
        self._dirty: set[int] = set()

    def add(self, log_ms: Int64Array, coded: Coded) -> None:
        """Count n accepted events at their log times."""
        traffic = coded.codes[0]
        place = traffic // self._cell_size
        self._count(log_ms, place)
        failed = np.flatnonzero(coded.outcome == _FAILURE)
        if len(failed):
            self._count(log_ms[failed], place[failed] + ALL_CELLS)

    def add_boxes(self, log_ms: Int64Array, box_class: Int64Array, is_read: Int64Array) -> None:
        """Count n MSSanté events by the class of the receiving box (place in `BOX_CLASSES`).

        Args:
            log_ms: shape (n,).
            box_class: shape (n,).
            is_read: shape (n,), 1 where the event reports that the message was read.
        """
        place = CELLS + np.clip(box_class, 0, len(BOX_CLASSES) - 1)
        self._count(log_ms, place)
        read = np.flatnonzero(is_read)
        if len(read):
            self._count(log_ms[read], place[read] + ALL_CELLS)

    def _count(self, log_ms: Int64Array, place: Int64Array) -> None:
        if not len(log_ms):
            return
        first, last = int(log_ms.min()) // MINUTE_MS, int(log_ms.max()) // MINUTE_MS
        if first == last:
            self._row(first)[:] += np.bincount(place, minlength=WIDTH).astype(np.uint32)
            return
        if last - first < _DENSE_MINUTES:
            span = last - first + 1
            cell = (log_ms // MINUTE_MS - first) * WIDTH + place
            counts = np.bincount(cell, minlength=span * WIDTH).astype(np.uint32)
            for offset, of_minute in enumerate(counts.reshape(span, WIDTH)):
                if of_minute.any():
                    self._row(first + offset)[:] += of_minute
            return
        minutes = log_ms // MINUTE_MS
        for minute in np.unique(minutes).tolist():
            own = np.bincount(place[minutes == minute], minlength=WIDTH)
            self._row(minute)[:] += own.astype(np.uint32)

    def _row(self, minute: int) -> CountArray:
        self._untold.add(minute)
        self._dirty.add(minute)
        row = self._minutes.get(minute)
        if row is None:
            row = self._minutes[minute] = np.zeros(WIDTH, np.uint32)
        return row

    def message(self, partition: int, before_ms: int, heard_ms: int) -> FlowMinutes:
        """The minutes that end by `before_ms` and changed since they were told last.

        Told minutes are forgotten after two hours.
        """
        before = before_ms // MINUTE_MS
        due = sorted(minute for minute in self._untold if minute < before)
        self._untold.difference_update(due)
        told = {minute: self._minutes[minute].copy() for minute in due}
        for minute in [m for m in self._minutes if m < before - _KEPT_MINUTES]:
            del self._minutes[minute]
        return FlowMinutes(partition, heard_ms, told)

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The minutes that changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """A guess: a minute of a partition has events in thirty cells."""
        return 200 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present counts of these minutes that are still kept."""
        kept = sorted(keys & self._minutes.keys())
        body = _packed((minute, self._minutes[minute]) for minute in kept)
        return bytes([_VERSION]) + body, set(kept)

    def load(self, payload: bytes) -> set[int]:
        """Restore minutes; they will be told again, which changes nothing.

        Raises:
            StateError: written by another version, or damaged.
        """
        if payload[:1] != bytes([_VERSION]):
            raise StateError("flow minutes: state of another version")
        minutes = _unpacked(payload[1:], "flow minutes")
        self._minutes.update(minutes)
        self._untold.update(minutes)
        return set(minutes)
