"""The region's watch over its flows: minutes closed by the clocks of all partitions, then judged (pure).

A minute is judged once every partition was read past its end and a grace more. So a reader that lags
holds judgement back instead of looking like a silent source, and what is judged is the same however
messages of different partitions met.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_explanation import Minute
from agents.flow_incidents import FlowIncidents
from agents.flow_rates import FlowRates
from agents.flow_series import ALL_CELLS, CELLS, SERIES, WIDTH, spread
from agents.flow_surprise import FlowSurprise, Turn
from agents.french_calendar import HOURS, local_hour
from streams.errors import StateError
from streams.event_time import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from agents.declared_changes import DeclaredChange
    from agents.flow_incidents import FlowSuspicion
    from agents.flow_minutes import CountArray, FlowMinutes
    from streams.checkpoint import Section

_FORMAT: Final = 1
_HOUR: Final = HOUR_MS // MINUTE_MS
_PART_HOURS: Final = 3
_CLOCK: Final = struct.Struct("<BqqH")  # format, next minute, hour under way, partitions
_PENDING: Final = struct.Struct("<qHH")  # minute, partition, numbers
_CLOCK_KEY: Final = -1
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class FlowParams:
    """Settings of the watch.

    Attributes:
        partitions: how many source partitions must have been heard.
        grace_ms: how long after its end a minute stays open.
        bar_decades: `-log10` of the alarms per series and day that are allowed by design.
    """

    partitions: int
    grace_ms: int = 90_000
    bar_decades: float = 3.0


class FlowWatch:
    """Judges every flow x sector x couloir, and their totals.

    Args:
        params: its settings.
        calendar: changes declared in advance.
    """

    def __init__(self, params: FlowParams, calendar: tuple[DeclaredChange, ...] = ()) -> None:
        self._grace_ms = params.grace_ms
        self.declare(calendar)
        self._rates = FlowRates()
        self._surprise = FlowSurprise(params.bar_decades)
        self._incidents = FlowIncidents()
        self._pending = PendingMinutes(params.partitions)

    def declare(self, calendar: tuple[DeclaredChange, ...]) -> None:
        """Go by another calendar from the next hour on."""
        self._calendar = [(change, _concerned(change)) for change in calendar]

    @property
    def sections(self) -> tuple[Section, ...]:
        """The state, for the journal, in its fixed order."""
        return (
            self._pending,
            *self._rates.sections,
            self._surprise.section,
            self._incidents,
        )

    @property
    def judged_ms(self) -> int:
        """Every minute that ends by then was judged; 0 before the first."""
        return max(self._pending.next_minute, 0) * MINUTE_MS

    def take(self, message: FlowMinutes) -> list[FlowSuspicion]:
        """Take one partition's message; judge the minutes that it closes.

        Returns:
            Incidents that began, changed or ended, in the order of their minutes.

        Raises:
            StateError: the message is of a partition that does not exist.
        """
        self._pending.take(message)
        closed = (self._pending.heard_ms - self._grace_ms) // MINUTE_MS
        told: list[FlowSuspicion] = []
        while self._pending.is_due(closed):
            minute = self._pending.next_minute
            # The same whenever it is really concluded, live or in a back-test.
            told_ms = (minute + 1) * MINUTE_MS + self._grace_ms
            told += [
                replace(one, told_ms=told_ms) for one in self.judge(minute, self._pending.pop())
            ]
        return told

    def judge(self, minute: int, counts: npt.NDArray[np.int64]) -> list[FlowSuspicion]:
        """Judge a minute's final counts, shape (WIDTH,); minutes come one after the other."""
        hour = minute // _HOUR
        if self._pending.hour != hour:
            self._begin_hour(hour)
        part = local_hour(hour).bin % HOURS // _PART_HOURS
        values, exposures = spread(counts)
        expected = self._rates.expected
        suspect = self._incidents.suspect
        judged = expected.known & np.isfinite(expected.factor)
        turn = Turn(minute, expected, part, ~suspect, judged)
        found = self._surprise.minute(turn, values, exposures)
        told: list[FlowSuspicion] = []
        if found or self._incidents.is_busy:
            factor = np.where(np.isfinite(expected.factor), expected.factor, 1.0)
            now = Minute(
                minute,
                values,
                expected.rate * exposures * factor,
                self._surprise.scatters(part),
                self._rates.first_hours(),
            )
            self._rates.spoil(suspect)
            told = self._incidents.step(now, found)
            self._rates.spoil(self._incidents.suspect)
            for series, ratio in self._incidents.accepted:
                self._rates.step(self._incidents.part_of(series), ratio)
            for series in self._incidents.dormant:
                for part_series in self._incidents.part_of(series).tolist():
                    self._rates.forget(part_series)
        if minute % _HOUR == _HOUR - 1:
            self._rates.end_hour(hour, *self._surprise.hour_brought(part))
        return told

    def _begin_hour(self, hour: int) -> None:
        self._pending.hour = hour
        time_ms = hour * HOUR_MS
        for change, cells in self._calendar:
            if change.start_ms == time_ms and change.end_ms is None:
                moved = self._rates.moved(change.factor, cells)
                if change.factor is None:
                    self._rates.loosen(np.flatnonzero(np.isnan(moved)), hour)
                else:
                    self._rates.step(np.arange(len(moved)), moved)
        self._rates.begin_hour(hour)
        for change, cells in self._calendar:
            if change.covers(time_ms):
                self._rates.declare(self._rates.moved(change.factor, cells))


