"""When an incident's accounts act: as a script does, as their owners do, at set hours (pure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.population import Int64Array
from streams.event_time import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from simulators.traffic import RegionDay

Rhythm = Callable[["RegionDay", int, Int64Array, int, np.random.Generator], Int64Array]
"""`(today, begin_ms, own_ms, count, rng)` -> `count` ascending instants of the day.

`own_ms` are the instants of the account's own reads that day; nothing lies before `begin_ms`, if that
instant is on this day.
"""

SCRIPT_HOURS: Final = 6
"""How long a script runs on a day (assumption: « un moyen technique », no figure is published)."""
_EVENNESS: Final = 0.15


def _span(
    today: RegionDay, begin_ms: int, first_ms: int, length_ms: int, rng: np.random.Generator
) -> tuple[int, int]:
    del rng
    local = today.care.local
    start = max(first_ms, begin_ms if begin_ms < local.end_ms else 0)
    return start, min(length_ms, local.end_ms - MINUTE_MS - start)


def script(
    today: RegionDay, begin_ms: int, own_ms: Int64Array, count: int, rng: np.random.Generator
) -> Int64Array:
    """Evenly through some hours that begin at any time of the day or night."""
    del own_ms
    local = today.care.local
    free_ms = local.end_ms - local.start_ms - SCRIPT_HOURS * HOUR_MS
    drawn_ms = local.start_ms + int(rng.random() * free_ms)
    if begin_ms > local.start_ms:
        drawn_ms = begin_ms
    start, length = _span(today, begin_ms, drawn_ms, SCRIPT_HOURS * HOUR_MS, rng)
    gaps = 1.0 + _EVENNESS * (2.0 * rng.random(count) - 1.0)
    times: Int64Array = start + (np.cumsum(gaps) / gaps.sum() * max(length, 1)).astype(np.int64)
    return times


def as_owner(
    today: RegionDay, begin_ms: int, own_ms: Int64Array, count: int, rng: np.random.Generator
) -> Int64Array:
    """Around the owner's own acts of the day; in office hours on a day without any."""
    if len(own_ms) == 0:
        return office(today, begin_ms, own_ms, count, rng)
    drawn = rng.choice(own_ms, count) + (rng.normal(0.0, 6.0, count) * MINUTE_MS).astype(np.int64)
    return _within(today, begin_ms, drawn)


def office(
    today: RegionDay, begin_ms: int, own_ms: Int64Array, count: int, rng: np.random.Generator
) -> Int64Array:
    """Between 08:30 and 18:00."""
    del own_ms
    start, length = _span(today, begin_ms, _at(today, 8.5), int(9.5 * HOUR_MS), rng)
    return _within(today, begin_ms, start + (rng.random(count) * length).astype(np.int64))


def evening(
    today: RegionDay, begin_ms: int, own_ms: Int64Array, count: int, rng: np.random.Generator
) -> Int64Array:
    """In one sitting of two hours that begins between 19:30 and 21:30."""
    del own_ms
    start, length = _span(
        today, begin_ms, _at(today, 19.5 + 2.0 * float(rng.random())), 2 * HOUR_MS, rng
    )
    return _within(today, begin_ms, start + (rng.random(count) * length).astype(np.int64))


def at_minute(minute: int) -> Rhythm:
    """Within three minutes of a set minute of the day: several accounts in step."""

    def rhythm(
        today: RegionDay, begin_ms: int, own_ms: Int64Array, count: int, rng: np.random.Generator
    ) -> Int64Array:
        del own_ms
        start = _at(today, minute / 60)
        return _within(
            today, begin_ms, start + (rng.random(count) * 3 * MINUTE_MS).astype(np.int64)
        )

    return rhythm


def _at(today: RegionDay, hour: float) -> int:
    """A local hour of the day, counted from its end: no clock changes between them."""
    return today.care.local.end_ms - int((24.0 - hour) * HOUR_MS)


def _within(today: RegionDay, begin_ms: int, times_ms: Int64Array) -> Int64Array:
    local = today.care.local
    least = max(local.start_ms, begin_ms) if begin_ms < local.end_ms else local.start_ms
    kept: Int64Array = np.sort(np.clip(times_ms, least, local.end_ms - 1))
    return kept
