"""What concerns the whole region: broken flows, and accounts that act together (pure).

It sees cells alone, never events: counts per minute and partition, and one cell per account and day.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from agents.box_pressure import QUARTER_MS, BoxCounts
from agents.collusion import Collusion
from agents.findings import Verdict
from agents.flow_minutes import FlowMinutes
from agents.flow_watch import FlowParams, FlowWatch
from agents.fusion import Fusion, FusionParams
from agents.group_suspicion import Share
from agents.mailboxes import MailboxWatch
from agents.region_cells import FURTHEST_MS
from agents.series_history import series_of
from agents.signals import Signal, Subject, SubjectKind, flow_subject
from streams.errors import StateError
from streams.event_time import DAY_MS, HOUR_MS, paris_day, start_of_day_ms
from streams.topics import FLOWS, MSS_MESSAGES, PLATFORM_ACCESSES
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.declared_changes import DeclaredChange
    from agents.findings import Finding
    from agents.flow_suspicion import FlowSuspicion
    from agents.group_suspicion import GroupSuspicion
    from agents.mailboxes import BoxSuspicion
    from agents.region_cells import RegionCell
    from streams.checkpoint import Section

_ALWAYS: Final = -1.0
_SILENT_DAYS: Final = 2
_AFTERMATH_MS: Final = 2 * HOUR_MS


@dataclass(frozen=True, slots=True)
class RegionWatchParams:
    """What the region's watch must know.

    Attributes:
        partitions: how many source partitions there are.
        changes: changes of the flows that were declared in advance.
    """

    partitions: int
    changes: tuple[DeclaredChange, ...] = ()


class RegionWatch:
    """The flows and the groups of the region, and their incidents."""

    def __init__(self, params: RegionWatchParams) -> None:
        self.flows = FlowWatch(FlowParams(partitions=params.partitions), params.changes)
        self.boxes = MailboxWatch(params.partitions)
        self.collusion = Collusion()
        # Whoever watches flows has its own budget and its own incidents: all that it tells is told.
        self.flow_incidents = Fusion(FusionParams(open_from=_ALWAYS, join_from=_ALWAYS))
        self.group_incidents = Fusion()
        self._open_day: dict[int, int] = {}

    def take(self, cell: RegionCell) -> list[Finding]:
        """Take one message; give back what it concludes.

        Raises:
            StateError: it names a partition that does not exist, or a time that nothing leads to.
        """
        if isinstance(cell, FlowMinutes):
            judged_ms = self.flows.judged_ms
            if judged_ms and cell.heard_ms > judged_ms + FURTHEST_MS:
                raise StateError("region-cells: a message lies more than 400 days ahead")
            signals = [_flow_signal(one) for one in self.flows.take(cell)]
            found = self.flow_incidents.take(signals)
            found += self.flow_incidents.pass_time(self.flows.judged_ms)
            return [self._with_series(one) for one in found]
        if isinstance(cell, BoxCounts):
            return self.flow_incidents.take([_box_signal(one) for one in self.boxes.take(cell)])
        if isinstance(cell, Verdict):
            judged = [self._with_series(one) for one in self.flow_incidents.judge(cell)]
            return judged + self.group_incidents.judge(cell)
        self.collusion.take(cell.cells)
        known = self._open_day.get(cell.partition, 0)
        self._open_day[cell.partition] = max(known, cell.open_day)
        return self._close_days()

    def _with_series(self, finding: Finding) -> Finding:
        """The finding with what its series did until it was told, and a little beyond its end."""
        series = series_of(finding)
        if series is None:
            return finding
        until_ms = min(finding.detected_at_ms, finding.window_end_ms + _AFTERMATH_MS)
        history = self.flows.history.of(series, finding.window_start_ms, until_ms)
        return replace(finding, history=history)

    def _close_days(self) -> list[Finding]:
        """Close the days that are closed in every partition but those silent for days."""
        newest = max(self._open_day.values())
        heard = [day for day in self._open_day.values() if day >= newest - _SILENT_DAYS]
        closed = min(heard) - 1
        if closed <= self.collusion.closed_day:
            return []
        found: list[Finding] = []
        told = [(_group_signal(one), one.history) for one in self.collusion.close(closed)]
        for signal, history in sorted(told, key=lambda one: (one[0].time_ms, one[0].subject.key)):
            found += [replace(one, history=history) for one in self.group_incidents.take([signal])]
        return found + self.group_incidents.pass_time(start_of_day_ms(closed + 1))

    # -- checkpoint -----------------------------------------------------------------------------

    @property
    def sections(self) -> tuple[Section, ...]:
        """What a checkpoint holds of it, in an order that must not change."""
        return (
            *self.flows.sections,
            self.boxes,
            *self.collusion.sections,
            *self.flow_incidents.sections,
            *self.group_incidents.sections,
        )

    def to_json(self) -> dict[str, Any]:
        """What the header of a checkpoint must hold."""
        return {"open_day": list(self._open_day.items())}

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Finish a recovery, after the sections were loaded."""
        self._open_day = {int(partition): day for partition, day in state["open_day"]}
        self.collusion.recovered()


def _flow_signal(one: FlowSuspicion) -> Signal:
    series = one.series
    end_ms = one.told_ms if one.end_ms is None else one.end_ms
    return Signal(
        detector=one.kind,
        subject=flow_subject(one.incident, series.sector if series.sector in SECTORS else "NR"),
        time_ms=one.told_ms,
        day=paris_day(one.told_ms),
        score=one.score,
        figures={
            **asdict(one.evidence),
            "flow": series.flow,
            "sector": series.sector,
            "couloir": series.couloir,
            "measure": str(series.measure),
        },
        begin_ms=one.begin_ms,
        end_ms=end_ms,
        flow=series.flow if series.flow in FLOWS else None,
        ended=one.ended,
    )


def _box_signal(one: BoxSuspicion) -> Signal:
    end_ms = one.begin_ms + QUARTER_MS if one.end_ms is None else one.end_ms
    return Signal(
        detector="flooding",
        # Boxes have no name here, and none is told: an operator sees it in its own figures.
        subject=flow_subject(one.incident),
        time_ms=end_ms,
        day=paris_day(end_ms),
        score=one.score,
        figures={
            "observed": one.received,
            "expected": one.expected,
            "read": one.read,
            "flow": MSS_MESSAGES,
            "sector": "*",
            "couloir": "*",
            "measure": "rate",
        },
        begin_ms=one.begin_ms,
        end_ms=end_ms,
        flow=MSS_MESSAGES,
        ended=one.ended,
    )


def _group_signal(one: GroupSuspicion) -> Signal:
    # What a gang shares names it; its members, and windows in time or list, move from day to day.
    lasting = one.kind in (Share.NETWORK, Share.CLIENT)
    key = f"{one.kind}/{one.key_hint:016x}" if lasting else str(one.kind)
    members = tuple(sorted(f"{digest:016x}" for digest in one.members))
    return Signal(
        detector="collusion",
        subject=Subject(SubjectKind.GROUP, key, members=members),
        time_ms=start_of_day_ms(one.day + 1),
        day=one.day,
        score=one.score,
        figures={**asdict(one.evidence), "share": str(one.kind)},
        begin_ms=min(start_of_day_ms(one.evidence.since_day), start_of_day_ms(one.day)),
        end_ms=start_of_day_ms(one.day) + DAY_MS,
        flow=PLATFORM_ACCESSES,
    )
