"""What flow series do by themselves."""

from __future__ import annotations

import numpy as np

from agents.flow_habits import DRIFT_START, learn_drift, learn_senders

RECORD = np.dtype(
    [
        ("scatter", "<f8", (4, 8)),
        ("cluster", "<f8"),
        ("tried", "<f8"),
        ("drift", "<f8", (2,)),
        ("drift_peak", "<f8", (2,)),
        ("drift_excess", "<f8", (2,)),
    ]
)
YES = np.ones(1, np.bool_)


def row() -> np.ndarray:
    table = np.zeros(1, RECORD)
    table["scatter"], table["cluster"] = 300.0, 6.0
    table["drift_excess"] = 1.0
    return table


def test_independent_events_are_one_sender_each() -> None:
    table = row()
    rng = np.random.default_rng(4)
    for speaks in rng.random(20_000) < -np.expm1(-0.5):
        learn_senders(table, np.array([speaks]), np.array([0.5]))
    assert abs(float(table["cluster"][0]) - 1.0) < 0.15


def test_events_that_come_eight_at_a_time_are_one_sender() -> None:
    table = row()
    rng = np.random.default_rng(5)
    for speaks in rng.random(40_000) < -np.expm1(-0.5 / 8):
        learn_senders(table, np.array([speaks]), np.array([0.5]))
    assert 6.5 < float(table["cluster"][0]) < 9.5


def test_a_minute_of_which_nothing_was_expected_teaches_nothing() -> None:
    table = row()
    learn_senders(table, YES, np.zeros(1))
    assert float(table["cluster"][0]) == 6.0
    assert float(table["tried"][0]) == 0.0


def test_sums_that_often_go_far_and_come_back_move_the_bar() -> None:
    table = row()
    for _ in range(40):
        for drift in (4.0, 9.0, 6.0, 0.0):
            table["drift"][:, 0] = drift
            learn_drift(table, 0, YES)
    assert abs(float(table["drift_excess"][0, 0]) - (9.0 - DRIFT_START)) < 0.5
    assert table["drift_excess"][0, 1] == 1.0
