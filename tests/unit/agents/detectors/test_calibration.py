from __future__ import annotations

import numpy as np

from agents.detectors.calibration import BUDGET, calibrated
from tests.benchmarks.accounts import Line
from tests.support.account_population import Shape


def test_quiet_days_of_small_populations_stay_near_the_budget() -> None:
    incidents: set[tuple[int, int]] = set()
    shape, days, seeds = Shape(accounts=500), 100, (41, 42, 43)
    for seed in seeds:
        line = Line(seed, shape)
        for day in line.population.days(days):
            patients = day.patients.astype(float)
            rows, by_tail, by_slow = line.close(
                day, patients, day.unexplained.astype(float), day.peak.astype(float)
            )
            loud = rows[np.maximum(by_tail, by_slow) >= BUDGET]
            incidents.update((seed, row) for row in loud.tolist())
    # At 0.1 per 1,000 accounts and day 15 are expected; 27 is three standard deviations above.
    assert 0 < len(incidents) <= 27


def test_more_evidence_never_means_less() -> None:
    evidence = np.linspace(0.0, 12.0, 200)
    for name in ("tail", "slow_change", "enumeration", "identity_only"):
        assert (np.diff(calibrated(name, evidence)) > 0.0).all()
