"""The days on which a region's activity differs: holidays, school holidays, August (pure).

Public holidays follow from the law and from Easter. School holidays are those of zone B, which holds
the académies of Lille and Amiens, hence all of Hauts-de-France. Their dates for the school years
2023-24 to 2025-26 are those of the arrêté du 7 décembre 2022 (education.gouv.fr/calendrier-scolaire).
For 2026-27 and later they are *computed* by the arrêtés' habits, which zones rotate through: two weeks
from the third Saturday of October (the fourth where that is the 15th or 16th), two around Christmas,
two in February, eight weeks later two in April, and from the first Saturday of July to 1 September.
A computed date may be off by a week or two, since the order of the zones changes from year to year;
then an edge of the calendar is expected where none is, which costs some sensitivity for three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from streams.event_time import HOUR_MS, PARIS

SUNDAY: Final = 6
SATURDAY: Final = 5
HOURS: Final = 24
WEEK_BINS: Final = 7 * HOURS
BINS: Final = WEEK_BINS + HOURS
"""The hours of a local week, Monday 0 h first, and then those of a public holiday."""

NORMAL: Final = 0
SCHOOL_HOLIDAYS: Final = 1
AUGUST: Final = 2
SEASONS: Final = 3
"""The parts of the year whose activity differs in size rather than in shape."""

_AUGUST: Final = 8

_ZONE_B: Final = (
    # First day off, day of return.
    (date(2023, 10, 21), date(2023, 11, 6)),
    (date(2023, 12, 23), date(2024, 1, 8)),
    (date(2024, 2, 24), date(2024, 3, 11)),
    (date(2024, 4, 20), date(2024, 5, 6)),
    (date(2024, 7, 6), date(2024, 9, 2)),
    (date(2024, 10, 19), date(2024, 11, 4)),
    (date(2024, 12, 21), date(2025, 1, 6)),
    (date(2025, 2, 8), date(2025, 2, 24)),
    (date(2025, 4, 5), date(2025, 4, 22)),
    (date(2025, 7, 5), date(2025, 9, 1)),
    (date(2025, 10, 18), date(2025, 11, 3)),
    (date(2025, 12, 20), date(2026, 1, 5)),
    (date(2026, 2, 14), date(2026, 3, 2)),
    (date(2026, 4, 11), date(2026, 4, 27)),
    (date(2026, 7, 4), date(2026, 9, 1)),
)
_KNOWN_FROM: Final = date(2023, 9, 1)
_KNOWN_UNTIL: Final = date(2026, 9, 1)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by Gauss's rule with its two exceptions."""
    moon, leap, week = year % 19, year % 4, year % 7
    century = year // 100
    shift = (15 - (13 + 8 * century) // 25 + century - century // 4) % 30
    full = (19 * moon + shift) % 30
    to_sunday = (2 * leap + 4 * week + 6 * full + (4 + century - century // 4) % 7) % 7
    days = full + to_sunday
    if (full == 29 and to_sunday == 6) or (full == 28 and to_sunday == 6 and moon > 10):  # noqa: PLR2004 - Gauss's two exceptions
        days -= 7
    return date(year, 3, 22) + timedelta(days=days)


@lru_cache(maxsize=64)
def public_holidays(year: int) -> frozenset[date]:
    """The 11 public holidays (Code du travail, L3133-1); Alsace-Moselle's two are not the region's."""
    sunday = easter(year)
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    moving = (1, 39, 50)  # Easter Monday, Ascension, Whit Monday
    days = [date(year, month, day) for month, day in fixed]
    return frozenset(days + [sunday + timedelta(days=after) for after in moving])


def is_public_holiday(day: date) -> bool:
    """Whether nobody has to work."""
    return day in public_holidays(day.year)


def is_bridge(day: date) -> bool:
    """Whether a working day stands alone between a public holiday and a weekend (« pont »)."""
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    if day.weekday() == 0:
        return is_public_holiday(after)
    if day.weekday() == SATURDAY - 1:
        return is_public_holiday(before)
    # Christmas Eve and New Year's Eve are half days in many practices.
    return (day.month, day.day) in ((12, 24), (12, 31)) or (
        day.weekday() == SATURDAY and is_public_holiday(before)
    )


@lru_cache(maxsize=4096)
def is_school_holiday(day: date) -> bool:
    """Whether the schools of zone B are closed for holidays; computed beyond the known years."""
    if _KNOWN_FROM <= day < _KNOWN_UNTIL:
        return any(first <= day < back for first, back in _ZONE_B)
    return any(first <= day < back for first, back in _computed(day.year))


def _saturday(day: date) -> date:
    """The first Saturday on or after a day."""
    return day + timedelta(days=(SATURDAY - day.weekday()) % 7)


@lru_cache(maxsize=64)
def _computed(year: int) -> tuple[tuple[date, date], ...]:
    two_weeks = timedelta(days=16)
    autumn = _saturday(date(year, 10, 17))
    christmas = _saturday(date(year, 12, 19))
    last_christmas = _saturday(date(year - 1, 12, 19))
    winter = _saturday(date(year, 2, 14))
    spring = winter + timedelta(weeks=8)
    return (
        (last_christmas, last_christmas + two_weeks),
        (winter, winter + two_weeks),
        (spring, spring + two_weeks),
        (_saturday(date(year, 7, 3)), date(year, 9, 1)),
        (autumn, autumn + two_weeks),
        (christmas, christmas + two_weeks),
    )


def season_of(day: date) -> int:
    """`NORMAL`, `SCHOOL_HOLIDAYS` or `AUGUST`."""
    if day.month == _AUGUST:
        return AUGUST
    return SCHOOL_HOLIDAYS if is_school_holiday(day) else NORMAL


@dataclass(frozen=True, slots=True)
class LocalHour:
    """What an hour of UTC is in local life.

    Attributes:
        bin: 0 to `BINS` - 1.
        season: see `season_of`.
        is_unusual: a day of a kind that comes a few times a year, of which little is ever known.
        month: the local calendar month, 1 to 12.
    """

    bin: int
    season: int
    is_unusual: bool
    month: int


@lru_cache(maxsize=16384)
def local_hour(hour: int) -> LocalHour:
    """The local hour of the UTC hour `time_ms // HOUR_MS`.

    The zone's offsets are whole hours, so a UTC hour lies in one local hour. On the night on which the
    clocks go back, two UTC hours are the same local hour; on the other night one is missing.
    """
    local = datetime.fromtimestamp(hour * HOUR_MS // 1000, tz=UTC).astimezone(PARIS)
    day = local.date()
    holiday = is_public_holiday(day)
    number = WEEK_BINS if holiday else day.weekday() * HOURS
    return LocalHour(number + local.hour, season_of(day), holiday or is_bridge(day), day.month)


def same_kind(number: int) -> tuple[int, ...]:
    """The bins of the same hour on days of the same kind: working days, Saturdays, days of rest."""
    day, hour = divmod(number, HOURS)
    if day < SATURDAY:
        return tuple(other * HOURS + hour for other in range(SATURDAY))
    if day == SATURDAY:
        return (number,)
    return (SUNDAY * HOURS + hour, WEEK_BINS + hour)
