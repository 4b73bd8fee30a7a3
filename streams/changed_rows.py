"""Which rows of a growing table changed since the last checkpoint (pure).

For sections whose state is one array of rows: each row carries the number of the batch in which it
last changed, and batches are the section's keys. So a key costs nothing until it is asked for, a row
stands in one batch only, and merging batches drops what has changed since.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

RowArray = npt.NDArray[np.integer[Any]]


class ChangedRows:
    """The batch of each row's last change; four bytes a row."""

    __slots__ = ("_batch", "_current", "_pending")

    def __init__(self) -> None:
        self._batch: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._current = 1
        self._pending = 0

    @property
    def pending(self) -> int:
        """About how many rows changed since the last drain; a row counts as often as it changed."""
        return self._pending

    @property
    def size_bytes(self) -> int:
        """Memory in use."""
        return self._batch.nbytes

    def reshape(self, rows: RowArray, capacity: int) -> None:
        """Keep the given rows, in this order, at the start of a table of `capacity` rows."""
        batch = np.zeros(capacity, np.int32)
        batch[: len(rows)] = self._batch[rows]
        self._batch = batch

    def touch(self, rows: RowArray) -> None:
        """Note that these rows changed or are new."""
        self._batch[rows] = self._current
        self._pending += len(rows)

    def drain(self) -> set[int]:
        """The key of what changed since the last drain; none if nothing did."""
        if not self._pending:
            return set()
        self._pending = 0
        self._current += 1
        return {self._current - 1}

    def rows_of(self, keys: set[int], count: int) -> npt.NDArray[np.int64]:
        """Which of the first `count` rows last changed in these batches."""
        batch = self._batch[:count]
        if len(keys) == 1:
            return np.flatnonzero(batch == next(iter(keys)))
        return np.flatnonzero(np.isin(batch, np.fromiter(keys, np.int32, len(keys))))

    def merge(self, keys: set[int], rows: RowArray) -> set[int]:
        """Put the rows that are left of these batches under one key; none if no row is left."""
        if not len(rows):
            return set()
        key = max(keys)
        self._batch[rows] = key
        return {key}

    def loaded(self, rows: RowArray) -> set[int]:
        """Give rows that were restored together a key of their own."""
        key = self._current
        self._batch[rows] = key
        self._current += 1
        return {key}
