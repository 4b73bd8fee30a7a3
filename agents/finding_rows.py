"""What the page is told of a finding: rows without pseudonyms (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agents.finding_history import POINTS_MAX, HistoryMeasure
from metrics.views import FindingRow, HistoryPoint, HistoryRow, TimelineRow
from streams.event_time import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.findings import Finding

Subject = tuple[str, ...]

_MEASURES: Final = {
    HistoryMeasure.PATIENTS: "patients",
    HistoryMeasure.EVENTS: "events",
    HistoryMeasure.FAILURES: "failures",
}
_NO_HISTORY: Final = HistoryRow(DAY_MS, "patients", [])


def row_of(finding: Finding) -> FindingRow:
    """A finding as it stands in the feed."""
    odds = finding.evidence.get("score_log10")
    return FindingRow(
        finding_id=finding.finding_id,
        revision=finding.revision,
        detector=finding.detector,
        detectors=list(finding.detectors or (finding.detector,)),
        severity=str(finding.severity),
        status=str(finding.status),
        sector=finding.sector,
        flow=finding.flow,
        opened_at_ms=finding.opened_at_ms,
        detected_at_ms=finding.detected_at_ms,
        window_start_ms=finding.window_start_ms,
        window_end_ms=finding.window_end_ms,
        score=finding.score,
        score_log10=odds if isinstance(odds, float) else None,
        priority=finding.priority,
        patients=finding.patients,
        reasons=list(finding.reasons),
        reasons_en=list(finding.reasons_en),
    )


def timeline_row(finding: Finding) -> TimelineRow:
    """One revision in a finding's timeline."""
    return TimelineRow(
        at_ms=finding.detected_at_ms,
        revision=finding.revision,
        severity=str(finding.severity),
        status=str(finding.status),
        priority=finding.priority,
        patients=finding.patients,
        detector=finding.detector,
    )


def history_row(finding: Finding) -> HistoryRow:
    """A finding's series, point by point; without points where it has none."""
    history = finding.history
    if history is None:
        return _NO_HISTORY
    points = [
        HistoryPoint(
            start_ms=start_ms,
            observed=history.observed[place],
            unexplained=_at(history.unexplained, place),
            expected=_at(history.expected, place),
            high=_at(history.high, place),
            peers=_at(history.peers, place),
            peers_high=_at(history.peers_high, place),
        )
        for place, start_ms in zip(range(POINTS_MAX), history.starts_ms(), strict=False)
    ]
    return HistoryRow(history.step_ms, _MEASURES.get(history.measure, "events"), points)


def subject_of(finding: Finding) -> Subject | None:
    """What a finding shares with others about the same account or the same series of a flow.

    `None` for accounts that act together: their members change, and no two groups are one.
    """
    if finding.structure_pid is not None:
        return ("account", finding.structure_pid, finding.actor_pid or "")
    series = finding.series
    return None if series is None else ("series", *series)


def _at(values: Sequence[int | None] | Sequence[float | None], place: int) -> int | float | None:
    return values[place] if place < len(values) else None
