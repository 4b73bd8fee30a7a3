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
MINUTES_A_TURN: Final = 480
"""Judged at once: a second's work. Findings are shown what `SeriesHistory` still holds of the minutes
before them, which so many more must not push out."""


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
        # Verdicts that wait until flows are judged as far as they were read when the verdict came.
        self._verdicts: list[tuple[int, Verdict]] = []

    def take(self, cell: RegionCell) -> list[Finding]:
        """Take one message; give back everything that it concludes, however much is to be judged.

        Raises:
            StateError: it names a partition that does not exist, or a time that nothing leads to.
        """
        found = self.hear(cell)
        while self.is_behind:
            found += self.go_on()
        return found

    def hear(self, cell: RegionCell) -> list[Finding]:
        """Take one message; give back what it concludes at once. Flows are judged by `go_on`.

        Raises:
            StateError: as `take`.
        """
        if isinstance(cell, FlowMinutes):
            read_ms = self.flows.read_ms
            if read_ms and cell.heard_ms > read_ms + FURTHEST_MS:
                raise StateError("region-cells: a message lies more than 400 days ahead")
            self.flows.hear(cell)
            return []
        if isinstance(cell, BoxCounts):
            return self.flow_incidents.take([_box_signal(one) for one in self.boxes.take(cell)])
        if isinstance(cell, Verdict):
            if self.is_behind:
                self._verdicts.append((self.flows.read_ms, cell))
                return self.group_incidents.judge(cell)
            return self._judge_flow(cell) + self.group_incidents.judge(cell)
        self.collusion.take(cell.cells)
        known = self._open_day.get(cell.partition, 0)
        self._open_day[cell.partition] = max(known, cell.open_day)
        return self._close_days()

    @property
    def is_behind(self) -> bool:
        """Whether flows, or verdicts on them, wait to be judged."""
        return bool(self._verdicts) or self.flows.is_behind(self.flows.read_ms)

    def go_on(self) -> list[Finding]:
        """Judge flows for `MINUTES_A_TURN` at most.

        What is concluded does not depend on how much was taken before, nor on when it is called; a
        checkpoint may be made at any time.
        """
        until_ms = self._verdicts[0][0] if self._verdicts else self.flows.read_ms
        told = self.flows.go_on(until_ms, MINUTES_A_TURN)
        found = self.flow_incidents.take([_flow_signal(one) for one in told])
        found += self.flow_incidents.pass_time(self.flows.judged_ms)
        found = [self._with_series(one) for one in found]
        while self._verdicts and not self.flows.is_behind(self._verdicts[0][0]):
            found += self._judge_flow(self._verdicts.pop(0)[1])
        return found

    def _judge_flow(self, verdict: Verdict) -> list[Finding]:
        return [self._with_series(one) for one in self.flow_incidents.judge(verdict)]

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
        verdicts = [[read_ms, verdict.to_record()] for read_ms, verdict in self._verdicts]
        return {"open_day": list(self._open_day.items()), "verdicts": verdicts}

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Finish a recovery, after the sections were loaded."""
        self._open_day = {int(partition): day for partition, day in state["open_day"]}
        # Before format 3 none ever waited.
        waiting = state.get("verdicts", [])
        self._verdicts = [(read_ms, Verdict.from_record(own)) for read_ms, own in waiting]
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
