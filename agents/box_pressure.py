"""How full the boxes are that a source partition writes to: what it tells the region (pure).

What a box gets is spread over the source partitions, which follow the senders, so each partition tells
the fullest boxes of every quarter of an hour. They are found by majority (Boyer and Moore 1981) within
each of `SLOTS` classes of boxes: a box that gets more than all others of its class together is counted,
less as many as the others; a flood is far above that. Boxes are 64-bit digests of pseudonyms.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streams.errors import StateError
from streams.event_time import MINUTE_MS

if TYPE_CHECKING:
    import numpy.typing as npt

    from streams.event_time import Int64Array

QUARTER_MS: Final = 15 * MINUTE_MS
SLOTS: Final = 256
"""Boxes that a partition counts per quarter of an hour."""
TOLD_FROM: Final = 3
"""Messages within a quarter of an hour below which a box is not worth a word, nor a checkpoint."""

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BHqI")  # version, partition, heard_ms, boxes
_BOX: Final = np.dtype([("quarter", "<i8"), ("box", "<u8"), ("received", "<u4"), ("read", "<u4")])
_KEPT_QUARTERS: Final = 8

Key = tuple[int, int]
"""Quarter of an hour and box."""


@dataclass(frozen=True, slots=True, eq=False)
class BoxCounts:
    """What a partition says of its fullest boxes; cumulative, may be repeated.

    Attributes:
        partition: whose.
        heard_ms: every earlier log time was read there.
        boxes: received and read by quarter and box.
    """

    partition: int
    heard_ms: int
    boxes: dict[Key, tuple[int, int]]


def encode_boxes(message: BoxCounts) -> bytes:
    """One message as bytes."""
    rows = [(*key, *counts) for key, counts in sorted(message.boxes.items())]
    head = _HEAD.pack(_VERSION, message.partition, message.heard_ms, len(rows))
    return head + np.array(rows, _BOX).tobytes()


def read_boxes(value: bytes) -> BoxCounts:
    """Read one message.

    Raises:
        StateError: the bytes are not a message of this version.
    """
    if len(value) < _HEAD.size or value[0] != _VERSION:
        raise StateError("region-cells: a message is not a list of boxes")
    _, partition, heard_ms, count = _HEAD.unpack_from(value)
    if len(value) != _HEAD.size + count * _BOX.itemsize:
        raise StateError(f"region-cells: a message does not hold the {count} boxes it names")
    rows = np.frombuffer(value, _BOX, offset=_HEAD.size).tolist()
    return BoxCounts(partition, heard_ms, {(q, box): (n, read) for q, box, n, read in rows})


class BoxPressure:
    """The fullest boxes of one source partition; its checkpoint keys are quarters of an hour."""

    def __init__(self) -> None:
        self._quarters: dict[int, dict[int, list[int]]] = {}
        self._untold: set[int] = set()
        self._dirty: set[int] = set()

    def add(
        self, log_ms: Int64Array, boxes: npt.NDArray[np.uint64], is_read: npt.NDArray[np.bool_]
    ) -> None:
        """Count n messages by receiving box; box 0 (none given) counts nowhere.

        Args:
            log_ms: shape (n,), in the order of the source.
            boxes: shape (n,), digests.
            is_read: shape (n,); a READ step tells of reading, not of a message more.
        """
        for at, box, read in zip(
            (log_ms // QUARTER_MS).tolist(), boxes.tolist(), is_read.tolist(), strict=True
        ):
            if not box:
                continue
            table = self._quarters.get(at)
            if table is None:
                table = self._quarters[at] = {}
            slot = box % SLOTS
            own = table.get(slot)
            if own is None:
                own = table[slot] = [box, 0, 0]
            if own[0] == box:
                own[2 if read else 1] += 1
            elif not read and own[1]:
                own[1] -= 1
            elif not read:
                own[0], own[1], own[2] = box, 1, 0
            if own[1] >= TOLD_FROM or own[2]:
                self._untold.add(at)
                self._dirty.add(at)

    def message(self, partition: int, before_ms: int, heard_ms: int) -> BoxCounts:
        """What changed in the quarters that end by `before_ms`; older ones are then forgotten."""
        before = before_ms // QUARTER_MS
        due = {quarter for quarter in self._untold if quarter < before}
        self._untold -= due
        told = self._worth_a_word(due)
        for quarter in [q for q in self._quarters if q < before - _KEPT_QUARTERS]:
            del self._quarters[quarter]
        return BoxCounts(partition, heard_ms, told)

    def drain(self) -> set[int]:
        """The quarters that changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """What the changed quarters will take, about."""
        return _BOX.itemsize * SLOTS // 8 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The tables of these quarters that are still kept."""
        kept = keys & self._quarters.keys()
        return encode_boxes(BoxCounts(0, 0, self._worth_a_word(kept))), set(kept)

    def load(self, payload: bytes) -> set[int]:
        """Restore quarters; a later payload's table replaces an earlier one's.

        Boxes that were not worth a word are forgotten, and counted anew.
        """
        found: dict[int, dict[int, list[int]]] = {}
        for (quarter, box), counts in read_boxes(payload).boxes.items():
            found.setdefault(quarter, {})[box % SLOTS] = [box, *counts]
        self._quarters.update(found)
        self._untold.update(found)
        return set(found)

    def _worth_a_word(self, quarters: set[int]) -> dict[Key, tuple[int, int]]:
        return {
            (quarter, box): (received, read)
            for quarter in quarters
            for box, received, read in self._quarters[quarter].values()
            if received >= TOLD_FROM or read
        }
