"""The worker's own thought over recorded columns, without Kafka (pure).

Frames come in the order in which their events arrived; each is split over as many shards as the
service has partitions, so that watermarks, duplicates and totals come out as they would live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from agents.activity import ActivityCells, ActivityMarker, code_of, read_marks, split_marks
from agents.region_usage import RegionUsage
from agents.region_watch import RegionWatch, RegionWatchParams
from agents.series import SeriesCodes
from agents.shard import Shard, ShardParams
from agents.source import EVENT_TIME_AHEAD
from streams.columns import EventSlice
from streams.event_time import MINUTE_MS, WINDOWS
from streams.topics import FLOWS, VERDICTS
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agents.findings import Finding
    from agents.shard import Told
    from agents.usages import UsageRow
    from streams.event_time import Int64Array

    PartitionOf = Callable[[pl.Series], Int64Array]


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What a recording came to.

    Attributes:
        flows: by flow: events, duplicates, late, dead_letters, by_sector (events, unique_users).
        rates: one row per minute, flow and sector; see `MinuteHistory.rates`.
        findings: revisions of incidents, in the order in which they were concluded.
    """

    flows: dict[str, Any]
    rates: pl.DataFrame
    findings: tuple[Finding, ...] = ()

    @property
    def records(self) -> int:
        """Records read, whatever became of them."""
        kinds = ("events", "duplicates", "late", "dead_letters")
        return sum(int(flow[kind]) for flow in self.flows.values() for kind in kinds)


