"""Keeping recorded events in step with a clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from streams.event_time import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable

_TICK_MS: Final = 250
"""Wall time between two sendings of a paced run."""


def window_ms(speed: float) -> int:
    """Recorded time that travels at once: a tick's worth, or an hour at full speed."""
    if speed <= 0:
        return HOUR_MS
    return max(1, min(HOUR_MS, int(_TICK_MS * speed)))


class Pace:
    """Waits so that recorded time passes `speed` times as fast as the clock.

    Args:
        speed: recorded seconds per second; 0 never waits.
        clock_s: a monotonic clock, seconds.
        sleep_s: waits for so many seconds.
    """

    def __init__(
        self,
        speed: float,
        *,
        clock_s: Callable[[], float] = time.monotonic,
        sleep_s: Callable[[float], object] = time.sleep,
    ) -> None:
        self._speed = speed
        self._clock_s = clock_s
        self._sleep_s = sleep_s
        self._origin: tuple[int, float] | None = None

    def wait_for(self, recorded_ms: int) -> None:
        """Return when `recorded_ms` is due; the first call is due at once."""
        if self._speed <= 0:
            return
        if self._origin is None:
            self._origin = recorded_ms, self._clock_s()
        first_ms, started_s = self._origin
        due_s = started_s + (recorded_ms - first_ms) / 1000 / self._speed
        wait_s = due_s - self._clock_s()
        if wait_s > 0:
            self._sleep_s(wait_s)
