"""Simulated events as the columns that the codec would give, without Avro between (pure).

A test holds the two ways together: encoded and decoded, a table comes to the same frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from simulators.events import (
    FIELDS,
    NO_ENTITY,
    NULL,
    NULL_FLAG,
    Column,
    Entity,
    EventNumber,
    Events,
    Flag,
    Kind,
    Words,
)
from simulators.pseudonyms import event_ids, mix, pseudonyms, salt_of
from streams.topics import FLOWS

if TYPE_CHECKING:
    from streams.schemas import Schemas


class Framer:
    """Turns tables of events into frames.

    Args:
        schemas: the contracts.
        seed: the simulation's seed.
    """

    def __init__(self, schemas: Schemas, seed: int) -> None:
        self._seed = seed
        self._types = {flow: schemas.frame_schema(flow) for flow in FLOWS}
        self._ids = {flow: salt_of(seed, f"event {flow} 0") for flow in FLOWS}

    def frame(self, events: Events) -> pl.DataFrame:
        """The events in their order, shape (n, fields of the flow)."""
        kinds = FIELDS[events.flow]
        return pl.DataFrame(
            [
                self._series(events.flow, name, kinds[name], events.columns[name], declared)
                for name, declared in self._types[events.flow].items()
            ]
        )

    def _series(
        self, flow: str, name: str, kind: Kind, column: Column, declared: pl.DataType
    ) -> pl.Series:
        if isinstance(kind, Words):
            return _words(name, kind, column, declared)
        if isinstance(kind, EventNumber):
            salt = self._ids[flow]
            return _texts(name, event_ids(mix(column, salt), mix(column, salt + 1)))
        if isinstance(kind, Entity):
            return self._pseudonyms(name, kind, column)
        if isinstance(kind, Flag):
            flags = pl.Series(name, column == 1, dtype=pl.Boolean)
            return _with_nulls(flags, column == NULL_FLAG)
        nulls = column == NULL
        return _with_nulls(pl.Series(name, np.where(nulls, 0, column)).cast(declared), nulls)

    def _pseudonyms(self, name: str, kind: Entity, column: Column) -> pl.Series:
        numbers, place = np.unique(column, return_inverse=True)
        texts = _texts(name, pseudonyms(self._seed, kind.kind, numbers)).gather(place.reshape(-1))
        return _with_nulls(texts, column == NO_ENTITY)


def _words(name: str, kind: Words, column: Column, declared: pl.DataType) -> pl.Series:
    words = pl.Series(name, list(kind.words), dtype=pl.String).cast(declared)
    return words.gather(np.asarray(column, np.int64))


def _texts(name: str, octets: np.ndarray) -> pl.Series:
    """ASCII texts of one width, shape (n, width)."""
    rows = np.ascontiguousarray(octets).view(f"S{octets.shape[1]}").ravel().tolist()
    return pl.Series(name, rows, dtype=pl.Binary).cast(pl.String)


def _with_nulls(series: pl.Series, nulls: np.ndarray) -> pl.Series:
    if not nulls.any():
        return series
    return series.to_frame().select(
        pl.when(pl.Series(~nulls)).then(pl.col(series.name)).alias(series.name)
    )[series.name]
