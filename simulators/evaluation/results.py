"""What a trial comes to, as values small enough to hand between processes (pure)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

OURS: Final = "Vigie"


@dataclass(frozen=True, slots=True)
class Attacked:
    """One account of an attack, as seen by one judge.

    Attributes:
        judge: `OURS` or a rule's name.
        case: the row to which it counts.
        incident: number of the incident within the span.
        group: peer group.
        found_ms: when it was found, since the account's first stolen look; `inf` for never.
        lost: identities looked at until then, that of the last look included.
        total: identities looked at in all.
        by_detector: detector, when it found the account, identities looked at until then.
    """

    judge: str
    case: str
    incident: int
    group: str
    found_ms: float
    lost: int
    total: int
    by_detector: tuple[tuple[str, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A finding about an incident without accounts, or one too many.

    Attributes:
        case: the look-alike, the shared thing of a collusion, or empty.
        detectors: which.
        severity: its highest.
        after_ms: since the incident's first event.
    """

    case: str
    detectors: tuple[str, ...]
    severity: str
    after_ms: float = math.inf


@dataclass(frozen=True, slots=True)
class Silence:
    """An outage.

    Attributes:
        flow: what fell silent.
        sector: whose.
        found_ms: when it was found, since it began; `inf` for never.
        limit_ms: when such a silence became a 1-in-a-million event of the flow's own silences.
        single_ms: the same if its events came one by one.
    """

    flow: str
    sector: str
    found_ms: float
    limit_ms: float
    single_ms: float


@dataclass(slots=True)
class TrialResult:
    """What a seed's span came to.

    Attributes:
        span: its name.
        seed: of its region.
        has_region: whether what concerns the whole region was judged.
        attacked: every account of every attack, by every judge.
        collusions: for each case the time until a group finding (`inf` for never).
        lookalikes: findings about innocent incidents.
        false_account: false account findings of ours by peer group, in the days that count.
        false_detectors: the same by leading detector.
        false_by_rule: the same of every rule, in all.
        account_days: quiet accounts times days that count, by peer group; an account counts from
            the fortnight after its first look on.
        active_days: those on which the account looked at a patient.
        new_false: false findings on accounts that came after the enrolment, in their first days.
        new_days: such accounts times those days.
        new_active_days: those on which they looked at a patient.
        enrolment_false: false findings before the days that count.
        flow_findings: findings on flows in which nothing was wrong.
        group_findings: findings on groups outside of a collusion.
        thresholds: of the rules.
        silences: the outages.
        events: events taken.
        judge_seconds: processor seconds of the judge.
    """

    span: str
    seed: int
    has_region: bool = False
    attacked: list[Attacked] = field(default_factory=list)
    collusions: list[tuple[str, float]] = field(default_factory=list)
    lookalikes: list[Told] = field(default_factory=list)
    false_account: Counter[str] = field(default_factory=Counter)
    false_detectors: Counter[str] = field(default_factory=Counter)
    false_by_rule: Counter[str] = field(default_factory=Counter)
    account_days: Counter[str] = field(default_factory=Counter)
    active_days: Counter[str] = field(default_factory=Counter)
    new_false: int = 0
    new_days: int = 0
    new_active_days: int = 0
    enrolment_false: int = 0
    flow_findings: list[Told] = field(default_factory=list)
    group_findings: list[Told] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    events: int = 0
    test_days: int = 0
    judge_seconds: float = 0.0
