"""The seam to what is evaluated: frames go in, findings come out (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl

from agents.account_cells import CELL
from agents.backtest import Backtest
from agents.partition_watch import PartitionWatch
from agents.region_cells import ClosedAccountDays
from agents.region_watch import RegionWatch, RegionWatchParams
from simulators.partitions import partitions_of
from streams.topics import FLOWS, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.findings import Finding
    from agents.partition_watch import Concluded, PartitionWatchParams
    from agents.shard import ShardParams


@dataclass(frozen=True, slots=True)
class Alert:
    """One revision of a finding, as far as it is evaluated.

    Attributes:
        finding_id: of the incident.
        at_ms: event time at which this revision was concluded.
        detectors: all that agree, the leading one first.
        severity: word of `Severity`.
        actor_pid: the account, if one.
        structure_pid: the structure, if one.
        flow: the flow, if one.
        sector: the sector.
        is_open: whether it asks for an analyst.
    """

    finding_id: str
    at_ms: int
    detectors: tuple[str, ...]
    severity: str
    actor_pid: str | None = None
    structure_pid: str | None = None
    flow: str | None = None
    sector: str = "NR"
    is_open: bool = True


class Judge(Protocol):
    """Whatever concludes from frames in the order of arrival.

    Attributes:
        has_region: whether it concludes on flows and groups as well.
    """

    has_region: bool

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        """Take the next frame of one flow."""

    def advance(self, at_ms: int) -> None:
        """Everything that arrived before an instant was taken."""

    def finish(self) -> Sequence[Alert]:
        """Everything concluded, in order."""


def alert_of(finding: Finding) -> Alert:
    """What is evaluated of a revision."""
    return Alert(
        finding_id=finding.finding_id,
        at_ms=finding.detected_at_ms,
        detectors=finding.detectors or (finding.detector,),
        severity=str(finding.severity),
        actor_pid=finding.actor_pid,
        structure_pid=finding.structure_pid,
        flow=finding.flow,
        sector=finding.sector,
        is_open=finding.status.is_open,
    )


class RegionJudge:
    """The worker's own line with its default parameters, as `vigie backtest --findings` runs it.

    Args:
        params: of the shards.
        partitions: how many.
    """

    has_region = True

    def __init__(self, params: ShardParams, partitions: int) -> None:
        self._core = Backtest(params, partitions, lambda keys: partitions_of(keys, partitions))

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        """See `Judge`."""
        self._core.take(flow, frame)

    def advance(self, at_ms: int) -> None:
        """See `Judge`."""
        self._core.pass_time(at_ms)

    def finish(self) -> list[Alert]:
        """See `Judge`."""
        self._core.finish()
        return [alert_of(finding) for finding in self._core.findings]


class WatchJudge:
    """Those who watch accounts and groups alone, as they stand in the worker's line.

    Of a region without some of its structures nothing can be concluded about flows; and what the line
    counts besides costs as much again. No event of the simulated region is late or comes twice, so what
    is concluded of accounts is the same with and without the counts.

    Args:
        params: of the watches.
        partitions: how many.
    """

    has_region = True

    def __init__(self, params: PartitionWatchParams, partitions: int) -> None:
        self._watches = [PartitionWatch(params) for _ in range(partitions)]
        self._told_days = [0] * partitions
        self._region = RegionWatch(RegionWatchParams(partitions))
        self._alerts: list[Alert] = []

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        """See `Judge`."""
        place = partitions_of(frame["structure_pid"], len(self._watches))
        for number in np.unique(place).tolist():
            own = frame.filter(pl.Series(place == number))
            log_ms = own["recorded_at"].to_numpy()
            self._tell(number, self._watches[number].take(flow, own, log_ms))

    def advance(self, at_ms: int) -> None:
        """See `Judge`."""
        for number, watch in enumerate(self._watches):
            self._tell(number, watch.pass_time(dict.fromkeys((*FLOWS, VERDICTS), at_ms)))

    def finish(self) -> list[Alert]:
        """See `Judge`."""
        for number, watch in enumerate(self._watches):
            self._tell(number, watch.finish())
        return self._alerts

    def _tell(self, number: int, concluded: Concluded) -> None:
        findings = list(concluded.findings)
        open_day = self._watches[number].open_day
        if concluded.cells or open_day > self._told_days[number]:
            self._told_days[number] = open_day
            cells = np.concatenate([np.zeros(0, CELL), *concluded.cells])
            findings += self._region.take(ClosedAccountDays(number, open_day, cells))
        self._alerts += map(alert_of, findings)
