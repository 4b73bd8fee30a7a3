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
    keys: Sequence[int],
    rows: Sequence[npt.NDArray[Any]] | npt.NDArray[Any],
    place: str,
    value: str,
    *,
    head: struct.Struct = HEAD,
) -> list[bytes]:
    """Each row by itself: its head, the places of what is not zero, then the values there.

    Args:
        keys: n numbers that name the rows.
        rows: n rows of one width and type.
        place: little-endian type in which places are written.
        value: likewise of values.
        head: packs a row's key and how many of its values are not zero.
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
            head.pack(key, length)
            + places[at * place_bytes : end * place_bytes]
            + values[at * value_bytes : end * value_bytes]
        )
        at = end
    return packed


def unpacked_rows(
    payload: bytes, width: int, place: str, value: str, *, most: int | None = None
) -> dict[int, npt.NDArray[Any]] | None:
    """What `packed_rows` made of rows of this width, by their keys; a later row replaces an earlier.

    Args:
        payload: the rows, one after the other.
        width: of each.
        place: as it was given to `packed_rows`.
        value: likewise.
        most: the greatest value that there can be.

    Returns:
        `None` for a row that is cut short, has a place beyond its width or a value beyond `most`.
    """
    place_bytes, value_bytes = np.dtype(place).itemsize, np.dtype(value).itemsize
    keys, starts, lengths = [], [], []
    at, end = 0, len(payload)
    while at < end:
        if at + HEAD.size > end:
            return None
        key, length = HEAD.unpack_from(payload, at)
        at += HEAD.size
        keys.append(key)
        starts.append(at)
        lengths.append(length)
        at += length * (place_bytes + value_bytes)
    if at > end:
        return None
    table = np.zeros((len(keys), width), value)
    first, count = np.array(starts, np.int64), np.array(lengths, np.int64)
    row = np.repeat(np.arange(len(keys)), count)
    if len(row):
        rank = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        places = _at(payload, place, first[row] + rank * place_bytes)
        if int(places.max()) >= width:
            return None
        first += count * place_bytes
        values = _at(payload, value, first[row] + rank * value_bytes)
        if most is not None and int(values.max()) > most:
            return None
        table[row, places] = values
    return dict(zip(keys, table, strict=True))


def _at(payload: bytes, kind: str, starts: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The numbers of a kind that begin at these bytes."""
    size = len(payload) - np.dtype(kind).itemsize + 1
    return np.ndarray((size,), kind, payload, strides=(1,))[starts]
