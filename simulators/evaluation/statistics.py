"""Shares, rates and delays with their uncertainty (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Z_95: Final = 1.959963984540054
"""Standard normal quantile of a two-sided interval of 95 %."""
_TAIL: Final = 0.025
_HALVINGS: Final = 80


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of 95 %."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `trials`."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        """The share; not a number without trials."""
        return self.hits / self.trials if self.trials else math.nan

    @property
    def interval(self) -> Interval:
        """Wilson's score interval (JASA 1927), which holds at 0 and 1 and for few trials."""
        if not self.trials:
            return Interval(0.0, 1.0)
        n, z2 = self.trials, Z_95 * Z_95
        middle = (self.value + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 / (1 + z2 / n) * math.sqrt(self.value * (1 - self.value) / n + z2 / (4 * n * n))
        # At the ends the two terms cancel but for rounding.
        low = 0.0 if self.hits == 0 else max(0.0, middle - half)
        return Interval(low, 1.0 if self.hits == n else min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class Rate:
    """`events` in an exposure, both counted; the value is per 1,000 units of exposure."""

    events: int
    exposure: float

    @property
    def value(self) -> float:
        """Events per 1,000; not a number without exposure."""
        return 1000.0 * self.events / self.exposure if self.exposure else math.nan

    @property
    def interval(self) -> Interval:
        """The exact Poisson interval (Garwood, Biometrika 1936)."""
        if not self.exposure:
            return Interval(0.0, math.inf)
        low, high = poisson_interval(self.events)
        return Interval(1000.0 * low / self.exposure, 1000.0 * high / self.exposure)


def poisson_interval(events: int) -> tuple[float, float]:
    """Garwood's interval of 95 % for the mean of a Poisson count."""
    most = events + 10.0 * math.sqrt(events + 1.0) + 20.0
    high = _crossing(lambda mean: poisson_cdf(events, mean) > _TAIL, most)
    if events == 0:
        return 0.0, high
    return _crossing(lambda mean: 1.0 - poisson_cdf(events - 1, mean) < _TAIL, most), high


def poisson_cdf(events: int, mean: float) -> float:
    """P(N <= events) of a Poisson count."""
    if mean <= 0.0:
        return 1.0
    logs = (n * math.log(mean) - mean - math.lgamma(n + 1.0) for n in range(events + 1))
    return min(1.0, math.fsum(math.exp(log) for log in logs))


def _crossing(is_below: Callable[[float], bool], most: float) -> float:
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that at least this share of all values reach at most; infinite ones count.

    So a quantile of delays in which "never" is infinite says honestly where it is never.
    """
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def quantile_interval(values: Sequence[float], share: float) -> Interval:
    """Order statistics around a quantile: binomial, by the normal approximation."""
    if not values:
        return Interval(math.nan, math.nan)
    ordered, n = sorted(values), len(values)
    half = Z_95 * math.sqrt(n * share * (1 - share))
    low = max(0, math.floor(share * n - half) - 1)
    return Interval(ordered[low], ordered[min(n - 1, math.ceil(share * n + half) - 1)])
