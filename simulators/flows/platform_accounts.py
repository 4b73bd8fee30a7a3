"""The accounts of the regional platforms, and how Prédice's life ends (pure)."""

from __future__ import annotations

from datetime import date
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simulators import volumes
from simulators.events import PLATFORMS, code
from simulators.flows.telling import Draw
from simulators.pseudonyms import salt_of, uniform
from simulators.rosters import people
from streams.topics import PLATFORM_ACCESSES

if TYPE_CHECKING:
    from simulators.population import CodeArray, FloatArray, Int64Array, Population

ACCOUNT_SHARES: Final[dict[str, float]] = {
    "HOPITAL": 0.52,
    "MEDICO_SOCIAL": 0.28,
    "MEDECINE_VILLE": 0.12,
    "AUTRE": 0.04,
    "RADIOLOGIE": 0.02,
    "OFFICINE": 0.02,
}
"""Who has an account on the platforms (assumption)."""

WINDING_DOWN_FROM: Final = date(2024, 11, 1)
DECOMMISSIONED_FROM: Final = date(2025, 7, 1)
"""Prédice had its last update in November 2024 and its end on 30 June 2025 (reference §1.2)."""

_MAIN_PLATFORM: Final = {
    "PREDICE": 45.0,
    "VIATRAJECTOIRE": 37.0,
    "ROR": 6.0,
    "PORTAIL_REGIONAL": 12.0,
}


def predice_ratio(day: date) -> float:
    """How much of their work Prédice's accounts still do there; the rest has moved (assumption)."""
    if day < WINDING_DOWN_FROM:
        return 1.0
    if day >= DECOMMISSIONED_FROM:
        return 0.02
    span = (DECOMMISSIONED_FROM - WINDING_DOWN_FROM).days
    return 1.0 - 0.75 * (day - WINDING_DOWN_FROM).days / span


def lifecycle(platform: npt.NDArray[np.uint8], day: date) -> npt.NDArray[np.uint8]:
    """Where each platform stands in its life on a day."""
    if day < WINDING_DOWN_FROM:
        word = "ACTIVE"
    else:
        word = "DECOMMISSIONED" if day >= DECOMMISSIONED_FROM else "WINDING_DOWN"
    predice = code(PLATFORM_ACCESSES, "service_lifecycle", word)
    other = code(PLATFORM_ACCESSES, "service_lifecycle", "ACTIVE")
    return np.where(platform == PLATFORMS.code("PREDICE"), predice, other).astype(np.uint8)


class PlatformAccounts:
    """The accounts of the platforms and how much each works.

    Attributes:
        account: shape (n,), ascending.
        presence: shape (n,), share of working days on which it works.
        level: shape (n,), its median number of looks on such a day.
        main: shape (n,), codes of its usual platform.
        is_office: shape (n,), whether it does office work: more identities, fewer documents.
        couloir: shape (n,), codes of its home's couloir.
    """

    def __init__(self, population: Population) -> None:
        seed, total = population.seed, volumes.PLATFORM_ACCOUNTS * population.scale
        chosen = []
        for couloir, share in ACCOUNT_SHARES.items():
            everyone = people(population, volumes.SECTOR_OF_COULOIR[couloir], couloir).account
            keen = uniform(everyone, salt_of(seed, "platform account"))
            chosen.append(everyone[np.argsort(keen)[: max(1, round(total * share))]])
        self.account: Int64Array = np.sort(np.concatenate(chosen))
        least, span, power = volumes.PLATFORM_PRESENCE
        self.presence: FloatArray = (
            least + span * uniform(self.account, salt_of(seed, "presence")) ** power
        )
        rank = np.argsort(np.argsort(uniform(self.account, salt_of(seed, "platform level"))))
        # Quantiles instead of draws: the median and the spread hold in a small region, too.
        quantile = [NormalDist().inv_cdf((place + 0.5) / len(rank)) for place in rank.tolist()]
        self.level: FloatArray = volumes.PLATFORM_LOOKS_MEDIAN * np.exp(
            volumes.PLATFORM_SIGMA_BETWEEN * np.array(quantile)
        )
        self.main = Draw(PLATFORMS, _MAIN_PLATFORM)(
            uniform(self.account, salt_of(seed, "platform"))
        )
        self.is_office = uniform(self.account, salt_of(seed, "office")) < 0.22
        self.couloir: CodeArray = population.couloir[population.home[self.account]]
