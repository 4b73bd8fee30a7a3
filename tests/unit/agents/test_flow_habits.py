"""What flow series do by themselves."""

from __future__ import annotations

import numpy as np

from agents.flow_habits import DRIFT_START, learn_drift, learn_long, learn_senders, senders

RECORD = np.dtype(
    [
        ("scatter", "<f8", (4, 8)),
        ("silent", "<f8"),
        ("cluster", "<f8"),
        ("tried", "<f8"),
        ("long_silence", "<f8"),
        ("long_silences", "<f8"),
        ("drift", "<f8", (2,)),
        ("drift_peak", "<f8", (2,)),
        ("drift_excess", "<f8", (2,)),
    ]
)
OLD = np.zeros(1)
YES = np.ones(1, np.bool_)


def row() -> np.ndarray:
    table = np.zeros(1, RECORD)
    table["scatter"], table["cluster"], table["long_silence"] = 300.0, 6.0, 1.0
    table["drift_excess"] = 1.0
    return table


def silences(table: np.ndarray, swallowed: float, count: int) -> None:
    for _ in range(count):
        table["silent"] = swallowed
        learn_long(table, YES)


def test_independent_events_are_one_sender_each() -> None:
    table = row()
    rng = np.random.default_rng(4)
    for speaks in rng.random(20_000) < -np.expm1(-0.5):
        learn_senders(table, np.array([speaks]), np.array([0.5]))
    assert abs(float(table["cluster"][0]) - 1.0) < 0.15
    assert abs(float(senders(table, OLD)[0]) - 1.0) < 0.1


def test_one_long_silence_says_little_and_many_say_how_long_they_are() -> None:
    table = row()
    table["cluster"] = 1.0
    silences(table, 500.0, 1)
    assert senders(table, OLD) < 1.3
    silences(table, 48.0, 60)
    assert 28 < float(senders(table, OLD)[0]) < 45


def test_short_silences_teach_nothing_of_long_ones() -> None:
    table = row()
    silences(table, 7.9, 50)
    assert table["long_silence"] == 1.0


def test_sums_that_often_go_far_and_come_back_move_the_bar() -> None:
    table = row()
    for _ in range(40):
        for drift in (4.0, 9.0, 6.0, 0.0):
            table["drift"][:, 0] = drift
            learn_drift(table, 0, YES)
    assert abs(float(table["drift_excess"][0, 0]) - (9.0 - DRIFT_START)) < 0.5
    assert table["drift_excess"][0, 1] == 1.0
