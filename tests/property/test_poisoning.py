"""Nobody teaches a baseline unseen: a search over schedules that lift it before a harvest."""

from __future__ import annotations

import numpy as np

from simulators.evaluation.schedules import STEPS, lifted_unseen, worst_lift


def test_no_schedule_lifts_an_alarm_level_by_more_than_35_percent_unseen_within_90_days() -> None:
    assert 1.0 < worst_lift(11) <= 1.35


def test_a_patient_attacker_is_seen_long_before_a_doubled_level() -> None:
    ramp = np.repeat(np.linspace(0.1, 1.0, STEPS)[None, :], 40, axis=0)
    lift, seen = lifted_unseen(ramp, np.full(40, 0.95), 1)
    assert seen.all()
    assert lift.max() <= 1.35
