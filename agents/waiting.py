"""Events that wait for the joint watermark (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from streams.errors import StateError
from streams.packed_rows import joined_rows, rows_at

if TYPE_CHECKING:
    from streams.event_time import Int64Array

DueRows = npt.NDArray[np.void]
"""A structured array with the fields of `DUE_FIELDS`, and any others."""

DUE_FIELDS: Final = [("due_ms", "<i8"), ("number", "<i8")]
"""When a row is due, and its number, which `Waiting` gives it."""

_PUT_TOGETHER: Final = 64
"""Batches that came since the last drain before they are put together."""


@dataclass(slots=True)
class _Batch:
    """Rows that came together, in order of their due times; those before `start` have left.

    Attributes:
        key: of the checkpoint's segment that they stand in, or will stand in.
        rows: the rows.
        due: their due times, apart from them because they are searched at every slice.
        start: the first that still waits.
    """

    key: int
    rows: DueRows
    due: Int64Array
    start: int = 0

    def leave(self, before_ms: int) -> slice:
        """Which rows are due before `before_ms`; they leave."""
        if self.due[self.start] >= before_ms:
            return slice(0, 0)
        end = int(np.searchsorted(self.due, before_ms))
        start, self.start = self.start, end
        return slice(start, end)


class Waiting:
    """Rows that are kept until the joint watermark passes their due time.

    Args:
        kind: the rows' type, little-endian, with the fields of `DUE_FIELDS`; state is written in it, so
            changing it needs a new format.

    Rows mostly come in order of their due times, a flow's slice at a time; so each batch stays as it
    came and is eaten up from its beginning, and neither waiting nor leaving moves a row.

    A checkpoint holds a row as long as its segment, and nothing says there that it left: whoever
    recovers knows the watermark, and what was due before it has left (`recovered`).
    """

    def __init__(self, kind: np.dtype[np.void]) -> None:
        self._kind = kind
        self._batches: list[_Batch] = []
        self._count = 0
        self._next_number = 0
        self._current = 1
        self._pending = 0
        self._apart = 0

    def __len__(self) -> int:
        return self._count

    @property
    def due_ms(self) -> Int64Array:
        """The due times of all that wait, batch by batch as they came."""
        none = np.zeros(0, np.int64)
        return np.concatenate([none, *(one.due[one.start :] for one in self._batches)])

    def add(self, rows: DueRows) -> None:
        """Let n rows wait; their numbers are given here. The array is kept, and must not change."""
        rows["number"] = np.arange(self._next_number, self._next_number + len(rows))
        self._next_number += len(rows)
        self._pending += len(rows)
        self._append(self._current, rows)
        self._apart += 1
        if self._apart > _PUT_TOGETHER:
            self._put_together({self._current})
            self._apart = 0

    def due_before(self, before_ms: int) -> int:
        """How many rows are due before a time."""
        found = 0
        for one in self._batches:
            if one.due[one.start] < before_ms:
                found += int(np.searchsorted(one.due, before_ms)) - one.start
        return found

    def release(self, before_ms: int) -> DueRows:
        """Give back the rows that are due before `before_ms`, batch by batch as they came."""
        taken = []
        for one in self._batches:
            leaving = one.leave(before_ms)
            if leaving.stop:
                taken.append(one.rows[leaving])
        self._count -= sum(map(len, taken))
        self._batches = [one for one in self._batches if one.start < len(one.due)]
        return joined_rows(taken, self._kind)

    def _append(self, key: int, rows: DueRows) -> None:
        if not len(rows):
            return
        due = np.ascontiguousarray(rows["due_ms"])
        if (due[1:] < due[:-1]).any():
            order = np.argsort(due, kind="stable")
            rows, due = rows_at(rows, order), due[order]
        self._batches.append(_Batch(key, rows, due))
        self._count += len(rows)

    def _put_together(self, keys: set[int]) -> DueRows:
        """Make one batch of all that have these keys, under the newest of them; give back its rows."""
        own = [one for one in self._batches if one.key in keys]
        rows = joined_rows([one.rows[one.start :] for one in own], self._kind)
        self._batches = [one for one in self._batches if one.key not in keys]
        self._count -= len(rows)
        self._append(max(keys), rows)
        return rows

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The key of what came since the last drain."""
        if not self._pending:
            return set()
        self._pending = self._apart = 0
        self._current += 1
        return {self._current - 1}

    def pending_bytes(self) -> int:
        """What came since the last drain, as if all of it still waited."""
        return self._kind.itemsize * self._pending

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The rows of these batches that still wait."""
        rows = self._put_together(keys)
        return rows.tobytes(), {max(keys)} if len(rows) else set()

    def load(self, payload: bytes) -> set[int]:
        """Let the rows of a payload wait again.

        Raises:
            StateError: the payload does not hold whole rows.
        """
        if len(payload) % self._kind.itemsize:
            raise StateError("changelog: waiting events of another form")
        rows: DueRows = np.frombuffer(payload, self._kind)
        if len(rows):
            self._next_number = max(self._next_number, int(rows["number"].max()) + 1)
        key = self._current
        self._current += 1
        self._append(key, rows)
        return {key}

    def recovered(self, before_ms: int) -> None:
        """Finish a recovery: drop what had left before the checkpoint, and second copies.

        A segment and the one that it was merged into may both be there.
        """
        self.release(before_ms)
        seen = np.zeros(0, np.int64)
        batches, self._batches, self._count = self._batches, [], 0
        for one in batches:
            rows = one.rows[one.start :]
            numbers = rows["number"]
            _, first = np.unique(numbers, return_index=True)
            first.sort()
            first = first[~np.isin(numbers[first], seen)]
            seen = np.concatenate([seen, numbers[first]])
            self._append(one.key, rows_at(rows, first))


def earliest(waiting: tuple[Waiting, ...], surplus: int) -> int:
    """The due time of the last of the `surplus` rows (> 0) that are due first among all that wait."""
    due = np.concatenate([one.due_ms for one in waiting])
    return int(np.partition(due, surplus - 1)[surplus - 1])
