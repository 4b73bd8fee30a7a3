"""What a source partition tells the region about its flows, by log time (pure).

Told are counts per minute, and the seconds in which each cell was heard: a source that has fallen
silent is missed within seconds, before its minute is over.

Minutes are those in which Kafka took the records (their log time), not those in which events
occurred: what was recorded in a minute is known for certain once the partition was read past it, so a
minute's counts are final, and the same in every run. It also is what a broken line looks like: nothing
comes. Events that a source held back show as an outage and a burst afterwards, which is the truth.

Messages hold cumulative counts, so they may be repeated, come in any order and be older than what is
known: the receiver keeps the greatest per partition, minute and cell, and every second ever heard.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_series import ALL_CELLS, BOX_CLASSES, CELLS, WIDTH
from agents.sparse_rows import packed_rows, unpacked_rows
from streams.errors import StateError
from streams.event_time import HOUR_MS, MINUTE_MS, SECOND_MS
from streams.vocabulary import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agents.series import Coded, SeriesCodes
    from streams.event_time import Int64Array

_VERSION: Final = 2
_HEAD: Final = struct.Struct("<BHqH")  # version, partition, heard_ms, minutes
_COUNTS: Final = struct.Struct("<I")  # bytes of counts; what follows them are the seconds
_FAILURE: Final = OUTCOMES.index("FAILURE")
_DENSE_MINUTES: Final = 1440
"""A slice that spans no more is counted in one table."""
_FIRST_ROWS: Final = 128
_SPARE: Final = 8
"""Rows that may stand ready for each one in use."""
MINUTES_TOLD: Final = 480
_KEPT_MINUTES: Final = 2 * HOUR_MS // MINUTE_MS

SECONDS: Final = MINUTE_MS // SECOND_MS

CountArray = npt.NDArray[np.uint32]
HeardArray = npt.NDArray[np.uint64]
"""Per cell of flow and pair, shape (CELLS,): bit s is set if events came in second s of the minute."""

NOTHING_HEARD: Final[HeardArray] = np.zeros(CELLS, np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class FlowMinutes:
    """One message.

    Attributes:
        partition: whose counts they are.
        heard_ms: every record with an earlier log time was read there, and is told here or before.
        minutes: cumulative counts of shape (WIDTH,) by minute (`log time // MINUTE_MS`).
        seconds: when each cell was heard, by minute; of the minute that is under way, too.
    """

    partition: int
    heard_ms: int
    minutes: dict[int, CountArray]
    seconds: dict[int, HeardArray] = field(default_factory=dict)


def encode_minutes(message: FlowMinutes) -> bytes:
    """One message as bytes."""
    head = _HEAD.pack(_VERSION, message.partition, message.heard_ms, len(message.minutes))
    return head + _both(message.minutes, message.seconds)


def _both(minutes: dict[int, CountArray], seconds: dict[int, HeardArray]) -> bytes:
    known = sorted(minutes)
    counts = _packed_counts(known, [minutes[minute] for minute in known])
    return _COUNTS.pack(len(counts)) + counts + pack_seconds(seconds)


def _packed_counts(minutes: list[int], counts: list[CountArray] | CountArray) -> bytes:
    return b"".join(packed_rows(minutes, counts, "<u2", "<u4"))


def _read_both(payload: bytes, where: str) -> tuple[dict[int, CountArray], dict[int, HeardArray]]:
    if len(payload) < _COUNTS.size:
        raise StateError(f"{where}: a minute is cut short")
    end = _COUNTS.size + _COUNTS.unpack_from(payload)[0]
    if end > len(payload):
        raise StateError(f"{where}: a minute is cut short")
    return _unpacked(payload[_COUNTS.size : end], where), unpack_seconds(payload[end:], where)


def read_minutes(value: bytes) -> FlowMinutes:
    """Read one message.

    Raises:
        StateError: the bytes are not a message of this version.
    """
    if len(value) < _HEAD.size or value[0] != _VERSION:
        raise StateError("region-cells: a message is not a list of flow minutes")
    _, partition, heard_ms, count = _HEAD.unpack_from(value)
    minutes, seconds = _read_both(value[_HEAD.size :], "region-cells")
    if len(minutes) != count:
        raise StateError(f"region-cells: a message does not hold the {count} minutes it names")
    return FlowMinutes(partition, heard_ms, minutes, seconds)


def pack_seconds(seconds: dict[int, HeardArray]) -> bytes:
    """The seconds heard in some minutes as bytes: only of cells that were heard."""
    known = sorted(seconds)
    return b"".join(pack_each_second(known, [seconds[minute] for minute in known]))


def pack_each_second(
    minutes: Sequence[int], heard: Sequence[HeardArray] | HeardArray
) -> list[bytes]:
    """`pack_seconds` of each of n minutes by itself, from n rows."""
    return packed_rows(minutes, heard, "u1", "<u8")


def unpack_seconds(payload: bytes, where: str) -> dict[int, HeardArray]:
    """What `pack_seconds` wrote.

    Raises:
        StateError: cut short, or of a cell or second that does not exist.
    """
    seconds = unpacked_rows(payload, CELLS, "u1", "<u8", most=(1 << SECONDS) - 1)
    if seconds is None:
        raise StateError(
            f"{where}: seconds are cut short, or of a cell or second that does not exist"
        )
    return seconds


def _unpacked(payload: bytes, where: str) -> dict[int, CountArray]:
    minutes = unpacked_rows(payload, WIDTH, "<u2", "<u4")
    if minutes is None:
        raise StateError(f"{where}: a minute is cut short, or names a cell that does not exist")
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
        self._heard: HeardArray = np.zeros((_FIRST_ROWS, CELLS), np.uint64)
        self._minutes: dict[int, int] = {}
        self._free = list(range(_FIRST_ROWS))
        self._untold: set[int] = set()
        self._dirty: set[int] = set()

    def add(self, log_ms: Int64Array, coded: Coded) -> None:
        """Count n accepted events at their log times."""
        failed = np.flatnonzero(coded.outcome == _FAILURE)
        place = coded.codes[0] // self._cell_size
        rows = self._count(log_ms, place, failed)
        seconds = (log_ms // SECOND_MS % SECONDS).astype(np.uint64)
        bits = np.left_shift(np.uint64(1), seconds)
        np.bitwise_or.at(self._heard.reshape(-1), rows * CELLS + place, bits)

    def add_boxes(self, log_ms: Int64Array, box_class: Int64Array, is_read: Int64Array) -> None:
        """Count n MSSanté events by the class of the receiving box (place in `BOX_CLASSES`).

        Args:
            log_ms: shape (n,).
            box_class: shape (n,).
            is_read: shape (n,), 1 where the event reports that the message was read.
        """
        place = CELLS + np.clip(box_class, 0, len(BOX_CLASSES) - 1)
        self._count(log_ms, place, np.flatnonzero(is_read))

    def _count(self, log_ms: Int64Array, place: Int64Array, also: Int64Array) -> Int64Array | int:
        """Count n events in their cells, and some of them (by position) in their other cells too.

        Returns:
            The rows of their minutes.
        """
        if not len(log_ms):
            return 0
        minutes = log_ms // MINUTE_MS
        first, last = int(minutes.min()), int(minutes.max())
        if first == last:
            of_event: Int64Array | int = self._rows([first])[0]
        elif last - first < _DENSE_MINUTES:
            since = minutes - first
            present = np.flatnonzero(np.bincount(since))
            rows = np.zeros(last - first + 1, np.int64)
            rows[present] = self._rows((present + first).tolist())
            of_event = rows[since]
        else:
            known, which = np.unique(minutes, return_inverse=True)
            rows = np.array(self._rows(known.tolist()))
            of_event = rows[which]
        cells = place + of_event * WIDTH
        flat = self._table.reshape(-1)
        np.add.at(flat, cells, np.uint32(1))
        if len(also):
            np.add.at(flat, cells[also] + ALL_CELLS, np.uint32(1))
        return of_event

    def _rows(self, minutes: list[int]) -> list[int]:
        """The rows of distinct minutes that change now; those that are new get one."""
        self._untold.update(minutes)
        self._dirty.update(minutes)
        rows = self._minutes
        for minute in [minute for minute in minutes if minute not in rows]:
            if not self._free:
                count = len(self._table)
                self._table = np.concatenate([self._table, np.zeros_like(self._table)])
                self._heard = np.concatenate([self._heard, np.zeros_like(self._heard)])
                self._free.extend(range(count, 2 * count))
            rows[minute] = self._free.pop()
        return [rows[minute] for minute in minutes]

    def _counts(self, minutes: list[int]) -> CountArray:
        """The counts of m minutes, shape (m, WIDTH)."""
        counts: CountArray = self._table[[self._minutes[minute] for minute in minutes]]
        return counts

    def _seconds(self, minutes: list[int]) -> dict[int, HeardArray]:
        """When cells were heard in these minutes."""
        heard = self._heard[[self._minutes[minute] for minute in minutes]] if minutes else ()
        return dict(zip(minutes, heard, strict=True))

    def message(self, partition: int, before_ms: int, heard_ms: int) -> FlowMinutes:
        """The minutes that end by `before_ms` and changed since they were told last.

        Of the minute that is under way then, the seconds that were heard. Told minutes are forgotten
        after two hours.
        """
        before = before_ms // MINUTE_MS
        due = sorted(minute for minute in self._untold if minute < before)
        self._untold.difference_update(due)
        told = dict(zip(due, self._counts(due), strict=True)) if due else {}
        seconds = self._seconds([*due, *({before} & self._minutes.keys())])
        self._forget_before(before - _KEPT_MINUTES)
        return FlowMinutes(partition, heard_ms, told, seconds)

    def _forget_before(self, first: int) -> None:
        rows = [self._minutes.pop(minute) for minute in [m for m in self._minutes if m < first]]
        if not rows:
            return
        self._table[rows] = 0
        self._heard[rows] = 0
        self._free += rows
        if _SPARE * max(len(self._minutes), _FIRST_ROWS) < len(self._table):
            # A backlog is over, which needed a row for each of its minutes.
            kept = list(self._minutes.values())
            size = max(_FIRST_ROWS, 2 * len(kept))
            table, heard = self._table[kept], self._heard[kept]
            self._table, self._heard = (
                np.zeros((size, WIDTH), np.uint32),
                np.zeros((size, CELLS), np.uint64),
            )
            self._table[: len(kept)], self._heard[: len(kept)] = table, heard
            self._minutes = dict(zip(self._minutes, range(len(kept)), strict=True))
            self._free = list(range(len(kept), size))

    def messages(self, partition: int, before_ms: int, heard_ms: int) -> Iterator[FlowMinutes]:
        """`message` in parts of at most `MINUTES_TOLD`, so that a backlog fits into Kafka's records."""
        whole = self.message(partition, before_ms, heard_ms)
        minutes = sorted(whole.minutes)
        for first in range(0, max(len(minutes), 1), MINUTES_TOLD):
            own = minutes[first : first + MINUTES_TOLD]
            rest = minutes[first + MINUTES_TOLD :]
            told = own if rest else [*own, before_ms // MINUTE_MS]
            yield FlowMinutes(
                partition,
                rest[0] * MINUTE_MS if rest else heard_ms,
                {minute: whole.minutes[minute] for minute in own},
                {minute: whole.seconds[minute] for minute in told if minute in whole.seconds},
            )

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The minutes that changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """A guess: a minute of a partition has events in thirty cells."""
        return 470 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present counts of these minutes that are still kept."""
        kept = sorted(keys & self._minutes.keys())
        rows = [self._minutes[minute] for minute in kept]
        counts = _packed_counts(kept, self._table[rows])
        head = bytes([_VERSION]) + _COUNTS.pack(len(counts))
        return head + counts + b"".join(pack_each_second(kept, self._heard[rows])), set(kept)

    def load(self, payload: bytes) -> set[int]:
        """Restore minutes; they will be told again, which changes nothing.

        Raises:
            StateError: written by another version, or damaged.
        """
        if payload[:1] != bytes([_VERSION]):
            raise StateError("flow minutes: state of another version")
        minutes, seconds = _read_both(payload[1:], "flow minutes")
        for minute, counts in minutes.items():
            (row,) = self._rows([minute])  # may put another table in the place of this one
            self._table[row] = counts
            self._heard[row] = seconds.get(minute, NOTHING_HEARD)
        self._dirty.difference_update(minutes)
        return set(minutes)
