"""Rows of mostly zeros as bytes: of each row only what is not zero (pure)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD: Final = struct.Struct("<qH")
"""Of a row: its key, and how many of its values are not zero."""


def packed_rows(
    keys: Sequence[int], rows: Sequence[npt.NDArray[Any]] | npt.NDArray[Any], place: str, value: str
) -> list[bytes]:
    """Each row by itself: its head, the places of what is not zero, then the values there.

    Args:
        keys: n numbers that name the rows.
        rows: n rows of one width and type.
        place: little-endian type in which places are written.
        value: likewise of values.
    """
    if not len(keys):
        return []
    table = rows if isinstance(rows, np.ndarray) else np.concatenate(rows)
    # Of all rows at once: a day has 1,440 minutes, each with a few dozen counts.
    flat = table.reshape(-1)
    width = flat.size // len(keys)
    filled = np.flatnonzero(flat != 0)
    row = filled // width
    places = (filled - row * width).astype(place).tobytes()
    values = flat[filled].astype(value).tobytes()
    place_bytes, value_bytes = np.dtype(place).itemsize, np.dtype(value).itemsize
    packed = []
    at = 0
    for key, length in zip(keys, np.bincount(row, minlength=len(keys)).tolist(), strict=True):
        end = at + length
        packed.append(
            HEAD.pack(key, length)
            + places[at * place_bytes : end * place_bytes]
            + values[at * value_bytes : end * value_bytes]
        )
        at = end
    return packed
