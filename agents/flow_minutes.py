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
    from collections.abc import Iterator

    from agents.series import Coded, SeriesCodes
    from streams.event_time import Int64Array

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BHqH")  # version, partition, heard_ms, minutes
_MINUTE: Final = struct.Struct("<qH")  # minute, numbers
_FAILURE: Final = OUTCOMES.index("FAILURE")
_DENSE_MINUTES: Final = 1440
"""A slice that spans no more is counted in one table."""
_FIRST_ROWS: Final = 128
MINUTES_TOLD: Final = 480
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
    minutes = sorted(message.minutes)
    if not minutes:
        return head
    return head + _packed(minutes, np.stack([message.minutes[minute] for minute in minutes]))


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


def _packed(minutes: list[int], counts: CountArray) -> bytes:
    """The counts of m minutes, shape (m, WIDTH), as bytes: only what is not zero."""
    # Found in all minutes at once: a day has 1,440 of them, each with a few dozen counts.
    row, place = np.nonzero(counts)
    places, values = place.astype("<u2").tobytes(), counts[row, place].astype("<u4").tobytes()
    lengths = np.bincount(row, minlength=len(minutes)).tolist()
    chunks = []
    at = 0
    for minute, length in zip(minutes, lengths, strict=True):
        end = at + length
        chunks += [_MINUTE.pack(minute, length), places[2 * at : 2 * end], values[4 * at : 4 * end]]
        at = end
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
        # One table for all minutes, so that a slice that spans many is counted at once.
        self._table: CountArray = np.zeros((_FIRST_ROWS, WIDTH), np.uint32)
        self._minutes: dict[int, int] = {}
        self._free = list(range(_FIRST_ROWS))
        self._untold: set[int] = set()
        self._dirty: set[int] = set()

    def add(self, log_ms: Int64Array, coded: Coded) -> None:
        """Count n accepted events at their log times."""
        failed = np.flatnonzero(coded.outcome == _FAILURE)
        self._count(log_ms, coded.codes[0] // self._cell_size, failed)

    def add_boxes(self, log_ms: Int64Array, box_class: Int64Array, is_read: Int64Array) -> None:
        """Count n MSSanté events by the class of the receiving box (place in `BOX_CLASSES`).

        Args:
            log_ms: shape (n,).
            box_class: shape (n,).
            is_read: shape (n,), 1 where the event reports that the message was read.
        """
        place = CELLS + np.clip(box_class, 0, len(BOX_CLASSES) - 1)
        self._count(log_ms, place, np.flatnonzero(is_read))

    def _count(self, log_ms: Int64Array, place: Int64Array, also: Int64Array) -> None:
        """Count n events in their cells, and some of them (by position) in their other cells too."""
        if not len(log_ms):
            return
        minutes = log_ms // MINUTE_MS
        first, last = int(minutes.min()), int(minutes.max())
        if first == last:
            cells = place + self._row(first) * WIDTH
        elif last - first < _DENSE_MINUTES:
            since = minutes - first
            present = np.flatnonzero(np.bincount(since))
            rows = np.zeros(last - first + 1, np.int64)
            rows[present] = [self._row(first + offset) for offset in present.tolist()]
            cells = place + rows[since] * WIDTH
        else:
            known, which = np.unique(minutes, return_inverse=True)
            rows = np.array([self._row(minute) for minute in known.tolist()])
            cells = place + rows[which] * WIDTH
        flat = self._table.reshape(-1)
        np.add.at(flat, cells, np.uint32(1))
        if len(also):
            np.add.at(flat, cells[also] + ALL_CELLS, np.uint32(1))

    def _row(self, minute: int) -> int:
        self._untold.add(minute)
        self._dirty.add(minute)
        row = self._minutes.get(minute)
        if row is None:
            if not self._free:
                count = len(self._table)
                self._table = np.concatenate([self._table, np.zeros_like(self._table)])
                self._free.extend(range(count, 2 * count))
            row = self._minutes[minute] = self._free.pop()
        return row

    def _counts(self, minutes: list[int]) -> CountArray:
        """The counts of m minutes, shape (m, WIDTH)."""
        counts: CountArray = self._table[[self._minutes[minute] for minute in minutes]]
        return counts

    def message(self, partition: int, before_ms: int, heard_ms: int) -> FlowMinutes:
        """The minutes that end by `before_ms` and changed since they were told last.

        Told minutes are forgotten after two hours.
        """
        before = before_ms // MINUTE_MS
        due = sorted(minute for minute in self._untold if minute < before)
        self._untold.difference_update(due)
        told = dict(zip(due, self._counts(due), strict=True)) if due else {}
        for minute in [m for m in self._minutes if m < before - _KEPT_MINUTES]:
            row = self._minutes.pop(minute)
            self._table[row] = 0
            self._free.append(row)
        return FlowMinutes(partition, heard_ms, told)

    def messages(self, partition: int, before_ms: int, heard_ms: int) -> Iterator[FlowMinutes]:
        """`message` in parts of at most `MINUTES_TOLD`, so that a backlog fits into Kafka's records."""
        whole = self.message(partition, before_ms, heard_ms)
        minutes = sorted(whole.minutes)
        for first in range(0, max(len(minutes), 1), MINUTES_TOLD):
            own = {
                minute: whole.minutes[minute] for minute in minutes[first : first + MINUTES_TOLD]
            }
            rest = minutes[first + MINUTES_TOLD :]
            yield FlowMinutes(partition, rest[0] * MINUTE_MS if rest else heard_ms, own)

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
        body = _packed(kept, self._counts(kept)) if kept else b""
        return bytes([_VERSION]) + body, set(kept)

    def load(self, payload: bytes) -> set[int]:
        """Restore minutes; they will be told again, which changes nothing.

        Raises:
            StateError: written by another version, or damaged.
        """
        if payload[:1] != bytes([_VERSION]):
            raise StateError("flow minutes: state of another version")
        minutes = _unpacked(payload[1:], "flow minutes")
        for minute, counts in minutes.items():
            row = self._row(minute)  # may put another table in the place of this one
            self._table[row] = counts
        self._dirty.difference_update(minutes)
        return set(minutes)
