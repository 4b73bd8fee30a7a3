"""Which series explains a change: a total if most of its parts share it, else the part (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_series import ALL_CELLS, CELLS, MEMBERS, ROWS, SERIES, WIDTHS
from agents.flow_surprise import SILENCE, deviance_root
from streams.topics import MSS_MESSAGES

if TYPE_CHECKING:
    from agents.flow_surprise import Found

FloatArray = npt.NDArray[np.float64]

_SHARERS: Final = 2
_SHARERS_RATIO: Final = 2 / 3
_PART_COUNTS: Final = 3.0
_PART_HUSHED: Final = 0.7
_REST_HUSHED: Final = 0.4
_REST_SURPRISE: Final = 5.0
_REST_EFFECT: Final = 0.25


def _below() -> npt.NDArray[np.bool_]:
    """Shape (ROWS, ROWS): whether the second row's cells all are the first's, itself included."""
    inside: npt.NDArray[np.bool_] = np.asarray(WIDTHS[None, :] <= MEMBERS @ MEMBERS.T)
    for row in range(ROWS):
        labels = SERIES[row]
        if labels.sector == "*" and labels.couloir == "*" and labels.flow in ("*", MSS_MESSAGES):
            inside[row, CELLS:ALL_CELLS] = True
    return inside


BELOW: Final = _below()


@dataclass(frozen=True, slots=True, eq=False)
class Minute:
    """A judged minute, arrays of shape (2 * ROWS,).

    Attributes:
        minute: its number.
        values: events.
        mean: what was expected.
        scatter: variance of short counts in units of their mean.
        first_hours: UTC hour from which each baseline was learned.
    """

    minute: int
    values: FloatArray
    mean: FloatArray
    scatter: FloatArray
    first_hours: npt.NDArray[np.int64]


def explains(series: int, one: Found, now: Minute, known: npt.NDArray[np.bool_]) -> bool:
    """Whether a total's change is shared by most of its parts; a cell always explains itself.

    Args:
        now: the minute.
        series: the total or cell.
        one: what was found of it.
        known: series that are explained already; what the total does without them must suffice.
    """
    row, measure = series % ROWS, series // ROWS * ROWS
    if WIDTHS[row] == 1:
        # A total of one cell says what the cell says.
        return row < ALL_CELLS
    cells = np.flatnonzero(MEMBERS[row][:CELLS]) + measure
    fresh = cells[~known[cells]]
    seen, mean = one.observed[fresh], one.expected[fresh]
    is_silence = one.statistic == SILENCE
    if is_silence:
        # A part may have been silent for longer than the whole.
        own = now.mean[fresh] / max(float(now.mean[series]), 1e-9)
        mean = np.minimum(mean, own * float(one.expected[series]))
    whole_seen, whole_mean = float(one.observed[series]), float(one.expected[series])
    if len(fresh) < len(cells):
        whole_seen, whole_mean = float(seen.sum()), float(mean.sum())
        if not is_silence:
            rest = deviance_root(np.array([whole_seen]), np.array([whole_mean]))
            if float(rest[0]) * one.direction < _REST_SURPRISE:
                return False
            if abs(whole_seen / max(whole_mean, 1e-9) - 1.0) < _REST_EFFECT:
                return False
    ratio = 0.0 if is_silence else whole_seen / max(whole_mean, 1e-9)
    counts = mean >= (_PART_HUSHED if is_silence else _PART_COUNTS)
    middle = mean * (1.0 + ratio) / 2.0
    shares = counts & ((seen - middle) * one.direction > 0)
    if shares.sum() < max(_SHARERS, _SHARERS_RATIO * counts.sum()):
        return False
    change = (seen - mean) * one.direction
    largest = int(np.argmax(change))
    if one.need is not None:
        is_partly_known = len(fresh) < len(cells)
        return _rest_is_silent(mean / one.need[fresh], is_partly_known=is_partly_known)
    # No part may make more of the change than of the whole.
    total = max(float(change.sum()), 1e-9)
    weight = float(mean[largest] / max(float(mean.sum()), 1e-9))
    return float(change[largest]) / total <= max(0.8, 1.15 * weight)


def _rest_is_silent(evidence: FloatArray, *, is_partly_known: bool) -> bool:
    """Whether parts are silent that would not be by chance, each in units of what makes its outage.

    With one part silent the others are so by chance, unless they are for long enough; and a weekly job
    that fills an hour says nothing of the rest. What known parts miss, the total misses too: the others
    must make an outage of their own.
    """
    if is_partly_known and evidence.sum() < 1.0:
        return False
    return float(evidence.sum() - evidence.max()) >= _REST_HUSHED
