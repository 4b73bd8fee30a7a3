"""The simulated region's own traffic as it is produced: what benchmarks fill Kafka and memory with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.batches import BatchEncoder, in_windows
from simulators.traffic import RegionTraffic
from streams.event_time import HOUR_MS
from streams.schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from simulators.recording import RecordedBatch

_DAYS = 366


def region_batches(start: date, events: int | None = None) -> Iterator[RecordedBatch]:
    """An hour of a flow each, from a local day on.

    Args:
        start: the day.
        events: end once there are so many; without, go on for a year.

    Raises:
        ValueError: a year of the region has fewer.
    """
    encoder, done = BatchEncoder(Schemas.load(), 1), 0
    for tables in in_windows(RegionTraffic(1, 1.0).recorded(start, _DAYS), HOUR_MS):
        batch = encoder.batch(tables)
        yield batch
        done += len(batch)
        if events is not None and done >= events:
            return
    if events is not None:
        msg = f"a year of the region has fewer than {events} events"
        raise ValueError(msg)
