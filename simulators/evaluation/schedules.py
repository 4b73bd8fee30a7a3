"""The adversarial search: which schedule lifts an alarm level furthest before anybody is warned (pure).

An attacker who knows the baselines adds patients step by step for ninety days. The search draws
schedules, lets each act on an account of its own, and goes on from those that went furthest unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from agents.baselines import BaselineParams, Baselines, ClosedDays
from agents.detectors import slow_change, tail
from agents.detectors.calibration import BUDGET, SUSPICION, calibrated
from agents.peer_groups import GroupParams, PeerGroups

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    BoolArray = npt.NDArray[np.bool_]

SCHEDULES: Final = 100
GENERATIONS: Final = 3
ENROLMENT_DAYS: Final = 70
STEPS: Final = 9
STEP_DAYS: Final = 10
"""Ninety days in steps of ten."""
LEVEL: Final = 25.0
SHARE: Final = 0.15
"""Patients of the account's own day, and those of them without a care relation."""


def worst_lift(seed: int, generations: int = GENERATIONS) -> float:
    """The highest alarm level, over the one before, that a searched schedule reaches unseen."""
    rng = np.random.default_rng(seed)
    extra = np.cumsum(rng.gamma(0.5, 0.1, (SCHEDULES, STEPS)), axis=1)
    strangers = rng.uniform(0.0, 1.0, SCHEDULES)
    worst = 0.0
    for generation in range(generations):
        lift, seen = lifted_unseen(extra, strangers, generation)
        unseen = np.where(seen, 0.0, lift)
        worst = max(worst, float(unseen.max()))
        # The next schedules are children of those that went furthest unseen.
        parents = np.argsort(-unseen)[: SCHEDULES // 4].repeat(4)
        extra = extra[parents] * rng.lognormal(0.05, 0.25, (SCHEDULES, STEPS))
        strangers = np.clip(strangers[parents] + rng.normal(0.0, 0.1, SCHEDULES), 0.0, 1.0)
    return worst


def lifted_unseen(
    extra: FloatArray, strangers: FloatArray, seed: int
) -> tuple[FloatArray, BoolArray]:
    """Alarm levels after 90 days over those before, and whether the account was seen meanwhile.

    Args:
        extra: shape (schedules, steps), patients on top, as a ratio of the usual ones.
        strangers: shape (schedules,), share of the extra ones without a care relation.
        seed: of the accounts' days.
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
    lift: FloatArray = np.maximum(
        after.patients / before.patients, after.unexplained / before.unexplained
    )
    return lift, seen
