"""How soon somebody must look: by consequence, not by strangeness (pure).

LOW informs, MEDIUM is looked at the same day, HIGH within the hour, CRITICAL wakes somebody. The table
below is read from above; the first row that holds is the severity. Volume alone never reaches CRITICAL,
however sure: epidemics, campaigns, people back from holidays and night jobs are large and sure, but
they read patients who are in care, with the account's own means. What is asked for beside the volume
is a mark of harvesting, and a second fact that speaks for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agents.detectors.calibration import BUDGET
from agents.findings import Finding, FindingStatus, Severity
from agents.signals import Fact
from streams.event_time import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

HARVEST: Final = frozenset(
    {Fact.DECOY, Fact.ENUMERATION, Fact.IDENTITY_ONLY, Fact.TAKEOVER}
    | {Fact.WITHOUT_CARE, Fact.CLOSED_SERVICE, Fact.COLLUSION}
)
"""What a harvest shows and busy work does not."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What is known of an account's or a group's incident.

    Attributes:
        score: the highest of its signals.
        patients: possibly touched, beyond what is usual.
        patients_a_day: the most of one day.
        facts: what makes it worse.
    """

    score: float
    patients: int
    patients_a_day: int
    facts: frozenset[Fact]


@dataclass(frozen=True, slots=True)
class _Row:
    severity: Severity
    score: float
    patients: int
    # Reached in one day, it stands for `patients`.
    in_a_day: int
    facts: int
    one_of: frozenset[Fact] = frozenset(Fact)


_TABLE: Final = (
    #    severity         score patients in a day facts  one of them at least
    _Row(Severity.CRITICAL, 6.0, 20, 20, 1, frozenset({Fact.DECOY})),
    _Row(Severity.CRITICAL, 8.0, 300, 100, 2, HARVEST),
    _Row(Severity.HIGH, 4.0, 0, 0, 1, frozenset({Fact.DECOY})),
    _Row(Severity.HIGH, 6.0, 50, 30, 1, HARVEST),
    _Row(Severity.HIGH, 6.0, 10, 10, 2, HARVEST),
    _Row(Severity.HIGH, 8.0, 300, 100, 0),
    _Row(Severity.MEDIUM, 4.0, 10, 10, 0),
    _Row(Severity.MEDIUM, 4.0, 0, 0, 1, HARVEST),
    _Row(Severity.LOW, 0.0, 0, 0, 0),
)

SCORES: Final = tuple(sorted({row.score for row in _TABLE if row.score}))
"""The scores from which an account's or a group's finding may be more severe."""

_OF_FLOWS: Final = {
    #                  a part of the flow, all of it
    "outage": (Severity.MEDIUM, Severity.HIGH),
    "drop": (Severity.MEDIUM, Severity.HIGH),
    "flooding": (Severity.MEDIUM, Severity.MEDIUM),
    "spike": (Severity.LOW, Severity.MEDIUM),
    "level_shift": (Severity.LOW, Severity.MEDIUM),
}

_POINTS: Final = {
    Severity.UNKNOWN: 0.0,
    Severity.LOW: 5.0,
    Severity.MEDIUM: 25.0,
    Severity.HIGH: 50.0,
    Severity.CRITICAL: 70.0,
}
_ODDS_POINTS: Final = 10.0
_ODDS_SPAN: Final = 8.0
_PATIENTS_POINTS: Final = 10.0
_PATIENTS_DECADES: Final = 4.0
_WEAK_POINTS: Final = 5.0
_RECENT_POINTS: Final = 5.0
_RECENT_DAYS: Final = 7.0


def severity_of(known: Consequence) -> Severity:
    """The first row of the table that holds."""
    return next(row.severity for row in _TABLE if _holds(row, known))


def severity_of_flow(kind: str, *, is_whole: bool) -> Severity:
    """Of a broken flow, by what is lost: what does not arrive counts more than what comes too much.

    Args:
        kind: outage, drop, …; a kind that is not known is MEDIUM.
        is_whole: the whole flow, not one sector or department of it.
    """
    part, whole = _OF_FLOWS.get(kind, (Severity.MEDIUM, Severity.MEDIUM))
    return whole if is_whole else part


def priority_of(severity: Severity, score: float, patients: int | None, *, weak: bool) -> float:
    """Place in the queue at the time of the evidence, 0 to 100; the queue itself lets it age.

    The severity's points, up to ten for the odds, ten for the patients possibly touched (one for all
    of 10 000), five for an authentication weaker than it should be, and five for being fresh.
    """
    odds = min(1.0, max(0.0, score - BUDGET) / _ODDS_SPAN)
    touched = min(1.0, math.log10(1 + (patients or 0)) / _PATIENTS_DECADES)
    return round(
        _POINTS[severity]
        + _ODDS_POINTS * odds
        + _PATIENTS_POINTS * touched
        + _WEAK_POINTS * weak
        + _RECENT_POINTS,
        1,
    )


def analyst_queue(findings: Iterable[Finding], now_ms: int, per_day: int) -> list[Finding]:
    """What one analyst is asked to look at today: never more than `per_day`, the most urgent first.

    Of each finding its latest revision counts. Only what is OPEN asks for an analyst: verdicts and
    quiet take it off. A finding's place falls as its evidence ages, and what does not fit today
    stays in line for tomorrow.

    Args:
        findings: revisions in any order.
        now_ms: the time of looking, milliseconds UTC.
        per_day: the cap.
    """
    latest: dict[str, Finding] = {}
    for one in findings:
        before = latest.get(one.finding_id)
        if before is None or before.revision <= one.revision:
            latest[one.finding_id] = one
    waiting = [one for one in latest.values() if one.status is FindingStatus.OPEN]
    waiting.sort(key=lambda one: (-aged_priority(one, now_ms), one.finding_id))
    return waiting[:per_day]


def aged_priority(finding: Finding, now_ms: int) -> float:
    """The priority less what a week without new evidence takes off."""
    days = max(0.0, (now_ms - finding.window_end_ms) / DAY_MS)
    return finding.priority - _RECENT_POINTS * min(1.0, days / _RECENT_DAYS)


def _holds(row: _Row, known: Consequence) -> bool:
    return (
        known.score >= row.score
        and (known.patients >= row.patients or known.patients_a_day >= row.in_a_day)
        and len(known.facts) >= row.facts
        and (row.facts == 0 or bool(known.facts & row.one_of))
    )
