"""Columns of texts that mostly nobody reads as texts: where they lie, and their digests (pure).

A worker looks pseudonyms up, counts them and compares them; it names one only in a finding, or where an
account is entered. To make a string of each costs several times what a digest does that is worked out
where the text lies, in the bytes that were fetched. So texts stay there until somebody asks for one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import polars as pl

from streams.digests import NONE, digests_of_words, text_digests
from streams.duplicates import hex_ids, parse_ids
from streams.lockstep import PADDING, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from streams.digests import UInt64Array
    from streams.duplicates import IdArray
    from streams.lockstep import Bools, Int64s, Words

_WORD_BYTES: Final = 8
LONGEST_BYTES: Final = len(PADDING) - _WORD_BYTES
"""Texts up to here are read in whole words without leaving the buffer."""
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_MASKS: Final = np.array([(1 << 8 * size) - 1 for size in range(_WORD_BYTES + 1)], np.uint64)
"""What is left of a word of which so many bytes belong to a text."""


class Texts(Protocol):
    """n texts, some of which may be null."""

    def __len__(self) -> int:
        """How many."""

    @property
    def digests(self) -> UInt64Array:
        """What `streams.digests.text_digests` gives."""

    def ids(self) -> IdArray:
        """What `streams.duplicates.parse_ids` gives; none may be null."""

    def to_list(self) -> list[str | None]:
        """All of them."""

    def octets(self) -> list[bytes]:
        """All of them as UTF-8; none may be null."""

    def take(self, rows: Int64s) -> Texts:
        """Some of them."""


class WrittenTexts:
    """Texts that are strings already.

    Args:
        column: the texts.
    """

    def __init__(self, column: pl.Series) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @cached_property
    def digests(self) -> UInt64Array:
        """See `Texts`."""
        return text_digests(self._column)

    def ids(self) -> IdArray:
        """See `Texts`."""
        return parse_ids(self._column.to_list())

    def to_list(self) -> list[str | None]:
        """See `Texts`."""
        return self._column.to_list()

    def octets(self) -> list[bytes]:
        """See `Texts`."""
        return [text.encode() for text in self._column.to_list()]

    def take(self, rows: Int64s) -> WrittenTexts:
        """See `Texts`."""
        return WrittenTexts(self._column[rows])


class TextsWithin:
    """Texts where they lie in a buffer; their bytes must be known to be sound UTF-8.

    Args:
        buffer: ends with `streams.lockstep.PADDING`.
        starts: n int64, where each begins.
        lengths: n int64, its bytes, at most `LONGEST_BYTES`.
        present: n flags, false for null; `None` if none is null.
    """

    def __init__(
        self, buffer: bytes, starts: Int64s, lengths: Int64s, present: Bools | None
    ) -> None:
        self._buffer = buffer
        self._starts, self._lengths, self._present = starts, lengths, present

    def __len__(self) -> int:
        return len(self._starts)

    @cached_property
    def digests(self) -> UInt64Array:
        """See `Texts`."""
        present, lengths = self._present, self._lengths
        if present is not None:
            digests: UInt64Array = np.full(len(lengths), NONE, np.uint64)
            some = np.flatnonzero(present)
            digests[some] = _digests(self._buffer, self._starts[some], lengths[some])
            return digests
        return _digests(self._buffer, self._starts, lengths)

    def ids(self) -> IdArray:
        """See `Texts`."""
        found = hex_ids(words_of(self._buffer), self._starts, self._lengths)
        return parse_ids([text or "" for text in self.to_list()]) if found is None else found

    def to_list(self) -> list[str | None]:
        """See `Texts`."""
        told: list[str | None] = [octets.decode() for octets in self.octets()]
        if self._present is not None:
            for row in np.flatnonzero(~self._present).tolist():
                told[row] = None
        return told

    def octets(self) -> list[bytes]:
        """See `Texts`."""
        buffer = self._buffer
        ends = self._starts + self._lengths
        places = zip(self._starts.tolist(), ends.tolist(), strict=True)
        return [buffer[start:end] for start, end in places]

    def take(self, rows: Int64s) -> TextsWithin:
        """See `Texts`."""
        present = None if self._present is None else self._present[rows]
        taken = TextsWithin(self._buffer, self._starts[rows], self._lengths[rows], present)
        if "digests" in self.__dict__:
            taken.__dict__["digests"] = self.digests[rows]
        return taken


class Labels:
    """The positions of known texts.

    Args:
        labels: distinct texts.
        other: the position of any other.
    """

    def __init__(self, labels: Sequence[str], other: int) -> None:
        digests = text_digests(pl.Series(labels, dtype=pl.String))
        order = digests.argsort()
        self._sorted = digests[order]
        self._places: Int64s = order.astype(np.int64)
        self._other = other

    def of(self, texts: Texts) -> Int64s:
        """The positions of n texts."""
        digests = texts.digests
        at = self._sorted.searchsorted(digests)
        at[at == len(self._sorted)] = 0
        places: Int64s = self._places[at]
        places[self._sorted[at] != digests] = self._other
        return places


def are_ascii(buffer: bytes, words: Words, starts: Int64s, lengths: Int64s) -> bool:
    """Whether n texts in a buffer are ASCII and short enough for `TextsWithin`."""
    if not len(lengths):
        return True
    shortest, longest = int(lengths.min()), int(lengths.max())
    if longest > LONGEST_BYTES:
        return False
    if shortest == longest:
        block = _block(buffer, starts, longest)
        return not block.size or not int(np.bitwise_or.reduce(block, axis=None) & _HIGH_BITS)
    for at in range(0, longest, _WORD_BYTES):
        mask = _MASKS[np.clip(lengths - at, 0, _WORD_BYTES)]
        if ((words[starts + at] & mask) & _HIGH_BITS).any():
            return False
    return True


def are_sound(buffer: bytes, words: Words, starts: Int64s, lengths: Int64s) -> bool:
    """Whether n texts in a buffer are UTF-8 and short enough for `TextsWithin`."""
    if are_ascii(buffer, words, starts, lengths):
        return True
    if int(lengths.max()) > LONGEST_BYTES:
        return False
    # Names with accents are few, and the same again and again.
    for octets in set(TextsWithin(buffer, starts, lengths, None).octets()):
        try:
            octets.decode()
        except UnicodeDecodeError:
            return False
    return True


def _digests(buffer: bytes, starts: Int64s, lengths: Int64s) -> UInt64Array:
    digests: UInt64Array = np.zeros(len(starts), np.uint64)
    if not len(starts):
        return digests
    counts = np.bincount(lengths)
    distinct = np.flatnonzero(counts).tolist()
    if len(distinct) == 1:
        return digests_of_words(_block(buffer, starts, distinct[0]), distinct[0])
    for length in distinct:
        rows = np.flatnonzero(lengths == length)
        digests[rows] = digests_of_words(_block(buffer, starts[rows], length), length)
    return digests


def _block(buffer: bytes, starts: Int64s, length: int) -> npt.NDArray[np.uint64]:
    """Texts of one length as n rows of words, zeros behind them."""
    width = -(-length // _WORD_BYTES)
    if not width:
        return np.zeros((len(starts), 0), np.uint64)
    size = width * _WORD_BYTES
    # Each place of the buffer as the start of an item, so that one copy takes a whole text.
    items: npt.NDArray[Any] = np.ndarray(
        (len(buffer) - size + 1,), f"V{size}", buffer, strides=(1,)
    )
    block: npt.NDArray[np.uint64] = items[starts].view("<u8").reshape(len(starts), width)
    if length < size:
        block[:, -1] &= _MASKS[length % _WORD_BYTES]
    return block
