from __future__ import annotations

import numpy as np
import polars as pl

from agents.backtest import Backtest, MinuteHistory
from streams.event_time import MINUTE_MS
from streams.topics import INSI_CALLS, MSS_MESSAGES
from tests.support.frames import NOON_MS, PARAMS, Event, frame_of


def by_last_digit(column: pl.Series) -> np.ndarray:
    return column.str.slice(-1).cast(pl.Int64).to_numpy()


def backtest(partitions: int = 4) -> Backtest:
    return Backtest(PARAMS, partitions, lambda column: by_last_digit(column) % partitions)


def test_a_recording_is_counted_by_flow_and_sector_with_its_unique_users() -> None:
    run = backtest()
    run.take(
        INSI_CALLS,
        frame_of(
            [Event(number=n, structure=f"st_{n % 4}", actor=f"ac_{n % 7}") for n in range(70)]
        ),
    )
    run.take(INSI_CALLS, frame_of([Event(number=100, sector="ES", couloir="HOPITAL", actor=None)]))

    flow = run.result().flows[INSI_CALLS]
    assert flow["events"] == 71
    assert flow["by_sector"] == {
        "ES": {"events": 1, "unique_users": 1},
        "PSL": {"events": 70, "unique_users": 7},
    }


def test_every_record_is_accounted_for() -> None:
    run = backtest(1)
    run.take(
        MSS_MESSAGES,
        frame_of(
            [
                Event(number=1),
                Event(number=1),
                Event(number=2, at_ms=NOON_MS - PARAMS.allowed_lateness_ms - 1),
                Event(number=3, at_ms=NOON_MS + PARAMS.clock_skew_ms + 1, recorded_ms=NOON_MS),
            ]
        ),
    )

    result = run.result()
    flow = result.flows[MSS_MESSAGES]
    assert (flow["events"], flow["duplicates"], flow["late"], flow["dead_letters"]) == (1, 1, 1, 1)
    assert result.records == 4


def test_the_number_of_partitions_does_not_change_what_is_counted() -> None:
    events = [
        Event(number=n, structure=f"st_{n % 9}", actor=f"ac_{n % 5}", at_ms=NOON_MS + n * 977)
        for n in range(200)
    ]
    one, many = backtest(1), backtest(8)
    for run in (one, many):
        for at in range(0, 200, 37):
            run.take(INSI_CALLS, frame_of(events[at : at + 37]))

    assert one.result().flows == many.result().flows
    assert one.result().rates.equals(many.result().rates)


def test_rates_are_those_of_the_windows_that_end_with_each_minute() -> None:
    history = MinuteHistory()
    minute = NOON_MS // MINUTE_MS * MINUTE_MS
    history.add(
        INSI_CALLS, np.array([minute, minute + 1, minute + 9 * MINUTE_MS]), np.array([3, 3, 3])
    )
    history.add(INSI_CALLS, np.array([minute - 2 * MINUTE_MS]), np.array([3]))

    rates = history.rates()
    assert rates.columns == [
        "window_end",
        "flow",
        "sector",
        "rate_1m",
        "rate_5m",
        "rate_1h",
        "rate_24h",
    ]
    assert rates["rate_1m"][:4].to_list() == [1 / 60, 0, 2 / 60, 0]
    assert rates["rate_5m"][:4].to_list() == [1 / 300, 1 / 300, 3 / 300, 3 / 300]
    assert (
        rates.filter(pl.col("window_end").dt.epoch("ms") == minute + 10 * MINUTE_MS)["rate_1h"][0]
        == 4 / 3600
    )


def test_an_empty_recording_has_no_rates_but_their_columns() -> None:
    result = backtest().result()

    assert result.rates.height == 0
    assert result.records == 0
    assert "rate_24h" in result.rates.columns
