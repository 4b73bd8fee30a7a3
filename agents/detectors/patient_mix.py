"""Whom an account reads: how much likelier its patients are for a stranger than for the owner (pure).

Counts are distinct patients of a day: all, those without a care relation, those whom the structure reads
for the first time, those of whom the identity is read first. The alternatives are that a stranger leaves
a half or a tenth of what is explained, or familiar; each of them mixed over three shares of identities,
the owner's own among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.distributions import independent_like

if TYPE_CHECKING:
    from agents.distributions import FloatArray

COUNTS: Final = ("patients", "unexplained", "first", "identities")
REMAINDERS: Final = (0.5, 0.1)
_SHARES: Final = ("unexplained", "first")
ALTERNATIVES: Final = len(_SHARES) * len(REMAINDERS)


@dataclass(frozen=True, slots=True)
class MixParams:
    """What is usual before an account has shown it (assumptions).

    Attributes:
        day_concentration: of the beta law of a day's shares.
        own_concentration: of the beta law of what an account's history says of its share.
        prior_patients: patients that the priors below weigh.
        first_ratio: share of patients whom the structure reads for the first time.
        identity_ratio: share of patients of whom the identity is read first.
    """

    day_concentration: float = 15.0
    own_concentration: float = 300.0
    prior_patients: float = 20.0
    first_ratio: float = 0.6
    identity_ratio: float = 0.2


def usual_share(params: MixParams, count: FloatArray, hits: FloatArray, prior: float) -> FloatArray:
    """Shares of n accounts by their own history, raised by their standard errors."""
    worth = independent_like(count, np.full(len(count), params.own_concentration))
    sure = worth + params.prior_patients
    share = (hits / np.maximum(count, 1.0) * worth + params.prior_patients * prior) / sure
    share += np.sqrt(share * (1.0 - share) / sure)
    raised: FloatArray = np.clip(share, 0.02, 0.97)
    return raised


def gains(
    params: MixParams,
    seen: dict[str, FloatArray],
    usual: dict[str, FloatArray],
) -> FloatArray:
    """Natural log-likelihood ratios of days' patients.

    Args:
        params: how days scatter.
        seen: by name of `COUNTS`, shape (n,).
        usual: shares by name, shape (n,).

    Returns:
        Shape (n, `ALTERNATIVES`).
    """
    count = np.maximum(seen["patients"], 1.0)
    weight = independent_like(count, np.full(len(count), params.day_concentration))

    def gain(name: str, remainder: float) -> FloatArray:
        share = usual[name]
        hits = seen[name] / count * weight
        raised = 1.0 - (1.0 - share) * remainder
        found: FloatArray = hits * np.log(raised / share) + (weight - hits) * np.log(remainder)
        return found

    acts = np.ones(len(count))
    for remainder in REMAINDERS:
        acts += np.exp(gain("identities", remainder))
    acts = np.log(acts / (1.0 + len(REMAINDERS)))
    columns = [gain(name, remainder) + acts for name in _SHARES for remainder in REMAINDERS]
    return np.stack(columns, axis=1)
