"""Which structure has dealt with which patient lately, and how (pure).

A row per pair of structure and patient: the last day (UTC, by event time) on which the structure dealt
with the patient in a flow of care, and the last on which it read the patient on a platform. Last days
grow by `max` alone, so the rows depend on which events were learnt, not on their order or grouping.

Pairs are 64-bit digests (`streams.digests`). Two pairs that share a digest are taken for one: with n
live pairs a new pair meets another's with probability n / 2^64, and then an access passes for explained.
For a thousand million accesses against a million pairs, the chance of even one such error is 5e-5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from streams.changed_rows import ChangedRows
from streams.errors import StateError
from streams.hash_table import ABSENT, PositionTable, came_before

if TYPE_CHECKING:
    from streams.digests import UInt64Array
    from streams.event_time import BoolArray, Int64Array

DayArray = npt.NDArray[np.uint16]
"""Days since 1970-01-01 UTC; 0 for never. They last until the year 2149."""

NEVER: Final = 0

_ROW: Final = np.dtype([("pair", "<u8"), ("care", "<u2"), ("access", "<u2")])
_FIRST_CAPACITY: Final = 1024
_ROOM: Final = 1.3
"""A full table makes room for so many times its live pairs; 23 bytes a row, so at most 30 a pair."""
_SLOTS_PER_ROW: Final = 1.75
_MANY: Final = 10_000
_ROOM_OF_FEW: Final = 2.0
"""The same for a table that is small still, since each time the whole table is laid out anew."""


class CareRelations:
    """The pairs of one partition."""

    def __init__(self) -> None:
        self._count = 0
        self._floor = 0
        self._changed = ChangedRows()
        self._pairs: UInt64Array
        self._days: DayArray
        self._table: PositionTable
        self._lay_out(np.zeros(0, np.int64), _FIRST_CAPACITY)

    def __len__(self) -> int:
        return self._count

    @property
    def size_bytes(self) -> int:
        """Memory in use."""
        return (
            self._pairs.nbytes
            + self._days.nbytes
            + self._table.size_bytes
            + self._changed.size_bytes
        )

    def last_days(self, pairs: UInt64Array) -> tuple[DayArray, DayArray]:
        """The last days of care and of access of n pairs."""
        rows = self._table.find(self._pairs, pairs)
        # A pair that is absent looks at row -1 and is then put right.
        days = self._days[rows]
        days[rows == ABSENT] = NEVER
        return days[:, 0], days[:, 1]

    def learn(self, pairs: UInt64Array, days: DayArray, *, is_access: BoolArray) -> None:
        """Take in n dealings, each with its day; pairs may be repeated."""
        if len(pairs):
            rows = self._rows_of(pairs)
            self._changed.touch(rows[self._raise(2 * rows + is_access, days)])

    def forget_before(self, day: int) -> None:
        """Allow pairs whose last days all lie before `day` to be forgotten when room is needed."""
        self._floor = max(self._floor, day)

    def _rows_of(self, pairs: UInt64Array) -> Int64Array:
        """The rows of n pairs; those that are new get one."""
        rows, ended = self._table.locate(self._pairs, pairs)
        new = np.flatnonzero(rows == ABSENT)
        if new.size:
            again = came_before(pairs[new])
            first = new[~again]
            added = pairs[first]
            slots: Int64Array | None = ended[first]
            if self._count + len(added) > len(self._pairs):
                slots = None
                moved = self._make_room(len(added))
                known = np.flatnonzero(rows != ABSENT)
                rows[known] = moved[rows[known]]
                if (rows[known] == ABSENT).any():
                    # Some that were known have left.
                    return self._rows_of(pairs)
            places = np.arange(self._count, self._count + len(added))
            self._pairs[places] = added
            self._days[places] = NEVER
            self._table.insert(added, places, slots)
            self._count += len(added)
            rows[first] = places
            repeated = new[again]
            rows[repeated] = self._table.find(self._pairs, pairs[repeated])
        return rows

    def _raise(self, cells: Int64Array, days: DayArray) -> BoolArray:
        """Raise n cells of the days, row after row; which of them rose."""
        flat = self._days.reshape(-1)
        rose: BoolArray = days > flat[cells]
        # Most dealings repeat what is known of the day.
        rising = np.flatnonzero(rose)
        np.maximum.at(flat, cells[rising], days[rising])
        return rose

    def _make_room(self, wanted: int) -> Int64Array:
        """Forget who may be forgotten, and make room; where each row is now, `ABSENT` if it left."""
        days = self._days[: self._count]
        live = np.flatnonzero(np.maximum(days[:, 0], days[:, 1]) >= self._floor)
        room = _ROOM if len(live) > _MANY else _ROOM_OF_FEW
        moved = np.full(self._count, ABSENT, np.int64)
        moved[live] = np.arange(len(live))
        self._lay_out(live, max(_FIRST_CAPACITY, int((len(live) + wanted) * room)))
        return moved

    def _lay_out(self, rows: Int64Array, capacity: int) -> None:
        """Keep the given rows, in tables of a new size."""
        pairs, days = np.zeros(capacity, np.uint64), np.zeros((capacity, 2), np.uint16)
        count = len(rows)
        if count:
            pairs[:count], days[:count] = self._pairs[rows], self._days[rows]
        self._changed.reshape(rows, capacity)
        self._pairs, self._days, self._count = pairs, days, count
        self._table = PositionTable(int(capacity * _SLOTS_PER_ROW))
        self._table.insert(pairs[:count], np.arange(count))

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The key of the pairs that are new, or were dealt with on a new day, since the last drain."""
        return self._changed.drain()

    def pending_bytes(self) -> int:
        """What changed since the last drain."""
        return _ROW.itemsize * self._changed.pending

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The pairs of these batches that may still speak."""
        rows = self._changed.rows_of(keys, self._count)
        days = self._days[rows]
        live = np.maximum(days[:, 0], days[:, 1]) >= self._floor
        if not live.all():
            rows, days = rows[live], days[live]
        packed = np.zeros(len(rows), _ROW)
        packed["pair"] = self._pairs[rows]
        packed["care"], packed["access"] = days[:, 0], days[:, 1]
        return packed.tobytes(), self._changed.merge(keys, rows)

    def load(self, payload: bytes) -> set[int]:
        """Take over pairs.

        Raises:
            StateError: the payload does not hold whole rows.
        """
        if len(payload) % _ROW.itemsize:
            raise StateError("changelog: care relations of another form")
        packed = np.frombuffer(payload, _ROW)
        rows = self._rows_of(packed["pair"].astype(np.uint64))
        self._raise(2 * rows, packed["care"].astype(np.uint16))
        self._raise(2 * rows + 1, packed["access"].astype(np.uint16))
        return self._changed.loaded(rows)
