"""Spikes, drops, level shifts and outages of one series of rates (pure, strictly online).

What: each row is compared with what this series does, first in size (one row, about four rows, about
sixteen rows), then, for counts of a few per row, in the number of events that silence swallowed. The
expectation is a level that follows the series, moved by the rhythm of day and week that it has shown
(`series_history`); surprise is measured by the series' own scatter at that hour (`series_scale`), its
rarity by the series' own tails (`series_tails`). So neither unit nor scale is ever asked for.

Why: a broken flow shows as a rate that leaves its habit, within minutes, long before anyone calls.

Misses: a change no larger than the series' ordinary excursions; a drift so slow that each hour looks
like the last; whatever happens in the first rows, which found the habit.

False positives: an event that recurs at no fixed time (a monthly job) on a series that is otherwise
calm; the first days of a series with a rhythm, which is why the bar is higher then.

An *episode* begins a little below the bar of the default budget; its rows are judged by the level before
it. It ends when the series is back, or when what was strange has lasted long enough to be the new
normal; a return to the level before that is then no news. An episode becomes an *alert* once its
rarity passes the bar of the budget and a token is left; tokens flow in at the budget's pace, so that the
budget holds on any series.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.detectors.series_history import SeasonalHistory
from agents.detectors.series_params import SeriesEvidence, SeriesParams
from agents.detectors.series_scale import HOUR_S, CountProfile, NoiseScale
from agents.detectors.series_tails import Tail
from agents.detectors.series_walk import Course, Habit, Judged, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_STEP_ROWS: Final = 12
_FIRST_BLOCK: Final = 32
_BLOCK_MIN: Final = 72
_BLOCK_MAX: Final = 360
_LOW_MEAN: Final = 10.0
_LOW_MEAN_OF_SLOW: Final = 300.0
_SLOW_SLOTS: Final = 96
_STAYS_LOW: Final = 1.5
_TAILS: Final = ((2.2, 0.6), (1.3, 0.35), (0.9, 0.25))
"""Where the tails of one, about four and about sixteen rows begin at first, and their mean excess."""


class SeriesDetector:
    """The detector of one series.

    Args:
        params: its settings.

    Attributes:
        step_s: the series' step in seconds; NaN until a dozen steps were seen.
    """

    def __init__(self, params: SeriesParams | None = None) -> None:
        self.params = params or SeriesParams()
        self.step_s = math.nan
        self._first_s: list[float] = []
        self._is_signed = False
        self._is_low = False
        self._counts = CountProfile()
        self._noise = NoiseScale()
        self._up = [Tail(start, excess) for start, excess in _TAILS]
        self._down = [Tail(start, excess) for start, excess in _TAILS]
        self._restart()

    def _restart(self) -> None:
        self._block_rows = _FIRST_BLOCK
        self._blocks = 0
        self._kept: list[tuple[Rows, Judged, IntArray, FloatArray]] = []
        self._kept_rows = 0

    @property
    def evidence(self) -> SeriesEvidence | None:
        """Why the last alert was raised, values in the series' own unit."""
        if not math.isfinite(self.step_s) or self._course.evidence is None:
            return None
        found = self._course.evidence
        if found.is_count or self._is_signed:
            return found
        return replace(found, expected=max(found.expected, 0.0) ** 2)

    def update(self, times_s: npt.ArrayLike, values: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
        """Judge n further rows, in the order of the source.

        Args:
            times_s: shape (n,), seconds since 1970; may repeat, step back and leave gaps. A rhythm of
                local life is followed through a clock change if the local wall clock is given here.
            values: shape (n,), NaN where missing.

        Returns:
            Scores in [0, 1], shape (n,); 0.5 is where an episode begins. And alert flags, shape (n,).
            Row i depends on rows up to i alone, however the rows are cut into calls.
        """
        times = np.ascontiguousarray(times_s, dtype=np.float64)
        raw = np.ascontiguousarray(values, dtype=np.float64)
        scores: FloatArray = np.zeros(len(times))
        flags: BoolArray = np.zeros(len(times), dtype=np.bool_)
        at = self._find_step(times)
        while at < len(times):
            end = min(len(times), at + self._block_rows - self._kept_rows)
            if not self._is_signed:
                below = np.flatnonzero(raw[at:end] < 0)
                if len(below) == 0:
                    pass
                elif below[0] == 0:
                    self._turn_signed()
                    continue
                else:
                    end = at + int(below[0])
            judged = self._judge(times[at:end], raw[at:end])
            scores[at:end], flags[at:end] = judged.scores, judged.flags
            if self._kept_rows >= self._block_rows:
                self._learn()
            at = end
        return scores, flags

    def _find_step(self, times: FloatArray) -> int:
        """Read rows until the step is known; how many were read."""
        if math.isfinite(self.step_s):
            return 0
        for at, time_s in enumerate(times.tolist()):
            if not self._first_s or time_s > self._first_s[-1]:
                self._first_s.append(time_s)
            if len(self._first_s) > _STEP_ROWS:
                steps = np.sort(np.diff(self._first_s))
                self.step_s = float(steps[_STEP_ROWS // 2])
                self._history = SeasonalHistory(self.step_s)
                self._course = Course(self.params, self.step_s, self._first_s[0])
                self._block_most = int(min(_BLOCK_MAX, max(_BLOCK_MIN, self._history.slots)))
                return at + 1
        return len(times)

    def _turn_signed(self) -> None:
        """A first negative value: from now on values are taken as they are, not by their roots."""
        self._is_signed, self._is_low = True, False
        self._history = SeasonalHistory(self.step_s)
        self._noise = NoiseScale()
        self._course.forget()
        self._restart()

    def _judge(self, times: FloatArray, raw: FloatArray) -> Judged:
        """Judge rows of one block by what was known before the block and by the rows before."""
        values = raw if self._is_signed else np.sqrt(raw)
        places = self._history.place(times)
        hours = np.floor(times / HOUR_S).astype(np.int64)
        scales = self._noise.of(hours)
        if self._is_low:
            changes, levels = self._history.no_changes(len(raw))
            expected = self._counts.expected(hours)
        else:
            changes, levels = self._history.changes(places, scales)
            expected = np.zeros(len(raw))
        rows = Rows(times, raw, values, changes, scales, expected)
        tails = [tail for pair in zip(self._up, self._down, strict=True) for tail in pair]
        span = self._history.span if self._blocks else 0
        unit = self._counts.unit if self._is_low else 0.0
        habit = Habit(span, unit, self._counts.mean, tails)
        judged = self._course.walk(rows, habit)
        self._kept.append((rows, judged, places, levels))
        self._kept_rows += len(raw)
        return judged

    def _learn(self) -> None:
        """Take in a finished block."""
        kept, self._kept, self._kept_rows = self._kept, [], 0
        values = np.concatenate([rows.values for rows, _, _, _ in kept])
        places = np.concatenate([places for _, _, places, _ in kept])
        levels = np.concatenate([levels for _, _, _, levels in kept], axis=1)
        # Medians over days need no protection from incidents, and must learn what recurs.
        self._history.learn(places, values, levels)
        surprises = np.concatenate([judged.surprises for _, judged, _, _ in kept])
        known = np.isfinite(surprises)
        hours = np.floor(np.concatenate([rows.times_s for rows, _, _, _ in kept]) / HOUR_S)
        hours = hours.astype(np.int64)
        if known.any():
            rests = surprises[known]
            if self._blocks:
                self._learn_tails([judged for _, judged, _, _ in kept], known)
                if self._is_low:
                    due = self._counts.expected(hours[known]) * self._counts.unit
                    rests = values[known] - np.sqrt(due)
                else:
                    rests *= self._noise.of(hours[known])
            self._noise.learn(hours[known], rests, values[known])
            if not self._is_signed:
                raw = np.concatenate([rows.raw for rows, _, _, _ in kept])
                usual = np.concatenate([judged.usual for _, judged, _, _ in kept])
                self._learn_counts(hours, raw, usual)
        self._blocks += 1
        self._block_rows = min(self._block_rows * 2, self._block_most)

    def _learn_tails(self, parts: Sequence[Judged], known: BoolArray) -> None:
        statistics = (
            [judged.surprises for judged in parts],
            [judged.shorts for judged in parts],
            [judged.middles for judged in parts],
        )
        for up, down, arrays in zip(self._up, self._down, statistics, strict=True):
            found = np.concatenate(arrays)[known]
            up.learn(found)
            down.learn(-found)

    def _learn_counts(self, hours: IntArray, raw: FloatArray, usual: FloatArray) -> None:
        known = np.isfinite(raw) & np.isfinite(usual)
        self._counts.learn(hours[known], raw[known], usual[known] ** 2)
        # Of a slow series an hour is one row: its week is known better than its last rows tell.
        low = _LOW_MEAN_OF_SLOW if self._history.slots <= _SLOW_SLOTS else _LOW_MEAN
        most = low * (_STAYS_LOW if self._is_low else 1.0)
        is_counted = (
            self._counts.is_countable and self._counts.unit > 0 and self._counts.is_scattered
        )
        self._is_low = is_counted and self._counts.busiest() < most


def flagged_ranges(flags: Sequence[bool] | BoolArray) -> list[tuple[int, int]]:
    """The runs of raised flags as half-open row ranges."""
    edges = np.diff(np.concatenate(([0], np.asarray(flags, dtype=np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
