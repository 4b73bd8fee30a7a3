"""A fetch of one partition as columns: Kafka's record batches taken apart at once (pure).

To make an object of every record, with its key and value copied out, costs more than to decode what it
carries. Here the batches stay as the broker sent them; of each record it is worked out where its key
and value lie, and only who asks for a record gets one.

Only what is plain is read: batches of the present format, not compressed, without markers of
transactions, with every number in its shortest form. For anything else, and for damage, the stock
parser is there.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, overload

import numpy as np

from streams.lockstep import PADDING, Within, read_varints, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.lockstep import Int64s

_START: Final = struct.Struct(">qi")  # base offset, bytes that follow
# Leader epoch, format, CRC, attributes, last offset's delta, first and greatest timestamp, producer's
# id, epoch and sequence, records.
_HEAD: Final = struct.Struct(">ibIhiqqqhii")
_CHECKED_FROM: Final = 21
"""Where the CRC's cover begins in a batch."""
_FORMAT: Final = 2
_COMPRESSION: Final = 0x07
_LOG_APPEND_TIME: Final = 0x08
_CONTROL: Final = 0x20
_CONTINUES: Final = 0x80
_SEVEN_BITS: Final = 0x7F


class FetchedRecord(NamedTuple):
    """One record; see `streams.processing.Record`."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None


class FetchedRecords(Sequence[FetchedRecord]):
    """Consecutive records of one partition, in offset order.

    Args:
        octets: what was fetched, and `streams.lockstep.PADDING`.
        columns: shape (7, n), int64: offset, Kafka timestamp, its type, where the key begins and its
            bytes (-1 for none), where the value begins and its bytes (-1 for none).

    Attributes:
        offsets: n int64, rising.
        timestamps: n int64, milliseconds UTC.
    """

    __slots__ = ("_columns", "_octets", "offsets", "timestamps")

    def __init__(self, octets: bytes, columns: Int64s) -> None:
        self._octets = octets
        self._columns = columns
        self.offsets: Int64s = columns[0]
        self.timestamps: Int64s = columns[1]

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, place: int) -> FetchedRecord: ...

    @overload
    def __getitem__(self, place: slice) -> FetchedRecords: ...

    def __getitem__(self, place: int | slice) -> FetchedRecord | FetchedRecords:
        if isinstance(place, slice):
            return FetchedRecords(self._octets, self._columns[:, place])
        offset, timestamp, kind, *where = self._columns[:, place].tolist()
        key, value = self._text(*where[:2]), self._text(*where[2:])
        return FetchedRecord(offset, timestamp, kind, key, value)

    def since(self, offset: int) -> FetchedRecords:
        """The records from an offset on."""
        return self[int(np.searchsorted(self.offsets, offset)) :]

    def values(self) -> Within:
        """The values, where they lie; a record without one has an empty one."""
        starts, sizes = self._columns[5], self._columns[6]
        return Within(self._octets, starts, starts + np.maximum(sizes, 0))

    def _text(self, start: int, size: int) -> bytes | None:
        return None if size < 0 else self._octets[start : start + size]


def read_fetch(
    octets: bytes, next_offset: int, crc: Callable[[memoryview], int] | None
) -> tuple[FetchedRecords, int] | None:
    """The records of a fetch from `next_offset` on, and the offset after its last batch.

    Args:
        octets: record batches, the last of which may be cut short.
        next_offset: the first offset that is asked for; the first batch may begin before it.
        crc: computes CRC-32C; `None` leaves the batches unchecked.

    Returns:
        `None` where the stock parser must read them.
    """
    whole = memoryview(octets)
    padded = octets + PADDING
    starts: list[int] = []
    batches: list[tuple[int, int, int, int, int]] = []
    at, end = 0, len(octets)
    after = next_offset
    while end - at >= _START.size + _HEAD.size:
        base, length = _START.unpack_from(octets, at)
        stop = at + _START.size + length
        if stop > end:
            break
        _, form, checked, flags, last, first_ms, most_ms, _, _, _, count = _HEAD.unpack_from(
            octets, at + _START.size
        )
        body = at + _START.size + _HEAD.size
        if form != _FORMAT or flags & (_COMPRESSION | _CONTROL) or count < 0 or stop < body:
            return None
        if crc is not None and crc(whole[at + _CHECKED_FROM : stop]) != checked:
            return None
        if not _find_records(padded, body, stop, count, starts):
            return None
        batches.append((count, base, first_ms, most_ms, int(bool(flags & _LOG_APPEND_TIME))))
        after = base + last + 1
        at = stop
    if not batches:
        return None
    columns = _columns(padded, starts, np.array(batches, np.int64), at)
    if columns is None:
        return None
    return FetchedRecords(*columns).since(next_offset), after


def _find_records(octets: bytes, at: int, stop: int, count: int, starts: list[int]) -> bool:
    """Note where the bodies of a batch's records begin; whether they fill it exactly.

    Something must follow the batch.
    """
    found = starts.append
    for _ in range(count):
        if at >= stop:
            return False
        size = octets[at]
        following = octets[at + 1]
        if size < _CONTINUES:
            at += 1
        elif following < _CONTINUES:
            # Two bytes, as most records have them.
            at += 2
            size += (following - 1) << 7
        else:
            size &= _SEVEN_BITS
            shift = 7
            while True:
                at += 1
                if at >= stop:
                    return False
                octet = octets[at]
                size |= (octet & _SEVEN_BITS) << shift
                if octet < _CONTINUES:
                    at += 1
                    break
                shift += 7
        if size & 1:  # a negative number, as Kafka writes them
            return False
        found(at)
        at += size >> 1
    return at == stop


def _columns(
    octets: bytes, starts: list[int], batches: Int64s, end: int
) -> tuple[bytes, Int64s] | None:
    """The columns of `FetchedRecords`; `None` where a record is not as it should be."""
    begin = np.array(starts, np.int64)
    stop = np.append(begin[1:], end)
    base, first_ms, most_ms, kind = np.repeat(batches[:, 1:], batches[:, 0], axis=0).T
    view, words = np.frombuffer(octets, np.uint8), words_of(octets)
    # Behind a byte of attributes; what follows the value is left where it is.
    after_ms, at, bad = read_varints(view, words, np.minimum(begin + 1, end))
    after, at, is_bad = read_varints(view, words, at)
    bad |= is_bad
    key_size, key_at, is_bad = read_varints(view, words, at)
    bad |= is_bad | (key_size < -1) | (key_size > stop - key_at)
    at = np.where(bad, key_at, key_at + np.maximum(key_size, 0))
    value_size, value_at, is_bad = read_varints(view, words, at)
    bad |= is_bad | (value_size < -1) | (value_size > stop - value_at)
    offset = base + after
    if bad.any() or (np.diff(offset) <= 0).any():
        return None
    log_ms = np.where(kind == 1, most_ms, first_ms + after_ms)
    rows = np.stack([offset, log_ms, kind, key_at, key_size, value_at, value_size])
    return octets, rows
