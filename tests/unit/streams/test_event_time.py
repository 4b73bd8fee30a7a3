from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.event_time import (
    DAY_MS,
    HOUR_MS,
    PARIS,
    WINDOWS,
    Watermark,
    Window,
    day_of_month,
    month_of_day,
    paris_day,
    paris_days,
)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def local_day(text: str) -> int:
    return datetime.fromisoformat(text).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()


def test_a_window_ends_at_the_last_whole_five_seconds_and_starts_on_its_step() -> None:
    #   ...|----- 60 s -----|.. now
    minute, hour = Window("1m", 60_000, 5_000), Window("1h", 3_600_000, 60_000)

    assert minute.bounds(100_000) == (40_000, 100_000)
    assert minute.bounds(104_999) == (40_000, 100_000)
    assert minute.bounds(105_000) == (45_000, 105_000)
    assert hour.bounds(7_259_999) == (3_600_000, 7_255_000)


def test_every_window_is_a_whole_number_of_its_steps() -> None:
    assert all(window.size_ms % window.step_ms == 0 for window in WINDOWS)


def test_an_event_is_judged_by_the_events_before_it() -> None:
    watermark = Watermark(10)

    times = np.array([100, 95, 89, 120, 109, 110])

    assert (times < watermark.observe(times)).tolist() == [False, False, True, False, True, False]


def test_a_watermark_never_falls() -> None:
    watermark = Watermark(10, newest_ms=100)
    watermark.observe(np.array([50, 60]))

    assert watermark.value_ms == 90

    watermark.raise_floor(95)
    watermark.raise_floor(20)

    assert watermark.value_ms == 95


@given(st.lists(st.integers(1, 10**6), max_size=40), st.integers(0, 40))
def test_the_watermark_does_not_depend_on_how_a_stream_is_cut(times: list[int], cut: int) -> None:
    whole, pieces = Watermark(50), Watermark(50)
    array = np.array(times, np.int64)

    together = whole.observe(array).tolist()
    apart = pieces.observe(array[:cut]).tolist() + pieces.observe(array[cut:]).tolist()

    assert together == apart
    assert whole.value_ms == pieces.value_ms


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2025-09-01T00:00:00+02:00", "2025-09-01"),
        ("2025-08-31T23:59:59.999+02:00", "2025-08-31"),
        # Spring: 02:00 becomes 03:00; the local day of 2025-03-30 has 23 hours.
        ("2025-03-30T00:00:00+01:00", "2025-03-30"),
        ("2025-03-30T23:59:59.999+02:00", "2025-03-30"),
        # Autumn: 03:00 becomes 02:00; the local day of 2025-10-26 has 25 hours.
        ("2025-10-26T00:00:00+02:00", "2025-10-26"),
        ("2025-10-26T23:59:59.999+01:00", "2025-10-26"),
        ("2025-12-31T23:30:00+01:00", "2025-12-31"),
        ("2025-12-31T22:30:00+00:00", "2025-12-31"),
        ("2025-12-31T23:30:00+00:00", "2026-01-01"),
    ],
)
def test_a_day_is_the_calendar_day_in_paris(instant: str, day: str) -> None:
    assert paris_day(ms(instant)) == local_day(day)


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25)])
def test_dst_days_have_23_and_25_hours(day: str, hours: int) -> None:
    around = np.arange(
        ms(f"{day}T00:00:00+00:00") - DAY_MS, ms(f"{day}T00:00:00+00:00") + 2 * DAY_MS, HOUR_MS
    )

    assert int((paris_days(around) == local_day(day)).sum()) == hours


@given(st.lists(st.integers(0, 4_102_444_800_000), min_size=1, max_size=20))
def test_days_agree_with_the_zone_database(times: list[int]) -> None:
    expected = [
        datetime.fromtimestamp(t / 1000, tz=UTC).astimezone(PARIS).date().toordinal()
        - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
        for t in times
    ]

    assert paris_days(np.array(times, np.int64)).tolist() == expected


def test_months_and_days_of_the_month_follow_the_local_day() -> None:
    day = local_day("2025-09-30")

    assert (month_of_day(day), day_of_month(day)) == (2025 * 12 + 8, 30)
    assert (month_of_day(day + 1), day_of_month(day + 1)) == (2025 * 12 + 9, 1)
