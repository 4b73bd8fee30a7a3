"""Which event ids were counted already: an exact, bounded index of 128-bit ids (pure).

Ids are kept in order of arrival, in generations of equal size. A generation leaves when all its events
are older than the watermark, or when the index is full; in the second case the watermark's floor is
raised over everything the generation held, so that an event which can no longer be recognised as a
duplicate is refused as late. An accepted event is therefore never counted twice, whatever the load;
load only shortens the horizon.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from streams.hash_table import ABSENT, PositionTable, came_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.event_time import BoolArray, Int64Array

UInt64Array = npt.NDArray[np.uint64]
IdArray = npt.NDArray[np.uint64]
"""n x 2 uint64: the high and the low half of n ids."""

GENERATIONS: Final = 4
_FIRST_CAPACITY: Final = 1024
_UUID_TEXT_BYTES: Final = 36
_HEX_COLUMNS: Final = np.array([i for i in range(36) if i not in (8, 13, 18, 23)])
_DASH_COLUMNS: Final = np.array([8, 13, 18, 23])
_BAD_NIBBLE: Final = 255
_NIBBLES: Final = np.full(256, _BAD_NIBBLE, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_NIBBLES[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)
_BYTE: Final = np.uint64(0xFF)
_DASH: Final = np.uint64(ord("-"))
_THREE_BYTES: Final = np.uint64(24)
_FOUR_BYTES: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(0xFFFF_FFFF)
_ONE_EACH: Final = np.uint64(0x0101010101010101)
_SIX_EACH: Final = np.uint64(0x0606060606060606)
_NIBBLE_EACH: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_ZERO_EACH: Final = np.uint64(0x3030303030303030)
_PAIRS: Final = np.uint64(0x00FF00FF00FF00FF)
_FOURS: Final = np.uint64(0x0000FFFF0000FFFF)


def parse_ids(texts: Sequence[str]) -> IdArray:
    """Read n event ids as 128-bit numbers.

    UUID text (RFC 9562, either case) is read as the number it writes; any other text as its BLAKE2b-128
    digest, so that no id is refused for its form.
    """
    n = len(texts)
    joined = "".join(texts).encode()
    if len(joined) == n * _UUID_TEXT_BYTES and all(len(t) == _UUID_TEXT_BYTES for t in texts):
        chars = np.frombuffer(joined, np.uint8).reshape(n, _UUID_TEXT_BYTES)
        nibbles = _NIBBLES[chars[:, _HEX_COLUMNS]]
        bad = (nibbles == _BAD_NIBBLE).any(axis=1) | (chars[:, _DASH_COLUMNS] != ord("-")).any(
            axis=1
        )
        if not bad.any():
            octets = (nibbles[:, 0::2] << 4) | nibbles[:, 1::2]
            return np.ascontiguousarray(octets).view(">u8").astype(np.uint64)
    return np.frombuffer(b"".join(map(_octets_of, texts)), ">u8").reshape(n, 2).astype(np.uint64)


def hex_ids(words: UInt64Array, starts: Int64Array, lengths: Int64Array) -> IdArray | None:
    """What `parse_ids` gives for n texts in a buffer; `None` unless all of them are UUID text.

    Args:
        words: the little-endian word that begins at each place of the buffer; eight characters each.
        starts: where the texts begin.
        lengths: their bytes.
    """
    if (lengths != _UUID_TEXT_BYTES).any():
        return None
    first, eighth = words[starts], words[starts + 5] >> _THREE_BYTES
    # Four digits, a dash, three digits: the words at the ninth, fourteenth and nineteenth character.
    split = [words[starts + at] for at in (9, 14, 19)]
    dashes = (eighth & _BYTE) == _DASH
    for word in split:
        dashes &= (word >> _FOUR_BYTES & _BYTE) == _DASH
    if not dashes.all():
        return None
    digits = (
        first,
        (split[0] & _LOW_HALF) | (split[1] << _FOUR_BYTES),
        (split[2] & _LOW_HALF) | (words[starts + 24] << _FOUR_BYTES),
        words[starts + 28],
    )
    numbers = [number for number in map(_of_digits, digits) if number is not None]
    if len(numbers) < len(digits):
        return None
    ids: IdArray = np.empty((len(starts), 2), np.uint64)
    for half in (0, 1):
        ids[:, half] = (numbers[2 * half] << _FOUR_BYTES) | numbers[2 * half + 1]
    return ids


def _of_digits(text: UInt64Array) -> UInt64Array | None:
    """Eight hexadecimal digits per word as numbers; `None` if any is none."""
    nibbles = (text & _NIBBLE_EACH) + (text >> np.uint64(6) & _ONE_EACH) * np.uint64(9)
    nibbles &= _NIBBLE_EACH
    is_letter = (nibbles + _SIX_EACH) >> np.uint64(4) & _ONE_EACH
    # Written again in lower case: whatever is no digit comes out as another character.
    again = nibbles + _ZERO_EACH + is_letter * np.uint64(ord("a") - ord("0") - 10)
    if not np.array_equal(again, text | is_letter << np.uint64(5)):
        return None
    pairs = ((nibbles << np.uint64(4)) | (nibbles >> np.uint64(8))) & _PAIRS
    fours = ((pairs << np.uint64(8)) | (pairs >> np.uint64(16))) & _FOURS
    number: UInt64Array = ((fours << np.uint64(16)) | (fours >> np.uint64(32))) & _LOW_HALF
    return number


def _octets_of(text: str) -> bytes:
    hexadecimal = text.replace("-", "")
    dashed = len(text) == _UUID_TEXT_BYTES and all(text[i] == "-" for i in (8, 13, 18, 23))
    if dashed and len(hexadecimal) == _UUID_TEXT_BYTES - 4 and hexadecimal.isascii():
        try:
            return int(hexadecimal, 16).to_bytes(16) if hexadecimal.isalnum() else _digest(text)
        except ValueError:
            return _digest(text)
    return _digest(text)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def at_ascending(values: npt.NDArray[Any], places: Int64Array) -> npt.NDArray[Any]:
    """The values at ascending places, not copied if these are all of them, as they mostly are."""
    return values if len(places) == len(values) else values[places]


class _Generation:
    """Up to `size` ids in arrival order, with an open-addressing table over them."""

    __slots__ = ("count", "ids", "newest_ms", "size", "table")

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0
        self.newest_ms = 0
        self.ids: IdArray = np.zeros((min(size, _FIRST_CAPACITY), 2), np.uint64)
        self.table = PositionTable(2 * _power_of_two(len(self.ids)))

    def contains(self, ids: IdArray) -> BoolArray:
        """Which of n ids are here."""
        if not self.count:
            return np.zeros(len(ids), np.bool_)
        found: BoolArray = self.table.find(self.ids, ids) != ABSENT
        return found

    def append(self, ids: IdArray) -> None:
        """Add n ids that are distinct and not here yet; they must fit."""
        self.put(self.count, ids)
        self.table.insert(ids, np.arange(self.count - len(ids), self.count))

    def put(self, position: int, ids: IdArray) -> None:
        """Store ids at a position without indexing them (recovery)."""
        end = position + len(ids)
        if end > len(self.ids):
            grown = np.zeros((min(self.size, _power_of_two(end)), 2), np.uint64)
            grown[: len(self.ids)] = self.ids
            self.ids = grown
            self.table = PositionTable(2 * _power_of_two(len(grown)))
            self.table.insert(grown[: self.count], np.arange(self.count))
        self.ids[position:end] = ids
        self.count = max(self.count, end)

    def reindex(self) -> None:
        """Build the table anew over all ids."""
        self.table.clear()
        self.table.insert(self.ids[: self.count], np.arange(self.count))


class DuplicateIndex:
    """The ids of one flow of one partition.

    Args:
        ids_max: how many ids are remembered at most; a multiple of `GENERATIONS` is used.

    As a checkpoint section its keys are numbers of batches: what arrived between two drains.
    """

    def __init__(self, ids_max: int) -> None:
        self._size = max(1, ids_max // GENERATIONS)
        self._generations: dict[int, _Generation] = {}
        self._next = 0
        self._drained = 0
        self._batches: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return sum(g.count for g in self._generations.values())

    @property
    def room(self) -> int:
        """How many ids fit before the next generation begins."""
        return self._size - self._next % self._size

    def fresh(self, ids: IdArray, watermarks_ms: Int64Array) -> BoolArray:
        """Which of n ids (n <= `room`), in arrival order, are seen for the first time.

        Args:
            ids: n ids.
            watermarks_ms: n watermarks, one at each event. A full generation that lies wholly below
                an event's watermark no longer speaks, so that the answer does not depend on when its
                memory was given back.
        """
        fresh = np.ones(len(ids), np.bool_)
        current = self._next // self._size
        for number, generation in self._generations.items():
            rest = np.flatnonzero(fresh)
            seen = generation.contains(at_ascending(ids, rest))
            if number != current:
                seen &= generation.newest_ms >= at_ascending(watermarks_ms, rest)
            fresh[rest] = ~seen
        candidates = np.flatnonzero(fresh)
        fresh[candidates] = ~came_before(at_ascending(ids, candidates))
        return fresh

    def add(self, ids: IdArray, times_ms: Int64Array) -> int:
        """Remember n fresh ids (n <= `room`); give back a floor for the watermark, 0 for none.

        The floor rises at the very id that fills a generation, wherever slices are cut.
        """
        if not len(ids):
            return 0
        number = self._next // self._size
        generation = self._generations.setdefault(number, _Generation(self._size))
        generation.append(ids)
        generation.newest_ms = max(generation.newest_ms, int(times_ms.max()))
        self._next += len(ids)
        return self._forget_beyond_capacity()

    def _forget_beyond_capacity(self) -> int:
        floor_ms = 0
        current = self._next // self._size
        for old in [n for n in self._generations if n <= current - GENERATIONS]:
            floor_ms = max(floor_ms, self._generations.pop(old).newest_ms + 1)
        return floor_ms

    def expire(self, watermark_ms: int) -> None:
        """Give back the memory of full generations whose events are all below the watermark."""
        current = self._next // self._size
        for number in [
            n for n, g in self._generations.items() if g.newest_ms < watermark_ms and n != current
        ]:
            del self._generations[number]

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The key of the batch that arrived since the last drain; none if nothing did."""
        if self._next == self._drained:
            return set()
        key = self._drained
        self._batches[key] = (self._drained, self._next)
        self._drained = self._next
        return {key}

    def pending_bytes(self) -> int:
        """What the ids since the last drain will take."""
        return 16 * (self._next - self._drained)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The ids of these batches that are still remembered, as runs, and the runs' new keys."""
        runs: list[tuple[int, int]] = []
        known = (self._batches.pop(key, None) for key in keys)
        for start, end in sorted(batch for batch in known if batch is not None):
            if runs and runs[-1][1] == start:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
        parts = []
        kept = set()
        for start, end, number in (piece for run in runs for piece in self._split(*run)):
            generation = self._generations.get(number)
            if generation is not None:
                base = number * self._size
                ids = generation.ids[start - base : end - base]
                parts.append(_RUN.pack(start, end - start, generation.newest_ms))
                parts.append(ids.astype("<u8").tobytes())
                self._batches[start] = (start, end)
                kept.add(start)
        return b"".join(parts), kept

    def load(self, payload: bytes) -> set[int]:
        """Restore ids from one payload; give back the keys under which it can be encoded again."""
        keys = set()
        at = 0
        while at < len(payload):
            first, count, newest_ms = _RUN.unpack_from(payload, at)
            at += _RUN.size
            ids = np.frombuffer(payload, "<u8", 2 * count, at).reshape(count, 2).astype(np.uint64)
            at += 16 * count
            for start, end, number in self._split(first, first + count):
                generation = self._generations.setdefault(number, _Generation(self._size))
                generation.put(start - number * self._size, ids[start - first : end - first])
                generation.newest_ms = max(generation.newest_ms, newest_ms)
            # Another segment may hold the same start with a longer run.
            end = max(first + count, self._batches.get(first, (0, 0))[1])
            self._batches[first] = (first, end)
            self._next = max(self._next, first + count)
            keys.add(first)
        return keys

    def recovered(self, watermark_ms: int) -> None:
        """Finish a recovery: forget what is out of the horizon and index the rest."""
        self._drained = self._next
        self._forget_beyond_capacity()
        self.expire(watermark_ms)
        for generation in self._generations.values():
            generation.reindex()

    def _split(self, start: int, end: int) -> list[tuple[int, int, int]]:
        pieces = []
        while start < end:
            number = start // self._size
            stop = min(end, (number + 1) * self._size)
            pieces.append((start, stop, number))
            start = stop
        return pieces


_RUN: Final = struct.Struct("<QIq")


def _power_of_two(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()
