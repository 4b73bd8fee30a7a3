from datetime import date

import numpy as np
import pytest

from simulators.calendar import (
    LocalDay,
    day_weight,
    days_of_month,
    easter,
    is_public_holiday,
    is_school_holiday,
    month_index,
    public_holidays,
)
from streams.event_time import HOUR_MS, month_of_day, paris_day
from streams.vocabulary import COULOIRS

OFFICINE = COULOIRS.index("OFFICINE")


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 9, 1), 24)],
)
def test_a_local_day_has_as_many_hours_as_the_clocks_give_it(day: date, hours: int) -> None:
    local = LocalDay.of(day)

    assert local.end_ms - local.start_ms == hours * HOUR_MS
    assert local.cumulative.shape == (len(COULOIRS), hours + 1)


def test_days_follow_each_other_without_gap_or_overlap_over_both_dst_nights() -> None:
    for month in (2025 * 12 + 2, 2025 * 12 + 9):
        days = [LocalDay.of(day) for day in days_of_month(month)]

        assert [one.end_ms for one in days[:-1]] == [one.start_ms for one in days[1:]]


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 10, 26), date(2025, 9, 1)])
def test_every_instant_lies_in_its_local_day_and_every_hour_is_reached(day: date) -> None:
    local = LocalDay.of(day)
    number = (np.arange(40_000) + 0.5) / 40_000
    times = local.times_ms(np.full(len(number), COULOIRS.index("HOPITAL")), number)

    assert times.min() >= local.start_ms
    assert times.max() < local.end_ms
    assert {paris_day(int(at)) for at in times[::100]} == {paris_day(local.start_ms)}
    hours = (local.end_ms - local.start_ms) // HOUR_MS
    assert len(np.unique((times - local.start_ms) // HOUR_MS)) == hours


def test_the_hour_that_comes_twice_is_as_busy_each_time() -> None:
    local = LocalDay.of(date(2025, 10, 26))
    shares = np.diff(local.cumulative[COULOIRS.index("HOPITAL")])

    # 00, 01, 02 (summer), 02 (winter), 03, …
    assert shares[2] == pytest.approx(shares[3])


def test_activity_follows_the_hours_of_its_couloir() -> None:
    local = LocalDay.of(date(2025, 9, 2))
    number = np.random.default_rng(5).random(50_000)
    hours = (local.times_ms(np.full(len(number), OFFICINE), number) - local.start_ms) // HOUR_MS
    counts = np.bincount(hours, minlength=24) / len(number)

    assert counts[:7].sum() == 0
    assert counts[17] == pytest.approx(12 / 100, rel=0.05)
    assert counts[13] == pytest.approx(3 / 100, rel=0.1)


def test_instants_beyond_the_end_are_mirrored_into_the_day() -> None:
    local = LocalDay.of(date(2025, 9, 2))
    times = np.array([local.start_ms, local.end_ms - 1, local.end_ms, local.end_ms + 5_000])

    assert local.clamp(times).tolist() == [
        local.start_ms,
        local.end_ms - 1,
        local.end_ms - 1,
        local.end_ms - 5_001,
    ]


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(2024, date(2024, 3, 31)), (2025, date(2025, 4, 20)), (2026, date(2026, 4, 5))],
)
def test_easter_falls_where_the_calendar_says(year: int, sunday: date) -> None:
    assert easter(year) == sunday


def test_a_year_has_eleven_public_holidays() -> None:
    assert len(public_holidays(2025)) == 11
    assert date(2025, 5, 29) in public_holidays(2025)
    assert is_public_holiday(date(2025, 6, 9))
    assert not is_public_holiday(date(2025, 6, 10))


def test_a_public_holiday_is_as_quiet_as_a_sunday() -> None:
    assert day_weight("MEDECINE_VILLE", date(2025, 11, 11)) == day_weight(
        "MEDECINE_VILLE", date(2025, 11, 9)
    )


def test_school_holidays_begin_on_the_first_day_and_end_before_the_return() -> None:
    assert not is_school_holiday(date(2025, 10, 17))
    assert is_school_holiday(date(2025, 10, 18))
    assert is_school_holiday(date(2025, 11, 2))
    assert not is_school_holiday(date(2025, 11, 3))


def test_a_month_has_the_number_that_event_time_gives_it() -> None:
    day = date(2025, 9, 14)

    assert month_index(day) == month_of_day(paris_day(LocalDay.of(day).start_ms))
    assert days_of_month(month_index(day))[0] == date(2025, 9, 1)
    assert len(days_of_month(2024 * 12 + 1)) == 29
