"""Small decoded slices for tests of the pure core: only the columns that the core reads."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from agents.partition_watch import PartitionWatchParams
from agents.shard import ShardParams
from agents.usage_rules import SYMBOL_WORDS
from streams.columns import EventSlice
from streams.topics import INSI_CALLS
from streams.vocabulary import AUTH_METHODS, COULOIRS, INS_STATUSES, OUTCOMES, SECTORS

NOON_MS = 1_757_930_400_000  # 2025-09-15 12:00 in Paris

PARAMS = ShardParams(
    departments=("02", "59", "60", "62", "80"),
    allowed_lateness_ms=3_600_000,
    duplicate_ids_max=4096,
    clock_skew_ms=600_000,
)
WATCHING = replace(
    PARAMS,
    allowed_lateness_ms=86_400_000,
    duplicate_ids_max=100_000,
    watch=PartitionWatchParams(),
)
"""A partition that watches, with a day's lateness as in a worker."""


_OWN = {
    name: pl.Enum(list(words))
    for columns in SYMBOL_WORDS.values()
    for name, words in columns.items()
    if name not in ("auth_method", "ins_status")
} | {"doc_count": pl.Int32, "has_xdm": pl.Boolean, "ins_qualified": pl.Boolean}


@dataclass(frozen=True)
class Event:
    """One event in the core's terms; every field has a plain default."""

    number: int = 0
    at_ms: int = NOON_MS
    recorded_ms: int | None = None
    sector: str = "PSL"
    couloir: str = "MEDECINE_VILLE"
    department: str = "59"
    structure: str = "st_1"
    actor: str | None = "ac_1"
    auth: str = "CPS_CARD"
    outcome: str = "SUCCESS"
    outcome_code: str = "R00"
    ins_status: str = "QUAL"
    # What the flows have of their own; a frame holds them all, whatever its flow.
    operation: str = "SUBMIT"
    doc_class: str = "BIOLOGIE"
    depositor: str = "PROFESSIONAL"
    doc_count: int = 1
    direction: str = "SENT"
    kind: str = "PRO_PRO"
    has_xdm: bool = False
    ins_qualified: bool | None = None
    event: str = "CREATED"
    origin: str = "VILLE"
    action: str = "READ_RECORD"

    def but(self, **changes: object) -> Event:
        """A copy with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def event_id(self) -> str:
        """UUID text made of the number."""
        return str(uuid.UUID(int=self.number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128))


def frame_of(events: list[Event]) -> pl.DataFrame:
    """The events as the codec would give them."""
    return pl.DataFrame(
        {
            "event_id": [e.event_id for e in events],
            "occurred_at": [e.at_ms for e in events],
            "recorded_at": [e.recorded_ms or e.at_ms for e in events],
            "sector": [e.sector for e in events],
            "couloir": [e.couloir for e in events],
            "department": [e.department for e in events],
            "structure_pid": [e.structure for e in events],
            "actor_pid": [e.actor for e in events],
            "auth_method": [e.auth for e in events],
            "outcome": [e.outcome for e in events],
            "outcome_code": [e.outcome_code for e in events],
            "ins_status": [e.ins_status for e in events],
        }
        | {name: [getattr(e, name) for e in events] for name in _OWN},
        schema={
            "event_id": pl.String,
            "occurred_at": pl.Int64,
            "recorded_at": pl.Int64,
            "sector": pl.Enum(list(SECTORS)),
            "couloir": pl.Enum(list(COULOIRS)),
            "department": pl.String,
            "structure_pid": pl.String,
            "actor_pid": pl.String,
            "auth_method": pl.Enum(list(AUTH_METHODS)),
            "outcome": pl.Enum(list(OUTCOMES)),
            "outcome_code": pl.String,
            "ins_status": pl.Enum(list(INS_STATUSES)),
        }
        | _OWN,
    )


def slice_of(events: list[Event], *, first_offset: int = 0, flow: str = INSI_CALLS) -> EventSlice:
    """The events as one slice with consecutive offsets, taken by Kafka when they were recorded."""
    n = len(events)
    return EventSlice(
        flow=flow,
        events=frame_of(events),
        offsets=np.arange(first_offset, first_offset + n),
        ingest_ms=np.array([e.recorded_ms or e.at_ms for e in events], np.int64),
        next_offset=first_offset + n,
    )
