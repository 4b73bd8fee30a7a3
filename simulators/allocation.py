"""Exact quotas: a month's total spread over actors and days without a rest (pure)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streams.errors import VigieError

FloatArray = npt.NDArray[np.float64]
CountMatrix = npt.NDArray[np.int32]


def allocate(
    rng: np.random.Generator,
    *,
    total: int,
    weights: FloatArray,
    day_weights: FloatArray,
    dispersion: float,
    at_least_one: bool,
) -> CountMatrix:
    """Spread `total` events over n actors and the days of a month.

    Rows are drawn multinomially by `weights`, then each row over the days by its own day weights,
    which a gamma draw per actor and day has made uneven: counts come out over-dispersed, as batch
    senders make them, and still sum to the total.

    Args:
        rng: the month's own generator.
        total: events to spread; the result sums to it exactly.
        weights: shape (n,), positive.
        day_weights: shape (n, days), each row with a positive sum.
        dispersion: shape of the gamma draw; 1 is very uneven, 100 nearly even.
        at_least_one: give every actor one event before the rest is spread.

    Returns:
        Shape (n, days).

    Raises:
        VigieError: `at_least_one` with more actors than events.
    """
    actors = len(weights)
    guaranteed = actors if at_least_one else 0
    if guaranteed > total:
        raise VigieError(f"quota of {total} events cannot reach {actors} actors")
    per_actor = rng.multinomial(total - guaranteed, weights / weights.sum())
    if at_least_one:
        per_actor = per_actor + 1
    uneven = day_weights * rng.gamma(dispersion, 1.0 / dispersion, day_weights.shape) + 1e-12
    uneven /= uneven.sum(axis=1, keepdims=True)
    return rng.multinomial(per_actor, uneven).astype(np.int32)
