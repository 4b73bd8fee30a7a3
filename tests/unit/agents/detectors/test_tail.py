from __future__ import annotations

import numpy as np
import pytest

from agents.baselines import BaselineParams, Baselines, ClosedDays, Expected
from agents.detectors import tail
from agents.detectors.calibration import BUDGET, calibrated
from agents.peer_groups import GroupParams, PeerGroups

ONE = np.array([0])


def expected_after(days: int) -> Expected:
    own = Baselines(BaselineParams(), PeerGroups(GroupParams()))
    for number in range(days):
        patients = np.array([12.0 + number % 9])
        closed = ClosedDays(
            account=ONE,
            group=ONE,
            day=np.array([20_000 + number]),
            patients=patients,
            known=patients,
            unexplained=0.15 * patients,
            peak=np.array([5.0]),
        )
        own.learn(closed, suspect=np.array([False]))
    return own.expected(ONE, ONE, np.array([20_000 + days]))


def window(patients: float, unexplained: float, hour: float = 5.0) -> tail.Window:
    return tail.Window(*(np.array([v]) for v in (patients, patients, unexplained, hour)))


def alarm(patients: float, unexplained: float, hour: float = 5.0, days: int = 80) -> bool:
    seen = window(patients, unexplained, hour)
    score = tail.judge(tail.Params(), seen, expected_after(days)).score
    return bool(calibrated("tail", score)[0] >= BUDGET)


def test_an_ordinary_day_is_no_evidence_and_a_busy_one_no_alarm() -> None:
    assert tail.judge(tail.Params(), window(16.0, 2.0), expected_after(80)).score[0] < 1.0
    assert not alarm(35.0, 6.0)


def test_thirty_strangers_on_top_of_an_ordinary_day_are_an_alarm() -> None:
    assert alarm(46.0, 31.0)


def test_a_hundred_patients_within_an_hour_are_an_alarm_even_if_all_are_explained() -> None:
    assert alarm(150.0, 20.0, hour=100.0)


def test_an_unknown_account_is_judged_from_its_first_day_on() -> None:
    assert alarm(100.0, 90.0, days=0)
    assert not alarm(40.0, 12.0, days=0)


def test_a_handful_of_strangers_is_too_few_to_speak_of() -> None:
    assert tail.judge(tail.Params(), window(5.0, 5.0), expected_after(80)).score[0] == 0.0


def test_the_evidence_names_what_was_seen_and_expected() -> None:
    seen, expected = window(46.0, 31.0), expected_after(80)
    evidence = tail.explain(seen, expected, 0, 0, 4.5)
    assert evidence.patients == 46
    assert evidence.patients_expected == pytest.approx(16.0, rel=0.1)
    assert evidence.unexplained_expected == pytest.approx(0.15 * 46, rel=0.1)
    assert 40 < evidence.baseline_days < 80  # older days count less
    assert evidence.baseline_first_day == 20_000
