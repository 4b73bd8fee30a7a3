"""What detectors hand to the fusion: one small form for accounts, flows and groups (pure)."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from streams.event_time import DAY_MS, start_of_day_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.account_watch import Suspicion
    from agents.findings import Figure


PAST_DAY: Final = "suspected_before_day"
"""Name of the figure that tells of an earlier suspicion."""


class SubjectKind(StrEnum):
    """What an incident is about."""

    ACCOUNT = "account"
    FLOW = "flow"
    GROUP = "group"


class Fact(StrEnum):
    """What makes an incident worse than its figures."""

    DECOY = "DECOY"
    """An identity was read that nobody has a reason to read."""
    ENUMERATION = "ENUMERATION"
    IDENTITY_ONLY = "IDENTITY_ONLY"
    TAKEOVER = "TAKEOVER"
    """Somebody else seems to be at the account."""
    WEAKER_AUTHENTICATION = "WEAKER_AUTHENTICATION"
    """Weaker than the account's habit, or a password alone."""
    CLOSED_SERVICE = "CLOSED_SERVICE"
    """The service is winding down or switched off."""
    WITHOUT_CARE = "WITHOUT_CARE"
    """Most of the patients have no care relation, many more than usual."""
    COLLUSION = "COLLUSION"
    RECURRENCE = "RECURRENCE"
    """The account was suspected before, within twelve months."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who or what an incident is about.

    Attributes:
        key: the same for the same subject, forever; with `kind` it is unique.
        structure_pid: pseudonym that the finding names.
        actor_pid: the same; `None` for a structure's certificate, a flow or a group.
        department: INSEE code; `None` where it is not one.
        members: of a group, the keys of its accounts, in any order.
    """

    kind: SubjectKind
    key: str
    structure_pid: str | None = None
    actor_pid: str | None = None
    sector: str = "NR"
    department: str | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """What one detector concludes of one subject at one time.

    Attributes:
        detector: its module's name; of a flow, the kind of the break.
        time_ms: event time of the conclusion; never falls for one subject.
        day: local day of the evidence, as days since 1970-01-01.
        score: -log10 of quiet incidents per account (or series) and day, over all detectors together.
        figures: the evidence's fields, flat.
        begin_ms: start of what the evidence covers, included.
        end_ms: its end, excluded.
        flow: topic of the events; `None` for several.
        facts: what the caller knows beyond the figures.
        ended: the cause is over (flows).
    """

    detector: str
    subject: Subject
    time_ms: int
    day: int
    score: float
    figures: Mapping[str, Figure]
    begin_ms: int
    end_ms: int
    flow: str | None = None
    facts: frozenset[Fact] = field(default_factory=frozenset)
    ended: bool = False


def account_subject(
    structure_pid: str, actor_pid: str | None, sector: str = "NR", department: str | None = None
) -> Subject:
    """An account: a person's at one structure, or the structure's certificate, on all surfaces."""
    key = f"{structure_pid}/{actor_pid or ''}"
    return Subject(SubjectKind.ACCOUNT, key, structure_pid, actor_pid, sector, department)


def group_subject(members: tuple[str, ...]) -> Subject:
    """Accounts that seem to act together; `members` are keys of `account_subject`."""
    ordered = tuple(sorted(set(members)))
    key = hashlib.blake2b("\0".join(ordered).encode(), digest_size=16).hexdigest()
    return Subject(SubjectKind.GROUP, key, members=ordered)


def flow_subject(series: str, sector: str = "NR", department: str | None = None) -> Subject:
    """A series of the region; `series` names flow, labels and what breaks (rate, failures)."""
    return Subject(SubjectKind.FLOW, series, sector=sector, department=department)


def account_signal(
    suspicion: Suspicion,
    subject: Subject,
    *,
    flow: str | None = None,
    facts: frozenset[Fact] = frozenset(),
) -> Signal:
    """From a suspicion of `AccountWatch` about the account that `subject` names."""
    figures = figures_of(suspicion.evidence)
    if suspicion.past is not None:
        figures[PAST_DAY] = suspicion.past.last_day
        facts |= {Fact.RECURRENCE}
    since = figures.get("since_day")
    begin_ms = suspicion.time_ms - DAY_MS
    if isinstance(since, int) and since > 0:
        begin_ms = min(begin_ms, start_of_day_ms(since))
    return Signal(
        detector=suspicion.detector,
        subject=subject,
        time_ms=suspicion.time_ms,
        day=suspicion.day,
        score=suspicion.score,
        figures=figures,
        begin_ms=begin_ms,
        end_ms=suspicion.time_ms + 1,
        flow=flow,
        facts=facts,
    )


def figures_of(evidence: Any) -> dict[str, Figure]:
    """The single-valued fields of an evidence dataclass; lists and the like are left out."""
    return {
        name: value
        for name, value in asdict(evidence).items()
        if value is None or isinstance(value, bool | int | float | str)
    }
