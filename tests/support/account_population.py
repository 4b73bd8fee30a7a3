"""A population of accounts told day by day as counts: the feasibility study's, seeded.

4,000 accounts of six roles whose median patients a day lie between 4 and 70, log-normal spread 0.55
between accounts, negative binomial days, weekends, public holidays, leave, slow legitimate drift, and
15 % of patients without a care relation, whose share differs between accounts and between days
(detection reference, section 4.2; concentrations are assumptions). Everything is vectorised over
accounts; a day costs about a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.distributions import FloatArray
    from streams.event_time import BoolArray, Int64Array

ROLE_MEDIANS: Final = (4.0, 8.0, 12.0, 20.0, 35.0, 70.0)
FIRST_DAY: Final = 19_723  # 2024-01-01
_HOLIDAYS_OF_YEAR: Final = (0, 91, 120, 127, 129, 139, 195, 227, 305, 315, 359)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is assumed of the accounts."""

    accounts: int = 4000
    spread: float = 0.55
    day_size: float = 5.0
    unexplained_ratio: float = 0.15
    unexplained_concentration: float = 30.0
    day_concentration: float = 60.0
    drift_per_year: float = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """One day of everybody; arrays of shape (accounts,); zeros for those who do not work."""

    day: int
    is_working: bool
    patients: Int64Array
    unexplained: Int64Array
    peak: Int64Array


class AccountPopulation:
    """Tells the quiet days of a seed."""

    def __init__(self, seed: int, shape: Shape | None = None) -> None:
        self.shape = shape or Shape()
        self.rng = np.random.default_rng(seed)
        count = self.shape.accounts
        self.group: Int64Array = np.arange(count) % len(ROLE_MEDIANS)
        spread = np.exp(self.shape.spread * self.rng.standard_normal(count))
        self.level: FloatArray = np.array(ROLE_MEDIANS)[self.group] * spread
        mean, sure = self.shape.unexplained_ratio, self.shape.unexplained_concentration
        self.share: FloatArray = self.rng.beta(mean * sure, (1 - mean) * sure, count)
        self.presence: FloatArray = self.rng.uniform(0.5, 0.95, count)
        self.weekend: FloatArray = np.where(self.rng.random(count) < 0.2, 0.4, 0.03)
        self.drift: FloatArray = self.shape.drift_per_year * self.rng.standard_normal(count)
        self._leave_until: Int64Array = np.zeros(count, np.int64)

    def days(self, count: int) -> Iterator[Day]:
        """The first `count` days."""
        for number in range(count):
            yield self._day(number)

    def _day(self, number: int) -> Day:
        rng, shape = self.rng, self.shape
        weekend = number % 7 >= 5 or number % 365 in _HOLIDAYS_OF_YEAR
        starts = rng.random(shape.accounts) < 0.006
        self._leave_until = np.where(
            starts & (self._leave_until <= number), number + 14, self._leave_until
        )
        chance = self.weekend if weekend else self.presence
        works: BoolArray = (rng.random(shape.accounts) < chance) & (self._leave_until <= number)
        level = self.level * np.exp(self.drift * number / 365.0)
        load = rng.poisson(rng.gamma(shape.day_size, level / shape.day_size))
        patients = np.where(works, np.maximum(load, 1), 0)
        sure = shape.day_concentration
        share = rng.beta(self.share * sure, (1.0 - self.share) * sure)
        unexplained = rng.binomial(patients, share)
        peak = np.maximum(rng.binomial(patients, 0.22), np.minimum(patients, 1))
        return Day(FIRST_DAY + number, not weekend, patients, unexplained, peak)
