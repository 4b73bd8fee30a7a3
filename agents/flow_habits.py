"""What flow series do by themselves: how many senders they rest on, and how far their sums drift (pure).

The silences of independent events are exponential in what they swallow. Those of senders that send
many at once are as long in units of a sending; those of a few people who come and go have a tail of
their own, which is learned from the silences that swallowed much.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

Table = npt.NDArray[Any]
"""Rows of `agents.flow_surprise`'s state."""

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
_CLUSTER_SCALE: Final = 2
_YOUNG_BAR: Final = 0.75
_LONG_SILENCE: Final = 8.0
"""Swallowed events beyond which silences are measured apart: a silence of independent events gets there
once in 3,000 times, that of a few senders every day."""
_LONG_FIRST: Final = 6.0
_LONG_CLIP: Final = 3.0
_LONG_MOST: Final = 100.0
_DRIFT_PACE: Final = 0.1


def learn_senders(table: Table, speaks: BoolArray, mass: FloatArray) -> None:
    """Learn from one more minute of silence, or from its end, how many events one sending holds.

    Args:
        table: n rows.
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


def learn_long(table: Table, ends: BoolArray) -> None:
    """Learn from silences that end now, and swallowed much, how much more they swallow.

    Those that were told as outages teach as well, since a few senders' silences are found to be usual
    by nothing else; but none counts for more than a few of what is known.
    """
    silent, known, number = table["silent"], table["long_silence"], table["long_silences"]
    rows = np.flatnonzero(ends & (silent > _LONG_SILENCE))
    if len(rows):
        beyond = np.minimum(silent[rows] - _LONG_SILENCE, _LONG_CLIP * known[rows])
        pace = 1.0 / (_LONG_FIRST + np.minimum(number[rows], _LONG_MOST) + 1.0)
        known[rows] = np.clip(known[rows] + pace * (beyond - known[rows]), 1.0, _CLUSTER_MOST)
        number[rows] += 1.0


def senders(table: Table, bar: FloatArray) -> FloatArray:
    """Events that one independent sending holds, shape (n,); `bar` says how young the series are."""
    # Senders of many at once scatter as much; a series that never fell silent shows it by that.
    scatter = table["scatter"][:, _CLUSTER_SCALE].max(axis=1)
    scatter = np.where(bar < _YOUNG_BAR, scatter, np.inf)
    sender = np.minimum(0.95 * table["cluster"], scatter)
    result: FloatArray = np.maximum(np.maximum(sender, table["long_silence"]), 1.0)
    return result


def learn_drift(table: Table, side: int, counts: BoolArray) -> None:
    """Learn from sums of surprises that went back to nothing how far sums go by themselves.

    Args:
        table: n rows.
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
