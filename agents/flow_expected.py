"""What an hour should bring to every flow series: the seam between rates and those who judge (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class HourExpected:
    """What an hour should bring, each of shape (2 * ROWS,).

    Attributes:
        rate: per exposure (a minute, or an event).
        before: what it was in the hour before.
        daily: events of an average day so far.
        habit: events that may come within the hour, or any part of it, since they did on days before.
        tolerance: how far, as a ratio, the rate may really be off; judged is what lies beyond.
        silence: what `rate` is worth when silence is counted.
        known: whether the series may be judged in this hour.
        bar: decades that an alarm needs on top, while the series is young.
        factor: of declared changes; NaN where one of unknown size is under way.
    """

    rate: FloatArray
    before: FloatArray
    daily: FloatArray
    habit: FloatArray
    tolerance: FloatArray
    silence: FloatArray
    known: BoolArray
    bar: FloatArray
    factor: FloatArray