class MinuteHistory:
    """Counted events per minute, flow and sector, over the whole of a recording."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._counts: npt.NDArray[np.uint32] = np.zeros((0, len(FLOWS) * len(SECTORS)), np.uint32)

    def add(self, flow: str, times_ms: Int64Array, sectors: Int64Array) -> None:
        """Count n events of one flow."""
        if not len(times_ms):
            return
        minutes = times_ms // MINUTE_MS
        self._cover(int(minutes.min()), int(minutes.max()))
        rows = minutes - (self._first or 0)
        np.add.at(self._counts, (rows, FLOWS.index(flow) * len(SECTORS) + sectors), 1)

    def rates(self) -> pl.DataFrame:
        """Events per second over each rolling window, as every minute ends.

        Columns: `window_end` (UTC), `flow`, `sector`, `rate_1m`, `rate_5m`, `rate_1h`, `rate_24h`;
        rows of a flow and sector begin with their first event.
        """
        frames = []
        sums = np.vstack(
            [np.zeros((1, self._counts.shape[1]), np.int64), self._counts.cumsum(axis=0)]
        )
        minutes = np.arange(len(self._counts))
        ends = pl.Series((minutes + 1 + (self._first or 0)) * MINUTE_MS).cast(
            pl.Datetime("ms", "UTC")
        )
        for column in np.flatnonzero(self._counts.any(axis=0)).tolist():
            flow, sector = divmod(column, len(SECTORS))
            own = sums[:, column]
            begin = int(np.flatnonzero(self._counts[:, column])[0])
            rates = {
                f"rate_{w.name}": (
                    (own[minutes + 1] - own[np.maximum(minutes + 1 - w.size_ms // MINUTE_MS, 0)])
                    * 1000
                    / w.size_ms
                )[begin:]
                for w in WINDOWS
            }
            frames.append(
                pl.DataFrame(
                    {
                        "window_end": ends[begin:],
                        "flow": FLOWS[flow],
                        "sector": SECTORS[sector],
                        **rates,
                    }
                )
            )
        if not frames:
            names = ["window_end", "flow", "sector", *(f"rate_{w.name}" for w in WINDOWS)]
            return pl.DataFrame({name: [] for name in names})
        return pl.concat(frames).sort("window_end", "flow", "sector")

    def _cover(self, first: int, last: int) -> None:
        if self._first is None:
            self._first = first
        before = max(0, self._first - first)
        after = max(0, last + 1 - self._first - len(self._counts))
        if before or after:
            # Grow by more than asked, so that a month does not copy itself a thousand times.
            after = max(after, len(self._counts) // 2) if after else 0
            self._counts = np.pad(self._counts, ((before, after), (0, 0)))
            self._first -= before


class Backtest:
    """Feeds recorded frames to shards.

    Args:
        params: limits of the shards.
        partitions: how many shards.
        partition_of: the partition of each structure pseudonym of a column.
        region: of the region's watch.

    Attributes:
        findings: revisions of incidents, in the order in which they were concluded.
        usage: what structures did, month by month, as far as it was told; see `usage_rows`.
    """

    def __init__(
        self,
        params: ShardParams,
        partitions: int,
        partition_of: PartitionOf,
        region: RegionWatchParams | None = None,
    ) -> None:
        codes = SeriesCodes(params.departments)
        self._partition_of = partition_of
        self._partitions = partitions
        self._shards = [Shard(params, codes, number) for number in range(partitions)]
        self._markers = [ActivityMarker() for _ in range(partitions)]
        self._cells = ActivityCells(months_kept=None)
        self._history = MinuteHistory()
        self.region = RegionWatch(region or RegionWatchParams(partitions))
        self.usage = RegionUsage()
        self.findings: list[Finding] = []
        self._newest_ms = 0

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        """Take the next recorded events of one flow, in order of arrival."""
        if not frame.height:
            return
        self._newest_ms = max(self._newest_ms, int(frame["recorded_at"].to_numpy().max()))
        if self._partitions == 1:
            self._take(0, flow, frame)
            return
        partition = self._partition_of(frame["structure_pid"])
        for number in np.unique(partition).tolist():
            self._take(number, flow, frame.filter(pl.Series(partition == number)))

    def pass_time(self, until_ms: int) -> None:
        """Learn that every event recorded before this time was taken."""
        read_ms = dict.fromkeys((*FLOWS, VERDICTS), until_ms)
        for shard in self._shards:
            self._tell(shard.pass_time(read_ms))

    def finish(self) -> None:
        """Conclude from everything that waits: the recording has come to its end.

        Its end is the newest record of any flow in any partition. Up to there all of it was read, and
        who is not heard there was silent; of what came after nobody knows.
        """
        self.pass_time(self._newest_ms)
        for shard in self._shards:
            self._tell(shard.finish())

    def _tell(self, told: Told) -> None:
        self.findings += told.findings
        for cell in told.cells:
            self.findings += self.region.take(cell)
        for part in told.usage:
            self.usage.take_part(part)

    def usage_rows(self, month: int) -> Sequence[UsageRow]:
        """How much every usage was seen in a calendar month (`year * 12 + month - 1`) so far."""
        for shard in self._shards:
            for part in shard.tell_usage():
                self.usage.take_part(part)
        return self.usage.rows(month)

    def _take(self, number: int, flow: str, frame: pl.DataFrame) -> None:
        shard = self._shards[number]
        first = shard.next_offset(flow)
        applied = shard.apply(
            EventSlice(
                flow=flow,
                events=frame,
                offsets=np.arange(first, first + frame.height),
                ingest_ms=frame["recorded_at"].to_numpy(),
                next_offset=first + frame.height,
            )
        )
        self._tell(applied.told)
        for _ in range(len(applied.ahead)):
            shard.count_dead_letter(flow, EVENT_TIME_AHEAD)
        marks = self._markers[number].marks(flow, applied.accepted, applied.coded.sector)
        for _, value in split_marks(marks, 1):
            self._cells.add(read_marks(value))
        self._history.add(flow, applied.times_ms, applied.coded.sector)

    def result(self) -> BacktestResult:
        """What everything taken so far came to."""
        totals = [shard.totals() for shard in self._shards]
        flows = {}
        for flow in FLOWS:
            own = [total[flow] for total in totals]
            by_sector = sum((t.events.sum(axis=1) for t in own), np.zeros(len(SECTORS), np.int64))
            flows[flow] = {
                "events": int(by_sector.sum()),
                "duplicates": sum(t.duplicates for t in own),
                "late": sum(t.late for t in own),
                "dead_letters": sum(sum(t.dead_letters.values()) for t in own),
                "by_sector": {
                    sector: {
                        "events": int(by_sector[i]),
                        "unique_users": len(self._cells.subjects(code_of("account", flow, sector))),
                    }
                    for i, sector in enumerate(SECTORS)
                    if by_sector[i]
                },
            }
        return BacktestResult(flows, self._history.rates(), tuple(self.findings))
