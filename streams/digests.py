"""Pseudonyms as 64-bit numbers: what state keeps instead of text (pure).

The digest is a function of the text's bytes alone, the same in every process and for ever, since state
is written with it. It is not cryptographic: pseudonyms are keyed hashes already, so nobody who acts
can choose them, and two of them meet in 64 bits by chance only. Among n live digests a new one is
mistaken for another with probability n / 2^64: with a million of them, once in 18 million million
look-ups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

UInt64Array = npt.NDArray[np.uint64]

NONE: Final = 0
"""Stands for a null; no text has it."""
EMPTY: Final = 1
"""Of the text without characters."""

_WORD_BYTES: Final = 8
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_STEP: Final = 0x9E3779B97F4A7C15
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


def text_digests(texts: pl.Series) -> UInt64Array:
    """Digests of n texts; `NONE` for nulls."""
    # Plain lists, because every query to polars costs 0.1 ms, whatever the number of its rows.
    if not texts.null_count():
        return _of_texts(texts.to_list())
    told: list[str | None] = texts.to_list()
    present = [place for place, text in enumerate(told) if text is not None]
    digests = np.full(len(told), NONE, np.uint64)
    digests[present] = _of_texts([text for text in told if text is not None])
    return digests


def _of_texts(texts: list[str]) -> UInt64Array:
    joined = "".join(texts)
    octets = np.frombuffer(joined.encode(), np.uint8)
    sizes = texts if joined.isascii() else [text.encode() for text in texts]
    distinct = set(map(len, sizes))
    digests = np.zeros(len(texts), np.uint64)
    if len(distinct) == 1:
        digests = _of_length(octets.reshape(len(texts), distinct.pop()))
    else:
        lengths = np.fromiter(map(len, sizes), np.int64, len(texts))
        starts = np.cumsum(lengths) - lengths
        for length in distinct:
            rows = np.flatnonzero(lengths == length)
            own = octets[starts[rows, np.newaxis] + np.arange(length)]
            digests[rows] = _of_length(own)
    digests[digests == NONE] = 1
    return digests


def pair_digests(left: UInt64Array, right: UInt64Array) -> UInt64Array:
    """Digests of n ordered pairs; `NONE` where either is."""
    digests = _mixed(left + np.uint64(_STEP)) ^ right
    digests = _mixed(digests)
    digests[digests == NONE] = 1
    digests[(left == NONE) | (right == NONE)] = NONE
    return digests


def _of_length(octets: npt.NDArray[np.uint8]) -> UInt64Array:
    """Digests of n texts of one length, shape (n, length)."""
    n, length = octets.shape
    width = -(-length // _WORD_BYTES)
    padded = octets
    if length != width * _WORD_BYTES:
        padded = np.zeros((n, width * _WORD_BYTES), np.uint8)
        padded[:, :length] = octets
    return _of_words(padded.view("<u8").reshape(n, width), length)


def digests_of_words(words: npt.NDArray[np.uint64], length: int) -> UInt64Array:
    """Digests of n texts of one length, given as little-endian words with zeros behind the text.

    Args:
        words: shape (n, as many as hold `length` bytes).
        length: of each text, in bytes.
    """
    digests = _of_words(words, length)
    digests[digests == NONE] = 1
    return digests


def _of_words(words: npt.NDArray[np.uint64], length: int) -> UInt64Array:
    digests: UInt64Array = np.full(len(words), length * _STEP & _MASK, np.uint64)
    for column in range(words.shape[1]):
        digests = _mixed(digests ^ words[:, column])
    return digests


def _mixed(values: UInt64Array) -> UInt64Array:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a bijection."""
    # In place, since fresh arrays cost more than the arithmetic.
    state: UInt64Array = values >> np.uint64(30)
    state ^= values
    state *= _FIRST
    shifted = state >> np.uint64(27)
    state ^= shifted
    state *= _SECOND
    state ^= np.right_shift(state, np.uint64(31), out=shifted)
    return state
