"""A simulated region's days as the frames that a worker would decode, without the bytes between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from simulators.events import FIELDS, NO_ENTITY, NULL, NULL_FLAG, Entity, EventNumber, Flag, Words
from streams.schemas import Schemas
from streams.topics import FLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from simulators.attacks.scenario import Scenario
    from simulators.events import Column, Events
    from simulators.traffic import RegionTraffic

_WANTED = frozenset(
    (
        *("event_id", "occurred_at", "recorded_at", "sector", "couloir", "department"),
        *("structure_pid", "actor_pid", "patient_pid", "auth_method", "outcome", "operation"),
        *("event", "platform", "action", "care_context", "directory_step", "net_pid"),
        *("client_pid", "net_class", "service_lifecycle"),
    )
)


def told_days(
    traffic: RegionTraffic, scenario: Scenario, start: date, days: int
) -> Iterator[dict[str, pl.DataFrame]]:
    """Each day's events by flow, in the order in which they are recorded; what is watched of them."""
    schemas = Schemas.load()
    symbols = {
        flow: {
            column.name: column.symbols for column in schemas.flow_layout(flow) if column.symbols
        }
        for flow in FLOWS
    }
    for tables in traffic.recorded(start, days, rewrite=scenario.rewrite):
        yield {flow: frame_of(table, symbols[flow]) for flow, table in tables.items()}


def frame_of(table: Events, symbols: dict[str, tuple[str, ...]]) -> pl.DataFrame:
    """Numbers as the text, flags and enums that the codec makes of them."""
    return pl.DataFrame(
        {
            name: _column(table.flow, name, column, symbols.get(name, ()))
            for name, column in table.columns.items()
            if name in _WANTED
        }
    )


def pseudonym(kind: str, number: int) -> str:
    """The text that stands for an entity here."""
    return f"{kind}-{number}"


def _column(flow: str, name: str, column: Column, symbols: tuple[str, ...]) -> pl.Series:
    kind = FIELDS[flow][name]
    if isinstance(kind, Words):
        words = pl.Series(name, kind.words, dtype=pl.String)
        told = words.gather(column.astype(np.int64))
        return told.cast(pl.Enum(list(symbols))) if symbols else told
    if isinstance(kind, Entity):
        text = pl.concat_str(pl.lit(kind.kind + "-"), pl.col(name).cast(pl.String))
        known = pl.when(pl.col(name) != NO_ENTITY).then(text)
        return pl.DataFrame({name: column}).select(known.alias(name)).to_series()
    if isinstance(kind, EventNumber):
        return pl.Series(name, column).cast(pl.String)
    if isinstance(kind, Flag):
        flags = pl.Series(name, column == 1)
        return (
            flags.to_frame()
            .select(pl.when(pl.Series(column != NULL_FLAG)).then(pl.col(name)).alias(name))
            .to_series()
        )
    return pl.Series(name, column, dtype=pl.Int64).replace(NULL, None)
