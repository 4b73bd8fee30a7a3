"""Which rows of a growing table changed since the last checkpoint (pure).

Two ways, for sections whose state is one array of rows. With `ChangedRows` each row carries the number
of the batch in which it last changed, and batches are the section's keys: a key costs nothing until it
is asked for, a row stands in one batch only, and merging batches drops what has changed since. With
`ChangedFlags` the rows themselves are the keys, as long as they are few.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

RowArray = npt.NDArray[np.integer[Any]]

_FIRST_FLAGS: Final = 64


class ChangedFlags:
    """A flag per changed row, for sections whose keys are the rows themselves; one byte a row."""

    __slots__ = ("_flags",)

    def __init__(self) -> None:
        self._flags: npt.NDArray[np.bool_] = np.zeros(_FIRST_FLAGS, np.bool_)

    @property
    def pending(self) -> int:
        """How many rows changed since the last drain."""
        return int(np.count_nonzero(self._flags))

    @property
    def size_bytes(self) -> int:
        """Memory in use."""
        return self._flags.nbytes

    def touch(self, rows: RowArray) -> None:
        """Note that these rows changed or are new."""
        if rows.size:
            needed = int(rows.max()) + 1
            if needed > len(self._flags):
                grown = np.zeros(max(needed, 2 * len(self._flags)), np.bool_)
                grown[: len(self._flags)] = self._flags
                self._flags = grown
            self._flags[rows] = True

    def drain(self) -> set[int]:
        """The rows that changed since the last drain."""
        changed = np.flatnonzero(self._flags)
        self._flags[changed] = False
        return set(changed.tolist())


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
