"""Pseudonyms and event identifiers: deterministic, vectorised, as fixed-width ASCII (pure).

A pseudonym stands for what a collector's keyed hash would give: a prefix for the kind and 22 url-safe
characters (132 bits). Here the bits come from mixing (seed, kind, number), so an entity keeps its
pseudonym in every run with the same seed and nothing has to be stored.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

ByteMatrix = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]
UInt64Array = npt.NDArray[np.uint64]

STRUCTURE: Final = "st_"
ACCOUNT: Final = "ac_"
PATIENT: Final = "pa_"
BOX: Final = "bx_"
PRESCRIPTION: Final = "rx_"
SESSION: Final = "se_"
NETWORK: Final = "ne_"
CLIENT: Final = "cl_"

PSEUDONYM_BYTES: Final = 25
EVENT_ID_BYTES: Final = 36

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LETTERS = np.frombuffer(_ALPHABET, np.uint8)
# Two characters at a time: 12 bits -> one little-endian 16-bit word whose bytes are the characters.
_PAIRS: Final = (
    np.stack([np.repeat(_LETTERS, 64), np.tile(_LETTERS, 64)], axis=1).copy().view("<u2").ravel()
)
_HEX_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_HEX_PAIRS: Final = (
    np.stack([np.repeat(_HEX_DIGITS, 16), np.tile(_HEX_DIGITS, 16)], axis=1)
    .copy()
    .view("<u2")
    .ravel()
)
_GOLDEN: Final = 0x9E3779B97F4A7C15
_WORD: Final = 0xFFFF_FFFF_FFFF_FFFF


def mix(values: npt.NDArray[np.integer], salt: int) -> UInt64Array:
    """Scatter integers over 64 bits: the finaliser of SplitMix64 (Steele et al., OOPSLA 2014).

    Args:
        values: n integers.
        salt: separates uses; different salts give unrelated results.
    """
    state = values.astype(np.uint64)
    state += np.uint64((salt * _GOLDEN + 0x5851F42D4C957F2D) & _WORD)
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state


def uniform(values: npt.NDArray[np.integer], salt: int) -> npt.NDArray[np.float64]:
    """One number in [0, 1) per integer, always the same for the same integer and salt."""
    bits = mix(values, salt) >> np.uint64(11)
    return bits.astype(np.float64) * (1.0 / (1 << 53))


def salt_of(seed: int, name: str) -> int:
    """A 64-bit salt for a named use under a seed."""
    salt = seed & _WORD
    for byte in name.encode():
        salt = ((salt ^ byte) * 0x100000001B3 + _GOLDEN) & _WORD
    return salt


def pseudonyms(seed: int, kind: str, numbers: Int64Array) -> ByteMatrix:
    """ASCII pseudonyms of n entities of one kind, shape (n, 25)."""
    salt = salt_of(seed, kind)
    words = [mix(numbers, salt + n) for n in range(3)]
    pairs = np.empty((len(numbers), 11), "<u2")
    for column in range(11):
        word, shift = words[column // 5], 12 * (column % 5)
        pairs[:, column] = _PAIRS[(word >> np.uint64(shift)).astype(np.int64) & 0xFFF]
    text = np.empty((len(numbers), PSEUDONYM_BYTES), np.uint8)
    text[:, :3] = np.frombuffer(kind.encode(), np.uint8)
    text[:, 3:] = pairs.view(np.uint8)
    return text


def pseudonym(seed: int, kind: str, number: int) -> str:
    """The pseudonym of one entity as text."""
    return bytes(pseudonyms(seed, kind, np.array([number], np.int64))[0]).decode()


def event_ids(high: UInt64Array, low: UInt64Array) -> ByteMatrix:
    """UUID texts (version 8: bits of our own making, RFC 9562) from n pairs of words, shape (n, 36)."""
    raw = np.empty((len(high), 2), "<u8")
    raw[:, 0], raw[:, 1] = high, low
    octets = raw.view(np.uint8)
    octets[:, 6] = octets[:, 6] & 0x0F | 0x80
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    digits = _HEX_PAIRS[octets].view(np.uint8).reshape(len(high), 32)
    text = np.full((len(high), EVENT_ID_BYTES), ord("-"), np.uint8)
    for target, source, width in ((0, 0, 8), (9, 8, 4), (14, 12, 4), (19, 16, 4), (24, 20, 12)):
        text[:, target : target + width] = digits[:, source : source + width]
    return text
