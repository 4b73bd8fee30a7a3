"""What a soak measures: how old events are while they do not show, how old probes when they are found.

Latency to the metric is not read off a histogram of the worker's but from outside: at every scrape the
counters `vigie_events_total` say how many events of each flow and partition are shown, the producer's
book says when each was sent, and log order is send order. So at every scrape it is known of every event
whether it shows, by its age. The share of events of an age that do not show is the share whose latency
is longer: over many scrapes that is the distribution itself, however rarely one scrapes.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from streams.topics import FLOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

BIN_MS: Final = 20
LONGEST_MS: Final = 20_000
_BINS: Final = LONGEST_MS // BIN_MS

Int64Array = npt.NDArray[np.int64]


class Sent:
    """The producer's book: how many events of each flow and partition were sent until when.

    Args:
        partitions: of each flow.
    """

    def __init__(self, partitions: int) -> None:
        self._lock = threading.Lock()
        self._partitions = partitions
        self._totals: dict[str, Int64Array] = {
            flow: np.zeros(partitions, np.int64) for flow in FLOWS
        }
        self._ticks: dict[str, list[tuple[int, Int64Array]]] = {flow: [] for flow in FLOWS}
        self._probes: dict[int, int] = {}

    def sent(self, flow: str, counts: Int64Array, at_ms: int) -> None:
        """Note a tick's events of a flow, by partition; called in the order of time."""
        with self._lock:
            self._totals[flow][: len(counts)] += counts
            self._ticks[flow].append((at_ms, self._totals[flow].copy()))

    def probed(self, probe: int, at_ms: int) -> None:
        """Note that a probe is being sent."""
        with self._lock:
            self._probes[probe] = at_ms

    @property
    def total(self) -> int:
        """All events sent."""
        with self._lock:
            return int(sum(int(total.sum()) for total in self._totals.values()))

    @property
    def probes(self) -> dict[int, int]:
        """When each probe was sent."""
        with self._lock:
            return dict(self._probes)

    def recent(self, flow: str, since_ms: int) -> tuple[Int64Array, Int64Array, Int64Array]:
        """A flow's k ticks since a moment: times, totals after and before each, (k, partitions)."""
        with self._lock:
            ticks = self._ticks[flow]
            first = len(ticks)
            while first and ticks[first - 1][0] >= since_ms:
                first -= 1
            # What is older is asked for no more.
            del ticks[: max(0, first - 1)]
            before = ticks[0][1] if first else np.zeros(self._partitions, np.int64)
            own = ticks[1:] if first else list(ticks)
        if not own:
            empty = np.zeros((0, self._partitions), np.int64)
            return np.zeros(0, np.int64), empty, empty
        after = np.stack([totals for _, totals in own])
        return (
            np.array([at_ms for at_ms, _ in own], np.int64),
            after,
            np.concatenate([before[None, :], after[:-1]]),
        )


class Ages:
    """How many events of an age were seen, and how many of them did not show yet."""

    def __init__(self) -> None:
        self._seen = np.zeros(_BINS, np.int64)
        self._hidden = np.zeros(_BINS, np.int64)

    def observe(self, sent: Sent, shown: Mapping[str, Int64Array], at_ms: int) -> int:
        """Take one scrape: what each flow's counters said by partition, and when the answer was there.

        Returns:
            The age of the oldest event that did not show, milliseconds.
        """
        oldest_ms = 0
        for flow in FLOWS:
            times, after, before = sent.recent(flow, at_ms - LONGEST_MS)
            ages = at_ms - times
            known = (ages >= 0) & (ages < LONGEST_MS)
            ages, after, before = ages[known], after[known], before[known]
            hidden = (after - np.maximum(before, shown[flow])).clip(min=0).sum(axis=1)
            bins = ages // BIN_MS
            np.add.at(self._seen, bins, (after - before).sum(axis=1))
            np.add.at(self._hidden, bins, hidden)
            oldest_ms = max(oldest_ms, int(ages[hidden > 0].max(initial=0)))
        return oldest_ms

    def quantile_ms(self, share: float) -> float:
        """The latency that a share of the events does not exceed; infinite where none was seen.

        The age after which no more than the rest is hidden: of ages, the last that breaks the rule.
        """
        if not self._seen.any():
            return float("inf")
        seen = np.maximum(self._seen, 1)
        broken = np.flatnonzero(self._hidden / seen > 1 - share)
        return float((broken[-1] + 1) * BIN_MS) if len(broken) else 0.0

    @property
    def longest_ms(self) -> float:
        """The greatest age at which an event did not show."""
        hidden = np.flatnonzero(self._hidden)
        return float((hidden[-1] + 1) * BIN_MS) if len(hidden) else 0.0


def drift(memory: list[tuple[float, float]], since_s: float, until_s: float) -> float:
    """How far memory left its level at `since_s`, as a share of it.

    Levels are medians over a thirtieth of the time, at least a few samples: one reading is noise.

    Args:
        memory: seconds and bytes.
        since_s: where the level is taken.
        until_s: the end.
    """
    width = max((until_s - since_s) / 30, 3.0)
    times = np.array([at for at, _ in memory])
    values = np.array([size for _, size in memory])
    levels = [
        float(np.median(values[(times >= start) & (times < start + width)]))
        for start in np.arange(since_s, until_s - width / 2, width)
        if ((times >= start) & (times < start + width)).any()
    ]
    if not levels:
        return float("inf")
    return max(abs(level - levels[0]) for level in levels) / levels[0]
