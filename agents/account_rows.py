"""State per account as one table of fixed-size records, checkpointed by row (pure).

Detectors keep their memory of an account in columns of one record. A slice touches some hundred rows;
only those are written at the next flush.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from streams.changed_rows import ChangedFlags
from streams.errors import StateError

if TYPE_CHECKING:
    from streams.event_time import Int64Array

RecordArray = npt.NDArray[np.void]

_FIRST_ROWS: Final = 64
_KEY: Final = np.dtype("<u4")


class AccountRows:
    """One record per account; a section of the checkpoint whose keys are the rows.

    Args:
        kind: a name for error texts.
        version: of the record's meaning; state of another version is refused.
        record: the fields, in little-endian types.
        blank: the values of a row that was never written.

    Attributes:
        changes: grows whenever any row changes, for whoever keeps what was worked out from rows.
    """

    def __init__(
        self, kind: str, version: int, record: np.dtype[np.void], blank: dict[str, Any]
    ) -> None:
        self._kind = kind
        self._version = version
        self._record = record
        # Fields that lie aligned are gathered several times as fast.
        self.blank = np.zeros((), np.dtype(record.descr, align=True))
        for field, value in blank.items():
            self.blank[field] = value
        self.table: RecordArray = np.full(_FIRST_ROWS, self.blank)
        self._changed = ChangedFlags()
        self.changes = 0

    @property
    def record_bytes(self) -> int:
        """What an account takes in a checkpoint; in memory, fields are aligned."""
        return self._record.itemsize

    def reserve(self, rows: int) -> None:
        """Make sure that rows 0 to `rows - 1` exist."""
        if rows > len(self.table):
            grown = np.full(max(rows, 2 * len(self.table)), self.blank)
            grown[: len(self.table)] = self.table
            self.table = grown

    def touch(self, rows: Int64Array) -> None:
        """Note that these rows' values change before the next flush."""
        self._changed.touch(rows)
        self.changes += 1

    def drain(self) -> set[int]:
        """The rows that changed since the last drain."""
        return self._changed.drain()

    def pending_bytes(self) -> int:
        """What the changed rows will take."""
        return (self.record_bytes + _KEY.itemsize) * self._changed.pending

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present records of these rows."""
        rows = np.sort(np.fromiter(keys, np.int64, len(keys)))
        head = bytes([self._version]) + len(rows).to_bytes(4, "little")
        return head + rows.astype(_KEY).tobytes() + self._packed(rows), set(keys)

    def _packed(self, rows: Int64Array) -> bytes:
        own = self.table[rows]
        if own.itemsize == self._record.itemsize:
            return own.tobytes()
        packed = np.empty(len(rows), self._record)
        for field in self._record.names or ():
            packed[field] = own[field]
        return packed.tobytes()

    def load(self, payload: bytes) -> set[int]:
        """Restore rows; a later payload's record replaces an earlier one's.

        Raises:
            StateError: written by another version, or cut short.
        """
        if payload[0] != self._version:
            raise StateError(f"{self._kind}: state version {payload[0]} is not {self._version}")
        count = int.from_bytes(payload[1:5], "little")
        if len(payload) != 5 + count * (_KEY.itemsize + self.record_bytes):
            raise StateError(f"{self._kind}: a payload does not hold the {count} rows it names")
        rows = np.frombuffer(payload, _KEY, count, 5).astype(np.int64)
        if count:
            self.reserve(int(rows.max()) + 1)
        self.changes += 1
        self.table[rows] = np.frombuffer(payload, self._record, count, 5 + count * _KEY.itemsize)
        return set(rows.tolist())
