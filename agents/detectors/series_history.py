"""What a series did at the same time of day on the days before, and how far that can be trusted (pure).

The grid holds the last four weeks of a series at its own step. From it come four answers to the
question "by how much should the value change from one row to the next?":

* not at all,
* as the median of the last seven days did in this very slot (sharp: a job at 03:00 each night),
* the same, smoothed over five slots (a rhythm under noise),
* as the same weekday did in the last three weeks, smoothed (a rhythm of the week).

Only *changes* are asked for, never levels, so that neither a trend nor a history that begins or ends in
mid-day makes a step in the baseline. Each answer weighs by the fourth power of the inverse of its recent
error: the one that works takes over, and averages remain where two work alike.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agents.detectors.series_params import DAY_S

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DAYS: Final = 28
SLOTS_MAX: Final = 1440
SPANS: Final = (1, 4, 15, 60)
"""Over how many rows the recent level may be averaged; the one with the least error is used."""

_DAILY: Final = np.arange(1, 8)
_WEEKLY: Final = np.array([7, 14, 21])
_NEIGHBOURS: Final = np.arange(-2, 3)
_PREDICTORS: Final = 4
_LOOK_BACK: Final = SPANS[-1] + 1
_JUMP: Final = 5.5
_DAYS_AGREED: Final = 3
_DAYS_OF_JUMP: Final = 4
_FORGET: Final = 0.1
_SHARPNESS: Final = 4
_UNTRIED: Final = 1.0


class SeasonalHistory:
    """The grid of one series and the trust in its predictors.

    Args:
        step_s: the series' step in seconds.
    """

    def __init__(self, step_s: float) -> None:
        self.slots = int(min(SLOTS_MAX, max(1, round(DAY_S / step_s))))
        self._width_s = DAY_S / self.slots
        self._cells: FloatArray = np.full(DAYS * self.slots, np.nan)
        self._cell_of = np.full(DAYS * self.slots, -1, dtype=np.int64)
        # Mean absolute error of (predictor, span), in units of the plainest one's.
        self._errors: FloatArray = np.full((_PREDICTORS, len(SPANS)), np.nan)
        self._before: FloatArray = np.full((_PREDICTORS, _LOOK_BACK), np.nan)
        self._last: FloatArray | None = None
        self._weights: FloatArray = np.array([1.0, 0.0, 0.0, 0.0])
        self.span = SPANS[1]

    def place(self, times_s: FloatArray) -> IntArray:
        """The running number of each time's slot since 1970."""
        return np.floor(times_s / self._width_s).astype(np.int64)

    def changes(self, places: IntArray, scales: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The expected change up to each of n rows, and the predictors' levels, shape (4, n).

        A jump of several scales that the days or the weeks before agree upon is expected whole, whatever
        the predictors' errors are over all rows: it is a job at a fixed time.

        Args:
            places: slots of n rows.
            scales: usual size of a surprise at each row; NaN where unknown.
        """
        levels = np.zeros((_PREDICTORS + 1, len(places)))
        daily, days = self._medians(places, _DAILY)
        weekly, weeks = self._medians(places, _WEEKLY)
        levels[1] = np.where(days[:, 2] >= _DAYS_AGREED, daily[:, 2], np.nan)
        # The median over neighbours keeps an edge where it is; a mean would spread it.
        levels[2] = np.median(daily, axis=1)
        levels[3] = np.median(weekly, axis=1)
        levels[4] = np.where(weeks[:, 2] == len(_WEEKLY), weekly[:, 2], np.nan)
        before = np.full((_PREDICTORS + 1, 1), np.nan) if self._last is None else self._last
        steps = np.diff(np.concatenate((before, levels), axis=1), axis=1)
        by_day, by_week = steps[1], steps[4]
        steps = steps[:_PREDICTORS]
        known = np.isfinite(steps)
        weights = self._weights[:, None] * known
        total = weights.sum(axis=0)
        moved = (weights * np.where(known, steps, 0.0)).sum(axis=0)
        change = np.divide(moved, total, out=np.zeros(len(places)), where=total > 0)
        self._last = levels[:, -1:].copy()
        limit = _JUMP * scales
        with np.errstate(invalid="ignore"):
            is_daily = (
                (np.abs(by_day) > limit)
                & (days[:, 2] >= _DAYS_OF_JUMP)
                & ~(np.abs(by_week) < limit / 2)
            )
            # Three weeks agree by chance more often than four days do: their neighbours must, too.
            is_weekly = (np.abs(by_week) > limit) & (np.abs(steps[3]) > limit / 2)
        change = np.where(is_daily, by_day, np.where(is_weekly, by_week, change))
        return change, levels[:_PREDICTORS]

    def no_changes(self, rows: int) -> tuple[FloatArray, FloatArray]:
        """What `changes` gives where nobody asks: nothing is expected and nothing is judged."""
        self._last = None
        return np.zeros(rows), np.full((_PREDICTORS, rows), np.nan)

    def learn(self, places: IntArray, values: FloatArray, levels: FloatArray) -> None:
        """Take in a finished block: its values go into the grid, its errors into the trust.

        Args:
            places: slots of n rows.
            values: what the series is taken to have been, incidents left out; NaN where unknown.
            levels: the predictors' levels that `changes` gave for these rows.
        """
        known = np.isfinite(values)
        at = places[known] % len(self._cells)
        self._cells[at] = values[known]
        self._cell_of[at] = places[known]
        rest = np.concatenate((self._before, values - levels), axis=1)
        self._before = rest[:, -_LOOK_BACK:].copy()
        if np.isfinite(levels[0]).any():
            self._score(rest)

    def _score(self, rest: FloatArray) -> None:
        """Move each (predictor, span)'s error towards what it was over the block."""
        filled = np.where(np.isfinite(rest), rest, 0.0)
        sums = np.cumsum(filled, axis=1)
        counts = np.cumsum(np.isfinite(rest), axis=1)
        for number, span in enumerate(SPANS):
            before = slice(_LOOK_BACK - 1 - span, -1 - span)
            upto = slice(_LOOK_BACK - 1, -1)
            seen = counts[:, upto] - counts[:, before]
            means = (sums[:, upto] - sums[:, before]) / np.maximum(seen, 1)
            errors = np.abs(rest[:, _LOOK_BACK:] - means)
            usable = np.isfinite(errors) & (seen * 2 > span)
            usable &= usable[:1]
            rows = usable.sum(axis=1)
            found = np.where(usable, errors, 0.0).sum(axis=1) / np.maximum(rows, 1)
            held = self._errors[:, number]
            fresh = np.where(np.isfinite(held), held + _FORGET * (found - held), found)
            # A predictor that knew only a part of the block is judged when it knows most of it.
            self._errors[:, number] = np.where(rows * 2 > errors.shape[1], fresh, held)
        if np.isfinite(self._errors).any():
            self._choose()

    def _choose(self) -> None:
        errors = np.where(np.isfinite(self._errors), self._errors, np.inf)
        best = int(np.argmin(errors.min(axis=0)))
        self.span = SPANS[best]
        column = errors[:, best]
        floor = column.min()
        # A predictor without error leaves nothing to the others.
        flawless = (column <= 0).astype(np.float64)
        self._weights = flawless if floor <= 0 else (floor / column) ** _SHARPNESS

    def _medians(self, places: IntArray, days: IntArray) -> tuple[FloatArray, IntArray]:
        """The lower median over the days before, per row and neighbouring slot, and of how many days.

        Both of shape (n, 5).
        """
        wanted = (
            places[:, None, None] + _NEIGHBOURS[None, :, None] - days[None, None, :] * self.slots
        )
        at = wanted % len(self._cells)
        found = np.where(self._cell_of[at] == wanted, self._cells[at], np.nan)
        # Of two, neither is the median: the one of the more recent day stands for both.
        first, second = found[:, :, 0], found[:, :, 1]
        recent = np.where(np.isfinite(first), first, second)
        found.sort(axis=2)
        known = np.isfinite(found).sum(axis=2)
        middle = np.maximum(known - 1, 0) // 2
        medians: FloatArray = np.take_along_axis(found, middle[:, :, None], axis=2)[:, :, 0]
        return np.where((known == 2) & np.isfinite(recent), recent, medians), known  # noqa: PLR2004 - as said