def _concerned(change: DeclaredChange) -> npt.NDArray[np.bool_]:
    cells = np.zeros(ALL_CELLS, np.bool_)
    for cell in range(ALL_CELLS):
        own = SERIES[cell]
        if cell < CELLS:
            cells[cell] = change.concerns(own.flow, own.sector, own.couloir)
        else:
            # Boxes of every class get more when any part of the flow that fills them does.
            cells[cell] = change.flow in ("*", own.flow)
    return cells


class PendingMinutes:
    """Counts that are not judged yet, and the partitions' clocks.

    As a checkpoint section its keys are minutes; key -1 holds the clocks.

    Args:
        partitions: how many there are.

    Attributes:
        next_minute: the first that is not judged; -1 before anything was due.
        hour: the UTC hour whose expectation stands; -1 before the first.
    """

    def __init__(self, partitions: int) -> None:
        self._heard_ms = [0] * partitions
        self._minutes: dict[int, dict[int, CountArray]] = {}
        self._dirty: set[int] = set()
        self.next_minute = _NONE
        self.hour = _NONE

    @property
    def heard_ms(self) -> int:
        """Every partition was read up to this log time."""
        return min(self._heard_ms)

    def take(self, message: FlowMinutes) -> None:
        """Keep the greatest counts per partition, minute and cell; what was judged stays judged.

        Raises:
            StateError: the partition does not exist.
        """
        own = message.partition
        if own >= len(self._heard_ms):
            raise StateError(
                f"region-cells: partition {own} of a message is not below {len(self._heard_ms)}"
            )
        for minute, counts in message.minutes.items():
            if minute < self.next_minute:
                continue
            parts = self._minutes.setdefault(minute, {})
            known = parts.get(own)
            parts[own] = counts if known is None else np.maximum(known, counts)
            self._dirty.add(minute)
        self._heard_ms[own] = max(self._heard_ms[own], message.heard_ms)
        self._dirty.add(_CLOCK_KEY)

    def is_due(self, closed: int) -> bool:
        """Whether there is a minute before `closed` to judge."""
        if self.next_minute == _NONE:
            first = min(self._minutes, default=closed)
            if first >= closed:
                return False
            self.next_minute = first
        return self.next_minute < closed

    def pop(self) -> npt.NDArray[np.int64]:
        """The region's counts of the next minute, shape (WIDTH,), zeros where nothing came."""
        total = np.zeros(WIDTH, np.int64)
        for counts in self._minutes.pop(self.next_minute, {}).values():
            total += counts
        self.next_minute += 1
        self._dirty.add(_CLOCK_KEY)
        return total

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The minutes that changed since the last drain, and the clocks."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """A guess: ten partitions with events in thirty cells."""
        return 2000 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The clocks, and of these minutes those that are not judged yet."""
        kept = {minute for minute in keys if minute in self._minutes}
        head = _CLOCK.pack(_FORMAT, self.next_minute, self.hour, len(self._heard_ms))
        chunks = [head, np.array(self._heard_ms, "<i8").tobytes()]
        for minute in sorted(kept):
            for partition, counts in sorted(self._minutes[minute].items()):
                places = np.flatnonzero(counts)
                chunks += [
                    _PENDING.pack(minute, partition, len(places)),
                    places.astype("<u2").tobytes(),
                    counts[places].astype("<u4").tobytes(),
                ]
        return b"".join(chunks), kept | {_CLOCK_KEY}

    def load(self, payload: bytes) -> set[int]:
        """Restore the clocks and minutes.

        Raises:
            StateError: written by another version, or with another number of partitions.
        """
        form, self.next_minute, self.hour, partitions = _CLOCK.unpack_from(payload)
        if form != _FORMAT:
            raise StateError(f"flow watch: state format {form} is not {_FORMAT}")
        if partitions != len(self._heard_ms):
            raise StateError(
                f"flow watch: state has {partitions} partitions, not {len(self._heard_ms)}"
            )
        at = _CLOCK.size
        self._heard_ms = np.frombuffer(payload, "<i8", partitions, at).tolist()
        at += 8 * partitions
        keys = {_CLOCK_KEY}
        while at < len(payload):
            minute, partition, count = _PENDING.unpack_from(payload, at)
            at += _PENDING.size
            counts = np.zeros(WIDTH, np.uint32)
            places = np.frombuffer(payload, "<u2", count, at)
            counts[places] = np.frombuffer(payload, "<u4", count, at + 2 * count)
            at += 6 * count
            self._minutes.setdefault(minute, {})[partition] = counts
            keys.add(minute)
        for minute in [minute for minute in self._minutes if minute < self.next_minute]:
            del self._minutes[minute]
        return keys
