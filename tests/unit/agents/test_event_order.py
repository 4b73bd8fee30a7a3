from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from agents.event_order import EventOrder
from streams.event_time import DAY_MS, HOUR_MS, paris_day, start_of_day_ms

NOON_MS = int(datetime(2025, 9, 9, 10, tzinfo=UTC).timestamp()) * 1000
TODAY = paris_day(NOON_MS)
MIDNIGHT_MS = start_of_day_ms(TODAY + 1)


def settle(order: EventOrder, *told: tuple[int, int]) -> list[int]:
    accounts, times = np.array(told, np.int64).T
    return order.settle(accounts, times).tolist()


def test_an_account_s_time_never_goes_back() -> None:
    order = EventOrder()

    assert settle(order, (0, NOON_MS), (1, NOON_MS - 9), (0, NOON_MS - 5), (1, NOON_MS)) == [
        NOON_MS,
        NOON_MS - 9,
        NOON_MS,
        NOON_MS,
    ]
    assert settle(order, (0, NOON_MS - 1), (2, NOON_MS - 1)) == [NOON_MS, NOON_MS - 1]


def test_what_comes_after_midnight_with_a_time_before_it_counts_at_midnight() -> None:
    order = EventOrder()

    assert settle(order, (0, MIDNIGHT_MS - 5), (1, MIDNIGHT_MS + 7), (0, MIDNIGHT_MS - 1)) == [
        MIDNIGHT_MS - 5,
        MIDNIGHT_MS + 7,
        MIDNIGHT_MS,
    ]
    assert order.open_day == TODAY + 1
    assert settle(order, (2, MIDNIGHT_MS - HOUR_MS)) == [MIDNIGHT_MS]


def test_a_day_that_was_begun_by_others_holds_too() -> None:
    order = EventOrder()
    settle(order, (0, NOON_MS))
    order.begin_day(TODAY + 1)
    order.begin_day(TODAY)

    assert settle(order, (1, NOON_MS)) == [MIDNIGHT_MS]


def test_any_cut_and_a_restart_give_the_same_times() -> None:
    rng = np.random.default_rng(1)
    accounts = rng.integers(0, 5, 300)
    times = NOON_MS + np.sort(rng.integers(0, 3 * DAY_MS, 300)) - rng.integers(0, HOUR_MS, 300)
    whole = EventOrder().settle(accounts, times.copy())
    order, found = EventOrder(), []
    for part in np.array_split(np.arange(300), 23):
        found.append(order.settle(accounts[part], times[part]))
        copy = EventOrder()
        copy.rows.load(order.rows.encode(set(range(5)))[0])
        copy.from_json(order.to_json())
        order = copy

    assert np.concatenate(found).tolist() == whole.tolist()
    assert (np.diff([paris_day(int(ms)) for ms in whole]) >= 0).all()
