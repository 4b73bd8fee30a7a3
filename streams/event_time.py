"""Event time: watermark, lateness, hopping windows and the calendar of Europe/Paris (pure).

Every time is an integer of milliseconds UTC; every window is half-open, `[start, end)`. No function
reads a clock: what "now" is, the caller says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

PARIS: Final = ZoneInfo("Europe/Paris")

SECOND_MS: Final = 1000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


FINEST_STEP_MS: Final = 5 * SECOND_MS
"""Every rolling window ends on a multiple of this."""


@dataclass(frozen=True, slots=True)
class Window:
    """A hopping window that moves by `FINEST_STEP_MS`.

    Its end is as fresh as the finest step; its start falls on a multiple of `step_ms`, so that a long
    window needs no fine cells for its past. It covers at least `size_ms`, less than one step more.
    """

    name: str
    size_ms: int
    step_ms: int

    def bounds(self, now_ms: int) -> tuple[int, int]:
        """The last complete window at `now_ms`, as `[start, end)` in milliseconds."""
        end_ms = now_ms - now_ms % FINEST_STEP_MS
        start_ms = end_ms - self.size_ms
        return start_ms - start_ms % self.step_ms, end_ms


WINDOWS: Final = (
    Window("1m", MINUTE_MS, FINEST_STEP_MS),
    Window("5m", 5 * MINUTE_MS, FINEST_STEP_MS),
    Window("1h", HOUR_MS, MINUTE_MS),
    Window("24h", DAY_MS, 5 * MINUTE_MS),
)
"""The rolling windows of every rate, each with the step on which its start falls."""


class Watermark:
    """The event time below which a stream's events are late; it never falls.

    It trails the newest event time seen by the allowed lateness, and it also rises to any `floor_ms`
    that it is given: what can no longer be told apart from a duplicate is late as well.
    """

    __slots__ = ("allowed_lateness_ms", "floor_ms", "newest_ms")

    def __init__(self, allowed_lateness_ms: int, *, newest_ms: int = 0, floor_ms: int = 0) -> None:
        self.allowed_lateness_ms = allowed_lateness_ms
        self.newest_ms = newest_ms
        self.floor_ms = floor_ms

    @property
    def value_ms(self) -> int:
        """Events at or after this time are accepted."""
        return max(self.newest_ms - self.allowed_lateness_ms, self.floor_ms)

    def raise_floor(self, floor_ms: int) -> None:
        """Refuse everything before `floor_ms` from now on."""
        self.floor_ms = max(self.floor_ms, floor_ms)

    def observe(self, times_ms: Int64Array) -> Int64Array:
        """Advance over n event times in arrival order; give back the watermark at each of them.

        An event is late if its time is below its own entry. Each is judged by the events before it,
        so the answer does not depend on how a stream is cut into slices.
        """
        newest = np.maximum.accumulate(np.maximum(times_ms, self.newest_ms))
        if newest.size:
            self.newest_ms = int(newest[-1])
        watermarks: Int64Array = np.maximum(newest - self.allowed_lateness_ms, self.floor_ms)
        return watermarks


@lru_cache(maxsize=4096)
def _paris_day_of_hour(hour: int) -> int:
    local = datetime.fromtimestamp(hour * 3600, tz=UTC).astimezone(PARIS)
    return local.date().toordinal() - _EPOCH_ORDINAL


_EPOCH_ORDINAL: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


_FEW_HOURS: Final = 256
"""Up to here, a table of all hours is quicker than to sort out the distinct ones."""


def paris_days(times_ms: Int64Array) -> Int64Array:
    """The calendar day of each instant in Paris, as days since 1970-01-01 of the local date.

    Since 1970 the zone's offsets are whole hours and change at whole UTC hours, so a UTC hour lies in
    one local day; only the distinct hours are looked up. Correct over both DST nights, whose local
    days are 23 and 25 hours long.
    """
    hours = times_ms // HOUR_MS
    first, last = (int(hours.min()), int(hours.max())) if len(hours) else (0, 0)
    if last - first <= _FEW_HOURS:
        table = np.fromiter(map(_paris_day_of_hour, range(first, last + 1)), np.int64)
        return table[hours - first]
    hours, inverse = np.unique(hours, return_inverse=True)
    days = np.fromiter((_paris_day_of_hour(int(h)) for h in hours), np.int64, len(hours))
    return days[inverse]


def paris_day(time_ms: int) -> int:
    """`paris_days` of one instant."""
    return _paris_day_of_hour(time_ms // HOUR_MS)


@lru_cache(maxsize=4096)
def start_of_day_ms(day: int) -> int:
    """The first instant of a local day, milliseconds UTC."""
    midnight = datetime.fromordinal(day + _EPOCH_ORDINAL).replace(tzinfo=PARIS)
    return int(midnight.timestamp()) * 1000


@lru_cache(maxsize=4096)
def month_of_day(day: int) -> int:
    """The calendar month of a local day, as `year * 12 + month - 1`."""
    local = date_of_day(day)
    return local.year * 12 + local.month - 1


@lru_cache(maxsize=4096)
def day_of_month(day: int) -> int:
    """The day of the month (1-31) of a local day."""
    return datetime.fromordinal(day + _EPOCH_ORDINAL).day


def day_of_date(local: date) -> int:
    """A local date as days since 1970-01-01, as `paris_day` counts them."""
    return local.toordinal() - _EPOCH_ORDINAL


def date_of_day(day: int) -> date:
    """The local date of a `paris_day`."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def end_of_date_ms(local: date) -> int:
    """The first instant after a local date, milliseconds UTC."""
    return start_of_day_ms(day_of_date(local) + 1)
