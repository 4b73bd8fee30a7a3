from __future__ import annotations

import numpy as np
import pytest

from agents.peer_groups import GroupParams, PeerGroups

MONDAY = 20_339  # 2025-09-08


def learn(groups: PeerGroups, levels: np.ndarray, days: int, *, first: int = MONDAY) -> None:
    rng = np.random.default_rng(1)
    for day in range(days):
        patients = np.maximum(rng.poisson(rng.gamma(5.0, levels / 5.0)), 1).astype(float)
        groups.learn(
            np.zeros(len(levels), np.int64),
            day=np.full(len(levels), first + day),
            patients=patients,
            known=patients,
            unexplained=rng.binomial(patients.astype(int), 0.3).astype(float),
            peak=np.ceil(0.4 * patients),
            expected=levels,
            share=np.full(len(levels), 0.3),
            share_sure=np.full(len(levels), 1e6),
        )


def test_a_group_of_which_nothing_was_seen_is_as_assumed() -> None:
    usual = PeerGroups(GroupParams()).usual(np.array([0, 7]))
    assert usual.patients.tolist() == [14.0, 14.0]
    assert usual.day_size.tolist() == [3.0, 3.0]


def test_a_group_learns_its_level_its_scatter_and_its_share() -> None:
    groups = PeerGroups(GroupParams())
    levels = 30.0 * np.exp(0.5 * np.random.default_rng(2).standard_normal(200))
    learn(groups, levels, 60)
    usual = groups.usual(np.array([0]))
    assert usual.patients[0] == pytest.approx(levels.mean(), rel=0.05)
    assert usual.day_size[0] == pytest.approx(5.0, rel=0.2)
    assert usual.unexplained[0] == pytest.approx(0.3, abs=0.02)
    # A gamma day's logarithm is skewed, which reads as a little more spread between members.
    assert 1.0 / usual.weight[0] == pytest.approx(np.expm1(0.25), rel=0.45)


def test_groups_do_not_learn_from_each_other() -> None:
    groups = PeerGroups(GroupParams())
    learn(groups, np.full(50, 60.0), 20)
    assert groups.usual(np.array([1])).patients[0] == 14.0


def test_a_crowd_on_one_weekend_says_little_of_working_days() -> None:
    groups, saturday = PeerGroups(GroupParams()), MONDAY - 2
    crowd, alone = np.full(5000, 3.0), np.zeros(1, np.int64)
    learn(groups, crowd, 2, first=saturday)
    weekend = groups.usual(alone)
    assert weekend.patients[0] > 8.0
    assert weekend.common_variance[0] > 0.25
    assert weekend.days_worth[0] < 0.6
    assert weekend.settled[0] < 0.1
    learn(groups, 4.0 * crowd, 12)
    working = groups.usual(alone)
    assert working.patients[0] == pytest.approx(12.0, rel=0.15)
    assert working.common_variance[0] < 0.01
    assert working.days_worth[0] > 0.98
    assert working.settled[0] == 1.0


def test_a_day_counts_once_however_many_accounts_and_times_it_is_learned() -> None:
    once, often = PeerGroups(GroupParams()), PeerGroups(GroupParams())
    learn(once, np.full(5, 6.0), 1)
    for _ in range(3):
        learn(often, np.full(500, 6.0), 1)
    group = np.zeros(1, np.int64)
    assert once.usual(group).settled == often.usual(group).settled == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("day", "part"),
    [(20_339, 1.0), (20_337, 0.2), (20_403, 0.2), (20_402, 0.2), (20_385, 0.5)],
    ids=["a Monday", "a Saturday", "11 November", "the day between", "school holidays"],
)
def test_days_of_other_kinds_count_in_part(day: int, part: float) -> None:
    groups = PeerGroups(GroupParams())
    learn(groups, np.full(5, 6.0), 1, first=day)
    assert groups.usual(np.zeros(1, np.int64)).settled[0] == pytest.approx(part / 10.0)


def test_a_busy_beginning_is_believed_at_once() -> None:
    groups = PeerGroups(GroupParams())
    learn(groups, np.full(5000, 60.0), 1, first=MONDAY - 2)
    assert groups.usual(np.zeros(1, np.int64)).patients[0] == pytest.approx(60.0, rel=0.05)


def share_days(concentration: float, day_concentration: float, patients: int) -> PeerGroups:
    """Sixty days of 300 members whose shares differ, and differ from day to day."""
    rng, groups = np.random.default_rng(3), PeerGroups(GroupParams())
    own = rng.beta(0.2 * concentration, 0.8 * concentration, 300)
    known = np.full(300, float(patients))
    for day in range(60):
        share = rng.beta(own * day_concentration, (1.0 - own) * day_concentration)
        groups.learn(
            np.zeros(300, np.int64),
            day=np.full(300, MONDAY + day),
            patients=known,
            known=known,
            unexplained=rng.binomial(patients, share).astype(float),
            peak=known,
            expected=known,
            share=own,
            share_sure=np.full(300, 1e6),
        )
    return groups


@pytest.mark.parametrize(("between", "of_days"), [(15.0, 50.0), (60.0, 20.0)])
def test_a_group_learns_how_alike_its_members_shares_are(between: float, of_days: float) -> None:
    usual = share_days(between, of_days, 12).usual(np.zeros(1, np.int64))
    assert usual.share_concentration[0] == pytest.approx(between, rel=0.25)
    assert usual.day_concentration[0] == pytest.approx(of_days, rel=0.25)


def test_days_of_one_patient_tell_nothing_of_how_alike_patients_are() -> None:
    usual = share_days(60.0, 20.0, 1).usual(np.zeros(1, np.int64))
    assert usual.share_concentration[0] == pytest.approx(GroupParams().unexplained_concentration)
    assert usual.day_concentration[0] == pytest.approx(GroupParams().day_concentration)


def test_no_group_is_taken_for_more_even_than_any_registration_is() -> None:
    usual = share_days(1e6, 1e6, 12).usual(np.zeros(1, np.int64))
    assert usual.day_concentration[0] == pytest.approx(GroupParams().most_concentration)
