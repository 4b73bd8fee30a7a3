"""Events that wait for the joint watermark (pure)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.changed_rows import ChangedRows
from streams.errors import StateError

DueRows = npt.NDArray[np.void]
"""A structured array with the fields of `DUE_FIELDS`, and any others."""

DUE_FIELDS: Final = [("due_ms", "<i8"), ("number", "<i8")]
"""When a row is due, and its number, which `Waiting` gives it."""

_FIRST_CAPACITY: Final = 1024
_GONE: Final = np.iinfo(np.int64).max


class Waiting:
    """Rows that are kept until the joint watermark passes their due time.

    Args:
        kind: the rows' type, little-endian, with the fields of `DUE_FIELDS`; state is written in it, so
            changing it needs a new format.

    A checkpoint holds a row as long as its segment, and nothing says there that it left: whoever
    recovers knows the watermark, and what was due before it has left (`recovered`).
    """

    def __init__(self, kind: np.dtype[np.void]) -> None:
        self._kind = kind
        self._rows: DueRows = np.zeros(_FIRST_CAPACITY, kind)
        # Apart from the rows because it is searched at every slice; `_GONE` for those that left.
        self._due: npt.NDArray[np.int64] = np.zeros(_FIRST_CAPACITY, np.int64)
        self._end = 0
        self._count = 0
        self._next_number = 0
        self._changed = ChangedRows()
        self._changed.reshape(np.zeros(0, np.int64), _FIRST_CAPACITY)

    def __len__(self) -> int:
        return self._count

    @property
    def due_ms(self) -> npt.NDArray[np.int64]:
        """The due times of all that wait, in order of arrival."""
        due = self._due[: self._end]
        waiting: npt.NDArray[np.int64] = due[due != _GONE]
        return waiting

    def add(self, rows: DueRows) -> None:
        """Let n rows wait; their numbers are given here."""
        places = self._append(rows)
        self._rows["number"][places] = self._next_number + np.arange(len(rows))
        self._next_number += len(rows)
        self._changed.touch(places)

    def due_before(self, before_ms: int) -> int:
        """How many rows are due before a time."""
        return int(np.count_nonzero(self._due[: self._end] < before_ms))

    def release(self, before_ms: int) -> DueRows:
        """Give back the rows that are due before `before_ms`, in order of arrival."""
        leaving = np.flatnonzero(self._due[: self._end] < before_ms)
        taken: DueRows = self._rows[leaving]
        self._due[leaving] = _GONE
        self._count -= len(leaving)
        # Moved together only now and then: behind a flow that lags, many wait and few leave.
        if self._end > max(_FIRST_CAPACITY, 2 * self._count):
            self._keep(np.flatnonzero(self._due[: self._end] != _GONE))
        return taken

    def _append(self, rows: DueRows) -> npt.NDArray[np.int64]:
        if self._end + len(rows) > len(self._rows):
            self._keep(np.flatnonzero(self._due[: self._end] != _GONE), room=len(rows))
        places = np.arange(self._end, self._end + len(rows))
        self._rows[places] = rows
        self._due[places] = rows["due_ms"]
        self._end += len(rows)
        self._count += len(rows)
        return places

    def _keep(self, places: npt.NDArray[np.int64], room: int = 0) -> None:
        count = len(places)
        size = max(_FIRST_CAPACITY, 2 * (count + room))
        rows, due = np.zeros(size, self._kind), np.zeros(size, np.int64)
        rows[:count], due[:count] = self._rows[places], self._due[places]
        self._rows, self._due, self._end, self._count = rows, due, count, count
        self._changed.reshape(places, size)

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The key of what came since the last drain."""
        return self._changed.drain()

    def pending_bytes(self) -> int:
        """What came since the last drain, as if all of it still waited."""
        return self._kind.itemsize * self._changed.pending

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The rows of these batches that still wait."""
        places = self._changed.rows_of(keys, self._end)
        places = places[self._due[places] != _GONE]
        return self._rows[places].tobytes(), self._changed.merge(keys, places)

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
        return self._changed.loaded(self._append(rows))

    def recovered(self, before_ms: int) -> None:
        """Finish a recovery: drop what had left before the checkpoint, and second copies.

        A segment and the one that it was merged into may both be there.
        """
        self.release(before_ms)
        waiting = np.flatnonzero(self._due[: self._end] != _GONE)
        _, once = np.unique(self._rows["number"][waiting], return_index=True)
        self._keep(waiting[np.sort(once)])


def earliest(waiting: tuple[Waiting, ...], surplus: int) -> int:
    """The due time of the last of the `surplus` rows (> 0) that are due first among all that wait."""
    due = np.concatenate([one.due_ms for one in waiting])
    return int(np.partition(due, surplus - 1)[surplus - 1])
