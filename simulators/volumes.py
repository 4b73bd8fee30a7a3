"""How much happens: monthly volumes per flow, sector and couloir (pure).

The INSi table is measured (Inéa's slide for September 2025, domain reference §1.1); every other figure
is scaled or assumed there (§12.2). Quotas are integers, so that what is asked is exactly what is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REFERENCE_MONTH: Final = 2025 * 12 + 8
"""September 2025, the month in which every factor is 1."""


@dataclass(frozen=True, slots=True)
class InsiQuota:
    """INSi traffic of a sector in a month; a user makes at least one call."""

    calls: int
    users: int


INSI_SEPTEMBER_2025: Final[dict[str, InsiQuota]] = {
    "PSL": InsiQuota(1_123_430, 9_113),
    "ESMS": InsiQuota(7_546, 167),
    "NR": InsiQuota(5_701, 41),
    "ES": InsiQuota(320_063, 285),
    "SOCIAL": InsiQuota(4, 1),
}

# Month of the year -> activity relative to September. August is the slide's own step, read as
# month on month; the others are assumptions: a winter peak, a July trough.
_SEASON: Final[dict[str, tuple[float, ...]]] = {
    "PSL": (1.04, 0.97, 1.02, 0.97, 0.93, 0.97, 0.86, 0.70, 1.00, 1.06, 1.00, 1.00),
    "ES": (1.02, 0.97, 1.02, 0.98, 0.95, 0.98, 0.91, 0.82, 1.00, 1.05, 1.00, 0.97),
    "ESMS": (1.00, 0.96, 1.00, 0.95, 0.90, 0.92, 0.70, 0.51, 1.00, 1.06, 1.02, 0.95),
    "NR": (1.00, 0.97, 1.00, 0.95, 0.92, 0.95, 0.75, 0.55, 1.00, 1.05, 1.00, 0.97),
    "SOCIAL": (1.0,) * 12,
}

# Users move less than calls: the exponents that turn the slide's August-to-September step of calls
# (x1.427 PSL, x1.958 ESMS, x1.819 NR) into its step of users (x1.084, x1.518, x1.242).
_USER_ELASTICITY: Final = {"PSL": 0.227, "ESMS": 0.621, "NR": 0.362, "ES": -0.05, "SOCIAL": 0.0}


def season(sector: str, month: int) -> float:
    """Activity of a sector in a month (`year * 12 + month - 1`), relative to September."""
    return _SEASON[sector][month % 12]


def insi_quota(sector: str, month: int, scale: float = 1.0) -> InsiQuota:
    """Calls and users of a sector in a month, in a region shrunk to `scale`."""
    base, factor = INSI_SEPTEMBER_2025[sector], season(sector, month)
    users = max(1, round(base.users * factor ** _USER_ELASTICITY[sector] * scale))
    return InsiQuota(calls=max(users, round(base.calls * factor * scale)), users=users)


DMP_SEPTEMBER: Final[dict[str, int]] = {
    # 420 M documents a year nationally x 8.785 %, split by the shares of December 2023.
    "LABO_BIOLOGIE": 1_138_000,
    "MEDECINE_VILLE": 1_076_000,
    "HOPITAL": 523_000,
    "RADIOLOGIE": 246_000,
    "OFFICINE": 92_000,
    "MEDICO_SOCIAL": 6_000,
}

MSS_SEPTEMBER: Final[dict[str, int]] = {
    # 28 M messages in May 2025 nationally x 8.785 %; the split is assumed. One event per message:
    # the last step of it that the operator has reported.
    "HOPITAL": 984_000,
    "LABO_BIOLOGIE": 689_000,
    "MEDECINE_VILLE": 392_000,
    "AUTRE": 100_000,
    "RADIOLOGIE": 197_000,
    "MEDICO_SOCIAL": 74_000,
    "OFFICINE": 24_000,
}

PRESCRIBED_SEPTEMBER: Final[dict[str, int]] = {
    # 0.64 M a month in autumn 2025; PHEV, written in hospitals, is still beginning (assumption).
    "MEDECINE_VILLE": 608_000,
    "HOPITAL": 32_000,
}

DISPENSED_SEPTEMBER: Final = 450_000
"""About 70 % of what is prescribed; each is consulted first, which is an event of its own."""

PLATFORM_ACCOUNTS: Final = 2_000
PLATFORM_LOOKS_MEDIAN: Final = 15.5
"""Looks of an account on a day on which it works. Some return to a patient of the same day: what
comes out is a median of 12 distinct patients with a p99 of about 80 (log-normal, sigma 0.82)."""
PLATFORM_SIGMA_BETWEEN: Final = 0.60
PLATFORM_SIGMA_WITHIN: Final = 0.559  # sqrt(0.82² - 0.60²)
PLATFORM_PRESENCE: Final = (0.025, 0.54, 4.0)
"""Share of working days on which an account works: a + b u^c for u even in [0, 1). Seldom for most,
14 days a month at the most; together about 0.3 M accesses a month."""


SECTOR_OF_COULOIR: Final[dict[str, str]] = {
    "HOPITAL": "ES",
    "MEDECINE_VILLE": "PSL",
    "OFFICINE": "PSL",
    "LABO_BIOLOGIE": "PSL",
    "RADIOLOGIE": "PSL",
    "MEDICO_SOCIAL": "ESMS",
    "AUTRE": "PSL",
    "INCONNU": "NR",
}
"""Sector of a couloir's structures; the social services share AUTRE and are named apart."""


def quota(september: int, couloir: str, month: int, scale: float = 1.0) -> int:
    """A couloir's events in a month, from its September figure."""
    return max(1, round(september * season(SECTOR_OF_COULOIR[couloir], month) * scale))
