"""Rows of structured arrays, moved as the bytes that they are (pure).

numpy copies a structured row field by field: 70 ns for a row of seventeen fields, where the bytes of the
row take three. What moves whole rows goes through here; what reads a field (`rows["due_ms"]`) need not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

PackedRows = npt.NDArray[np.void]
"""Shape (n,), of a structured type without Python objects."""


def rows_at(rows: PackedRows, places: npt.NDArray[np.integer[Any]]) -> PackedRows:
    """The rows at m places, copied: `rows[places]` for positions from 0.

    Raises:
        IndexError: a place is outside of the rows.
    """
    taken: PackedRows = _plain(rows).take(places).view(rows.dtype)
    return taken


def set_rows_at(rows: PackedRows, places: npt.NDArray[np.integer[Any]], values: PackedRows) -> None:
    """Write m rows of the same type at m places: `rows[places] = values`."""
    _plain(rows)[places] = _plain(values)


def joined_rows(parts: Sequence[PackedRows], kind: np.dtype[np.void]) -> PackedRows:
    """One array of all parts' rows, in their order; of no parts, an empty one of this type."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return np.zeros(0, kind)
    joined: PackedRows = np.concatenate([_plain(part) for part in parts]).view(kind)
    return joined


def _plain(rows: PackedRows) -> PackedRows:
    """The same memory as rows of bytes without fields."""
    plain: PackedRows = rows.view(f"V{rows.dtype.itemsize}")
    return plain
