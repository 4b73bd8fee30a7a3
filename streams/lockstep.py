"""The fields of many Avro records, read in lockstep (pure).

Every record keeps its own position, and one field of all records is read at a time with a handful of
numpy operations. So a poisoned record disturbs nobody: it is flagged and its neighbours go on. Only
the shortest form of a value is taken, and only in range; whatever else flags the record. A flagged
record goes on being read from where it stands, since leaving it out would cost the others more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from streams.layout import Column, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

MAX_FIELDS: Final = 256
"""The widest layout that is read in lockstep."""

_WORD_BYTES: Final = 8
PADDING: Final = bytes(2 * MAX_FIELDS + 2 * _WORD_BYTES)
"""What stands behind the last value of a buffer. A flagged record goes on being read from where it
stands: in these zeros a field moves it by a branch and one byte, the varint that led here by a word, and
a read takes a word. So no read ever leaves the buffer."""
_CONTINUES: Final = 0x80
_STOP_BITS: Final = np.uint64(0x8080808080808080)
_SEVENS: Final = tuple(
    (np.uint64(low), np.uint64(high), np.uint64(shift))
    for low, high, shift in (
        (0x007F007F007F007F, 0x7F007F007F007F00, 1),
        (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
        (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
    )
)
_ONE: Final = np.uint64(1)
_INT_LIMIT: Final = 2**31


class Joined:
    """The values of one slice, end to end in one buffer, so that all can be read at once.

    Args:
        values: n values; `None` stands as no bytes.

    Attributes:
        starts: n int64, where each value begins.
        ends: n int64, where it ends.
        buffer: ends with `PADDING`.
    """

    def __init__(self, values: Sequence[bytes | None]) -> None:
        whole = [value or b"" for value in values]
        sizes = np.fromiter(map(len, whole), np.int64, len(whole))
        ends = np.cumsum(sizes)
        self._lie(b"".join((*whole, PADDING)), ends - sizes, ends)
        self._values = whole

    def _lie(self, buffer: bytes, starts: Int64s, ends: Int64s) -> None:
        self.starts, self.ends = starts, ends
        self.buffer = buffer
        self.octets = np.frombuffer(buffer, np.uint8)
        self.words = words_of(buffer)

    def __len__(self) -> int:
        return len(self.starts)

    def value(self, row: int) -> bytes:
        """One value; empty for `None`."""
        return self.buffer[int(self.starts[row]) : int(self.ends[row])]

    @cached_property
    def records(self) -> pl.Series:
        """The values as one binary column."""
        return pl.Series(self._each(), dtype=pl.Binary)

    def _each(self) -> list[bytes]:
        return self._values

    def starting_with(self, header: bytes) -> Bools:
        """Which values begin with a header of two bytes and a word."""
        start = int.from_bytes(header[:2], "little")
        word = np.uint64(int.from_bytes(header[2:], "little"))
        found: Bools = (
            (self.octets[self.starts] == start & 0xFF)
            & (self.octets[self.starts + 1] == start >> 8)
            & (self.words[self.starts + 2] == word)
            & (self.ends - self.starts >= len(header))
        )
        return found


class Within(Joined):
    """Values that lie in a buffer already, in order and without overlapping.

    Args:
        buffer: ends with `PADDING`.
        starts: n int64, where each value begins.
        ends: n int64, where it ends.
    """

    def __init__(self, buffer: bytes, starts: Int64s, ends: Int64s) -> None:
        self._lie(buffer, starts, ends)

    def _each(self) -> list[bytes]:
        places = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return [self.buffer[start:end] for start, end in places]


@dataclass(slots=True)
class Scanned:
    """One field of n records.

    Attributes:
        values: n int64: numbers, enum codes, 0 or 1 for booleans, positions of texts in the buffer.
        lengths: n int64 text lengths in bytes; `None` for other kinds.
        present: n flags, false where null; `None` if none is null.
    """

    values: Int64s
    lengths: Int64s | None
    present: Bools | None


class Lockstep:
    """Records under way from their first field to their last.

    Args:
        joined: the slice.
        rows: n ascending indices of the records to read.
        body_at: bytes of framing before each body.

    Attributes:
        starts: n int64, where each record begins, framing included.
        bad: n flags that grow while the fields are read.
    """

    def __init__(self, joined: Joined, rows: Int64s, body_at: int) -> None:
        self.starts: Int64s = joined.starts[rows]
        self.bad: Bools = np.zeros(len(rows), np.bool_)
        self._octets = joined.octets
        self._words = joined.words
        self._ends: Int64s = joined.ends[rows]
        self._at: Int64s = self.starts + body_at

    def read(self, column: Column) -> Scanned:
        """Read the next field of every record."""
        if column.null_branch is None:
            return self._read_all(column)
        branch = self._octets[self._at]
        null_octet = column.null_branch << 1
        present: Bools = branch == (2 - null_octet)
        self.bad |= ~present & (branch != null_octet)
        self._at = self._at + 1
        some = np.flatnonzero(present)
        if len(some) == len(present):
            return self._read_all(column)
        scanned = Scanned(np.zeros(len(present), np.int64), None, present)
        if column.kind is Kind.STRING:
            scanned.lengths = np.zeros(len(present), np.int64)
            scanned.values[:] = self.starts
        if len(some):
            part, self._at[some], bad = self._value(column, self._at[some], self._ends[some])
            self.bad[some] |= bad
            scanned.values[some] = part.values
            if scanned.lengths is not None and part.lengths is not None:
                scanned.lengths[some] = part.lengths
        return scanned

    def finish(self) -> None:
        """Flag every record whose last field does not end where the record ends."""
        self.bad |= self._at != self._ends

    def _read_all(self, column: Column) -> Scanned:
        scanned, self._at, bad = self._value(column, self._at, self._ends)
        self.bad |= bad
        return scanned

    def _value(self, column: Column, at: Int64s, ends: Int64s) -> tuple[Scanned, Int64s, Bools]:
        """Read one value, not null, of every record at `at`, which ends at `ends`."""
        if column.kind is Kind.BOOLEAN:
            octets = self._octets[at]
            return Scanned(octets.astype(np.int64), None, None), at + 1, octets > 1
        values, at, bad = self._varints(at)
        match column.kind:
            case Kind.STRING:
                bad |= (values < 0) | (values > ends - at)
                if bad.any():
                    values[bad] = 0
                return Scanned(at, values, None), at + values, bad
            case Kind.ENUM:
                bad |= (values < 0) | (values >= len(column.symbols))
            case Kind.INT:
                bad |= (values < -_INT_LIMIT) | (values >= _INT_LIMIT)
            case Kind.LONG:
                pass
        return Scanned(values, None, None), at, bad

    def _varints(self, at: Int64s) -> tuple[Int64s, Int64s, Bools]:
        """Read one zigzag varint per record.

        Returns:
            The values, the positions behind them, and which are not in their shortest form or longer
            than a word; those are left to the strict reader.
        """
        return read_varints(self._octets, self._words, at)


def words_of(buffer: bytes) -> Words:
    """The word that begins at each byte of a buffer of at least one."""
    size = len(buffer) - _WORD_BYTES + 1
    return np.ndarray((size,), np.dtype("<u8"), buffer, strides=(1,))


def read_varints(octets: Octets, words: Words, at: Int64s) -> tuple[Int64s, Int64s, Bools]:
    """Read one zigzag varint at each of n places of a buffer, as `Lockstep` does.

    Args:
        octets: the buffer.
        words: `words_of` it.
        at: the places.
    """
    first = octets[at]
    if first.max(initial=0) < _CONTINUES:
        # In bytes, of which a processor takes many at once.
        short = first.view(np.int8)
        values = ((short >> 1) ^ -(short & 1)).astype(np.int64)
        return values, at + 1, np.zeros(len(at), np.bool_)
    word = words[at]
    stops = ~word & _STOP_BITS
    upto_stop = ((stops & (~stops + _ONE)) << _ONE) - _ONE
    sizes = np.bitwise_count(upto_stop).astype(np.int64) >> 3
    bits = word & upto_stop & ~_STOP_BITS
    for low, high, shift in _SEVENS:
        bits = (bits & low) | ((bits & high) >> shift)
    top_seven = bits >> (7 * (sizes - 1)).astype(np.uint64)
    bad: Bools = (stops == 0) | ((top_seven == 0) & (sizes > 1))
    return _unzigzag(bits.view(np.int64)), at + sizes, bad


def _unzigzag(unsigned: Int64s) -> Int64s:
    return (unsigned >> 1) ^ -(unsigned & 1)
