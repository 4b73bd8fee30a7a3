"""Nobody teaches a baseline unseen: a search over schedules that lift it before a harvest."""

from __future__ import annotations

import numpy as np

from agents.baselines import BaselineParams, Baselines, ClosedDays
from agents.detectors import slow_change, tail
from agents.detectors.calibration import BUDGET, SUSPICION, calibrated
from agents.peer_groups import GroupParams, PeerGroups

SCHEDULES = 100
ENROLMENT_DAYS = 70
STEPS = 9
STEP_DAYS = 10
"""Ninety days in steps of ten."""
LEVEL, SHARE = 25.0, 0.15


def lifted_unseen(
    extra: np.ndarray, strangers: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Alarm levels after 90 days over those before, and whether the account was seen meanwhile.

    Args:
        extra: shape (schedules, steps), patients on top, as a ratio of the usual ones.
        strangers: shape (schedules,), share of the extra ones without a care relation.
    """
    rng = np.random.default_rng(seed)
    rows = np.arange(len(extra))
    own = Baselines(BaselineParams(), PeerGroups(GroupParams()))
    slow = slow_change.SlowChange(slow_change.Params())
    seen = np.zeros(len(extra), np.bool_)
    groups = rows * 0
    before = own.expected(rows, groups, rows * 0)
    for day in range(ENROLMENT_DAYS + STEPS * STEP_DAYS):
        if day == ENROLMENT_DAYS:
            before = own.expected(rows, groups, rows * 0 + 20_000 + day)
        step = max(day - ENROLMENT_DAYS, 0) // STEP_DAYS
        rate = LEVEL * extra[:, step] * (day >= ENROLMENT_DAYS)
        patients = np.maximum(rng.poisson(rng.gamma(8.0, LEVEL / 8.0, len(rows))), 1)
        more = rng.poisson(rate)
        hidden = rng.binomial(patients, SHARE) + rng.binomial(more, strangers)
        total = (patients + more).astype(float)
        closed = ClosedDays(
            account=rows,
            group=groups,
            day=rows * 0 + 20_000 + day,
            patients=total,
            known=total,
            unexplained=hidden.astype(float),
            peak=np.ceil(total / 4.0),
        )
        expected = own.expected(rows, groups, closed.day)
        window = tail.Window(total, total, closed.unexplained, closed.peak)
        score = calibrated("tail", tail.judge(tail.Params(), window, expected).score)
        gathered = slow.close(closed, expected)
        own.learn(closed, suspect=gathered.is_suspect | (score >= SUSPICION))
        if day >= ENROLMENT_DAYS:
            seen |= np.maximum(score, calibrated("slow_change", gathered.score)) >= BUDGET
    after = own.expected(rows, groups, closed.day + 1)
    lift = np.maximum(after.patients / before.patients, after.unexplained / before.unexplained)
    return lift, seen


def test_no_schedule_lifts_an_alarm_level_by_more_than_35_percent_unseen_within_90_days() -> None:
    rng = np.random.default_rng(11)
    extra = np.cumsum(rng.gamma(0.5, 0.1, (SCHEDULES, STEPS)), axis=1)
    strangers = rng.uniform(0.0, 1.0, SCHEDULES)
    worst = 0.0
    for seed in range(3):
        lift, seen = lifted_unseen(extra, strangers, seed)
        unseen = np.where(seen, 0.0, lift)
        worst = max(worst, float(unseen.max()))
        # The next schedules are children of those that went furthest unseen.
        parents = np.argsort(-unseen)[: SCHEDULES // 4].repeat(4)
        extra = extra[parents] * rng.lognormal(0.05, 0.25, (SCHEDULES, STEPS))
        strangers = np.clip(strangers[parents] + rng.normal(0.0, 0.1, SCHEDULES), 0.0, 1.0)
    assert 1.0 < worst <= 1.35


def test_a_patient_attacker_is_seen_long_before_a_doubled_level() -> None:
    ramp = np.repeat(np.linspace(0.1, 1.0, STEPS)[None, :], 40, axis=0)
    lift, seen = lifted_unseen(ramp, np.full(40, 0.95), 1)
    assert seen.all()
    assert lift.max() <= 1.35
