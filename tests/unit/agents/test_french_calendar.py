"""The days on which a region's activity differs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agents import french_calendar
from agents.french_calendar import (
    AUGUST,
    NORMAL,
    SCHOOL_HOLIDAYS,
    WEEK_BINS,
    easter,
    is_bridge,
    is_school_holiday,
    local_hour,
    public_holidays,
    same_kind,
    season_of,
)
from simulators import calendar
from streams.event_time import HOUR_MS


def hour_of(*when: int) -> int:
    year, month, day, hour = when
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000) // HOUR_MS


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1954, date(1954, 4, 18)),
        (1981, date(1981, 4, 19)),
        (2024, date(2024, 3, 31)),
        (2025, date(2025, 4, 20)),
        (2026, date(2026, 4, 5)),
        (2027, date(2027, 3, 28)),
        (2038, date(2038, 4, 25)),
        (2049, date(2049, 4, 18)),
    ],
)
def test_easter_falls_where_the_almanac_has_it(year: int, day: date) -> None:
    assert easter(year) == day


def test_easter_agrees_with_the_other_rule_for_two_centuries() -> None:
    assert all(easter(year) == calendar.easter(year) for year in range(1900, 2100))


def test_a_year_has_eleven_public_holidays() -> None:
    assert len(public_holidays(2026)) == 11
    assert {date(2026, 4, 6), date(2026, 5, 14), date(2026, 5, 25)} <= public_holidays(2026)


def test_the_region_that_is_simulated_has_the_same_holidays() -> None:
    for first, back in calendar.SCHOOL_HOLIDAYS_ZONE_B:
        assert is_school_holiday(first)
        assert not is_school_holiday(back)


def test_beyond_the_known_years_school_holidays_are_computed() -> None:
    assert is_school_holiday(date(2030, 10, 28))
    assert is_school_holiday(date(2030, 12, 27))
    assert is_school_holiday(date(2031, 1, 1))
    assert is_school_holiday(date(2030, 7, 20))
    assert not is_school_holiday(date(2030, 9, 10))
    assert not is_school_holiday(date(2030, 11, 20))


def test_august_is_a_season_of_its_own() -> None:
    assert season_of(date(2026, 7, 20)) == SCHOOL_HOLIDAYS
    assert season_of(date(2026, 8, 1)) == AUGUST
    assert season_of(date(2026, 9, 1)) == NORMAL


def test_a_lone_working_day_is_a_bridge() -> None:
    assert is_bridge(date(2026, 5, 15))  # after Ascension
    assert is_bridge(date(2026, 7, 13))  # before 14 July, a Tuesday
    assert not is_bridge(date(2026, 6, 12))


def test_hours_are_local_on_both_sides_of_a_clock_change() -> None:
    assert local_hour(hour_of(2026, 3, 27, 7)).bin == 4 * 24 + 8
    assert local_hour(hour_of(2026, 4, 3, 6)).bin == 4 * 24 + 8


def test_the_night_of_the_clock_change_skips_an_hour_or_has_one_twice() -> None:
    spring = [local_hour(hour_of(2026, 3, 29, h)).bin % 24 for h in range(3)]
    autumn = [local_hour(hour_of(2026, 10, 24, 23) + h).bin % 24 for h in range(4)]
    assert spring == [1, 3, 4]
    assert autumn == [1, 2, 2, 3]


def test_a_public_holiday_has_hours_of_its_own() -> None:
    hour = local_hour(hour_of(2026, 7, 14, 8))
    assert hour.bin == WEEK_BINS + 10
    assert hour.is_unusual


def test_days_of_one_kind_share_their_hours() -> None:
    assert same_kind(8) == (8, 32, 56, 80, 104)
    assert same_kind(5 * 24 + 8) == (5 * 24 + 8,)
    assert same_kind(WEEK_BINS + 3) == (6 * 24 + 3, WEEK_BINS + 3)


def test_known_years_are_a_table_and_not_a_guess() -> None:
    # 8 February 2025 is zone B's; the computed rule would say the 15th.
    assert is_school_holiday(date(2025, 2, 8))
    assert not any(a <= date(2025, 2, 8) < b for a, b in french_calendar._computed(2025))
