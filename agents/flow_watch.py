"""The region's watch over its flows: minutes closed by the clocks of all partitions, then judged (pure).

A second is listened to, and a minute judged, once every partition was read past its end. So a reader
that lags holds judgement back instead of looking like a silent source, and what is judged is the same
however messages of different partitions met.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_explanation import Minute
from agents.flow_incidents import FlowIncidents
from agents.flow_minutes import SECONDS
from agents.flow_pending import PendingMinutes
from agents.flow_rates import FlowRates
from agents.flow_series import ALL_CELLS, CELLS, ROWS, SERIES, spread
from agents.flow_silence import FlowSilence
from agents.flow_surprise import SILENCE, FlowSurprise, Found, Turn
from agents.french_calendar import HOURS, local_hour
from agents.series_history import SeriesHistory
from streams.event_time import HOUR_MS, MINUTE_MS, SECOND_MS

if TYPE_CHECKING:
    from agents.declared_changes import DeclaredChange
    from agents.flow_minutes import FlowMinutes, HeardArray
    from agents.flow_suspicion import FlowSuspicion
    from streams.checkpoint import Section

FloatArray = npt.NDArray[np.float64]

_HOUR: Final = HOUR_MS // MINUTE_MS
_PART_HOURS: Final = 3
_EVERY_SECOND: Final = np.uint64((1 << SECONDS) - 1)


@dataclass(frozen=True, slots=True)
class FlowParams:
    """Settings of the watch.

    Attributes:
        partitions: how many source partitions must have been heard.
        bar_decades: `-log10` of the alarms per series and day that are allowed by design.
    """

    partitions: int
    bar_decades: float = 3.0


class FlowWatch:
    """Judges every flow x sector x couloir, and their totals.

    Args:
        params: its settings.
        calendar: changes declared in advance.
    """

    def __init__(self, params: FlowParams, calendar: tuple[DeclaredChange, ...] = ()) -> None:
        self._bar = params.bar_decades
        self.declare(calendar)
        self._rates = FlowRates()
        self._surprise = FlowSurprise(params.bar_decades)
        self._silence = FlowSilence()
        self._incidents = FlowIncidents()
        self.history = SeriesHistory()
        self._pending = PendingMinutes(params.partitions)
        # Of the minute under way, as long as nothing in it comes under suspicion.
        self._under_way: Turn | None = None

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
            self._silence.section,
            self._incidents,
            self.history,
        )

    @property
    def judged_ms(self) -> int:
        """Every minute that ends by then was judged; 0 before the first."""
        return max(self._pending.next_minute, 0) * MINUTE_MS

    @property
    def read_ms(self) -> int:
        """Every partition was read up to this log time, judged or not; 0 before anything is due."""
        return self._pending.heard_ms if self._pending.closed_minute >= 0 else 0

    def take(self, message: FlowMinutes) -> list[FlowSuspicion]:
        """Take one partition's message; judge the minutes that it closes.

        Returns:
            Incidents that began, changed or ended, in the order of their minutes.

        Raises:
            StateError: the message is of a partition that does not exist.
        """
        self.hear(message)
        told: list[FlowSuspicion] = []
        while self.is_behind(self.read_ms):
            told += self.go_on(self.read_ms, _HOUR)
        return told

    def hear(self, message: FlowMinutes) -> None:
        """Take one partition's message; what it closes is judged by `go_on`.

        Raises:
            StateError: the message is of a partition that does not exist.
        """
        self._pending.take(message)
        self._pending.begin()

    def is_behind(self, until_ms: int) -> bool:
        """Whether seconds before a log time wait to be judged; it must not lie beyond `read_ms`."""
        return self._pending.is_due(until_ms)

    def go_on(self, until_ms: int, minutes: int) -> list[FlowSuspicion]:
        """Judge what ends by a log time; at most so many minutes.

        Returns:
            As `take`.
        """
        told: list[FlowSuspicion] = []
        for _ in range(minutes):
            if not self.is_behind(until_ms):
                break
            minute, seconds = self._pending.next_minute, self._pending.seconds_until(until_ms)
            told += self._listen(minute, self._pending.heard(), seconds)
            if seconds == SECONDS:
                told += self._judge(minute, *self._pending.pop())
        return told

    def judge(
        self, minute: int, counts: npt.NDArray[np.int64], heard: HeardArray | None = None
    ) -> list[FlowSuspicion]:
        """Judge a minute's final counts, shape (WIDTH,); minutes come one after the other.

        Args:
            minute: its number.
            counts: of its cells.
            heard: seconds in which each was heard; without it, all of those with a count.
        """
        if heard is None:
            heard = np.where(counts[:CELLS] > 0, _EVERY_SECOND, np.uint64(0))
        return self._listen(minute, heard, SECONDS) + self._judge(minute, counts, heard)

    def _turn(self, minute: int) -> Turn:
        if self._under_way is None or self._under_way.minute != minute:
            self._under_way = self._begin_minute(minute)
        return self._under_way

    def _begin_minute(self, minute: int) -> Turn:
        hour = minute // _HOUR
        clock = local_hour(hour).bin % HOURS
        part = clock // _PART_HOURS
        if self._pending.hour != hour:
            self._begin_hour(hour, part)
            self._silence.begin_hour(part, self._rates.expected)
        expected = self._rates.expected
        judged = expected.known & np.isfinite(expected.factor)
        return Turn(minute, expected, part, ~self._incidents.suspect, judged, clock)

    def _now(self, turn: Turn, values: FloatArray, exposures: FloatArray) -> Minute:
        factor = np.where(np.isfinite(turn.hour.factor), turn.hour.factor, 1.0)
        return Minute(
            turn.minute,
            values,
            turn.hour.rate * exposures * factor,
            self._surprise.scatters(turn.part),
            self._rates.first_hours(),
        )

    def _listen(self, minute: int, heard: HeardArray, until: int) -> list[FlowSuspicion]:
        """Judge who has been silent in the seconds of a minute that were not judged yet."""
        first = self._pending.next_second
        if first >= until:
            return []
        turn = self._turn(minute)
        told: list[FlowSuspicion] = []
        for second, series in self._silence.alarms(turn, heard, first, until):
            # What is known is looked at again at the end of each minute, for its score.
            fresh = series[self._incidents.may_hush(series, is_last=second == SECONDS - 1)]
            if len(fresh):
                told += self._hush(turn, heard, second, fresh)
        self._pending.next_second = until
        return told

    def _hush(
        self, turn: Turn, heard: HeardArray, second: int, series: npt.NDArray[np.int64]
    ) -> list[FlowSuspicion]:
        swallowed, need, since = self._silence.state(turn, heard, second)
        expected = np.concatenate([swallowed, np.zeros(ROWS)])
        found = Found(
            SILENCE,
            -1,
            series,
            self._bar * swallowed[series] / need[series],
            np.zeros(2 * ROWS),
            expected,
            since[series],
            need,
        )
        now = self._now(turn, np.zeros(2 * ROWS), np.ones(2 * ROWS))
        told_ms = turn.minute * MINUTE_MS + (second + 1) * SECOND_MS
        told = self._incidents.hush(now, found)
        self._under_way = None
        self._rates.spoil(self._incidents.suspect)
        return [replace(one, told_ms=told_ms) for one in told]

    def _judge(
        self, minute: int, counts: npt.NDArray[np.int64], heard: HeardArray
    ) -> list[FlowSuspicion]:
        turn = self._turn(minute)
        values, exposures = spread(counts)
        mean = turn.hour.rate * exposures * turn.hour.factor
        self.history.note(minute, values, np.where(turn.judged, mean, np.nan))
        found = self._surprise.minute(turn, values, exposures)
        self._silence.end_minute(turn, heard, values)
        told: list[FlowSuspicion] = []
        if found or self._incidents.is_busy:
            self._rates.spoil(self._incidents.suspect)
            told = self._incidents.step(self._now(turn, values, exposures), found)
            self._rates.spoil(self._incidents.suspect)
            for series, ratio in self._incidents.accepted:
                self._rates.step(self._incidents.part_of(series), ratio)
            for series in self._incidents.dormant:
                for part_series in self._incidents.part_of(series).tolist():
                    self._rates.forget(part_series)
        if minute % _HOUR == _HOUR - 1:
            hour_brought = self._surprise.hour_brought(turn.part)
            self._rates.end_hour(minute // _HOUR, *hour_brought)
        self._pending.next_second = 0
        self._under_way = None
        # The same whenever it is really concluded, live or in a back-test.
        return [replace(one, told_ms=(minute + 1) * MINUTE_MS) for one in told]

    def _begin_hour(self, hour: int, part: int) -> None:
        self._pending.hour = hour
        time_ms = hour * HOUR_MS
        for change, cells in self._calendar:
            if change.start_ms == time_ms and change.end_ms is None:
                moved = self._rates.moved(change.factor, cells)
                if change.factor is None:
                    self._rates.loosen(np.flatnonzero(np.isnan(moved)), hour)
                else:
                    self._rates.step(np.arange(len(moved)), moved)
        self._rates.begin_hour(hour, self._surprise.hourly_scatters(part))
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
