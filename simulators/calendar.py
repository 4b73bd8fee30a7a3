"""The calendar of the simulated region: local days, hours, weekdays, holidays, months (pure).

Figures are the assumptions of the domain reference §12.3 (day and hour weights, month factors) unless
another source stands beside them. A local day is a list of whole UTC hours, so that the two nights on
which the clocks change have 23 and 25 of them and no instant is missing or double.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.event_time import HOUR_MS, PARIS
from streams.vocabulary import COULOIRS

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

SUNDAY: Final = 6

DAY_WEIGHTS: Final[dict[str, tuple[float, ...]]] = {
    "MEDECINE_VILLE": (20, 18.5, 16.5, 16, 18.5, 9.5, 1),
    "OFFICINE": (18, 16.5, 16, 16, 17, 15, 1.5),
    "LABO_BIOLOGIE": (19, 18.5, 18, 17, 17, 10, 0.5),
    "RADIOLOGIE": (19, 19, 18, 18, 18, 7, 1),
    "HOPITAL": (16.5, 17, 16.5, 16, 15.5, 9.5, 9),
    "MEDICO_SOCIAL": (18, 18, 17.5, 17.5, 17, 6, 6),
}
"""Percent of a week's activity, Monday to Sunday."""

# fmt: off
HOUR_WEIGHTS: Final[dict[str, tuple[float, ...]]] = {
    "HOPITAL": (1.5, 1.2, 1, 1, 1, 1.2, 2, 4, 6.5, 8, 9, 8.5,
                6, 5.5, 7.5, 8, 7.5, 6, 4.5, 3.5, 2.7, 2, 1.7, 1.5),
    "MEDECINE_VILLE": (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 1.5, 7.5, 10.5, 11, 10,
                       5, 4, 8.5, 10.5, 10.5, 9.5, 7, 2.5, 0.7, 0.2, 0.1, 0.1),
    "OFFICINE": (0, 0, 0, 0, 0, 0, 0, 0.2, 2, 8.5, 11, 11,
                 8, 3, 7, 10, 11.5, 12, 10, 5, 0.5, 0.2, 0.1, 0),
    "LABO_BIOLOGIE": (0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 1, 3, 5, 7, 9, 11,
                      11, 10, 10, 9, 8, 6, 4, 2, 1, 0.7, 0.5, 0.4),
    "RADIOLOGIE": (0, 0, 0, 0, 0, 0, 0.2, 1.5, 8, 10.5, 11, 10.5,
                   7, 6, 9, 10.5, 10, 8.5, 5, 1.8, 0.4, 0.1, 0, 0),
    "MEDICO_SOCIAL": (0.3, 0.3, 0.3, 0.3, 0.3, 0.5, 1.5, 4, 9, 11, 11.5, 10,
                      5, 6, 10, 10, 8.5, 5, 2.5, 1.5, 1, 0.7, 0.5, 0.3),
}
"""Relative activity of each local hour, 0 to 23."""
# fmt: on

# Paramedics, social services and callers without a known couloir keep the rhythm of a town practice.
_SHAPE_OF: Final = {"AUTRE": "MEDECINE_VILLE", "INCONNU": "MEDECINE_VILLE"}

SCHOOL_HOLIDAY_FACTOR: Final[dict[str, float]] = {
    "MEDECINE_VILLE": 0.92,
    "OFFICINE": 0.96,
    "LABO_BIOLOGIE": 0.93,
    "RADIOLOGIE": 0.93,
    "HOPITAL": 0.96,
    "MEDICO_SOCIAL": 0.95,
}
"""Mild, because months carry the larger part of the holidays (assumption)."""

SCHOOL_HOLIDAYS_ZONE_B: Final[tuple[tuple[date, date], ...]] = (
    # First day off, day of return; zone B holds Lille and Amiens (education.gouv.fr calendars).
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
)
"""Outside these school years no school holiday is known and none is simulated."""


def month_index(day: date) -> int:
    """A day's month as `year * 12 + month - 1`, the same number as `event_time.month_of_day`."""
    return day.year * 12 + day.month - 1


def days_of_month(month: int) -> tuple[date, ...]:
    """The local days of a month given as `month_index` gives it."""
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return tuple(first + timedelta(days=n) for n in range((following - first).days))


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus, as in Meeus)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon_shift + 15) % 30
    leaps, year_rest = divmod(of_century, 4)
    weekday = (32 + 2 * century_rest + 2 * leaps - epact - year_rest) % 7
    correction = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=64)
