from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.baselines import BaselineParams, Baselines, ClosedDays
from agents.detectors import slow_change
from agents.detectors.calibration import BUDGET, SUSPICION, calibrated
from agents.detectors.slow_change import Concluded, SlowChange
from agents.peer_groups import GroupParams, PeerGroups

ONE = np.array([0])


class Account:
    """One account whose days are told one by one."""

    def __init__(self) -> None:
        self.baselines = Baselines(BaselineParams(), PeerGroups(GroupParams()))
        self.slow = SlowChange(slow_change.Params())
        self.day = 20_000

    def live(self, patients: float, unexplained: float) -> Concluded:
        closed = ClosedDays(
            account=ONE,
            group=ONE,
            day=np.array([self.day]),
            patients=np.array([patients]),
            known=np.array([patients]),
            unexplained=np.array([unexplained]),
            peak=np.array([patients / 3]),
        )
        expected = self.baselines.expected(ONE, ONE, closed.day)
        concluded = self.slow.close(closed, expected)
        self.baselines.learn(closed, suspect=concluded.is_suspect)
        self.day += 1
        return concluded

    def enrol(self, days: int = 80) -> Concluded:
        for number in range(days):
            last = self.live(16.0 + number % 9, 2.0 + number % 3)
        return last


def test_an_account_that_goes_on_as_before_stays_below_suspicion() -> None:
    account = Account()
    assert calibrated("slow_change", account.enrol(200).score)[0] < SUSPICION


def test_a_quarter_more_patients_without_a_care_relation_add_up_within_a_month() -> None:
    account = Account()
    account.enrol()
    scores = [calibrated("slow_change", account.live(25.0, 7.6).score)[0] for _ in range(22)]
    assert scores[0] < SUSPICION
    assert max(scores) > BUDGET


def test_twice_the_patients_with_a_usual_share_are_told_by_volume_alone() -> None:
    account = Account()
    account.enrol()
    for _ in range(40):
        concluded = account.live(44.0, 6.0)
    assert concluded.volume_score[0] > 3.0
    assert concluded.share_score[0] < 1.5


def test_the_evidence_says_since_when_and_how_much_was_expected() -> None:
    account = Account()
    account.enrol()
    began = account.day
    for _ in range(15):
        concluded = account.live(25.0, 9.0)
    evidence = account.slow.evidence(0, float(concluded.score[0]))
    assert began - 3 <= evidence.since_day <= began
    assert evidence.unexplained >= 15 * 9
    assert evidence.unexplained_expected == pytest.approx(evidence.patients * 0.15, rel=0.25)
    assert evidence.patients_expected < evidence.patients


def test_one_giant_day_of_explained_patients_is_no_slow_change() -> None:
    account = Account()
    account.enrol()
    assert calibrated("slow_change", account.live(400.0, 50.0).score)[0] < SUSPICION


def test_a_verdict_starts_the_evidence_anew() -> None:
    account = Account()
    account.enrol()
    for _ in range(15):
        account.live(25.0, 12.0)
    account.slow.forget(ONE)
    assert account.slow.evidence(0, 0.0).days == 0
    assert account.live(20.0, 3.0).score[0] < 1.0


def test_an_account_whose_days_say_nothing_gathers_no_evidence_however_long() -> None:
    account = Account()
    for _ in range(400):
        quiet = account.live(1.0, 0.0)
        assert quiet.score[0] < 0.1
    assert quiet.share_score[0] < 0.1


def crowd(slow: SlowChange, changed: int, day: int, *, settled: float = 1.0) -> Concluded:
    """A day of 200 accounts, some of whom see four times the usual share of strangers."""
    rows = np.arange(200)
    groups = Baselines(BaselineParams(), PeerGroups(GroupParams()))
    patients = np.full(200, 14.0)
    closed = ClosedDays(
        account=rows,
        group=rows * 0,
        day=rows * 0 + day,
        patients=patients,
        known=patients,
        unexplained=np.where(rows < changed, 8.0, 1.0),
        peak=patients / 3,
    )
    expected = groups.expected(rows, closed.group, closed.day)
    return slow.close(closed, replace(expected, settled=np.full(200, settled)))


def test_evidence_counts_for_less_where_it_often_begins_but_within_bounds() -> None:
    params = slow_change.Params()
    alone, many = SlowChange(params), SlowChange(params)
    for day in range(20_000, 20_006):
        one, several = crowd(alone, 1, day), crowd(many, 150, day)
    assert one.share_score[0] == several.share_score[0]
    lost = one.score[0] - several.score[0]
    assert 0.5 < lost <= params.most_discount + 1e-9


def test_a_verdict_leaves_the_partitions_counts_alone() -> None:
    slow = SlowChange(slow_change.Params())
    for day in range(20_000, 20_006):
        crowd(slow, 5, day)
    counts = slow.rows.table["crossings"].sum(), slow.rows.table["calendar_days"].sum()
    slow.forget(np.arange(5))
    assert (slow.rows.table["crossings"].sum(), slow.rows.table["calendar_days"].sum()) == counts
    assert counts[0] == 5
    assert counts[1] == 200 * 6


def test_days_of_a_group_that_has_not_settled_count_in_part_and_teach_no_rate() -> None:
    new, half, known = (SlowChange(slow_change.Params()) for _ in range(3))
    for day in range(20_000, 20_003):
        nothing = crowd(new, 1, day, settled=0.0)
        little = crowd(half, 1, day, settled=0.5)
        full = crowd(known, 1, day)
    assert nothing.share_score[0] == 0.0
    assert 0.0 < little.share_score[0] < 0.4 * full.share_score[0]
    assert not nothing.is_suspect[0]
    assert half.rows.table["calendar_days"].sum() == 0
    assert known.rows.table["calendar_days"].sum() == 200 * 3


def test_a_rise_that_peers_share_is_excused_and_ones_own_is_not() -> None:
    def live(everybody: float, own: float) -> float:
        slow = SlowChange(slow_change.Params())
        known = Baselines(BaselineParams(), PeerGroups(GroupParams()))
        rows = np.arange(100)
        for day in range(20_000, 20_090):
            patients = np.full(100, 14.0)
            if day >= 20_060:
                patients *= everybody
                patients[0] = 14.0 * own
            closed = ClosedDays(
                account=rows,
                group=rows % 4,
                day=rows * 0 + day,
                patients=patients,
                known=patients,
                unexplained=patients * 0.15,
                peak=patients / 3,
            )
            concluded = slow.close(closed, known.expected(rows, closed.group, closed.day))
            if day < 20_060:
                known.learn(closed, suspect=concluded.is_suspect)
        return float(concluded.volume_score[0])

    assert live(1.8, 1.8) < 0.2
    assert live(1.8, 1.8) < live(1.0, 1.8)
    assert live(1.0, 3.0) > 2.0
    assert live(1.8, 6.0) > 2.0
