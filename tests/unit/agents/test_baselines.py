from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from agents.baselines import BaselineParams, Baselines, ClosedDays, Expected
from agents.peer_groups import GroupParams, PeerGroups

ONE = np.array([0])


def baselines() -> Baselines:
    return Baselines(BaselineParams(), PeerGroups(GroupParams()))


def day(number: int, patients: float, unexplained: float | None = None) -> ClosedDays:
    hidden = 0.15 * patients if unexplained is None else unexplained
    return ClosedDays(
        account=ONE,
        group=ONE,
        day=np.array([number]),
        patients=np.array([patients]),
        known=np.array([patients]),
        unexplained=np.array([hidden]),
        peak=np.array([0.3 * patients]),
    )


def live(own: Baselines, days: range, patients: float, *, suspect: bool = False) -> None:
    for number in days:
        own.learn(day(number, patients), suspect=np.array([suspect]))


def level(own: Baselines, number: int) -> float:
    return float(own.expected(ONE, ONE, np.array([number])).patients[0])


def test_an_unknown_account_is_expected_to_do_as_its_peers_do() -> None:
    expected = baselines().expected(ONE, ONE, np.array([20_000]))
    assert expected.patients[0] == GroupParams().patients_per_day
    assert expected.unexplained[0] == pytest.approx(GroupParams().unexplained_ratio)
    assert expected.days[0] == 0


def test_an_unknown_accounts_expectation_is_wider_than_a_known_ones() -> None:
    own = baselines()
    new = own.expected(ONE, ONE, np.array([20_000]))
    live(own, range(20_000, 20_060), 14.0)
    known = own.expected(ONE, ONE, np.array([20_060]))
    assert known.patients_size[0] > 1.5 * new.patients_size[0]
    assert known.unexplained_concentration[0] > 1.5 * new.unexplained_concentration[0]
    assert known.raised_unexplained[0] < new.raised_unexplained[0]


def test_an_accounts_own_days_take_over_from_its_peers() -> None:
    own = baselines()
    live(own, range(20_000, 20_040), 40.0)
    assert level(own, 20_040) == pytest.approx(40.0, rel=0.05)


def test_days_under_suspicion_teach_nothing_until_it_passes() -> None:
    own = baselines()
    live(own, range(20_000, 20_030), 10.0)
    before = level(own, 20_030)
    live(own, range(20_030, 20_040), 25.0, suspect=True)
    assert level(own, 20_040) == before
    live(own, range(20_040, 20_041), 10.0)
    # What was held back is learned at once, up to the ceiling.
    assert 1.1 * before < level(own, 20_041) <= own.rows.table["ceiling_patients"][0] * 1.03**2


def test_an_enrolled_baseline_rises_by_a_months_bound_at_most_and_by_the_cap_within_a_year() -> (
    None
):
    own, params = baselines(), BaselineParams()
    live(own, range(20_000, 20_060), 10.0)
    enrolled = float(own.rows.table["ceiling_patients"][0])
    of_year = float(own.rows.table["year_patients"][0])
    live(own, range(20_060, 20_090), 30.0)
    assert level(own, 20_090) <= enrolled * params.rise_per_month**2
    live(own, range(20_090, 20_360), 30.0)
    assert level(own, 20_360) <= of_year * params.rise_cap * 1.001


def test_a_baseline_may_fall_freely() -> None:
    own = baselines()
    live(own, range(20_000, 20_060), 40.0)
    live(own, range(20_060, 20_300), 4.0)
    assert level(own, 20_300) < 8.0


def test_a_single_giant_day_teaches_no_more_than_three_usual_ones() -> None:
    own, other = baselines(), baselines()
    for each in (own, other):
        live(each, range(20_000, 20_030), 10.0)
    own.learn(day(20_030, 10_000.0), suspect=np.array([False]))
    other.learn(day(20_030, 31.0), suspect=np.array([False]))
    assert level(own, 20_031) == pytest.approx(level(other, 20_031), rel=0.02)


def test_a_baseline_survives_its_checkpoint_exactly() -> None:
    own, back = baselines(), baselines()
    live(own, range(20_000, 20_060), 10.0)
    live(own, range(20_060, 20_063), 30.0, suspect=True)
    for source, target in ((own.rows, back.rows), (own.groups.rows, back.groups.rows)):
        payload, _ = source.encode(source.drain())
        target.load(payload)
    live(own, range(20_063, 20_070), 12.0)
    live(back, range(20_063, 20_070), 12.0)
    assert own.rows.table[0] == back.rows.table[0]


def test_what_is_kept_for_a_day_is_what_is_worked_out_afresh_whatever_was_learned_meanwhile() -> (
    None
):
    own = baselines()
    accounts, groups = np.array([0, 3, 70]), np.array([0, 1, 1])

    def same(number: int) -> None:
        for some in (slice(0, 2), slice(0, 3), slice(1, 3)):
            days = np.full(len(accounts[some]), number)
            kept = own.expected_on(accounts[some], groups[some], number)
            afresh = own.expected(accounts[some], groups[some], days)
            for field in fields(Expected):
                assert np.array_equal(getattr(kept, field.name), getattr(afresh, field.name))

    same(20_000)
    live(own, range(20_000, 20_050), 40.0)
    same(20_050)
    same(20_100)
    groups = np.array([1, 1, 0])
    same(20_100)
    payload, _ = own.rows.encode({0})
    own.rows.table["patients"][0] = 0.0
    own.rows.touch(ONE)
    same(20_100)
    own.rows.load(payload)
    same(20_100)
