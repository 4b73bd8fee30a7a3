"""How large a series' surprises are by hour of day, and how many events by hour of week (pure)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

HOUR_S: Final = 3600.0
_NORMAL: Final = 1.2533  # standard deviation over mean absolute deviation of a Gaussian
_WINSOR: Final = 4.0
_FLOOR_OF_LEVEL: Final = 0.004
_FLOOR_OF_SPREAD: Final = 0.04
_ROWS_LONG: Final = 2000.0
_VISITS: Final = 6.0
_WEEKS: Final = 5.0
_PRIOR_EVENTS: Final = 2.0
_PRIOR_VISITS_MAX: Final = 8.0
_SCATTER_MIN: Final = 0.4
_NOT_COUNTABLE: Final = 1e-6


class NoiseScale:
    """The standard deviation that a residual is measured by; incidents are winsorised out of it."""

    def __init__(self) -> None:
        self._long = math.nan
        self._rows = 0.0
        self._hours: FloatArray = np.full(24, np.nan)
        self._visits: FloatArray = np.zeros(24)
        self._level = 0.0
        self._middle = math.nan
        self._spread = 0.0

    def of(self, hours: IntArray) -> FloatArray:
        """Scale of each of n rows, given its hour since 1970; NaN before the first `learn`."""
        long = self._long
        slot = np.where(np.isfinite(self._hours), self._hours, long)[hours % 24]
        trust = 0.7 * np.minimum(self._visits[hours % 24], 3.0) / 3.0
        floor = _FLOOR_OF_LEVEL * self._level + _FLOOR_OF_SPREAD * self._spread
        scale: FloatArray = np.maximum(trust * slot + (1 - trust) * long, floor)
        return scale

    def learn(self, hours: IntArray, residuals: FloatArray, values: FloatArray) -> None:
        """Take in n finite residuals with the values they belong to."""
        sizes = np.abs(residuals)
        if not math.isfinite(self._long):
            middle = float(np.median(values))
            self._long = _NORMAL * max(float(np.median(sizes)), 0.5 * float(sizes.mean()))
            self._middle, self._level = middle, float(np.abs(values).mean())
            self._spread = float(np.abs(values - middle).mean())
            self._rows = len(values)
            return
        clip = _WINSOR * self.of(hours)
        clip = np.maximum(clip, 1e-300)
        sizes = np.minimum(sizes, clip)
        self._rows = min(self._rows + len(values), _ROWS_LONG)
        pace = min(len(values) / self._rows, 0.3)
        self._long += pace * (_NORMAL * float(sizes.mean()) - self._long)
        slow = min(len(values) / (5 * self._rows), 0.3)
        self._level += slow * (float(np.abs(values).mean()) - self._level)
        self._middle += slow * (float(values.mean()) - self._middle)
        self._spread += slow * (float(np.abs(values - self._middle).mean()) - self._spread)
        sums = np.bincount(hours % 24, sizes, 24)
        counts = np.bincount(hours % 24, minlength=24)
        seen = counts > 0
        means = _NORMAL * sums[seen] / counts[seen]
        held = self._hours[seen]
        # An hour's share of a visit, so that hourly and one-minute series learn alike.
        self._visits[seen] = np.minimum(self._visits[seen] + 1, _VISITS)
        paces = 1 / self._visits[seen]
        self._hours[seen] = np.where(np.isfinite(held), held + paces * (means - held), means)


class CountProfile:
    """Whether a series counts things and, if so, how many are expected per row in each hour of the week.

    The unit is the greatest common divisor of what was seen, so that counts in thousands are counts.
    """

    def __init__(self) -> None:
        self.unit = 0.0
        self.is_countable = True
        self.mean = 0.0
        self._square = 0.0
        self._rows = 0.0
        self._hours: FloatArray = np.zeros(24)
        self._hour_visits: FloatArray = np.zeros(24)
        self._week: FloatArray = np.zeros(168)
        self._week_visits: FloatArray = np.zeros(168)

    @property
    def is_scattered(self) -> bool:
        """Whether it scatters like a count: a constant, or a gauge in coarse steps, hardly does."""
        return self._square > _SCATTER_MIN * self.mean

    def busiest(self) -> float:
        """The mean count per row, in units, of the busiest hour of the day so far."""
        return max(float(self._hours.max()), self.mean)

    def expected(self, hours: IntArray) -> FloatArray:
        """Expected count, in units, of each of n rows."""
        day, week = hours % 24, (hours + 96) % 168
        # The prior weighs a few events, not a few visits: an hour of many events is known at once.
        visits, prior = self._hour_visits[day], _prior_visits(self.mean)
        by_day = (self._hours[day] * visits + prior * self.mean) / (visits + prior)
        visits, prior = self._week_visits[week], np.maximum(_prior_visits(by_day), 1.0)
        by_week: FloatArray = (self._week[week] * visits + prior * by_day) / (visits + prior)
        return np.maximum(by_week, 0.02)

    def learn(self, hours: IntArray, values: FloatArray, usual: FloatArray) -> None:
        """Take in n finite values, and what they count for where incidents are left out."""
        if not self.is_countable:
            return
        self._find_unit(values)
        if self.unit <= 0 or not self.is_countable:
            return
        # What is strange is learnt little by little, should it recur.
        counts = np.clip(values, usual / 3, 3 * (usual + self.unit)) / self.unit
        self._rows = min(self._rows + len(counts), _ROWS_LONG)
        usually = self.expected(hours) if self.mean > 0 else float(counts.mean())
        square = float(np.square(values / self.unit - usually).mean())
        self._square += min(len(counts) / self._rows, 1.0) * (square - self._square)
        self.mean += min(len(counts) / self._rows, 1.0) * (float(counts.mean()) - self.mean)
        self._blend(self._hours, self._hour_visits, hours % 24, counts, 4 * _WEEKS)
        self._blend(self._week, self._week_visits, (hours + 96) % 168, counts, _WEEKS)

    @staticmethod
    def _blend(
        table: FloatArray, visits: FloatArray, keys: IntArray, values: FloatArray, most: float
    ) -> None:
        rows = np.bincount(keys, minlength=len(table))
        seen = rows > 0
        means = np.bincount(keys, values, len(table))[seen] / rows[seen]
        visits[seen] = np.minimum(visits[seen] + 1, most)
        table[seen] += (means - table[seen]) / visits[seen]

    def _find_unit(self, values: FloatArray) -> None:
        """Euclid's algorithm over what does not fit the unit so far."""
        if float(values.min()) < 0:
            self.is_countable = False
            return
        held = self.unit
        for _ in range(40):
            if self.unit > 0:
                rest = np.mod(values, self.unit)
                rest = np.minimum(rest, self.unit - rest)
                odd = rest[rest > _NOT_COUNTABLE * np.maximum(values, self.unit)]
            else:
                odd = values[values > 0]
            if not len(odd):
                break
            self.unit = float(odd.min())
        largest = float(values.max())
        if self.unit > 0 and self.unit < _NOT_COUNTABLE * largest:
            self.is_countable = False
        elif held > 0 and self.unit > 0 and self.unit != held:
            self._hours *= held / self.unit
            self._week *= held / self.unit
            self.mean *= held / self.unit
            self._square *= (held / self.unit) ** 2


def _prior_visits(means: FloatArray | float) -> FloatArray:
    visits: FloatArray = np.minimum(_PRIOR_EVENTS / np.maximum(means, 0.02), _PRIOR_VISITS_MAX)
    return visits
