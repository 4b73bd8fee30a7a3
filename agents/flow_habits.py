"""What flow series do by themselves: how much one sending holds, and how far their sums drift (pure).

The silences of independent events are exponential in what they swallow. Those of senders that send
many at once are as long in units of a sending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from agents.series_rows import Columns

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SILENCE_COUNTED: Final = 1.0
"""Swallowed events from which a silence counts as one."""
TRIED_ENOUGH: Final = 10.0
"""Units of evidence from which the size of a sending is known."""
DRIFT_START: Final = 3.0
"""A sum of hourly surprises that is not worth remembering."""

_MASS_CLIP: Final = 3.0
_CLUSTER_MOST: Final = 200.0
_CLUSTER_FIRST: Final = 8.0
_CLUSTER_PACE: Final = 0.005
_DRIFT_PACE: Final = 0.1


def learn_senders(table: Columns, speaks: BoolArray, mass: FloatArray) -> None:
    """Learn from one more minute of silence, or from its end, how many events one sending holds.

    Args:
        table: n series of `agents.flow_surprise`'s state.
        speaks: shape (n,), whether events came.
        mass: shape (n,), events expected in the minute; 0 where nothing is learned.
    """
    # How likely one more minute of a silence is, tells how much of what is expected is one
    # independent sender: the slope of the likelihood of exp(-mass / cluster) at this minute.
    tried = mass > 0
    if not tried.any():
        return
    cluster = table["cluster"]
    weight = np.where(tried, np.minimum(mass / cluster, _MASS_CLIP), 0.0)
    table["tried"] += weight
    slope = np.where(speaks, -weight / np.expm1(np.maximum(weight, 1e-9)), weight)
    pace = np.maximum(_CLUSTER_PACE, 1.0 / (_CLUSTER_FIRST + table["tried"]))
    cluster *= np.exp(np.where(tried, pace * slope, 0.0))
    np.clip(cluster, 1.0, _CLUSTER_MOST, out=cluster)


def learn_drift(table: Columns, side: int, counts: BoolArray) -> None:
    """Learn from sums of surprises that went back to nothing how far sums go by themselves.

    Args:
        table: n series of `agents.flow_surprise`'s state.
        side: 0 for sums upwards, 1 for those downwards.
        counts: shape (n,), rows that are learned from.
    """
    drift, peak = table["drift"][:, side], table["drift_peak"][:, side]
    excess = table["drift_excess"][:, side]
    over = counts & (drift <= 0) & (peak > DRIFT_START)
    beyond = np.minimum(peak - DRIFT_START, 5.0 * excess)
    excess += np.where(over, _DRIFT_PACE * (beyond - excess), 0.0)
    np.maximum(excess, 1.0, out=excess)
    peak[:] = np.where(drift <= 0, 0.0, np.maximum(peak, drift))
