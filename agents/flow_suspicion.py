"""What is told of a flow: its state, and why (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agents.flow_series import FlowSeries

Kind = Literal["spike", "drop", "level_shift", "outage", "flooding"]


@dataclass(frozen=True, slots=True)
class FlowEvidence:
    """Why.

    Attributes:
        observed: events since the incident began (failures, of a failure ratio).
        expected: of them, in the same time.
        odds: one in how many days a series does so by itself.
        baseline_from_ms: since when the expectation was learned.
        baseline_until_ms: until when.
    """

    observed: float
    expected: float
    odds: float
    baseline_from_ms: int
    baseline_until_ms: int


@dataclass(frozen=True, slots=True)
class FlowSuspicion:
    """The state of one incident; told anew when it changed.

    Attributes:
        incident: names it, the same in every run.
        revision: 0 first.
        series: what changed.
        kind: `outage`, `drop`, `spike`, `level_shift`, or `flooding` of a class of boxes.
        begin_ms: first instant of what is strange.
        end_ms: first instant after it; `None` while it lasts.
        score: `-log10` of how many such incidents a series has per day by itself.
        evidence: observed and expected.
        ended: whether it is over; no further word of it will come.
        merged_into: the wider incident that explains it, where it ended for that.
        told_ms: log time at which it could be concluded at the earliest.
    """

    incident: str
    revision: int
    series: FlowSeries
    kind: Kind
    begin_ms: int
    end_ms: int | None
    score: float
    evidence: FlowEvidence
    ended: bool
    merged_into: str | None = None
    told_ms: int = 0
