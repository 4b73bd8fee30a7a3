"""How surprising a minute, and what it completes, is for every flow series (pure).

Counts of 1, 5, 15 and 60 minutes are compared with their expectation, less what the expectation's own
tolerance explains, by the signed root of the Poisson deviance in units of the series' own scatter at
that time of day. How rare such a surprise is, the series' own tails tell: beyond its hundredth a tail
is taken as exponential with the mean excess that it has shown, and never as thinner than a Gaussian.
One more statistic runs across windows: sums of hourly surprises, which find a level that moved by
little. Full silence is judged apart, by the second (`agents.flow_silence`).

Nothing is learned from series that are under suspicion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_habits import (
    DRIFT_START,
    SILENCE_COUNTED,
    TRIED_ENOUGH,
    learn_drift,
    learn_senders,
)
from agents.flow_series import ALL_CELLS, CELLS, ROWS
from agents.flow_silence import SENDERS_A_DAY
from agents.series_rows import SeriesRows

if TYPE_CHECKING:
    from agents.flow_expected import HourExpected

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

SCALES: Final = (1, 5, 15, 60)
"""Minutes of the windows; each begins on a multiple of its size."""
SILENCE: Final = len(SCALES)
DRIFT: Final = SILENCE + 1
"""Numbers of the two other statistics, after those of `SCALES`."""

_SIZE: Final = 2 * ROWS
_DIRECTIONS: Final = np.array(((1.0,), (-1.0,)))
_PARTS: Final = 8
_STATE: Final = np.dtype(
    [
        ("scatter", "<f8", (len(SCALES), _PARTS)),
        ("start", "<f8", (len(SCALES), 2)),
        ("excess", "<f8", (len(SCALES), 2)),
        ("observed", "<f8", (len(SCALES),)),
        ("expected", "<f8", (len(SCALES),)),
        ("exposure", "<f8"),
        ("silent", "<f8"),
        ("cluster", "<f8"),
        ("tried", "<f8"),
        ("drift", "<f8", (2,)),
        ("drift_since", "<i8", (2,)),
        ("drift_peak", "<f8", (2,)),
        ("drift_excess", "<f8", (2,)),
        ("drift_observed", "<f8", (2,)),
        ("drift_expected", "<f8", (2,)),
    ]
)
_FIRST_SCATTER: Final = ((1.2,) * _PARTS, (1.4,) * _PARTS, (1.7,) * _PARTS, (2.5,) * _PARTS)
_SCATTER_PACE: Final = (1 / 240, 1 / 96, 1 / 48, 1 / 20)
_TAIL_SHARE: Final = 0.01
_TAIL_DECADES: Final = 2.0
_TAIL_PACE: Final = (0.03, 0.05, 0.08, 0.15)
_EXCESS_PACE: Final = 0.04
_START_LEAST: Final = 2.33
_EXCESS_LEAST: Final = 0.38
_FIRST_START: Final = 2.8
_FIRST_EXCESS: Final = 0.5
_LEVEL_VARIES: Final = 1.1
"""What a tenth more or less explains is level, which the tolerance covers, and not scatter."""
_YOUNG_SCATTER: Final = 5.0
"""How much more than within its first days a series may scatter between days, at first."""
_LEAST_EFFECT: Final = 5.0
_SESSIONS: Final = 2.0
"""So many senders may always turn up at once in hours in which hardly any ever did."""
_THIN_SESSION: Final = 30.0
"""Events of a session of such people, at the least."""
_EDGE_MINUTES: Final = 5
_DRIFT_FREE: Final = 0.5
_DRIFT_CLIP: Final = 3.0
DRIFT_BAR: Final = 14.0
"""Where a sum of hourly surprises alarms; each counts by what it has above 0.5 and by 3 at most."""
_DRIFT_DECADES: Final = DRIFT_BAR - DRIFT_START
_DRIFT_EFFECT: Final = 0.15
"""What has drifted by less, over all the time that it took, is no new level."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A minute's circumstances.

    Attributes:
        minute: `time_ms // MINUTE_MS`.
        hour: what the hour is expected to bring.
        part: which eighth of the local day it is.
        is_calm: series without suspicion, which may be learned from, shape (2 * ROWS,).
        judged: series that are judged in this hour.
        clock: the local hour of the day.
    """

    minute: int
    hour: HourExpected
    part: int
    is_calm: BoolArray
    judged: BoolArray
    clock: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Series that one statistic finds suspicious at the end of a minute.

    Attributes:
        statistic: place in `SCALES`, `SILENCE` or `DRIFT`.
        direction: +1 for too many, -1 for too few.
        series: shape (k,), their numbers.
        decades: shape (k,), `-log10` of how often a window of this size surprises so.
        observed: of *all* series in the statistic's window, shape (2 * ROWS,).
        expected: likewise.
        since: first minute of the window, shape (k,).
        need: of a silence, what every series must swallow for an outage, shape (ROWS,).
    """

    statistic: int
    direction: int
    series: IntArray
    decades: FloatArray
    observed: FloatArray
    expected: FloatArray
    since: IntArray
    need: FloatArray | None = None


