"""How rare a statistic is by the series' own habit: exponential tails learnt online (pure).

Beyond its 97 % quantile a statistic is taken to fall off as a generalised Pareto: exponentially, at the
mean excess that the series itself shows, unless too many excesses of three to six times the mean tell of
a heavier tail. Excesses are clipped at twice their mean before they are learnt (and the mean
corrected for what clipping takes from an exponential), so that incidents, which are what the tail is to
judge, cannot teach it that they are ordinary. The prior is a little heavier than Gaussian.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

TAIL_SHARE: Final = 0.03
TAIL_DECADES: Final = -math.log10(TAIL_SHARE)
_CLIP: Final = 2.0
_CLIPPED_MEAN: Final = 1 - math.exp(-_CLIP)
"""Mean of a unit exponential, clipped there."""
_FAR: Final = (3.0, 6.0)
_FAR_SHARE: Final = math.exp(-_FAR[0]) - math.exp(-_FAR[1])
"""Share of an exponential's excesses between three and six times their mean."""
_FAR_SLACK: Final = 0.01
_SHAPE_PER_SHARE: Final = 7.5  # a shape of 0.3 has 0.086 there
_SHAPE_MIN: Final = 0.01
_SHAPE_MAX: Final = 0.35
_PRIOR_EXCESSES: Final = 30.0
_EXCESSES_MAX: Final = 400.0
_QUANTILE_PACE: Final = 0.15


class Tail:
    """One side of one statistic.

    Attributes:
        start: where the tail begins (the 97 % quantile), in the statistic's unit.
        excess: mean excess beyond it, in the same unit.
    """

    __slots__ = ("_far_share", "_weight", "excess", "start")

    def __init__(self, start: float, excess: float) -> None:
        self.start = start
        self.excess = excess
        self._weight = _PRIOR_EXCESSES
        self._far_share = _FAR_SHARE

    def learn(self, values: FloatArray) -> None:
        """Take in n values of the statistic, as large as they came."""
        beyond = values[values > self.start]
        share = len(beyond) / max(len(values), 1)
        if len(beyond):
            clipped = np.minimum(beyond - self.start, _CLIP * self.excess)
            self._weight = min(self._weight + len(beyond), _EXCESSES_MAX)
            pace = min(len(beyond) / self._weight, 0.2)
            far = (beyond > self.start + _FAR[0] * self.excess) & (
                beyond < self.start + _FAR[1] * self.excess
            )
            self._far_share += pace / 2 * (float(far.mean()) - self._far_share)
            self.excess += pace * (float(clipped.mean()) / _CLIPPED_MEAN - self.excess)
        size = min(1.0, len(values) * TAIL_SHARE / 4)
        move = min(max(share / TAIL_SHARE - 1, -1.0), 2.0)
        self.start = max(self.start + size * _QUANTILE_PACE * move * self.excess, 0.5)
        self.excess = max(self.excess, 0.12 * self.start)

    @property
    def heaviness(self) -> float:
        """Shape of the generalised Pareto tail: 0 is exponential."""
        shape = (self._far_share - _FAR_SHARE - _FAR_SLACK) * _SHAPE_PER_SHARE
        return min(max(shape, _SHAPE_MIN), _SHAPE_MAX)

    def decades(self, value: float) -> float:
        """How rare a value beyond the start is: decades of probability below that of the start."""
        shape = self.heaviness
        return math.log10(1 + shape * (value - self.start) / self.excess) / shape
