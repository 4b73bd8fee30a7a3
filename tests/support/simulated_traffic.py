"""A fortnight of a small region as Kafka records, with what goes wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.attacks.catalogue import wanted
from simulators.attacks.scenario import Scenario
from simulators.batches import BatchEncoder
from simulators.calendar import midnight_ms
from simulators.partitions import partitions_of
from simulators.traffic import RegionTraffic
from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS
from streams.schemas import Schemas
from streams.topics import DMP_DEPOSITS, EPRESCRIPTIONS, FLOWS, INSI_CALLS, MSS_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tests.support.simulated_log import MemoryLog

SEED: Final = 11
SCALE: Final = 0.05
START: Final = date(2025, 11, 27)
LAST: Final = date(2025, 12, 9)
"""A Tuesday far from holidays, so that the Tuesday before is like it."""
END_MS: Final = midnight_ms(LAST) + 11 * HOUR_MS
"""In the middle of the morning: the hour at which somebody looks."""

ATTACKS: Final = (
    "per-day-100@2025-12-04",
    "enumeration@2025-12-08",
    "takeover@2025-12-08",
    "fast-harvest@2025-12-09",
)
SILENT_FLOW: Final = MSS_MESSAGES
SILENCE_MS: Final = (END_MS - 140 * MINUTE_MS, END_MS - 50 * MINUTE_MS)
"""The flow's gateway is cut off, and delivers everything when it is back."""
_LATE_SINCE_MS: Final = END_MS - 27 * HOUR_MS
_LATE_AT_MS: Final = END_MS - 20 * MINUTE_MS


@dataclass(frozen=True, slots=True, eq=False)
class FlowRecords:
    """n records of one flow in the order in which they arrive.

    Attributes:
        times_ms: shape (n,); when each reaches Kafka.
        partitions: shape (n,).
    """

    flow: str
    times_ms: npt.NDArray[np.int64]
    partitions: npt.NDArray[np.int64]
    keys: list[bytes]
    values: list[bytes]

    def deliver(self, log: MemoryLog, since_ms: int, until_ms: int) -> None:
        """Append what arrives in `[since_ms, until_ms)`."""
        start, end = np.searchsorted(self.times_ms, [since_ms, until_ms]).tolist()
        for place in range(start, end):
            log.append(
                self.flow,
                int(self.partitions[place]),
                at_ms=int(self.times_ms[place]),
                key=self.keys[place],
                value=self.values[place],
            )


def region_records(partitions: int) -> Sequence[FlowRecords]:
    """All records from `START` to the simulated day's end, by flow."""
    schemas = Schemas.load()
    traffic = RegionTraffic(SEED, SCALE)
    days = (LAST - START).days + 1
    scenario = Scenario([wanted(text) for text in ATTACKS], traffic, START, days)
    encoder = BatchEncoder(schemas, SEED)
    found = {flow: _Arrivals() for flow in FLOWS}
    for tables in traffic.recorded(START, days, rewrite=scenario.rewrite):
        for flow, events in tables.items():
            if len(events):
                batch = encoder.batch(events)
                found[flow].add(batch.recorded_ms, batch.keys, batch.values)
    found[SILENT_FLOW].hold(*SILENCE_MS)
    found[DMP_DEPOSITS].hold(_LATE_SINCE_MS, _LATE_SINCE_MS + 5 * MINUTE_MS, until_ms=_LATE_AT_MS)
    for hours in range(1, 24):
        at_ms = END_MS - hours * HOUR_MS
        found[EPRESCRIPTIONS].repeat(at_ms, 1 + hours % 3)
        found[INSI_CALLS].spoil(at_ms, 1 + hours % 2)
    return [found[flow].in_order(flow, partitions) for flow in FLOWS]


class _Arrivals:
    """Records of one flow, and what delays, repeats and spoils them."""

    def __init__(self) -> None:
        self._times: list[npt.NDArray[np.int64]] = []
        self._keys: list[bytes] = []
        self._values: list[bytes] = []

    def add(self, times_ms: npt.NDArray[np.int64], keys: list[bytes], values: list[bytes]) -> None:
        self._times.append(np.asarray(times_ms, np.int64))
        self._keys += keys
        self._values += values

    def hold(self, since_ms: int, end_ms: int, *, until_ms: int | None = None) -> None:
        """What would arrive in `[since_ms, end_ms)` arrives when that is over, or later."""
        times = self._whole()
        held = (times >= since_ms) & (times < end_ms)
        times[held] = end_ms if until_ms is None else until_ms

    def repeat(self, at_ms: int, count: int) -> None:
        """A producer that heard no confirmation sends its last records again."""
        for place in self._before(at_ms, count):
            self.add(np.array([at_ms], np.int64), [self._keys[place]], [self._values[place]])

    def spoil(self, at_ms: int, count: int) -> None:
        """A record loses its end, or its head."""
        for place in self._before(at_ms, count):
            value = self._values[place]
            for broken in (value[:-9], b"{" + value[1:]):
                self.add(np.array([at_ms], np.int64), [self._keys[place]], [broken])

    def in_order(self, flow: str, partitions: int) -> FlowRecords:
        times = self._whole()
        order = np.argsort(times, kind="stable")
        keys = [self._keys[place] for place in order.tolist()]
        return FlowRecords(
            flow,
            times[order],
            partitions_of([key.decode() for key in keys], partitions),
            keys,
            [self._values[place] for place in order.tolist()],
        )

    def _before(self, at_ms: int, count: int) -> list[int]:
        times = self._whole()
        places = np.flatnonzero((times < at_ms) & (times >= at_ms - DAY_MS))
        latest: list[int] = places[np.argsort(times[places], kind="stable")[-count:]].tolist()
        return latest

    def _whole(self) -> npt.NDArray[np.int64]:
        self._times = [np.concatenate([np.zeros(0, np.int64), *self._times])]
        return self._times[0]
