"""Incidents and the section of a checkpoint that holds them (pure).

There are few: a quiet region opens one per ten thousand accounts and day. So each is one JSON object
under a small number, which is free again once the incident is forgotten.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from agents.findings import FindingStatus, Severity, VerdictKind
from agents.signals import Fact, Subject, SubjectKind
from streams.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.findings import Figure

_VERSION: Final = 1
_LEDGER: Final = 0
"""The key of the ledger; incidents are numbered from 1."""

_ABOUT_BYTES: Final = 1500


@dataclass(slots=True)
class Trace:
    """The strongest evidence of one detector in an incident.

    Attributes:
        score: of the strongest signal.
        figures: its evidence.
    """

    score: float
    figures: dict[str, Figure]


@dataclass(slots=True)
class Told:
    """What the last revision said, against which news are weighed."""

    severity: Severity = Severity.UNKNOWN
    score: float = 0.0
    patients: int = 0
    detectors: list[str] = field(default_factory=list)
    day: int = 0
    today: int = 0


@dataclass(slots=True)
class Incident:
    """What belongs together about one subject.

    Attributes:
        opened_ms: time of the first signal at or above the budget.
        last_ms: time of the last evidence.
        begin_ms: start of what all its evidence covers.
        end_ms: its end, excluded.
        flow: topic of all its signals; `None` for several.
        verdict: an analyst's last word; UNKNOWN for none.
        judged_ms: when it was said; 0 for never.
        closed_ms: when it fell quiet, ended or was judged benign; 0 while open.
        signals: how many it holds.
        reads: whether its evidence counts patients at all.
        day: the newest local day with evidence.
        day_patients: patients beyond the usual of that day, the most that was told.
        past_patients: of the days before, summed.
        since_patients: the most told by evidence that covers everything since a change.
        most_a_day: the most of one day.
    """

    finding_id: str
    subject: Subject
    opened_ms: int
    last_ms: int
    begin_ms: int
    end_ms: int
    flow: str | None
    revision: int = -1
    status: FindingStatus = FindingStatus.OPEN
    verdict: VerdictKind = VerdictKind.UNKNOWN
    judged_ms: int = 0
    closed_ms: int = 0
    signals: int = 0
    traces: dict[str, Trace] = field(default_factory=dict)
    facts: set[Fact] = field(default_factory=set)
    reads: bool = False
    day: int = 0
    day_patients: int = 0
    past_patients: int = 0
    since_patients: int = 0
    most_a_day: int = 0
    told: Told = field(default_factory=Told)

    @property
    def patients(self) -> int:
        """Possibly touched, beyond the usual; a patient of several days counts on each."""
        return max(self.past_patients + self.day_patients, self.since_patients)

    @property
    def score(self) -> float:
        """Of its strongest signal; it never falls."""
        return max(trace.score for trace in self.traces.values())

    def by_strength(self) -> list[tuple[str, Trace]]:
        """Its detectors, the leading one first."""
        return sorted(self.traces.items(), key=lambda one: (-one[1].score, one[0]))

    def note_patients(self, day: int, patients: int) -> None:
        """Patients beyond the usual of one local day; of several notes of a day the largest counts."""
        self.reads = True
        if day > self.day:
            self.past_patients += self.day_patients
            self.day, self.day_patients = day, 0
        if day == self.day:
            self.day_patients = max(self.day_patients, patients)
        self.most_a_day = max(self.most_a_day, patients)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return asdict(self) | {"facts": sorted(self.facts)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Incident:
        """The reverse of `to_json`."""
        subject, told = state["subject"], state["told"]
        return cls(
            **state
            | {
                "subject": Subject(
                    **subject
                    | {
                        "kind": SubjectKind(subject["kind"]),
                        "members": tuple(subject["members"]),
                    }
                ),
                "status": FindingStatus(state["status"]),
                "verdict": VerdictKind(state["verdict"]),
                "facts": {Fact(name) for name in state["facts"]},
                "traces": {name: Trace(**trace) for name, trace in state["traces"].items()},
                "told": Told(**told | {"severity": Severity(told["severity"])}),
            }
        )


@dataclass(slots=True)
class Ledger:
    """Running totals.

    Attributes:
        account_days: days of accounts that were watched.
        opened: incidents.
        muted: signals that a benign verdict silenced.
        judged: verdicts on incidents that are known here.
        strays: verdicts on incidents that are not, or not any more.
    """

    account_days: int = 0
    opened: int = 0
    muted: int = 0
    judged: int = 0
    strays: int = 0


class IncidentBook:
    """All incidents of one partition that are not forgotten; a section of the checkpoint."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._incidents: dict[int, Incident] = {}
        self._of_subject: dict[tuple[SubjectKind, str], list[int]] = {}
        self._of_id: dict[str, int] = {}
        self._dirty: set[int] = set()

    def __len__(self) -> int:
        return len(self._incidents)

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._incidents.values())

    def of(self, subject: Subject) -> list[Incident]:
        """A subject's incidents, the oldest first; a group's are those that share half its members."""
        if subject.kind is SubjectKind.GROUP:
            found = [one for one in self if _overlap(one.subject, subject)]
        else:
            places = self._of_subject.get((subject.kind, subject.key), ())
            found = [self._incidents[place] for place in places]
        return sorted(found, key=lambda one: (one.opened_ms, one.finding_id))

    def named(self, finding_id: str) -> Incident | None:
        """The incident of a finding; `None` if it is unknown or forgotten."""
        place = self._of_id.get(finding_id)
        return None if place is None else self._incidents[place]

    def add(self, incident: Incident) -> None:
        """Enter a new incident under the smallest free number."""
        place = next(n for n in itertools.count(1) if n not in self._incidents)
        self._enter(place, incident)
        self.ledger.opened += 1
        self._dirty |= {place, _LEDGER}

    def touch(self, incident: Incident) -> None:
        """Note that an incident changed."""
        self._dirty.add(self._of_id[incident.finding_id])

    def touch_ledger(self) -> None:
        """Note that the totals changed."""
        self._dirty.add(_LEDGER)

    def count_verdict(self, *, is_stray: bool) -> None:
        """Note that a verdict came."""
        self.ledger.strays += is_stray
        self.ledger.judged += not is_stray
        self._dirty.add(_LEDGER)

    def forget(self, incident: Incident) -> None:
        """Strike an incident out."""
        place = self._of_id[incident.finding_id]
        self._strike(place)
        self._dirty.add(place)

    def _enter(self, place: int, incident: Incident) -> None:
        self._incidents[place] = incident
        self._of_id[incident.finding_id] = place
        subject = incident.subject
        self._of_subject.setdefault((subject.kind, subject.key), []).append(place)

    def _strike(self, place: int) -> None:
        incident = self._incidents.pop(place, None)
        if incident is None:
            return
        # A later payload may have moved the incident to another number already.
        if self._of_id.get(incident.finding_id) == place:
            del self._of_id[incident.finding_id]
        subject = incident.subject
        left = [n for n in self._of_subject[subject.kind, subject.key] if n != place]
        if left:
            self._of_subject[subject.kind, subject.key] = left
        else:
            del self._of_subject[subject.kind, subject.key]

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The numbers that changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """What they will take, about."""
        return _ABOUT_BYTES * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present incidents under these numbers; one that was struck out is named as gone."""
        rows: dict[str, Any] = {}
        for key in sorted(keys):
            if key == _LEDGER:
                rows[str(key)] = asdict(self.ledger)
            else:
                incident = self._incidents.get(key)
                rows[str(key)] = None if incident is None else incident.to_json()
        return orjson.dumps({"version": _VERSION, "rows": rows}), keys

    def load(self, payload: bytes) -> set[int]:
        """Take incidents over, older payloads first.

        Raises:
            StateError: written by another version, or no incidents.
        """
        try:
            state = orjson.loads(payload)
            if state["version"] != _VERSION:
                raise StateError(f"incidents: state version {state['version']} is not {_VERSION}")
            rows = {int(key): value for key, value in state["rows"].items()}
            for key, value in rows.items():
                if key == _LEDGER:
                    self.ledger = Ledger(**value)
                    continue
                self._strike(key)
                if value is not None:
                    self._enter(key, Incident.from_json(value))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise StateError("changelog: incidents of another form") from error
        return set(rows)


def _overlap(one: Subject, other: Subject) -> bool:
    if one.kind is not other.kind:
        return False
    shared = set(one.members) & set(other.members)
    return 2 * len(shared) >= min(len(one.members), len(other.members)) > 0
