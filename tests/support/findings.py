"""Findings as they lie in their topic, for the tests of everything that reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from agents.findings import Finding, FindingStatus, Severity, finding_bytes, read_finding
from agents.findings_view import FindingsView
from streams.codec import SliceCodec
from streams.own_records import RecordReader
from streams.schemas import Schemas

NOW_MS = 1_757_412_000_000
SCHEMAS = Schemas.load()
CODEC = SliceCodec(SCHEMAS)
READER = RecordReader(SCHEMAS)

FINDING = Finding(
    finding_id="f-0001",
    detector="tail",
    severity=Severity.HIGH,
    detected_at_ms=NOW_MS - 60_000,
    window_start_ms=NOW_MS - 3_600_000,
    window_end_ms=NOW_MS,
    flow="platform-accesses",
    sector="PSL",
    structure_pid="structure-1",
    actor_pid="actor-1",
    score=0.97,
    reasons=("735 patients distincts en 24 h ; 31 attendus.",),
    reasons_en=("735 distinct patients within 24 h; 31 expected.",),
    evidence={"score_log10": 8.2, "patients": 735, "expected_patients": 31.2},
    detectors=("tail", "slow_change"),
    priority=91.0,
    patients=704,
    opened_at_ms=NOW_MS - 60_000,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A record of the topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def finding(**changes: Any) -> Finding:
    """`FINDING` with changes."""
    return replace(FINDING, **changes)


def resolved(**changes: Any) -> Finding:
    """The second revision of `FINDING`, which closes it."""
    return finding(**{"revision": 1, "status": FindingStatus.RESOLVED} | changes)


def kept(one: Finding, at_ms: int = NOW_MS) -> Kept:
    """A finding as a record."""
    return Kept(0, at_ms, one.finding_id.encode(), finding_bytes(one, CODEC))


class Lag:
    """What a worker knows of the topic: how much waits, or nothing."""

    def __init__(self, lag: int | None = 0) -> None:
        self.lag = lag

    def __call__(self) -> int | None:
        return self.lag


def view(*found: Finding, lag: Lag | None = None, **limits: int) -> FindingsView:
    """A view that took these findings."""
    made = FindingsView(lambda value: read_finding(value, READER), lag or Lag(), **limits)
    made.take(0, [kept(one) for one in found])
    return made
