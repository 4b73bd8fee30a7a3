"""The region as one worker sees it: windows of the live shards, with labels (pure).

Everything is computed when somebody looks, from the state that recovery restores; nothing is kept
beside it, so a partition that moves takes its rates along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.activity import code_of
from agents.series import PAIRS, SeriesCodes
from metrics.tempo import Grain
from metrics.views import (
    ActiveRow,
    AuthRow,
    Buckets,
    FailureRow,
    InsRow,
    PartitionView,
    RateRow,
    delay_buckets,
)
from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS, WINDOWS, Window, month_of_day, paris_day
from streams.topics import FLOWS
from streams.vocabulary import AUTH_METHODS, INS_STATUSES, INSI_RESULTS, OUTCOMES, SECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agents.region import RegionCounts
    from agents.series import CodeArray
    from agents.source import SourceProcessor
    from streams.event_time import Int64Array

_FAILURE = OUTCOMES.index("FAILURE")
_TEMPO_SPANS_MS: Final = (5 * MINUTE_MS, HOUR_MS, DAY_MS)
"""How far back each of a shard's three rings is shown."""
_SECTOR_OF_PAIR = np.array([SECTORS.index(sector) for sector, _ in PAIRS])


class StreamClock:
    """What time it is for rates: the newest event time, moving on with the wall clock.

    Live, that is the present; over a replay of last year it is the replay's moment, and if the source
    falls silent it goes on at the wall clock's pace, so that rates decay.

    Args:
        skew_ms: how far a source's clock may be ahead. Within it the wall clock is the limit, so that
            one fast clock does not empty everybody's windows.
    """

    def __init__(self, skew_ms: int) -> None:
        self._skew_ms = skew_ms
        self._newest_ms = 0
        self._seen_ms = 0

    def observe(self, newest_ms: int, wall_ms: int) -> None:
        """Learn of an event time, at a wall time."""
        if newest_ms > self._newest_ms:
            self._newest_ms, self._seen_ms = newest_ms, wall_ms

    def now_ms(self, wall_ms: int) -> int:
        """The stream's time at a wall time."""
        if not self._newest_ms:
            return wall_ms
        moved_ms = self._newest_ms + max(0, wall_ms - self._seen_ms)
        if self._newest_ms <= self._seen_ms + self._skew_ms:
            return min(moved_ms, wall_ms)
        return moved_ms


