"""Small sets of patients per account in one shared block of memory (pure).

Each account owns a stretch whose length is a power of two; a set that outgrows it moves to the end, and
when half of the block is abandoned the stretches are put together anew. The block is kept column by
column, since gathering a column costs a fraction of gathering records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from streams.changed_rows import ChangedFlags
from streams.errors import StateError

if TYPE_CHECKING:
    from streams.digests import UInt64Array
    from streams.event_time import Int64Array

EntryArray = npt.NDArray[Any]

EXACT: Final = 256
"""Most patients of a set."""

_VERSION: Final = 1
_KIND: Final = "patient-windows"
_ENTRY: Final = np.dtype([("patient", "<u8"), ("time_ms", "<i8"), ("level", "u1"), ("marks", "u1")])
_HEAD: Final = np.dtype([("row", "<u4"), ("length", "<u2"), ("level", "u1")])
_LEAST: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The entries of some accounts, one account after the other, m in all.

    Attributes:
        length: shape (accounts,), entries of each.
        owner: shape (m,), positions among the accounts.
        place: shape (m,), positions in the columns of the sets.
    """

    length: Int64Array
    owner: Int64Array
    place: Int64Array


class PatientSets:
    """The sets; a section of the checkpoint whose keys are the accounts' rows.

    Attributes:
        patient: digests, by place; what is not in an account's stretch means nothing.
        time_ms: of each patient's last access, by place.
        level: each stands for `2 ** level` patients, by place.
        marks: bits that the owner of the sets gives a meaning, by place.
    """

    entry: Final = _ENTRY

    def __init__(self) -> None:
        self._offset = np.zeros(64, np.int64)
        self._length = np.zeros(64, np.int64)
        self._capacity = np.zeros(64, np.int64)
        self._sample = np.zeros(64, np.int64)
        self.patient: UInt64Array = np.zeros(1024, np.uint64)
        self.time_ms: Int64Array = np.zeros(1024, np.int64)
        self.level: npt.NDArray[np.uint8] = np.zeros(1024, np.uint8)
        self.marks: npt.NDArray[np.uint8] = np.zeros(1024, np.uint8)
        self._used = 0
        self._abandoned = 0
        self._changed = ChangedFlags()

    @property
    def size_bytes(self) -> int:
        """Memory in use."""
        block = self.patient.nbytes + self.time_ms.nbytes + self.level.nbytes + self.marks.nbytes
        return block + 4 * self._offset.nbytes + self._changed.size_bytes

    def level_of(self, rows: Int64Array) -> Int64Array:
        """How many zero bits the digests of each account's sample end in; 0 for an exact set."""
        self._reserve_rows(rows)
        return self._sample[rows]

    def held(self, rows: Int64Array) -> Held:
        """Where the entries of these accounts stand."""
        self._reserve_rows(rows)
        length = self._length[rows]
        owner = np.repeat(np.arange(len(rows)), length)
        return Held(length, owner, self._places(rows, length))

    def gather(self, rows: Int64Array) -> tuple[EntryArray, Int64Array]:
        """The entries of these accounts, one after the other, and the position of each one's owner."""
        held = self.held(rows)
        entries = np.empty(len(held.place), _ENTRY)
        for name in _ENTRY.names or ():
            entries[name] = getattr(self, name)[held.place]
        return entries, held.owner

    def make_room(
        self, rows: Int64Array, coming: Int64Array, left: Int64Array, left_owner: Int64Array
    ) -> tuple[Int64Array, Int64Array]:
        """Places for new entries: over those who left as far as there are any, then at the end.

        Args:
            rows: accounts, each named once.
            coming: how many entries each one's set takes.
            left: places of entries that may be written over, account after account.
            left_owner: the positions of their accounts among `rows`.

        Returns:
            The places, one account's after the other's, to be written at once (places known from
            before may have moved); and how many entries each set now has.
        """
        length, going = self._length[rows], np.bincount(left_owner, minlength=len(rows))
        left_within = left - self._offset[rows][left_owner]
        needed = length + np.maximum(coming - going, 0)
        grown = np.flatnonzero(needed > self._capacity[rows])
        if len(grown):
            self._move(rows[grown], needed[grown])
        self._length[rows] = needed
        owner, rank = np.repeat(np.arange(len(rows)), coming), _within(coming)
        place = length[owner] + rank - going[owner]
        place[rank < going[owner]] = left_within[_within(going) < coming[left_owner]]
        place += self._offset[rows][owner]
        return place, needed

    def write(
        self,
        places: Int64Array,
        patient: UInt64Array,
        time_ms: Int64Array,
        level: npt.NDArray[np.number[Any]],
        marks: Int64Array,
    ) -> None:
        """Write n entries at places of their own."""
        self.patient[places], self.time_ms[places] = patient, time_ms
        self.level[places], self.marks[places] = level, marks

    def replace(
        self, rows: Int64Array, entries: EntryArray, lengths: Int64Array, levels: Int64Array
    ) -> None:
        """Write the sets of these accounts anew; entries lie one owner after the other."""
        self._store(rows, entries, lengths, levels)
        self._changed.touch(rows)

    def touch(self, rows: Int64Array) -> None:
        """Note that these accounts' sets change before the next flush."""
        self._changed.touch(rows)

    def _store(
        self, rows: Int64Array, entries: EntryArray, lengths: Int64Array, levels: Int64Array
    ) -> None:
        self._reserve_rows(rows)
        self._length[rows] = 0
        grown = np.flatnonzero(lengths > self._capacity[rows])
        if len(grown):
            self._move(rows[grown], lengths[grown])
        self._length[rows] = lengths
        self._sample[rows] = levels
        places = self._places(rows, lengths)
        for name in _ENTRY.names or ():
            getattr(self, name)[places] = entries[name]

    def _move(self, rows: Int64Array, needed: Int64Array) -> None:
        """Give these accounts longer stretches, and copy what their sets hold."""
        lengths = self._length[rows]
        wanted = np.exp2(np.ceil(np.log2(np.maximum(needed, _LEAST)))).astype(np.int64)
        total = int(wanted.sum())
        if 2 * self._abandoned > self._used:
            self._compact()
        if self._used + total > len(self.patient):
            capacity = max(self._used + total, 2 * len(self.patient))
            for name in _ENTRY.names or ():
                column = getattr(self, name)
                grown = np.zeros(capacity, column.dtype)
                grown[: self._used] = column[: self._used]
                setattr(self, name, grown)
        before = self._places(rows, lengths)
        self._offset[rows] = self._used + np.cumsum(wanted) - wanted
        after = self._places(rows, lengths)
        for name in _ENTRY.names or ():
            column = getattr(self, name)
            column[after] = column[before]
        self._abandoned += int(self._capacity[rows].sum())
        self._capacity[rows] = wanted
        self._used += total

    def _places(self, rows: Int64Array, lengths: Int64Array) -> Int64Array:
        places: Int64Array = np.repeat(self._offset[rows], lengths) + _within(lengths)
        return places

    def _reserve_rows(self, rows: Int64Array) -> None:
        needed, present = int(rows.max()) + 1 if rows.size else 0, len(self._offset)
        if needed > present:
            for name in ("_offset", "_length", "_capacity", "_sample"):
                grown = np.zeros(max(needed, 2 * present), np.int64)
                grown[:present] = getattr(self, name)
                setattr(self, name, grown)

    def _compact(self) -> None:
        """Put the stretches together; those about to move keep theirs until they have."""
        rows = np.flatnonzero(self._capacity)
        lengths, capacity = self._length[rows], self._capacity[rows]
        before = self._places(rows, lengths)
        self._offset[rows] = np.cumsum(capacity) - capacity
        after = self._places(rows, lengths)
        for name in _ENTRY.names or ():
            column = getattr(self, name)
            column[after] = column[before]
        self._used, self._abandoned = int(capacity.sum()), 0

    # -- checkpoint -----------------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The accounts whose sets changed since the last drain."""
        return self._changed.drain()

    def pending_bytes(self) -> int:
        """About what the changed sets will take: some sixteen patients each."""
        return self._changed.pending * (_HEAD.itemsize + 16 * _ENTRY.itemsize)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present sets of these accounts."""
        rows = np.sort(np.fromiter(keys, np.int64, len(keys)))
        entries, _ = self.gather(rows)
        heads = np.zeros(len(rows), _HEAD)
        heads["row"], heads["level"] = rows, self.level_of(rows)
        heads["length"] = self._length[rows]
        start = bytes([_VERSION]) + len(rows).to_bytes(4, "little")
        return start + heads.tobytes() + entries.tobytes(), set(keys)

    def load(self, payload: bytes) -> set[int]:
        """Restore sets; a later payload's set replaces an earlier one's.

        Raises:
            StateError: written by another version, or cut short.
        """
        if payload[0] != _VERSION:
            raise StateError(f"{_KIND}: state version {payload[0]} is not {_VERSION}")
        count = int.from_bytes(payload[1:5], "little")
        try:
            heads = np.frombuffer(payload, _HEAD, count, 5)
            lengths = heads["length"].astype(np.int64)
            entries = np.frombuffer(payload, _ENTRY, int(lengths.sum()), 5 + count * _HEAD.itemsize)
        except ValueError as error:
            raise StateError(f"{_KIND}: a payload is cut short") from error
        rows = heads["row"].astype(np.int64)
        self._store(rows, entries, lengths, heads["level"].astype(np.int64))
        return set(rows.tolist())


def _within(lengths: Int64Array) -> Int64Array:
    """0, 1, 2, ... for each of these stretches that lie one after the other."""
    within: Int64Array = np.arange(int(lengths.sum()))
    within -= np.repeat(np.cumsum(lengths) - lengths, lengths)
    return within
