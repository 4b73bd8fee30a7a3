"""Small sets of patients per account in one shared block of memory (pure).

Each account owns a stretch whose length is a power of two; a set that outgrows it moves to the end, and
when half of the block is abandoned the stretches are put together anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from streams.errors import StateError

if TYPE_CHECKING:
    from streams.event_time import Int64Array

EntryArray = npt.NDArray[Any]

EXACT: Final = 256
"""Most patients of a set."""

_VERSION: Final = 1
_KIND: Final = "patient-windows"
_ENTRY: Final = np.dtype([("patient", "<u8"), ("time_ms", "<i8"), ("level", "u1"), ("marks", "u1")])
_HEAD: Final = np.dtype([("row", "<u4"), ("length", "<u2"), ("level", "u1")])
_OWNER: Final = np.dtype(
    [("offset", "<i8"), ("length", "<i4"), ("capacity", "<i4"), ("level", "<i4")]
)
_LEAST: Final = 8


class PatientSets:
    """The sets; a section of the checkpoint whose keys are the accounts' rows."""

    entry: Final = _ENTRY

    def __init__(self) -> None:
        self._owners = np.zeros(64, _OWNER)
        self._block = np.zeros(1024, _ENTRY)
        self._used = 0
        self._abandoned = 0
        self._dirty: set[int] = set()

    @property
    def size_bytes(self) -> int:
        """Memory in use."""
        return self._block.nbytes + self._owners.nbytes

    def level_of(self, rows: Int64Array) -> Int64Array:
        """How many zero bits the digests of each account's sample end in; 0 for an exact set."""
        self._reserve_rows(rows)
        return self._owners["level"][rows].astype(np.int64)

    def gather(self, rows: Int64Array) -> tuple[EntryArray, Int64Array]:
        """The entries of these accounts, one after the other, and the position of each one's owner."""
        self._reserve_rows(rows)
        lengths = self._owners["length"][rows].astype(np.int64)
        owner = np.repeat(np.arange(len(rows)), lengths)
        return self._block[self._places(rows, lengths)], owner

    def replace(
        self, rows: Int64Array, entries: EntryArray, lengths: Int64Array, levels: Int64Array
    ) -> None:
        """Write the sets of these accounts anew; entries lie one owner after the other."""
        self._store(rows, entries, lengths, levels)
        self._dirty.update(rows.tolist())

    def _store(
        self, rows: Int64Array, entries: EntryArray, lengths: Int64Array, levels: Int64Array
    ) -> None:
        self._reserve_rows(rows)
        grown = np.flatnonzero(lengths > self._owners["capacity"][rows])
        if len(grown):
            movers = rows[grown]
            wanted = np.exp2(np.ceil(np.log2(np.maximum(lengths[grown], _LEAST)))).astype(np.int64)
            self._abandoned += int(self._owners["capacity"][movers].sum())
            self._owners["length"][movers] = 0
            self._owners["capacity"][movers] = 0
            self._make_room(int(wanted.sum()))
            self._owners["offset"][movers] = self._used + np.cumsum(wanted) - wanted
            self._owners["capacity"][movers] = wanted
            self._used += int(wanted.sum())
        self._owners["length"][rows] = lengths
        self._owners["level"][rows] = levels
        self._block[self._places(rows, lengths)] = entries

    def _places(self, rows: Int64Array, lengths: Int64Array) -> Int64Array:
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        places: Int64Array = np.repeat(self._owners["offset"][rows], lengths) + within
        return places

    def _reserve_rows(self, rows: Int64Array) -> None:
        needed = int(rows.max()) + 1 if rows.size else 0
        if needed > len(self._owners):
            grown = np.zeros(max(needed, 2 * len(self._owners)), _OWNER)
            grown[: len(self._owners)] = self._owners
            self._owners = grown

    def _make_room(self, entries: int) -> None:
        if 2 * self._abandoned > self._used:
            self._compact()
        if self._used + entries > len(self._block):
            grown = np.zeros(max(self._used + entries, 2 * len(self._block)), _ENTRY)
            grown[: self._used] = self._block[: self._used]
            self._block = grown

    def _compact(self) -> None:
        rows = np.flatnonzero(self._owners["capacity"])
        lengths = self._owners["length"][rows].astype(np.int64)
        entries = self._block[self._places(rows, lengths)]
        capacity = self._owners["capacity"][rows].astype(np.int64)
        self._owners["offset"][rows] = np.cumsum(capacity) - capacity
        self._used, self._abandoned = int(capacity.sum()), 0
        self._block[self._places(rows, lengths)] = entries

    # -- checkpoint -----------------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The accounts whose sets changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """About what the changed sets will take: some sixteen patients each."""
        return len(self._dirty) * (_HEAD.itemsize + 16 * _ENTRY.itemsize)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present sets of these accounts."""
        rows = np.array(sorted(keys), np.int64)
        entries, _ = self.gather(rows)
        heads = np.zeros(len(rows), _HEAD)
        heads["row"], heads["level"] = rows, self.level_of(rows)
        heads["length"] = self._owners["length"][rows]
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