class WorkerView:
    """Implements `metrics.tempo.PageView` over the shards that this worker holds.

    Args:
        codes: the code space of the shards.
        shards: the live processors by partition; the composition root adds and removes them.
        region: the whole region's activity counts, complete on the worker that reads them.
        clock: the stream's time.
        small_cell_min: smaller counts of accounts or structures are withheld.
    """

    def __init__(
        self,
        *,
        codes: SeriesCodes,
        shards: Mapping[int, SourceProcessor],
        region: RegionCounts,
        clock: StreamClock,
        small_cell_min: int,
    ) -> None:
        self._codes = codes
        self._shards = shards
        self._region = region
        self._clock = clock
        self._small_cell_min = small_cell_min
        self._seen: npt.NDArray[np.bool_] = np.zeros(codes.size, np.bool_)
        self._cached: tuple[int, dict[str, CodeArray]] = (-1, {})
        self._delays = {flow: delay_buckets() for flow in FLOWS}

    def counted(self, flow: str, times_ms: Int64Array, wall_ms: int) -> None:
        """Learn of n counted events at a wall time, for the delays and the stream's clock."""
        if len(times_ms):
            self._clock.observe(int(times_ms.max()), wall_ms)
            # A source's clock may be ahead; a sum of delays that falls would look like a restart.
            self._delays[flow].observe_column(np.maximum(wall_ms - times_ms, 0) / 1000)

    def partitions(self) -> Sequence[PartitionView]:
        """The partitions that this worker holds, as of their last durable checkpoint."""
        return [_partition_view(number, shard) for number, shard in sorted(self._shards.items())]

    def rates(self, now_ms: int) -> Sequence[RateRow]:
        """Events per second; a series once seen goes on as zero."""
        rows = []
        traffic_seen = self._codes.traffic(self._seen)
        for window, counts in self._windows(now_ms):
            start_ms, end_ms = window.bounds(self._clock.now_ms(now_ms))
            seconds = (end_ms - start_ms) / 1000
            traffic = self._codes.traffic(counts).sum(axis=3)
            for flow, pair, department in np.argwhere(traffic_seen.any(axis=3)).tolist():
                rows.append(
                    RateRow(
                        FLOWS[flow],
                        *PAIRS[pair],
                        self._codes.departments[department],
                        window.name,
                        float(traffic[flow, pair, department]) / seconds,
                    )
                )
        return rows

    def failure_ratios(self, now_ms: int) -> Sequence[FailureRow]:
        """Failures over all events, by flow and sector, where there are events."""
        rows = []
        for window, counts in self._windows(now_ms):
            by_pair = self._codes.traffic(counts).sum(axis=2)
            by_sector = np.stack(
                [by_pair[:, i == _SECTOR_OF_PAIR].sum(axis=1) for i in range(len(SECTORS))], axis=1
            )
            totals = by_sector.sum(axis=2)
            for flow, sector in np.argwhere(totals).tolist():
                ratio = by_sector[flow, sector, _FAILURE] / totals[flow, sector]
                rows.append(FailureRow(FLOWS[flow], SECTORS[sector], window.name, float(ratio)))
        return rows

    def auth_ratios(self, now_ms: int) -> Sequence[AuthRow]:
        """Authentication mix by flow; a method that is not used is zero."""
        rows = []
        for window, counts in self._windows(now_ms):
            methods = self._codes.authentication(counts).sum(axis=1)
            for flow, name in enumerate(FLOWS):
                rows += [
                    AuthRow(name, AUTH_METHODS[method], window.name, ratio)
                    for method, ratio in _shares(methods[flow])
                ]
        return rows

    def ins_results(self, now_ms: int) -> Sequence[InsRow]:
        """INSi result mix."""
        return [
            InsRow(INSI_RESULTS[code], window.name, ratio)
            for window, counts in self._windows(now_ms)
            for code, ratio in _shares(self._codes.insi_results(counts).sum(axis=0))
        ]

    def ins_statuses(self, now_ms: int) -> Sequence[InsRow]:
        """INS status mix of the DMP deposits."""
        return [
            InsRow(INS_STATUSES[code], window.name, ratio)
            for window, counts in self._windows(now_ms)
            for code, ratio in _shares(self._codes.ins_statuses(counts).sum(axis=0))
        ]

    def active(self, now_ms: int) -> Sequence[ActiveRow]:
        """Distinct accounts and structures of the stream's day and month, and the month before."""
        day = paris_day(self._clock.now_ms(now_ms))
        month = month_of_day(day)
        counts: tuple[tuple[str, Callable[[int], int]], ...] = (
            ("day", lambda code: self._region.day(code, day)),
            ("month", lambda code: self._region.month(code, month)),
            # A month's figures are read once it is over.
            ("previous_month", lambda code: self._region.month(code, month - 1)),
        )
        rows = []
        for flow in FLOWS:
            for sector in SECTORS:
                codes = [code_of(kind, flow, sector) for kind in ("account", "structure")]
                for window, count in counts:
                    accounts, structures = (self._withhold(count(code)) for code in codes)
                    if accounts is not None or structures is not None:
                        rows.append(ActiveRow(flow, sector, window, accounts, structures))
        return rows

    @property
    def departments(self) -> Sequence[str]:
        """The region's departments, and HORS_REGION."""
        return self._codes.departments

    def tempo(self, now_ms: int) -> Sequence[Grain]:
        """Events per cell of the last minutes, hour and day, by flow and sector."""
        at_ms = self._clock.now_ms(now_ms)
        return [self._grain(number, at_ms) for number in range(len(_TEMPO_SPANS_MS))]

    def _grain(self, number: int, at_ms: int) -> Grain:
        span_ms = _TEMPO_SPANS_MS[number]
        total: npt.NDArray[np.int64] | None = None
        start_ms = step_ms = 0
        for processor in self._shards.values():
            ring = processor.shard.rates.rings[number]
            step_ms = ring.step_ms
            # The newest cell is on its way, and counts as far as it has come.
            start_ms = at_ms - at_ms % step_ms + step_ms - span_ms
            cells = ring.cells(start_ms, start_ms + span_ms)
            total = cells.astype(np.int64) if total is None else total + cells
        if total is None:
            return Grain(0, 0, np.zeros((0, len(FLOWS), len(SECTORS)), np.int64))
        by_pair = self._codes.traffic_of_many(total).sum(axis=(3, 4))
        by_sector = [by_pair[:, :, i == _SECTOR_OF_PAIR].sum(axis=2) for i in range(len(SECTORS))]
        return Grain(start_ms, step_ms, np.stack(by_sector, axis=2))

    def delays(self) -> Mapping[str, Buckets]:
        """Time from event to count."""
        return self._delays

    def _withhold(self, count: int) -> int | None:
        return count if count >= self._small_cell_min else None

    def _windows(self, now_ms: int) -> list[tuple[Window, CodeArray]]:
        second = now_ms // 1000
        if self._cached[0] != second:
            at_ms = self._clock.now_ms(now_ms)
            counts = {window.name: self._sum(window, at_ms) for window in WINDOWS}
            self._cached = (second, counts)
            for total in counts.values():
                self._seen |= total > 0
        return [(window, self._cached[1][window.name]) for window in WINDOWS]

    def _sum(self, window: Window, at_ms: int) -> CodeArray:
        total = np.zeros(self._codes.size, np.int64)
        for processor in self._shards.values():
            total += processor.shard.rates.window(window, at_ms)
        return total


def _shares(counts: CodeArray) -> list[tuple[int, float]]:
    total = int(counts.sum())
    return [(code, int(n) / total) for code, n in enumerate(counts)] if total else []


def _partition_view(number: int, processor: SourceProcessor) -> PartitionView:
    durable = processor.durable
    watch = processor.shard.watch
    figures = None if watch is None else watch.fusion.figures
    return PartitionView(
        partition=number,
        totals={
            (flow, SECTORS[sector], OUTCOMES[outcome]): int(totals.events[sector, outcome])
            for flow, totals in durable.items()
            for sector, outcome in np.argwhere(totals.events).tolist()
        },
        late={flow: totals.late for flow, totals in durable.items()},
        duplicates={flow: totals.duplicates for flow, totals in durable.items()},
        dead_letters={
            (flow, reason): n
            for flow, totals in durable.items()
            for reason, n in totals.dead_letters.items()
        },
        newest_ms={f: t.newest_ms for f, t in durable.items() if t.newest_ms},
        watermark_ms={f: t.watermark_ms for f, t in durable.items() if t.newest_ms},
        duplicate_horizon_ms={f: t.horizon_ms for f, t in durable.items() if t.newest_ms},
        account_days=0 if figures is None else figures.account_days,
        expected_false=0.0 if figures is None else figures.expected_false,
        verdicts=0 if figures is None else figures.judged,
        stray_verdicts=0 if figures is None else figures.strays,
    )
