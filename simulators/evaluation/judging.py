"""The seam to what is evaluated: frames go in, findings come out (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agents.backtest import Backtest
from agents.flow_minutes import FlowMinutes
from agents.region_watch import RegionWatch, RegionWatchParams
from simulators.partitions import partitions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from agents.findings import Finding
    from agents.region_cells import RegionCell
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


class _Groups(RegionWatch):
    """The region's groups alone."""

    def take(self, cell: RegionCell) -> list[Finding]:
        """Take one message, but for the flows' minutes."""
        return [] if isinstance(cell, FlowMinutes) else super().take(cell)


class RegionJudge:
    """The worker's own line with its default parameters, as `vigie backtest --findings` runs it.

    Args:
        params: of the shards.
        partitions: how many.
        has_flows: whether the flows are judged; of a region without some of its structures nothing
            can be concluded about them, and their minutes cost as much as its accounts.
    """

    has_region = True

    def __init__(self, params: ShardParams, partitions: int, *, has_flows: bool = True) -> None:
        self._core = Backtest(params, partitions, lambda keys: partitions_of(keys, partitions))
        if not has_flows:
            self._core.region = _Groups(RegionWatchParams(partitions))

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
