"""From a detector's evidence to how often such evidence is seen on quiet days (pure).

Detectors speak in their own logarithms: tail probabilities, e-values, sums over starts. What the fusion
compares is one currency: `-log10` of the expected number of *incidents* per account and day whose
evidence reaches as high, on quiet traffic, over all detectors together. At 4 there is 0.1 false alert
per 1,000 accounts and day.

The knots below were measured on quiet traffic and are frozen: the simulated region's (the accounts of
`simulators.evaluation.plan.autumn` that no incident concerns, seeds 1 to 3, 690,000 account-days, on
a fifth of which they act; for slow change seeds 201 to 204, 917,000) and a counted population
(tests/benchmarks/accounts.py, quiet seed 1, for slow change 201 and 202, half of whose accounts act on a
day); no evaluation uses these seeds. Per 10,000 account-days the tail opens 0.1 incidents in the region
and 0.6 in the population, slow change 0.5 in both, whose evidence each partition sets lower where it
often begins. Beyond the last knot evidence counts with slope 1/2,
because what was never seen cannot be measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from agents.distributions import FloatArray

BUDGET: Final = 4.0
"""The threshold that goes with 0.1 false alerts per 1,000 accounts and day."""

SUSPICION: Final = 3.8
"""Score from which a day is held back from its account's baseline."""

KNOTS: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    # Evidence, and -log10 of quiet incidents per account and day that reach it, times two in the
    # population where it comes more often, for the two detectors share the budget.
    "tail": ((0.0, 1.5, 2.25, 3.0, 3.75, 4.5), (0.0, 2.05, 3.05, 4.0, 4.8, 5.5)),
    "slow_change": ((0.0, 0.5, 1.06, 1.6, 3.0), (0.0, 3.0, 4.0, 4.6, 5.2)),
    # An e-value's guarantee (Ville) needs no measurement; families in a row do: one in a million.
    "enumeration": ((0.0, 6.0, 8.0), (0.0, 4.0, 6.0)),
    # Nothing is known of how real desks share their work: the same caution.
    "identity_only": ((0.0, 6.0, 8.0), (0.0, 4.0, 6.0)),
    # Of 790,000 quiet account-days (tests/benchmarks/takeover.py, seeds 1 to 3) 22 in a million reached
    # 2.0 and none 3.0; real accounts change machines in ways that no simulation knows, hence a decade
    # and more of caution.
    "takeover": ((0.0, 2.0, 3.5, 5.0), (0.0, 2.5, 4.0, 5.0)),
    # Nobody has a reason to read a decoy: there is no chance to measure.
    "decoys": ((0.0, 1.0), (0.0, 8.0)),
}
_SLOPE_BEYOND: Final = 0.5


def calibrated(detector: str, evidence: FloatArray) -> FloatArray:
    """`-log10` of quiet incidents per account and day, for evidence of one detector."""
    seen, means = KNOTS[detector]
    inside = np.interp(evidence, seen, means)
    return inside + _SLOPE_BEYOND * np.maximum(evidence - seen[-1], 0.0)


def evidence_at(detector: str, score: float) -> float:
    """The evidence of one detector that `calibrated` makes a score of; the reverse of it."""
    seen, means = KNOTS[detector]
    return float(np.interp(score, means, seen)) + max(0.0, score - means[-1]) / _SLOPE_BEYOND
