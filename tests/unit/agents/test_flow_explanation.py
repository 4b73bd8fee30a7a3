"""Which series a silence is blamed on."""

from __future__ import annotations

import numpy as np

from agents.flow_explanation import Minute, explains
from agents.flow_series import ROWS, SERIES
from agents.flow_surprise import SILENCE, Found
from tests.support.flow_region import cells_of

NEED = 18.0
TOTAL = next(
    number
    for number, one in enumerate(SERIES)
    if (one.flow, one.sector, one.couloir, one.measure) == ("*", "ES", "*", "rate")
)
FIRST, SECOND, THIRD = cells_of("*", "ES", "HOPITAL")[:3]


def is_blamed(
    rates: dict[int, float],
    need: dict[int, float],
    known: tuple[int, ...] = (),
    times: float = 1.0,
) -> bool:
    """Whether a sector of these parts is, when it has swallowed so often what makes an outage of it."""
    mean = np.zeros(2 * ROWS)
    mean[list(rates)] = list(rates.values())
    mean[TOTAL] = sum(rates.values())
    swallowed = mean * times * NEED / mean[TOTAL]
    needs = np.full(ROWS, NEED)
    needs[list(need)] = list(need.values())
    zeros = np.zeros(2 * ROWS)
    found = Found(
        SILENCE, -1, np.array([TOTAL]), np.array([3.0]), zeros, swallowed, np.array([5]), needs
    )
    now = Minute(9, zeros, mean, zeros + 1.0, np.zeros(2 * ROWS, np.int64))
    explained = np.zeros(2 * ROWS, np.bool_)
    explained[list(known)] = True
    return explains(TOTAL, found, now, explained)


def test_a_total_of_several_parts_that_all_miss_something_is_blamed() -> None:
    assert is_blamed({FIRST: 3.0, SECOND: 2.0, THIRD: 2.0}, {})


def test_a_part_that_makes_the_total_is_blamed_itself() -> None:
    assert not is_blamed({FIRST: 6.0, SECOND: 1.0, THIRD: 1.0}, {})


def test_a_part_whose_silences_are_long_by_habit_says_nothing_of_the_rest() -> None:
    rates = {FIRST: 3.0, SECOND: 3.0, THIRD: 1.0}
    assert is_blamed(rates, {})
    assert not is_blamed(rates, {SECOND: 8 * NEED})


def test_what_is_known_of_a_part_is_no_news_of_the_total() -> None:
    rates = {FIRST: 3.0, SECOND: 2.0, THIRD: 2.0}
    assert not is_blamed(rates, {}, known=(FIRST,))
    assert not is_blamed(rates, {}, known=(FIRST,), times=1.7)
    assert is_blamed(rates, {}, known=(FIRST,), times=1.8)
