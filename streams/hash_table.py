"""An open-addressing table over keys that somebody else stores, probed for many keys at once (pure).

Keys are 64-bit words, one or two per key, in an array that the caller owns and appends to; the table
holds only positions in that array. So a map's values stand in arrays beside its keys, and the table
can be thrown away and built anew from them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

UInt64Array = npt.NDArray[np.uint64]
KeyArray = npt.NDArray[np.uint64]
"""Shape (n,) or (n, 2)."""
PositionArray = npt.NDArray[np.int64]

ABSENT: Final = -1
_FIRST_KEYS: Final = 64
_SLOTS_PER_KEY: Final = 8
_ROUNDS: Final = 4
_BITS_PER_ROUND: Final = 15

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)


class PositionTable:
    """Where in an array a key stands.

    Args:
        slots: places in the table; at most two thirds of them should ever be used, since probes grow
            long beyond (about four in the mean for an absent key, Knuth 6.4).

    Attributes:
        slots: as given.
    """

    __slots__ = ("_places", "slots")

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._places: npt.NDArray[np.int32] = np.full(slots, ABSENT, np.int32)

    @property
    def size_bytes(self) -> int:
        """Memory of the table."""
        return self._places.nbytes

    def find(self, stored: KeyArray, wanted: KeyArray) -> PositionArray:
        """The positions of n wanted keys among the stored ones, `ABSENT` where there is none.

        Args:
            stored: every key that was inserted, at its position; what follows them is not read.
            wanted: n keys of the same width.
        """
        return self.locate(stored, wanted)[0]

    def locate(self, stored: KeyArray, wanted: KeyArray) -> tuple[PositionArray, PositionArray]:
        """What `find` says, and for each key the place in the table at which that was clear.

        `insert` takes the places of absent keys, as long as nothing was inserted in between.
        """
        place = self._first_places(wanted)
        if not len(stored):
            return np.full(len(wanted), ABSENT, np.int64), place
        # Most keys stand at their first place, or nothing does: those rounds go by without an index.
        # An empty place reads the last key; whatever that is, its position stays absent.
        found: PositionArray = self._places[place].astype(np.int64)
        todo = (~_equal(stored[found], wanted) & (found >= 0)).nonzero()[0]
        ended = place
        place = self._next(place[todo])
        while todo.size:
            position = self._places[place]
            same = _equal(stored[position], wanted[todo])
            found[todo], ended[todo] = position, place
            going = (~same & (position >= 0)).nonzero()[0]
            todo, place = todo[going], self._next(place[going])
        return found, ended

    def insert(
        self,
        keys: KeyArray,
        positions: npt.NDArray[np.integer[Any]],
        places: PositionArray | None = None,
    ) -> None:
        """Note n keys that are distinct and not here yet, and the positions at which they stand.

        Args:
            keys: the keys.
            positions: where they stand in the array that stores them.
            places: where `locate` just found them absent.
        """
        own = positions.astype(np.int32)
        place = self._first_places(keys) if places is None else places
        while own.size:
            # Two keys may want the same free place: the last writer has it, the others go on.
            free = np.flatnonzero(self._places[place] < 0)
            self._places[place[free]] = own[free]
            going = np.flatnonzero(self._places[place] != own)
            own, place = own[going], self._next(place[going])

    def clear(self) -> None:
        """Forget every position."""
        self._places.fill(ABSENT)

    def _first_places(self, keys: KeyArray) -> PositionArray:
        # Multiply-xorshift: digests are scattered already, ids that somebody counted up are not.
        mixed = (keys if keys.ndim == 1 else keys[:, 0] ^ (keys[:, 1] << np.uint64(1))) * _GOLDEN
        mixed ^= mixed >> np.uint64(29)
        # The low half as a fraction of the table, so that its size need not be a power of two.
        fraction = mixed & np.uint64(0xFFFF_FFFF)
        places: PositionArray = ((fraction * np.uint64(self.slots)) >> _HALF).astype(np.int64)
        return places

    def _next(self, place: PositionArray) -> PositionArray:
        after = place + 1
        after[after == self.slots] = 0
        return after


class KeyRows:
    """Keys in the order in which they first came, each with that number.

    Args:
        keys: distinct 64-bit keys to begin with.
    """

    __slots__ = ("_count", "_keys", "_table")

    def __init__(self, keys: UInt64Array | None = None) -> None:
        known = np.zeros(0, np.uint64) if keys is None else keys
        self._count = len(known)
        self._lay_out(known)

    def __len__(self) -> int:
        return self._count

    def rows_of(self, keys: UInt64Array) -> tuple[PositionArray, PositionArray]:
        """The rows of n keys, and the places among them of those that are new, in their order."""
        rows, ended = self._table.locate(self._keys, keys)
        new = np.flatnonzero(rows == ABSENT)
        if not new.size:
            return rows, new
        again = came_before(keys[new])
        first = new[~again]
        start, self._count = self._count, self._count + len(first)
        places: PositionArray | None = ended[first]
        if self._count > len(self._keys):
            self._lay_out(self._keys[:start])
            places = None
        added = np.arange(start, self._count)
        self._keys[added] = keys[first]
        self._table.insert(keys[first], added, places)
        rows[first] = added
        repeated = new[again]
        rows[repeated] = self._table.find(self._keys, keys[repeated])
        return rows, first

    def _lay_out(self, keys: UInt64Array) -> None:
        capacity = max(_FIRST_KEYS, 2 * self._count)
        self._keys: UInt64Array = np.zeros(capacity, np.uint64)
        self._keys[: len(keys)] = keys
        self._table = PositionTable(2 * capacity)
        self._table.insert(keys, np.arange(len(keys)))


def came_before(keys: KeyArray) -> npt.NDArray[np.bool_]:
    """Which of n keys stand among them before, too."""
    n = len(keys)
    again: npt.NDArray[np.bool_] = np.zeros(n, np.bool_)
    # Half the bytes of a position: the slots then stay where a processor finds them at once.
    rest = np.arange(n, dtype=np.int32)
    mixed = keys if keys.ndim == 1 else keys[:, 0] ^ keys[:, 1]
    for number in range(_ROUNDS):
        if not rest.size:
            return again
        bits = (_SLOTS_PER_KEY * len(rest)).bit_length()
        own = mixed[rest] if number else mixed
        place = (own & np.uint64((1 << bits) - 1)).astype(np.int64)
        # Each slot keeps the first that wants it. Whoever finds itself there came before; keys that
        # find another, with all that are like them, look for a slot by further bits.
        slots = np.empty(1 << bits, np.int32)
        slots[place[::-1]] = rest[::-1]
        holder = slots[place]
        ousted = (holder != rest).nonzero()[0]
        rest, holder = rest[ousted], holder[ousted]
        same = _equal(keys[rest], keys[holder])
        again[rest[same]] = True
        rest = rest[~same]
        mixed = mixed >> np.uint64(_BITS_PER_ROUND)
    earlier: set[bytes] = set()
    for row in rest.tolist():
        key = keys[row].tobytes()
        again[row] = key in earlier
        earlier.add(key)
    return again


def _equal(left: KeyArray, right: KeyArray) -> npt.NDArray[np.bool_]:
    # Column by column: `all(axis=1)` over rows of two costs several times as much.
    same: npt.NDArray[np.bool_]
    if left.ndim == 1:
        same = np.equal(left, right)
    else:
        same = np.equal(left[:, 0], right[:, 0]) & np.equal(left[:, 1], right[:, 1])
    return same
