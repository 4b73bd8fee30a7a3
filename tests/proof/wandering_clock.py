"""A worker whose wall clock goes wrong: `python -m tests.proof.wandering_clock FILE worker`.

The file holds by how many seconds the clock is off; it is read again five times a second, so the clock
jumps while the worker runs. Every wall clock of a Python program is read through `time.time` and
`time.time_ns`, which are replaced before anything else is imported; monotonic clocks go on, as they do
when a machine's clock is set.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_LOOK_EVERY_S = 0.2


class WanderingClock:
    """The wall clock, off by what a file says.

    Args:
        path: holds seconds as text.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._time, self._time_ns, self._monotonic = time.time, time.time_ns, time.monotonic
        self._off_s = 0.0
        self._look_at_s = 0.0

    def install(self) -> None:
        """Replace the process's wall clock."""
        time.time, time.time_ns = self.time, self.time_ns

    def time(self) -> float:
        """Seconds since 1970, off."""
        return self._time() + self._off()

    def time_ns(self) -> int:
        """Nanoseconds since 1970, off."""
        return self._time_ns() + int(self._off() * 1_000_000_000)

    def _off(self) -> float:
        now_s = self._monotonic()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + _LOOK_EVERY_S
            # Written anew and moved to its place, so never half-written.
            self._off_s = float(self._path.read_text())
        return self._off_s


if __name__ == "__main__":
    WanderingClock(Path(sys.argv.pop(1))).install()
    from streams.cli import main

    sys.exit(main())
