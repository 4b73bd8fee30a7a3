"""From when on a silence is a 1-in-a-million event, reckoned from quiet days (pure).

Of independent events, silence has that probability once 13.8 of them were due. But sessions hold a
dozen accesses and laboratories send what a quarter of an hour brought: between two sendings such a
flow is silent for longer, and that is nothing rare. So two times are reckoned of each outage:

* of *single events*: until 13.8 events are due, as if they came one by one;
* of the flow's *own silences*: until a stretch of its quiet days that is as long is empty with a
  probability of one in a million.

Both use the days of the same kind (working days, Saturdays, Sundays) since the counting began, at the
hours of the outage, before anything fell silent. Time is told by the events that those days bring
until then, so that hours of different traffic fit together. How often a stretch is empty is measured
as far as eighty silences of those days go, and drawn out from there along its last slope: of any
senders that do not know of each other it falls exponentially. The detector is not asked.

Why eighty: of a region's year without incidents, pieces as long as those that are reckoned from here
were each reckoned with 10, 20, 40 and 80 silences. On average all give what the whole year gives, to
a tenth or so; a single piece strays from that by 5 to 13 % with twenty and by 3 to 8 % with eighty,
most where a flow has few sessions a day or only five Sundays to go by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.calendar import midnight_ms
from streams.event_time import HOUR_MS, MINUTE_MS
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from datetime import date

    import numpy.typing as npt

    from simulators.evaluation.plan import Outage, Span
    from simulators.events import Events
    from streams.event_time import Int64Array


RARE: Final = -math.log(1e-6)
"""13.8: the hazard that a 1-in-a-million silence has passed."""
_BIN_MS: Final = 10 * MINUTE_MS
_SILENCES: Final = 80
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Limit:
    """When an outage has become a 1-in-a-million event, since its beginning; `inf` if it ends before.

    Attributes:
        own_ms: by the flow's own silences.
        single_ms: as if events came one by one.
    """

    own_ms: float
    single_ms: float


def _kind(day: date) -> int:
    return max(day.weekday() - _SATURDAY + 1, 0)


class QuietHours:
    """Gathers when the flows that fall silent were heard on quiet days.

    Args:
        span: with the outages.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        self._heard: list[list[Int64Array]] = [[] for _ in span.outages]
        first = min((one.day for one in span.outages), default=span.start)
        quiet = (first - span.test_start).days
        days = [span.test_start + timedelta(days=number) for number in range(quiet)]
        self._days = [[day for day in days if _kind(day) == _kind(one.day)] for one in span.outages]

    def take(self, events: Events) -> None:
        """Take the next events of one flow."""
        for number, outage in enumerate(self._span.outages):
            if outage.flow == events.flow:
                own = events.columns["sector"] == SECTORS.index(outage.sector)
                self._heard[number].append(events.columns["recorded_at"][own])

    def limits(self) -> list[Limit]:
        """Of each outage."""
        return [
            self._limit(outage, np.sort(np.concatenate([np.zeros(0, np.int64), *heard])), days)
            for outage, heard, days in zip(self._span.outages, self._heard, self._days, strict=True)
        ]

    @staticmethod
    def _limit(outage: Outage, heard: Int64Array, days: list[date]) -> Limit:
        length_ms = outage.hours * HOUR_MS
        parts = []
        for day in days:
            begin_ms = midnight_ms(day) + outage.hour * HOUR_MS
            low, high = np.searchsorted(heard, [begin_ms, begin_ms + length_ms]).tolist()
            parts.append((heard[low:high] - begin_ms).astype(np.float64))
        if not any(map(len, parts)):
            return Limit(math.inf, math.inf)
        edges = np.arange(0, length_ms + 1, _BIN_MS, dtype=np.float64)
        counts = np.histogram(np.concatenate(parts), edges)[0] / len(days)
        due = np.append(0.0, np.cumsum(counts))
        whole = float(due[-1])
        swallowed = rare_silence([np.interp(part, edges, due) for part in parts], whole)

        def when(events: float) -> float:
            return float(np.interp(events, due, edges)) if events < whole else math.inf

        return Limit(when(swallowed), when(RARE))


def rare_silence(days: list[npt.NDArray[np.float64]], whole: float) -> float:
    """What a silence swallows that one stretch in a million is as empty as.

    Args:
        days: of each quiet day when events came, counted in events that were due by then.
        whole: events that were due in a whole day's hours.

    Returns:
        Due events; `RARE` for independent ones.
    """
    gaps = np.concatenate([np.diff(np.concatenate([[0.0], day, [whole]])) for day in days])
    gaps = np.sort(gaps)[::-1]
    if len(gaps) < 2 * _SILENCES:
        return RARE

    def log_void(length: float) -> float:
        """Logarithm of the share of stretches so long that are empty."""
        empty = float(np.maximum(gaps - length, 0.0).sum())
        return math.log(empty / (len(days) * max(whole - length, 1e-9)))

    far = float(gaps[_SILENCES])
    near = far / 2.0
    slope = (log_void(near) - log_void(far)) / max(far - near, 1e-9)
    return far + (RARE + log_void(far)) / max(slope, 1e-9)