def public_holidays(year: int) -> frozenset[date]:
    """The 11 French public holidays (Code du travail, L3133-1)."""
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    moving = (1, 39, 50)  # Easter Monday, Ascension, Whit Monday
    sunday = easter(year)
    return frozenset(date(year, m, d) for m, d in fixed) | {
        sunday + timedelta(days=n) for n in moving
    }


def is_public_holiday(day: date) -> bool:
    """Whether a day is a French public holiday."""
    return day in public_holidays(day.year)


def is_school_holiday(day: date) -> bool:
    """Whether the schools of zone B are closed for holidays."""
    return any(first <= day < back for first, back in SCHOOL_HOLIDAYS_ZONE_B)


def day_weight(couloir: str, day: date) -> float:
    """Relative activity of a couloir on a day: a public holiday counts as a Sunday."""
    shape = _SHAPE_OF.get(couloir, couloir)
    weekday = SUNDAY if is_public_holiday(day) else day.weekday()
    factor = SCHOOL_HOLIDAY_FACTOR[shape] if is_school_holiday(day) else 1.0
    return DAY_WEIGHTS[shape][weekday] * factor


def day_weights(month: int) -> FloatArray:
    """Relative activity, shape (couloirs in the vocabulary's order, days of the month)."""
    days = days_of_month(month)
    return np.array([[day_weight(couloir, day) for day in days] for couloir in COULOIRS])


@dataclass(frozen=True, slots=True, eq=False)
class LocalDay:
    """One calendar day of Europe/Paris, `[start_ms, end_ms)`.

    Attributes:
        day: the local date.
        start_ms: first instant, milliseconds UTC.
        end_ms: the next day's first instant; 23, 24 or 25 hours later.
        cumulative: shape (couloirs, hours + 1); share of the day's activity before each UTC hour.
    """

    day: date
    start_ms: int
    end_ms: int
    cumulative: FloatArray

    @classmethod
    def of(cls, day: date) -> LocalDay:
        """Build the grid of a day."""
        start_ms = midnight_ms(day)
        end_ms = midnight_ms(day + timedelta(days=1))
        local_hours = [
            datetime.fromtimestamp(at / 1000, tz=UTC).astimezone(PARIS).hour
            for at in range(start_ms, end_ms, HOUR_MS)
        ]
        weights = np.array(
            [[HOUR_WEIGHTS[_SHAPE_OF.get(c, c)][hour] for hour in local_hours] for c in COULOIRS]
        )
        cumulative = np.zeros((len(COULOIRS), len(local_hours) + 1))
        np.cumsum(weights, axis=1, out=cumulative[:, 1:])
        cumulative /= cumulative[:, -1:]
        cumulative[:, -1] = 1.0
        return cls(day, start_ms, end_ms, cumulative)

    def times_ms(self, couloir_codes: npt.NDArray[np.integer], uniform: FloatArray) -> Int64Array:
        """Instants of n activities from n numbers in [0, 1), following each couloir's hours."""
        hours = self.cumulative.shape[1] - 1
        # One sorted line holds all couloirs: couloir c occupies [c, c + 1].
        line = (self.cumulative[:, 1:] + np.arange(len(COULOIRS))[:, None]).ravel()
        codes = couloir_codes.astype(np.int64)
        slot = np.searchsorted(line, codes + uniform, side="right")
        hour = np.clip(slot - codes * hours, 0, hours - 1)
        low = self.cumulative[codes, hour]
        width = self.cumulative[codes, hour + 1] - low
        inside = np.divide(uniform - low, width, out=np.zeros_like(uniform), where=width > 0)
        within_ms = np.clip(inside * HOUR_MS, 0, HOUR_MS - 1).astype(np.int64)
        times: Int64Array = self.start_ms + hour * HOUR_MS + within_ms
        return times

    def clamp(self, times_ms: Int64Array) -> Int64Array:
        """Instants beyond the day's end mirrored back into it, so that a day keeps its events."""
        beyond = times_ms - self.end_ms
        last = self.end_ms - 1
        within: Int64Array = np.where(beyond < 0, times_ms, last - beyond)
        return np.maximum(within, self.start_ms)


def midnight_ms(day: date) -> int:
    """The first instant of a local day, milliseconds UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=PARIS).timestamp()) * 1000
