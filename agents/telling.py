"""From an incident to the finding that tells it (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agents.evidence_figures import Told, evidence_of
from agents.findings import Finding, VerdictKind
from agents.place_words import is_whole
from agents.reasons import reasons_of
from agents.severity import Consequence, priority_of, severity_of, severity_of_flow
from agents.signals import Fact, SubjectKind

if TYPE_CHECKING:
    from agents.findings import Figure, Severity
    from agents.incidents import Incident

_MOST_SHOWN: Final = 50

_SCORE_DECADES: Final = 4.0
"""A finding's score is 1 - 10^(-s/4): 0.9 at the budget of 4, 0.99 for 10 000 times rarer."""


def severity_now(incident: Incident) -> Severity:
    """By what is known of its consequences at present."""
    subject = incident.subject
    if subject.kind is SubjectKind.FLOW:
        leading, trace = incident.by_strength()[0]
        return severity_of_flow(leading, is_whole=is_whole(trace.figures))
    facts = frozenset(incident.facts)
    return severity_of(Consequence(incident.score, incident.patients, incident.most_a_day, facts))


def finding_of(incident: Incident, severity: Severity, time_ms: int) -> Finding:
    """The incident as it is to be told at an event time; its revision is already counted."""
    subject = incident.subject
    strongest = incident.by_strength()
    told = [Told(name, one.score, one.figures) for name, one in strongest]
    why = reasons_of(subject.kind, told)
    patients = incident.patients if incident.reads else None
    is_waiting = incident.status.is_open
    weak = Fact.WEAKER_AUTHENTICATION in incident.facts
    return Finding(
        finding_id=incident.finding_id,
        detector=strongest[0][0],
        severity=severity,
        detected_at_ms=time_ms,
        window_start_ms=incident.begin_ms,
        window_end_ms=incident.end_ms,
        flow=incident.flow,
        sector=subject.sector,
        structure_pid=subject.structure_pid,
        actor_pid=subject.actor_pid,
        score=1.0 - 10 ** (-incident.score / _SCORE_DECADES),
        reasons=tuple(one.fr for one in why),
        reasons_en=tuple(one.en for one in why),
        evidence=_evidence(incident, told, patients),
        revision=incident.revision,
        status=incident.status,
        detectors=tuple(name for name, _ in strongest),
        priority=priority_of(severity, incident.score, patients, weak=weak) if is_waiting else 0.0,
        patients=patients,
        opened_at_ms=incident.opened_ms,
    )


def _evidence(incident: Incident, told: list[Told], patients: int | None) -> dict[str, Figure]:
    """The record's map: what the incident adds up to, then each detector's figures."""
    found: dict[str, Figure] = {"score_log10": round(incident.score, 3)}
    if patients is not None:
        found["patients_beyond_usual_count"] = patients
        found["patients_most_a_day_count"] = incident.most_a_day
    if incident.subject.department is not None:
        found["department"] = incident.subject.department
    if incident.facts:
        found["facts"] = " ".join(sorted(incident.facts))
    if incident.verdict is not VerdictKind.UNKNOWN:
        found["verdict"] = str(incident.verdict)
    for number, member in enumerate(incident.subject.members[:_MOST_SHOWN], start=1):
        found[f"member_{number:02d}"] = member
    return found | evidence_of(told)
