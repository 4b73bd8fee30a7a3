"""A decoded slice: the events of one partition's fetch as columns (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from streams.event_columns import EventColumns


@dataclass(frozen=True, slots=True)
class EventSlice:
    """The good events of one slice of one partition, in offset order.

    Attributes:
        flow: the topic's name.
        events: n rows; a column per field of the flow's reader schema. In a frame, `timestamp-millis`
            are `Int64` milliseconds UTC, enums `pl.Enum` with the schema's symbols, strings
            `pl.String`.
        offsets: n int64, ascending; gaps where records were rejected or never existed.
        ingest_ms: n int64; when Kafka took the record (`recorded_at` in a back-test), milliseconds.
        next_offset: the offset after the slice's last record, good or bad.
    """

    flow: str
    events: EventColumns | pl.DataFrame
    offsets: np.ndarray
    ingest_ms: np.ndarray
    next_offset: int
