from __future__ import annotations

import numpy as np
import pytest

from agents.baselines import BaselineParams, Baselines, ClosedDays
from agents.detectors import slow_change
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
    assert account.enrol(200).score[0] < 1.5


def test_a_quarter_more_patients_without_a_care_relation_add_up_within_a_month() -> None:
    account = Account()
    account.enrol()
    scores = [float(account.live(25.0, 7.6).score[0]) for _ in range(22)]
    assert scores[0] < 2.0
    assert max(scores) > 2.4


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
    assert account.live(400.0, 50.0).score[0] < 2.4


def test_a_verdict_starts_the_evidence_anew() -> None:
    account = Account()
    account.enrol()
    for _ in range(15):
        account.live(25.0, 12.0)
    account.slow.forget(ONE)
    assert account.slow.evidence(0, 0.0).days == 0
    assert account.live(20.0, 3.0).score[0] < 1.0
