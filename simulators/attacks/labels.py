"""The ground truth of a simulation's incidents, as `labels.ndjson` tells it (pure)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from simulators import pseudonyms
from simulators.calendar import midnight_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.attacks.incident import Incident
    from simulators.events import Events
    from simulators.population import Int64Array


@dataclass(slots=True, eq=False)
class Truth:
    """What an incident really came to, counted from its events.

    Attributes:
        incident: which.
        events: number of events that it added.
        by_day: distinct patients of each user and day: day -> account (or `-1 - structure` where the
            structure acts with its certificate) -> patients.
        first_ms: when its first event occurred, 0 for none.
        last_ms: when its last event occurred, 0 for none.
    """

    incident: Incident
    events: int = 0
    by_day: dict[date, Counter[int]] = field(default_factory=dict)
    first_ms: int = 0
    last_ms: int = 0
    _at_ms: list[Int64Array] = field(default_factory=list)
    _patients: list[Int64Array] = field(default_factory=list)
    _users: list[Int64Array] = field(default_factory=list)

    def count(self, day: date, tables: Sequence[Events]) -> None:
        """Take note of a day's events."""
        for table in tables:
            if len(table) == 0:
                continue
            columns = table.columns
            occurred = columns["occurred_at"]
            first, last = int(occurred.min()), int(occurred.max())
            self.first_ms = min(self.first_ms, first) if self.events else first
            self.last_ms = max(self.last_ms, last)
            self.events += len(table)
            rows = np.flatnonzero(columns["patient_pid"] >= 0)
            self._at_ms.append(occurred[rows])
            self._patients.append(columns["patient_pid"][rows])
            self._users.append(_users(table, rows))
        self.by_day.setdefault(day, Counter()).update(_patients_per_user(tables))

    def patients(self, before_ms: int | None = None, user: int | None = None) -> int:
        """Distinct patients concerned: in all or before an instant, of all users or of one."""
        if not self._patients:
            return 0
        counted = np.ones(sum(map(len, self._patients)), np.bool_)
        if before_ms is not None:
            counted &= np.concatenate(self._at_ms) < before_ms
        if user is not None:
            counted &= np.concatenate(self._users) == user
        return len(np.unique(np.concatenate(self._patients)[counted]))

    def first_ms_of(self, user: int) -> int | None:
        """When a user's first event with a patient occurred; `None` for none."""
        if not self._patients:
            return None
        own = np.concatenate(self._at_ms)[np.concatenate(self._users) == user]
        return int(own.min()) if len(own) else None


def _users(table: Events, rows: Int64Array) -> Int64Array:
    """Whose each row is: an account, or `-1 - structure` where it acts with its certificate."""
    actor = table.columns["actor_pid"][rows]
    users: Int64Array = np.where(actor >= 0, actor, -1 - table.columns["structure_pid"][rows])
    return users


def _patients_per_user(tables: Sequence[Events]) -> Counter[int]:
    pairs = []
    for table in tables:
        columns = table.columns
        rows = np.flatnonzero(columns["patient_pid"] >= 0)
        pairs.append(np.stack([_users(table, rows), columns["patient_pid"][rows]]))
    if not pairs:
        return Counter()
    met = np.unique(np.concatenate(pairs, axis=1), axis=1)
    users, counts = np.unique(met[0], return_counts=True)
    return Counter(dict(zip(users.tolist(), counts.tolist(), strict=True)))


def label_line(truth: Truth, seed: int) -> bytes:
    """One incident as a line of JSON.

    It starts and ends with its first and last event, or with its days where it adds none.
    `identities_by_day` adds up the distinct patients of each account's day; `identities` are the
    distinct patients of the whole incident. Where no actor is named, it is everybody of the structures,
    or of the region where none of those is named either, and the days are not split by actor.
    """
    incident = truth.incident
    named = len(incident.actors) > 0
    days = {day: users for day, users in truth.by_day.items() if users}
    document: dict[str, Any] = {
        "attack": incident.name,
        "kind": incident.kind,
        "actor_pids": _names(seed, pseudonyms.ACCOUNT, incident.actors),
        "structure_pids": _names(seed, pseudonyms.STRUCTURE, incident.structures),
        "start": _instant(truth.first_ms if truth.events else midnight_ms(incident.start)),
        "end": _instant(truth.last_ms if truth.events else midnight_ms(incident.end)),
        "events": truth.events,
        "identities": truth.patients(),
        "identities_by_day": {day.isoformat(): users.total() for day, users in days.items()},
    }
    if named:
        document["identities_by_actor_day"] = {
            day.isoformat(): {_user(seed, user): count for user, count in sorted(users.items())}
            for day, users in days.items()
        }
    return orjson.dumps(document) + b"\n"


def _user(seed: int, user: int) -> str:
    if user >= 0:
        return pseudonyms.pseudonym(seed, pseudonyms.ACCOUNT, user)
    return pseudonyms.pseudonym(seed, pseudonyms.STRUCTURE, -1 - user)


def _names(seed: int, kind: str, numbers: Int64Array) -> list[str]:
    text = pseudonyms.pseudonyms(seed, kind, np.asarray(numbers, np.int64))
    return [bytes(row).decode() for row in text]


def _instant(at_ms: int) -> str:
    instant = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
