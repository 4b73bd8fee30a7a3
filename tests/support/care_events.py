"""Events of the five flows with the columns of care relations, and the law in plain words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from streams.event_time import DAY_MS
from streams.topics import EPRESCRIPTIONS, FLOWS, PLATFORM_ACCESSES
from streams.vocabulary import AUTH_METHODS, COULOIRS, OUTCOMES, SECTORS

if TYPE_CHECKING:
    from streams.event_time import Int64Array

_ENUMS = {
    "sector": SECTORS,
    "couloir": COULOIRS,
    "auth_method": AUTH_METHODS,
    "outcome": OUTCOMES,
    "action": ("READ_IDENTITY", "SEARCH_PATIENT"),
    "event": ("CREATED", "CONSULTED"),
    "operation": ("RECHERCHE_VITALE", "RECHERCHE_TRAITS"),
    "resource_scope": ("UNKNOWN",),
    "access_channel": ("UNKNOWN",),
    "net_class": ("NR",),
    "service_lifecycle": ("UNKNOWN",),
}


@dataclass(frozen=True)
class Dealing:
    """One event of any flow."""

    number: int
    flow: str = PLATFORM_ACCESSES
    at_ms: int = 0
    structure: str = "st_1"
    patient: str | None = "pa_1"
    outcome: str = "SUCCESS"
    context: bool | None = None
    event: str = "CREATED"
    operation: str = "RECHERCHE_VITALE"
    actor: str | None = "ac_1"
    late_ms: int = 0
    has_step: bool = True

    @property
    def log_ms(self) -> int:
        """When Kafka took it."""
        return self.at_ms + self.late_ms

    def but(self, **changes: object) -> Dealing:
        """A copy with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def event_id(self) -> str:
        """UUID text made of the number."""
        return str(uuid.UUID(int=self.number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128))

    @property
    def is_read(self) -> bool:
        """Whether it counts as an access rather than as care."""
        return self.flow == PLATFORM_ACCESSES or (
            self.flow == EPRESCRIPTIONS and self.event == "CONSULTED"
        )


def frame_of(events: list[Dealing]) -> pl.DataFrame:
    """The events of one flow as the codec would give them."""
    n = len(events)
    enums = {
        name: ["SUCCESS" if name == "outcome" else words[0]] * n for name, words in _ENUMS.items()
    }
    enums["outcome"] = [e.outcome for e in events]
    enums["event"] = [e.event for e in events]
    enums["operation"] = [e.operation for e in events]
    return pl.DataFrame(
        {
            "event_id": [e.event_id for e in events],
            "occurred_at": [e.at_ms for e in events],
            "structure_pid": [e.structure for e in events],
            "patient_pid": [e.patient for e in events],
            "actor_pid": [e.actor for e in events],
            "session_pid": [None] * n,
            "net_pid": ["ne_1"] * n,
            "client_pid": [None] * n,
            "care_context": [e.context for e in events],
            # Tells which event a row came from.
            "directory_step": [e.number if e.has_step else None for e in events],
            "department": ["59"] * n,
            "platform": ["PREDICE"] * n,
            **enums,
        },
        schema_overrides={
            "occurred_at": pl.Int64,
            "actor_pid": pl.String,
            "patient_pid": pl.String,
            "session_pid": pl.String,
            "client_pid": pl.String,
            "care_context": pl.Boolean,
            "directory_step": pl.Int64,
            **{name: pl.Enum(list(words)) for name, words in _ENUMS.items()},
        },
    )


@dataclass(frozen=True)
class Verdict:
    """What was concluded of one access."""

    number: int
    explained: int
    first_seen: bool


def log_times(events: list[Dealing]) -> Int64Array:
    """When Kafka took them."""
    return np.array([event.log_ms for event in events], np.int64)


def verdicts_by_definition(
    streams: dict[str, list[Dealing]], *, horizon_days: int
) -> list[Verdict]:
    """Judge every access from all events of all flows at once, one by one, by the definition's words."""
    due: dict[int, int] = {}
    for flow in FLOWS:
        newest = 0
        for event in streams.get(flow, []):
            newest = max(newest, event.log_ms)
            due[event.number] = newest
    events = [event for stream in streams.values() for event in stream]
    order = {e.number: n for n, e in enumerate(streams.get(PLATFORM_ACCESSES, []))}

    def place(event: Dealing) -> tuple[int, bool, int]:
        return due[event.number], event.number in order, order.get(event.number, 0)

    verdicts = []
    for access in sorted((e for e in events if e.flow == PLATFORM_ACCESSES), key=place):
        before = [
            e
            for e in events
            if e.patient is not None
            and (e.structure, e.patient) == (access.structure, access.patient)
            and place(e) < place(access)
            and e.at_ms // DAY_MS >= access.at_ms // DAY_MS - horizon_days
            and not (e.flow == PLATFORM_ACCESSES and e.outcome == "FAILURE")
        ]
        explained = int(bool(access.context) or bool(before))
        verdicts.append(
            Verdict(
                number=access.number,
                explained=-1 if access.patient is None else explained,
                first_seen=access.patient is not None and not any(e.is_read for e in before),
            )
        )
    return verdicts
