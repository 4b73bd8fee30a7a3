"""From a detector's evidence to how often such evidence is seen on quiet days (pure).

Detectors speak in their own logarithms: tail probabilities, e-values, sums over starts. What the fusion
compares is one currency: `-log10` of the expected number of *incidents* per account and day whose
evidence reaches as high, on quiet traffic, over all detectors together. At 4 there is 0.1 false alert
per 1,000 accounts and day.

The knots below were measured on quiet populations (tests/benchmarks/accounts.py, seeds 1 to 3, which
no evaluation uses) and are frozen. Beyond the last knot evidence counts with slope 1/2, because what
was never seen cannot be measured.
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
    # Evidence, and -log10 of quiet incidents per account and day that reach it, times two, for the two
    # detectors share the budget.
    "tail": ((0.0, 1.5, 2.25, 3.1, 3.75, 4.5), (0.0, 2.05, 3.05, 4.0, 4.8, 5.5)),
    "slow_change": ((0.0, 1.5, 2.0, 2.4, 3.0, 3.5), (0.0, 2.6, 3.4, 4.0, 4.7, 5.3)),
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
