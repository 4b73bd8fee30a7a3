"""Who looks at patients at all: the accounts among which alerts are false or true (pure).

As for the detectors, an account is a person (or a structure's certificate) at one structure on one
surface: platforms, searches of an identity, consultations of a prescription (`agents.access_rows`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.events import FIELDS, Words
from streams.event_time import paris_days
from streams.topics import EPRESCRIPTIONS, INSI_CALLS, PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS, SECTORS

if TYPE_CHECKING:
    from simulators.events import Events
    from streams.event_time import Int64Array

SURFACES: Final = (PLATFORM_ACCESSES, INSI_CALLS, EPRESCRIPTIONS)
_SURFACE_NAMES: Final = ("platforms", "identities", "prescriptions")

_ACTOR_BITS: Final = 24
_SURFACE_AT: Final = 40
_DAY_BITS: Final = 9
_ROLE_BITS: Final = 6
_OWN_STRUCTURE: Final = (1 << _ACTOR_BITS) - 1
"""Stands for the structure's certificate."""


def account_key(surface: int, structure: int, actor: int) -> int:
    """One number per account; `actor` is -1 for the structure's certificate."""
    who = _OWN_STRUCTURE if actor < 0 else actor
    return (surface << _SURFACE_AT) | (structure << _ACTOR_BITS) | who


def actor_of(key: Int64Array) -> Int64Array:
    """The persons behind keys, -1 for a certificate."""
    who = key & _OWN_STRUCTURE
    actors: Int64Array = np.where(who == _OWN_STRUCTURE, -1, who)
    return actors


def surface_of(key: Int64Array) -> Int64Array:
    """Positions in `SURFACES`."""
    return key >> _SURFACE_AT


class Census:
    """Every account, when it was first there and on how many days.

    Args:
        first_day: the span's first local day, as days since 1970-01-01.
        days: of the span.
    """

    def __init__(self, first_day: int, days: int) -> None:
        self._first_day, self._days = first_day, days
        self._parts: list[Int64Array] = []

    def take(self, events: Events) -> None:
        """Take the next events of one flow."""
        columns = events.columns
        rows = np.flatnonzero((columns["patient_pid"] >= 0) & _is_look(events))
        if not len(rows):
            return
        surface = SURFACES.index(events.flow)
        actor = columns["actor_pid"][rows]
        key = np.where(actor < 0, _OWN_STRUCTURE, actor)
        key = key | (columns["structure_pid"][rows].astype(np.int64) << _ACTOR_BITS)
        key = key | (surface << _SURFACE_AT)
        role = columns["couloir"][rows].astype(np.int64) * len(SECTORS) + columns["sector"][rows]
        day = np.clip(paris_days(columns["occurred_at"][rows]) - self._first_day, 0, self._days - 1)
        self._parts.append(np.unique((((key << _DAY_BITS) | day) << _ROLE_BITS) | role))

    def finish(self) -> People:
        """Everybody seen."""
        seen = np.unique(np.concatenate([np.zeros(0, np.int64), *self._parts]))
        role = seen & ((1 << _ROLE_BITS) - 1)
        day = (seen >> _ROLE_BITS) & ((1 << _DAY_BITS) - 1)
        key, start, owner = np.unique(
            seen >> (_ROLE_BITS + _DAY_BITS), return_index=True, return_inverse=True
        )
        active = np.zeros((len(key), self._days), np.bool_)
        active[owner.reshape(-1), day] = True
        return People(key, role[start], active)


class People:
    """The accounts of a span.

    Attributes:
        key: shape (n,), ascending.
        role: shape (n,), sector and couloir as a number.
        active: shape (n, days), whether it looked at a patient.
        first: shape (n,), the day of its first look since the span's first.
    """

    def __init__(self, key: Int64Array, role: Int64Array, active: np.ndarray) -> None:
        self.key, self.role, self.active = key, role, active
        self.first: Int64Array = active.argmax(axis=1)

    def group(self, place: int) -> str:
        """The peer group under which an account is reported."""
        couloir, sector = divmod(int(self.role[place]), len(SECTORS))
        surface = _SURFACE_NAMES[int(self.key[place] >> _SURFACE_AT)]
        return f"{surface}, {SECTORS[sector]} {COULOIRS[couloir]}"

    def place(self, key: int) -> int | None:
        """Where an account stands; `None` for one that was never seen."""
        at = int(np.searchsorted(self.key, key))
        return at if at < len(self.key) and self.key[at] == key else None


def _code(flow: str, field: str, word: str) -> int:
    kind = FIELDS[flow][field]
    return kind.code(word) if isinstance(kind, Words) else -1


_TRAITS: Final = _code(INSI_CALLS, "operation", "RECHERCHE_TRAITS")
_CONSULTED: Final = _code(EPRESCRIPTIONS, "event", "CONSULTED")


def _is_look(events: Events) -> np.ndarray:
    columns = events.columns
    if events.flow == PLATFORM_ACCESSES:
        return np.ones(len(events), np.bool_)
    if events.flow == INSI_CALLS:
        return np.asarray((columns["operation"] == _TRAITS) & (columns["actor_pid"] >= 0))
    if events.flow == EPRESCRIPTIONS:
        return np.asarray((columns["event"] == _CONSULTED) & (columns["actor_pid"] >= 0))
    return np.zeros(len(events), np.bool_)
