"""Settings of the flow-rate detector, and what it says of a finding (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400.0
ALERTS_PER_DAY_MAX: Final = 1000.0


@dataclass(frozen=True, slots=True)
class SeriesParams:
    """Settings of the detector; the defaults serve every series.

    Attributes:
        alerts_per_day: the budget, an upper bound on alerts per series and day.
        noise_share: which part of the budget pure noise may spend; the rest is for events.
        decades_min: least rarity (decades below 1) at which an episode begins.
        adapt_s: a new level that has lasted this long is normal (at least `adapt_rows`).
        adapt_rows: see `adapt_s`.
        silence_factor: total silence may last this many times longer before it is normal.
        memory_s: how long a return to the level before an accepted shift is no news.
        learning_s: how long the bar of alerts is higher at first.
        learning_bar: by how many times itself the bar is higher at the very first row.
    """

    alerts_per_day: float = 0.5
    noise_share: float = 0.15
    decades_min: float = 3.0
    adapt_s: float = 3600.0
    adapt_rows: int = 8
    silence_factor: float = 12.0
    memory_s: float = 2 * DAY_S
    learning_s: float = 3 * DAY_S
    learning_bar: float = 1.5

    def __post_init__(self) -> None:
        if not 0 < self.alerts_per_day <= ALERTS_PER_DAY_MAX:
            most = ALERTS_PER_DAY_MAX
            raise ValueError(f"alerts_per_day must be in (0, {most:g}], not {self.alerts_per_day}")


@dataclass(frozen=True, slots=True)
class SeriesEvidence:
    """Why a row is anomalous.

    Attributes:
        observed: the row's value.
        judged: the value as it was judged (its root where the series has no negative values).
        expected: what was expected: of a low count the count, otherwise of the judged value.
        is_count: whether the series is judged as a low count.
        odds: how rare such a surprise is by the series' own habit, a probability.
        since_s: when the episode began, seconds since 1970.
    """

    observed: float
    judged: float
    expected: float
    is_count: bool
    odds: float
    since_s: float
