"""Boxes that get far more MSSanté messages than they are used to, and do not read them (pure).

« Embouteillage de mails »: a box that overflows is a box that nobody reads. The region adds up what the
partitions tell of their fullest boxes (`agents.box_pressure`) and compares each box's last hour with
its own level. No label carries a box.
"""

from __future__ import annotations

import heapq
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agents.box_pressure import QUARTER_MS
from streams.errors import StateError
from streams.event_time import HOUR_MS

if TYPE_CHECKING:
    from agents.box_pressure import BoxCounts

_GRACE_MS: Final = 90_000
_BOXES_MOST: Final = 4096
_LEVEL_DAYS: Final = 14.0
_PRIOR_PER_HOUR: Final = 2.0
_PRIOR_HOURS: Final = 24.0
_LEAST: Final = 30.0
_TIMES: Final = 3.0
_BUSY: Final = 168 / 40
"""A box gets its week's messages in forty hours or so; its level is that of those (assumption)."""
_DECADES: Final = 8.0
_READ_ENOUGH: Final = 0.5
_LEARNING_QUARTERS: Final = 3 * 24 * 4
"""For three days after the beginning every box is new, and none is under pressure."""
_CALM_QUARTERS: Final = 4
_HOUR_QUARTERS: Final = HOUR_MS // QUARTER_MS
_CLOCK: Final = "<BqqH"  # version, next quarter, first quarter, partitions
_STATE: Final = struct.Struct("<QddddqqqI")


@dataclass(frozen=True, slots=True)
class BoxSuspicion:
    """A box under pressure; told anew when it changed.

    Attributes:
        incident: names it, the same in every run; the box's digest stands in it as a hexadecimal.
        revision: 0 first.
        box: digest of its pseudonym.
        begin_ms: first quarter of an hour of the pressure.
        end_ms: its end; `None` while it lasts.
        score: decades of surprise of its worst hour, at most 30.
        received: messages since the beginning.
        read: of them reported as read.
        expected: messages that it usually gets in so many busy hours.
        ended: whether it is over.
    """

    incident: str
    revision: int
    box: int
    begin_ms: int
    end_ms: int | None
    score: float
    received: float
    read: float
    expected: float
    ended: bool


@dataclass(slots=True)
class _Box:
    # Faded sums of messages and hours, the pressure's own sums, and its quarters.
    messages: float = 0.0
    hours: float = 0.0
    received: float = 0.0
    read: float = 0.0
    updated: int = 0
    begin: int = 0
    calm: int = 0
    revision: int = 0

    def per_hour(self) -> float:
        """Messages in a busy hour; those that partitions did not tell are not in it."""
        prior = _PRIOR_PER_HOUR * _PRIOR_HOURS
        return (_BUSY * self.messages + prior) / (self.hours + _PRIOR_HOURS)


