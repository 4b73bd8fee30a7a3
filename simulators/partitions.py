"""Which partition a key belongs to, as Kafka's own clients decide it (pure).

The Java client takes MurmurHash2 (Austin Appleby, public domain) of the key with a seed of its own,
without the sign bit, modulo the number of partitions; every client that is to agree with it does so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

Int64Array = npt.NDArray[np.int64]

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = np.uint32(0x5BD1E995)
_SIGN: Final = np.uint32(0x7FFFFFFF)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of one key."""
    return int(_murmur2(np.frombuffer(key, np.uint8)[None, :])[0] & _SIGN) % partitions


def partitions_of(keys: pl.Series | Sequence[str], partitions: int) -> Int64Array:
    """The partition of each of n text keys, shape (n,); each distinct key is hashed once."""
    column = keys if isinstance(keys, pl.Series) else pl.Series(keys, dtype=pl.String)
    distinct = column.unique()
    lengths = distinct.str.len_bytes().to_numpy()
    found = np.zeros(len(distinct), np.int64)
    for length in np.unique(lengths).tolist():
        same = np.flatnonzero(lengths == length)
        text = "".join(distinct[same].to_list()).encode()
        octets = np.frombuffer(text, np.uint8).reshape(len(same), length)
        found[same] = (_murmur2(octets) & _SIGN).astype(np.int64) % partitions
    where = column.replace_strict(distinct, pl.Series(found), return_dtype=pl.Int64)
    return where.to_numpy()


def _murmur2(octets: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """MurmurHash2 of n keys of one length, from shape (n, length)."""
    count, length = octets.shape
    state = np.full(count, _SEED ^ length, np.uint32)
    whole = length // 4
    words = np.ascontiguousarray(octets[:, : 4 * whole]).view("<u4").astype(np.uint32)
    with np.errstate(over="ignore"):
        for place in range(whole):
            word = words[:, place] * _MULTIPLIER
            word ^= word >> np.uint32(24)
            state = state * _MULTIPLIER ^ word * _MULTIPLIER
        rest = octets[:, 4 * whole :].astype(np.uint32)
        if rest.shape[1]:
            for place in range(rest.shape[1]):
                state ^= rest[:, place] << np.uint32(8 * place)
            state = state * _MULTIPLIER
        state ^= state >> np.uint32(13)
        state = state * _MULTIPLIER
        state ^= state >> np.uint32(15)
    return state
