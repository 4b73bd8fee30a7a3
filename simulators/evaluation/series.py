"""The rate detector on service-like series, scored by their labels (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.detectors.series import SeriesDetector, flagged_ranges
from agents.detectors.series_params import SeriesParams
from simulators.service_series import FAMILIES, Tally, draw

DEFAULT_BUDGET: Final = SeriesParams().alerts_per_day
STRICT_BUDGET: Final = 0.1
"""Alerts per series and day."""


@dataclass(frozen=True, slots=True)
class SeriesScore:
    """What the rate detector comes to on service-like series at a budget of alerts a day."""

    budget: float
    events: int
    found: int
    alerts: int
    true_alerts: int
    days: float
    delays: tuple[int, ...]
    alert_minutes: float
    event_minutes: float


def score_series(seed: int, alerts_per_day: float) -> SeriesScore:
    """One series of each family with the default flags, but for the budget."""
    params = SeriesParams(alerts_per_day=alerts_per_day)
    tally = Tally()
    for family in FAMILIES:
        series = draw(family, seed)
        _, flags = SeriesDetector(params).update(series.times_s, series.values)
        tally.add(series, flagged_ranges(flags))
    return SeriesScore(
        alerts_per_day,
        tally.events,
        tally.found,
        tally.alerts,
        tally.true_alerts,
        tally.days,
        tuple(tally.delays),
        tally.alert_minutes,
        tally.event_minutes,
    )