class MailboxWatch:
    """The region's boxes; judged per quarter of an hour that all partitions' clocks have passed.

    As a checkpoint section its keys are digests of boxes, 0 for the clocks and open quarters.

    Args:
        partitions: how many source partitions there are.
    """

    def __init__(self, partitions: int) -> None:
        self._heard_ms = [0] * partitions
        self._open: dict[int, dict[int, dict[int, tuple[int, int]]]] = {}
        self._recent: dict[int, dict[int, tuple[int, int]]] = {}
        self._boxes: dict[int, _Box] = {}
        self._next = -1
        self._first = -1
        self._dirty: set[int] = set()

    def take(self, message: BoxCounts) -> list[BoxSuspicion]:
        """Take one partition's message; judge the quarters that it closes.

        Raises:
            StateError: the partition does not exist.
        """
        own = message.partition
        if own >= len(self._heard_ms):
            raise StateError(f"region-cells: partition {own} is not below {len(self._heard_ms)}")
        self._heard_ms[own] = max(self._heard_ms[own], message.heard_ms)
        for (quarter, box), counts in message.boxes.items():
            if quarter >= self._next:
                parts = self._open.setdefault(quarter, {}).setdefault(box, {})
                known = parts.get(own, (0, 0))
                parts[own] = (max(known[0], counts[0]), max(known[1], counts[1]))
        self._dirty.add(0)
        told: list[BoxSuspicion] = []
        closed = (min(self._heard_ms) - _GRACE_MS) // QUARTER_MS
        if self._next < 0 and self._open and min(self._open) < closed:
            self._next = self._first = min(self._open)
        while 0 <= self._next < closed:
            told += self._judge(self._next)
            self._next += 1
        return told

    def _judge(self, quarter: int) -> list[BoxSuspicion]:
        brought = {
            box: (sum(n for n, _ in parts.values()), sum(r for _, r in parts.values()))
            for box, parts in self._open.pop(quarter, {}).items()
        }
        self._recent[quarter] = brought
        for old in [q for q in self._recent if q <= quarter - _HOUR_QUARTERS]:
            del self._recent[old]
        told = []
        pressed = {box for box, own in self._boxes.items() if own.begin}
        for box in sorted(brought.keys() | pressed):
            found = self._judge_box(quarter, box)
            if found is not None:
                told.append(found)
        self._bound()
        return told

    def _judge_box(self, quarter: int, box: int) -> BoxSuspicion | None:
        self._dirty.add(box)
        own = self._boxes.setdefault(box, _Box(updated=quarter))
        counts = [self._recent[q].get(box, (0, 0)) for q in sorted(self._recent)]
        hour, read = float(sum(n for n, _ in counts)), float(sum(r for _, r in counts))
        last = self._recent[quarter].get(box, (0, 0))
        usual = own.per_hour()
        decades = _poisson_decades(hour, usual)
        presses = (
            hour >= max(_LEAST, _TIMES * usual)
            and decades >= _DECADES
            and read < _READ_ENOUGH * hour
            and quarter - self._first >= _LEARNING_QUARTERS
        )
        if own.begin:
            own.received += last[0]
            own.read += last[1]
            own.calm = 0 if presses else own.calm + 1
            if own.calm < _CALM_QUARTERS:
                return None
            told = _told(box, own, quarter, decades, is_over=True)
            own.begin, own.received, own.read, own.calm, own.revision = 0, 0.0, 0.0, 0, 0
            own.updated = quarter + 1
            return told
        if presses:
            own.begin = min(q for q in self._recent if box in self._recent[q])
            own.received, own.read, own.calm = hour, read, 0
            return _told(box, own, quarter, decades, is_over=False)
        gone_hours = (quarter + 1 - own.updated) / _HOUR_QUARTERS
        kept = math.exp(-gone_hours / (24.0 * _LEVEL_DAYS))
        own.messages = own.messages * kept + last[0]
        own.hours = own.hours * kept + gone_hours
        own.updated = quarter + 1
        return None

    def _bound(self) -> None:
        """Forget the boxes that have been quiet for longest, past the bound."""
        beyond = len(self._boxes) - _BOXES_MOST
        if beyond > 0:
            quiet = [(own.updated, box) for box, own in self._boxes.items() if not own.begin]
            for _, box in heapq.nsmallest(beyond, quiet):
                del self._boxes[box]

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """Boxes that changed since the last drain, and the clocks."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """What the changed boxes will take."""
        return _STATE.size * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The clocks and open quarters, and these boxes if they are still known."""
        heard_ms = self._heard_ms
        clock = struct.pack(_CLOCK, 1, self._next, self._first, len(heard_ms))
        clock += struct.pack(f"<{len(heard_ms)}q", *heard_ms)
        parts = [
            (quarter, box, partition, *counts)
            for quarter, boxes in sorted(self._open.items())
            for box, own in sorted(boxes.items())
            for partition, counts in sorted(own.items())
        ]
        recent = [
            (quarter, box, 0xFFFF, *counts)
            for quarter, boxes in sorted(self._recent.items())
            for box, counts in sorted(boxes.items())
        ] + [(quarter, 0, 0xFFFF, 0, 0) for quarter in self._recent]
        chunks = [clock, struct.pack("<I", len(parts) + len(recent))]
        chunks += [struct.pack("<qQHII", *row) for row in parts + recent]
        kept = {box for box in keys if box in self._boxes}
        for box in sorted(kept):
            own = self._boxes[box]
            chunks.append(
                _STATE.pack(
                    box,
                    own.messages,
                    own.hours,
                    own.received,
                    own.read,
                    own.updated,
                    own.begin,
                    own.calm,
                    own.revision,
                )
            )
        return b"".join(chunks), kept | {0}

    def load(self, payload: bytes) -> set[int]:
        """Restore the clocks and boxes.

        Raises:
            StateError: written by another version, or with another number of partitions.
        """
        form, self._next, self._first, partitions = struct.unpack_from(_CLOCK, payload)
        if form != 1 or partitions != len(self._heard_ms):
            raise StateError("mailbox watch: state of another version or number of partitions")
        at = struct.calcsize(_CLOCK)
        self._heard_ms = list(struct.unpack_from(f"<{partitions}q", payload, at))
        at += 8 * partitions
        (count,) = struct.unpack_from("<I", payload, at)
        at += 4
        self._open, self._recent = {}, {}
        for _ in range(count):
            quarter, box, partition, received, read = struct.unpack_from("<qQHII", payload, at)
            at += struct.calcsize("<qQHII")
            if partition != 0xFFFF:  # noqa: PLR2004 - no partition: a quarter already judged
                boxes = self._open.setdefault(quarter, {})
                boxes.setdefault(box, {})[partition] = (received, read)
            else:
                judged = self._recent.setdefault(quarter, {})
                if box:
                    judged[box] = (received, read)
        keys = {0}
        for row in _STATE.iter_unpack(payload[at:]):
            self._boxes[row[0]] = _Box(*row[1:])
            keys.add(row[0])
        # Boxes that were forgotten since are still in older payloads.
        self._bound()
        return keys


def _told(box: int, own: _Box, quarter: int, decades: float, *, is_over: bool) -> BoxSuspicion:
    end = quarter + 1 - own.calm
    hours = (end - own.begin) / _HOUR_QUARTERS
    told = BoxSuspicion(
        incident=f"box-{box:016x}-{own.begin}",
        revision=own.revision,
        box=box,
        begin_ms=own.begin * QUARTER_MS,
        end_ms=end * QUARTER_MS if is_over else None,
        score=min(decades, 30.0),
        received=own.received,
        read=own.read,
        expected=own.per_hour() * hours,
        ended=is_over,
    )
    own.revision += 1
    return told


def _poisson_decades(count: float, mean: float) -> float:
    """Chernoff's bound on `-log10 P(X >= count)`; 0 where `count` is not above the mean."""
    if count <= mean:
        return 0.0
    return (count * math.log(count / mean) - count + mean) / math.log(10.0)
