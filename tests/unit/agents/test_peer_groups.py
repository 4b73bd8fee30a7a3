from __future__ import annotations

import numpy as np
import pytest

from agents.peer_groups import GroupParams, PeerGroups


def learn(groups: PeerGroups, levels: np.ndarray, days: int, seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(days):
        patients = np.maximum(rng.poisson(rng.gamma(5.0, levels / 5.0)), 1).astype(float)
        groups.learn(
            np.zeros(len(levels), np.int64),
            patients=patients,
            known=patients,
            unexplained=rng.binomial(patients.astype(int), 0.3).astype(float),
            peak=np.ceil(0.4 * patients),
            expected=levels,
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