def deviance_root(values: FloatArray, means: FloatArray) -> FloatArray:
    """Signed root of the Poisson deviance, n each; nearly Gaussian down to small means."""
    means = np.maximum(means, 1e-9)
    gap = means - values
    gap += values * np.log(np.maximum(values, 1e-300) / means)
    return np.copysign(np.sqrt(np.maximum(2.0 * gap, 0.0)), values - means)


def _between(values: FloatArray, lowest: FloatArray, highest: FloatArray) -> FloatArray:
    """What `np.clip` gives, at half its price for a few hundred values."""
    result: FloatArray = np.minimum(np.maximum(values, lowest), highest)
    return result


class FlowSurprise:
    """Scatter, tails, windows and silences of all series; a section of the checkpoint.

    Args:
        bar_decades: how rare per series and day a surprise must be for an alarm.
    """

    def __init__(self, bar_decades: float) -> None:
        blank = {
            "scatter": _FIRST_SCATTER,
            "start": _FIRST_START,
            "excess": _FIRST_EXCESS,
            "cluster": 6.0,
            "drift_excess": 1.0,
        }
        self._rows = SeriesRows("flow surprise", 3, _STATE, blank, _SIZE)
        self._bars = [bar_decades + math.log10(1440 / scale) for scale in SCALES]
        self._bar = bar_decades
        every = np.arange(_SIZE)
        self._is_failures = every >= ROWS
        self._is_box = (every % ROWS >= CELLS) & (every % ROWS < ALL_CELLS)
        self._may_fall = ~self._is_box
        self._is_rate = ~self._is_failures
        self._never_hush = self._is_box | self._is_failures

    @property
    def section(self) -> SeriesRows:
        """For the journal."""
        return self._rows

    def scatters(self, part: int) -> FloatArray:
        """Variance of five-minute counts in units of their mean, shape (2 * ROWS,)."""
        return self._rows.columns["scatter"][:, 1, part]

    def hourly_scatters(self, part: int) -> FloatArray:
        """Variance of an hour's events in units of their mean, shape (2 * ROWS,)."""
        result: FloatArray = self._rows.columns["scatter"][:, -1, part]
        return result

    def hour_brought(self, part: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Observed, exposure and scatter of the hour that ends now; begins the next one."""
        table = self._rows.columns
        result = (
            table["observed"][:, -1].copy(),
            table["exposure"].copy(),
            table["scatter"][:, -1, part].copy(),
        )
        table["observed"][:, -1] = 0.0
        table["expected"][:, -1] = 0.0
        table["exposure"] = 0.0
        return result

    def minute(
        self,
        turn: Turn,
        values: FloatArray,
        exposures: FloatArray,
    ) -> list[Found]:
        """Judge a closed minute.

        Args:
            turn: which minute, and what is known of it.
            values: events, shape (2 * ROWS,).
            exposures: minutes or events.
        """
        minute, hour = turn.minute, turn.hour
        table = self._rows.columns
        judged = turn.judged
        mean = hour.rate * exposures * np.where(judged, hour.factor, 0.0)
        table["observed"] += values[:, None]
        table["expected"] += mean[:, None]
        table["exposure"] += exposures
        found: list[Found] = []
        for number, size in enumerate(SCALES):
            if (minute + 1) % size:
                break
            self._window(number, turn, found)
        if (minute + 1) % SCALES[-1] == 0:
            self._drifted(turn, found)
        self._hushed(turn, values, mean)
        # The hour's own sums are taken by `hour_brought`.
        for number, size in enumerate(SCALES[:-1]):
            if (minute + 1) % size == 0:
                table["observed"][:, number] = 0.0
                table["expected"][:, number] = 0.0
        self._rows.touch_all()
        return found

    def _window(self, number: int, turn: Turn, found: list[Found]) -> None:
        minute, hour, judged, part = turn.minute, turn.hour, turn.judged, turn.part
        learns = judged & turn.is_calm
        table = self._rows.columns
        seen, mean = table["observed"][:, number], table["expected"][:, number]
        wide = 1.0 + hour.tolerance
        learns &= (hour.habit <= 0.0) | (seen <= mean * wide)
        scatter = table["scatter"][:, number, part]
        # Who sends many at once makes counts that scatter by as much at the least, at night too.
        least = np.where(table["tried"] > TRIED_ENOUGH, table["cluster"], 1.0)
        session = np.maximum(table["scatter"][:, number].max(axis=1), least)
        is_thin = self._is_rate & (hour.daily < SENDERS_A_DAY * session)
        session = np.where(is_thin, np.maximum(session, _THIN_SESSION), session)
        lowest, highest = mean, mean
        if SCALES[number] <= _EDGE_MINUTES and minute % SCALES[-1] < _EDGE_MINUTES:
            # What is due in an hour begins some minutes late, since it is recorded later.
            late = mean * hour.before / np.maximum(hour.rate, 1e-12)
            lowest, highest = np.minimum(mean, late), np.maximum(mean, late)
        highest = np.maximum(np.maximum(highest * wide, hour.habit), _SESSIONS * session)
        nearest = _between(seen, lowest / wide, highest)
        spread = np.sqrt(np.maximum(scatter, least) * (1.0 + _YOUNG_SCATTER * hour.bar))
        surprise = np.where(judged, deviance_root(seen, nearest) / spread, 0.0)
        # Both sides at once, shape (2, 2 * ROWS): too many, too few.
        start, excess = table["start"][:, number].T, table["excess"][:, number].T
        beyond = surprise * _DIRECTIONS - start
        effect = seen - mean
        for side, direction in enumerate((1, -1)):
            may = effect * direction >= _LEAST_EFFECT
            if direction < 0:
                # Of full silence the series' own silences are the measure.
                may &= self._may_fall & ((seen > 0) | self._never_hush)
            series = may.nonzero()[0]
            if not series.size:
                continue
            tail = beyond[side, series] / (excess[side, series] * math.log(10.0))
            decades = _TAIL_DECADES + tail - hour.bar[series]
            is_alarm = decades >= self._bars[number]
            if is_alarm.any():
                series = series[is_alarm]
                since = np.full(len(series), minute - SCALES[number] + 1)
                found.append(
                    Found(
                        number,
                        direction,
                        series,
                        decades[is_alarm] - self._bars[number] + self._bar,
                        seen.copy(),
                        mean.copy(),
                        since,
                    )
                )
        over = learns & (beyond > 0)
        pace = _TAIL_PACE[number]
        less = np.where(learns, -pace * _TAIL_SHARE, 0.0)
        start += np.where(over, pace * (1 - _TAIL_SHARE), less)
        np.maximum(start, _START_LEAST, out=start)
        if over.any():
            gain = np.where(over, np.minimum(beyond, 5.0 * excess) - excess, 0.0)
            excess += _EXCESS_PACE * gain
            np.maximum(excess, _EXCESS_LEAST, out=excess)
        inner = _between(seen, mean / _LEVEL_VARIES, mean * _LEVEL_VARIES)
        plain = deviance_root(seen, inner) ** 2
        gain = np.where(learns & (mean > 0), np.minimum(plain, 9.0 * scatter) - scatter, 0.0)
        scatter += _SCATTER_PACE[number] * gain
        np.maximum(scatter, 1.0, out=scatter)

    def _drifted(self, turn: Turn, found: list[Found]) -> None:
        minute, hour, judged, is_calm = turn.minute, turn.hour, turn.judged, turn.is_calm
        table = self._rows.columns
        last = len(SCALES) - 1
        seen, mean = table["observed"][:, last], table["expected"][:, last]
        scatter = np.sqrt(table["scatter"][:, last, turn.part])
        wide = 1.0 + hour.tolerance
        counts = judged & is_calm & (mean > 0)
        for side, direction in enumerate((1, -1)):
            edge = np.maximum(mean * wide, hour.habit) if direction > 0 else mean / wide
            size = np.clip(direction * deviance_root(seen, edge) / scatter, -3.0, _DRIFT_CLIP)
            drift, since = table["drift"][:, side], table["drift_since"][:, side]
            observed, expected = table["drift_observed"][:, side], table["drift_expected"][:, side]
            begins = counts & (drift <= 0)
            since[:] = np.where(begins, minute - SCALES[-1] + 1, since)
            observed[:] = np.where(begins, 0.0, observed) + np.where(counts, seen, 0.0)
            expected[:] = np.where(begins, 0.0, expected) + np.where(counts, mean, 0.0)
            drift[:] = np.where(
                counts, np.maximum(drift + size - _DRIFT_FREE, 0.0), np.where(is_calm, drift, 0.0)
            )
            learn_drift(table, side, counts)
            bar = (DRIFT_START + _DRIFT_DECADES * table["drift_excess"][:, side]) * (1.0 + hour.bar)
            effect = direction * (observed - expected)
            alarm = counts & (drift >= bar) & (effect >= _DRIFT_EFFECT * expected)
            if direction < 0:
                alarm &= self._may_fall
            if alarm.any():
                series = np.flatnonzero(alarm)
                found.append(
                    Found(
                        DRIFT,
                        direction,
                        series,
                        self._bar * drift[series] / bar[series],
                        observed.copy(),
                        expected.copy(),
                        since[series].copy(),
                    )
                )

    def _hushed(self, turn: Turn, values: FloatArray, mean: FloatArray) -> None:
        """Learn the size of a sending."""
        table = self._rows.columns
        silent = table["silent"]
        speaks, mass = values > 0, mean * turn.hour.silence
        tried = turn.is_calm & turn.judged & (silent > SILENCE_COUNTED) & (mass > 0)
        learn_senders(table, speaks, np.where(tried, mass, 0.0))
        silent[:] = np.where(speaks, 0.0, silent + mass)
