"""State per account as one table of fixed-size records, checkpointed by row (pure).

Detectors keep their memory of an account in columns of one record. A slice touches some hundred rows;
only those are written at the next flush, and of each only the words that differ from a blank record:
most accounts have used two networks of the eight that fit, and read five patients of sixty-four.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from streams.changed_rows import ChangedFlags
from streams.errors import StateError
from streams.packed_rows import joined_rows, rows_at, set_rows_at

if TYPE_CHECKING:
    from streams.event_time import Int64Array

RecordArray = npt.NDArray[np.void]

_FIRST_ROWS: Final = 64
_KEY: Final = np.dtype("<u4")
_FORM: Final = 0x80
"""Added to a version: rows are written as what differs from a blank one."""
_WORD_BYTES: Final = 2


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
        # Words of two bytes: told apart in half the time of bytes, and hardly longer.
        self._word: type[np.unsignedinteger[Any]] = (
            np.uint8 if self.blank.itemsize % _WORD_BYTES else np.uint16
        )
        self._plain = np.frombuffer(self.blank.tobytes(), self._word)
        self._meant = _bytes_of_fields(self.blank.dtype).view(self._word)
        self._written_bytes = float(self.record_bytes)
        self._changed = ChangedFlags()
        self.changes = 0

    @property
    def record_bytes(self) -> int:
        """What an account takes in a checkpoint at most; in memory, fields are aligned."""
        return self._record.itemsize

    def reserve(self, rows: int) -> None:
        """Make sure that rows 0 to `rows - 1` exist."""
        if rows > len(self.table):
            more = np.broadcast_to(self.blank, max(rows, 2 * len(self.table)) - len(self.table))
            self.table = joined_rows([self.table, more], self.blank.dtype)

    def at(self, rows: Int64Array) -> RecordArray:
        """Copies of the records of n rows."""
        return rows_at(self.table, rows)

    def clear(self, rows: Int64Array) -> None:
        """Make the records of n rows blank again."""
        set_rows_at(self.table, rows, np.broadcast_to(self.blank, len(rows)))

    def touch(self, rows: Int64Array) -> None:
        """Note that these rows' values change before the next flush."""
        self._changed.touch(rows)
        self.changes += 1

    def drain(self) -> set[int]:
        """The rows that changed since the last drain."""
        return self._changed.drain()

    def pending_bytes(self) -> int:
        """What the changed rows will take, if they are like those that were written last."""
        return int((self._written_bytes + _KEY.itemsize) * self._changed.pending)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present records of these rows."""
        rows = np.sort(np.fromiter(keys, np.int64, len(keys)))
        size = len(self._plain)
        raw = self.at(rows).view(self._word).reshape(len(rows), size)
        raw ^= self._plain
        raw &= self._meant
        differs = raw != 0
        flags, values = np.packbits(differs, axis=1).tobytes(), raw[differs].tobytes()
        if len(rows):
            self._written_bytes = (len(flags) + len(values)) / len(rows)
        head = bytes([_FORM + self._version]) + len(rows).to_bytes(4, "little")
        return head + rows.astype(_KEY).tobytes() + flags + values, set(keys)

    def load(self, payload: bytes) -> set[int]:
        """Restore rows; a later payload's record replaces an earlier one's.

        Raises:
            StateError: written by another version, or cut short.
        """
        if payload[0] != _FORM + self._version:
            raise StateError(
                f"{self._kind}: state version {payload[0]} is not {_FORM + self._version}"
            )
        count = int.from_bytes(payload[1:5], "little")
        size = len(self._plain)
        width = -(-size // 8)
        at = 5 + count * _KEY.itemsize
        try:
            rows = np.frombuffer(payload, _KEY, count, 5).astype(np.int64)
            flags = np.frombuffer(payload, np.uint8, count * width, at).reshape(count, width)
            differs = np.unpackbits(flags, axis=1, count=size).astype(np.bool_)
            values = np.frombuffer(payload, self._word, offset=at + count * width)
        except ValueError:
            values = np.zeros(0, self._word)
            differs = np.ones((1, 1), np.bool_)
        if len(values) != np.count_nonzero(differs):
            raise StateError(f"{self._kind}: a payload does not hold the {count} rows it names")
        raw = np.zeros((count, size), self._word)
        raw[differs] = values
        raw ^= self._plain
        if count:
            self.reserve(int(rows.max()) + 1)
        self.changes += 1
        set_rows_at(self.table, rows, raw.reshape(-1).view(self.blank.dtype))
        return set(rows.tolist())


def _bytes_of_fields(record: np.dtype[np.void]) -> npt.NDArray[np.uint8]:
    """255 for each byte of a record that belongs to a field, 0 for those between fields."""
    meant = np.zeros(record.itemsize, np.uint8)
    for kind, at, *_ in (record.fields or {}).values():
        meant[at : at + kind.itemsize] = 0xFF
    return meant
