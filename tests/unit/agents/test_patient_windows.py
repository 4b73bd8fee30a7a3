from __future__ import annotations

import numpy as np
import pytest

from agents.detectors.base import Runs
from agents.patient_windows import Counted, PatientWindows
from streams.event_time import HOUR_MS, SECOND_MS
from tests.support.accesses import Access, accesses_of

HOUR_S = HOUR_MS // SECOND_MS
DAY_S = 24 * HOUR_S


def observe(windows: PatientWindows, *told: Access) -> Counted:
    accesses = accesses_of(told)
    return windows.observe(accesses, Runs.of_accounts(accesses.account))


def test_a_patient_leaves_a_window_exactly_as_long_after_as_the_window_lasts() -> None:
    #   time         0        1 h - 1 s     1 h      24 h - 1 s    24 h
    #   patient      1            2          3           4           5
    windows = PatientWindows()
    counted = observe(
        windows,
        Access(0, 1),
        Access(HOUR_S - 1, 2),
        Access(HOUR_S, 3),
        Access(DAY_S - 1, 4),
        Access(DAY_S, 5),
    )
    assert counted.hour.tolist() == [1, 2, 2, 1, 2]
    assert counted.patients.tolist() == [1, 2, 3, 4, 4]


def test_reading_a_patient_again_adds_nobody_and_keeps_the_patient_longer() -> None:
    windows = PatientWindows()
    observe(windows, Access(0, 1), Access(100, 1))
    counted = observe(windows, Access(DAY_S + 50, 2), Access(DAY_S + 100, 3))
    assert counted.patients.tolist() == [2, 2]


def test_a_stranger_stays_a_stranger_when_the_second_reading_is_explained_by_the_first() -> None:
    windows = PatientWindows()
    observe(windows, Access(0, 1, explained=0))
    counted = observe(windows, Access(10, 1, explained=1), Access(20, 2, explained=-1))
    assert counted.unexplained.tolist() == [1, 1]
    assert counted.known.tolist() == [1, 1]


def test_accounts_do_not_share_patients() -> None:
    windows = PatientWindows()
    counted = observe(windows, Access(0, 1), Access(0, 2), Access(0, 1, account=9))
    assert counted.patients.tolist() == [1, 2, 1]


def test_up_to_256_patients_are_exact_and_thousands_are_estimated_within_a_fifth() -> None:
    windows = PatientWindows()
    for first in range(0, 256, 64):
        exact = observe(windows, *(Access(n, n) for n in range(first, first + 64)))
    assert exact.patients[-1] == 256
    for first in range(256, 7000, 50):
        counted = observe(windows, *(Access(n, n) for n in range(first, first + 50)))
    assert counted.patients[-1] == pytest.approx(7000, rel=0.2)
    assert len(windows.sets.gather(np.array([0]))[0]) <= 256
    later = observe(windows, Access(3 * DAY_S, 1), Access(3 * DAY_S + 1, 2))
    assert later.patients[-1] <= 64


def test_estimates_are_right_on_average() -> None:
    errors = []
    for seed in range(12):
        windows = PatientWindows()
        base = 100_000 * seed
        for first in range(0, 3000, 100):
            counted = observe(windows, *(Access(n, base + n) for n in range(first, first + 100)))
        errors.append(counted.patients[-1] / 3000 - 1.0)
    assert abs(np.mean(errors)) < 0.06
    assert np.std(errors) < 0.12


def test_sets_that_move_and_shrink_are_put_together_anew() -> None:
    windows = PatientWindows()
    for day in range(6):
        for account in range(40):
            told = [
                Access(day * 2 * DAY_S, 1000 * account + n, account=account)
                for n in range(2 ** (day + 1))
            ]
            counted = observe(windows, *told)
            assert counted.patients[-1] == 2 ** (day + 1)
    assert windows.sets.size_bytes < 40 * 64 * 18 * 6


def test_a_set_is_rid_of_those_who_left_long_ago() -> None:
    windows = PatientWindows()
    observe(windows, *(Access(n, n) for n in range(200)))
    observe(windows, Access(2 * DAY_S, 1000))
    assert len(windows.sets.gather(np.array([0]))[0]) == 1


def test_a_patient_who_comes_back_within_a_day_of_25_hours_counts_anew_however_it_is_cut() -> None:
    # 2025-10-26 in Paris, from 00:05 summer time to 23:55 winter time, after 2024-12-03T10:00:00Z.
    morning_s = 1_761_429_900 - 1_733_220_000
    told = [Access(morning_s, 1), Access(morning_s + 24 * HOUR_S + 60, 1)]
    whole, parts = PatientWindows(), PatientWindows()
    assert observe(whole, *told).new_today.tolist() == [1, 1]
    assert [observe(parts, one).new_today.tolist() for one in told] == [[1], [1]]
