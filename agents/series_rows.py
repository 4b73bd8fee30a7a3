"""State per flow series: a fixed table of records whose fields lie in columns (pure).

Every minute walks over all series field by field, some hundred times. In records each step would
gather a few bytes out of every kilobyte; in columns a field's numbers lie side by side. A checkpoint
holds the same records either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agents.account_rows import AccountRows

if TYPE_CHECKING:
    from collections.abc import ItemsView

    from agents.account_rows import RecordArray
    from streams.event_time import Int64Array


class Columns:
    """Fields by name, each in one piece; what is assigned is copied in.

    Args:
        table: the records whose values they begin with.
    """

    __slots__ = ("_fields",)

    def __init__(self, table: RecordArray) -> None:
        self._fields = {name: _column(table[name]) for name in table.dtype.names or ()}

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """A field's present values, shape (series, *of the field)."""
        return self._fields[name]

    def __setitem__(self, name: str, values: npt.ArrayLike) -> None:
        """Give every series a new value."""
        own = self._fields[name]
        if own is not values:  # as after `columns[name] += 1`
            own[...] = values

    def items(self) -> ItemsView[str, npt.NDArray[Any]]:
        """Names and fields."""
        return self._fields.items()


class SeriesRows(AccountRows):
    """One record per series; a section of the checkpoint whose keys are the series.

    Args:
        kind: a name for error texts.
        version: of the record's meaning; state of another version is refused.
        record: the fields, in little-endian types.
        blank: the values of a series that was never seen.
        series: how many there are.

    Attributes:
        columns: the present values; `table` holds those of the last checkpoint.
    """

    def __init__(
        self,
        kind: str,
        version: int,
        record: np.dtype[np.void],
        blank: dict[str, Any],
        series: int,
    ) -> None:
        super().__init__(kind, version, record, blank)
        self.reserve(series)
        self._every = np.arange(series)
        self.columns = Columns(self.table[:series])

    def touch_all(self) -> None:
        """Note that every series' values change before the next flush."""
        self.touch(self._every)

    def clear(self, series: Int64Array) -> None:
        """Let some series begin anew."""
        for name, column in self.columns.items():
            column[series] = self.blank[name]
        self.touch(series)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present records of these series."""
        for name, column in self.columns.items():
            self.table[name][: len(column)] = column
        return super().encode(keys)

    def load(self, payload: bytes) -> set[int]:
        """Restore series; a later payload's record replaces an earlier one's.

        Raises:
            StateError: written by another version, or cut short.
        """
        loaded = super().load(payload)
        for name, column in self.columns.items():
            column[...] = self.table[name][: len(column)]
        return loaded


def _column(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values with those of one place within the field side by side."""
    turned: npt.NDArray[Any] = np.ascontiguousarray(np.moveaxis(values, 0, -1))
    return np.moveaxis(turned, -1, 0)
