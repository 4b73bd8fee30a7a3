"""How fast the line is: a month of the region, and slices with and without detectors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.series import SeriesCodes
from agents.shard import Shard, ShardParams
from simulators.batches import BatchEncoder, in_windows
from simulators.evaluation.frames import Framer
from simulators.evaluation.looks import WINDOW_MS
from simulators.partitions import partitions_of
from simulators.traffic import RegionTraffic
from streams.codec import SliceCodec
from streams.columns import EventSlice
from streams.event_time import HOUR_MS
from streams.schemas import Schemas
from streams.topics import FLOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from simulators.evaluation.judging import Judge

PARTITIONS: Final = 8
"""As `VIGIE_PARTITIONS` is by default."""
_SLICE: Final = 16_384
"""As `VIGIE_SLICE_MAX_RECORDS` is by default."""
_LARGEST: Final = 1 << 30
FIRST_DAY: Final = date(2025, 9, 1)
"""September 2025, the reference month."""

Slice = tuple[str, list[bytes], np.ndarray]


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the line is.

    Attributes:
        with_s: processor seconds for slices with every detector.
        without_s: the same slices with rates alone.
        records: of these slices.
        month_s: seconds in which the back-test took the days below.
        month_days: days of the region that were back-tested.
        month_records: their events.
    """

    with_s: float
    without_s: float
    records: int
    month_s: float
    month_days: int
    month_records: int


def measure_speed(
    seed: int, days: int, judge: Judge, watching: ShardParams, counting: ShardParams
) -> Speed:
    """Slices through shards with and without detectors, and days of the region through a judge."""
    spent = 0.0
    records = 0
    for flow, frame in region_frames(seed, days, judge.advance):
        began = time.perf_counter()
        judge.take(flow, frame)
        spent += time.perf_counter() - began
        records += frame.height
    began = time.perf_counter()
    judge.finish()
    spent += time.perf_counter() - began
    values = list(_slices(seed, 2 if days > 1 else 1))
    with_s, count = _take_slices(values, watching)
    without_s, _ = _take_slices(values, counting)
    return Speed(with_s, without_s, count, spent, days, records)


def _take_slices(slices: list[Slice], params: ShardParams) -> tuple[float, int]:
    """Processor seconds to decode, count, watch and checkpoint the second half of some slices."""
    codec = SliceCodec(Schemas.load())
    shard = Shard(params, SeriesCodes(params.departments))
    spent, count = 0.0, 0
    for number, (flow, values, ingest_ms) in enumerate(slices):
        began = time.process_time()
        events = codec.decode(flow, values).events
        first = shard.next_offset(flow)
        end = first + events.height
        shard.apply(EventSlice(flow, events, np.arange(first, end), ingest_ms, end))
        shard.pass_time(dict.fromkeys(FLOWS, int(ingest_ms.max())))
        shard.flush()
        if number >= len(slices) // 2:
            spent += time.process_time() - began
            count += len(values)
    return spent, count


def _slices(seed: int, days: int) -> Iterator[Slice]:
    """Slices of one partition as a replay fetches them."""
    encoder = BatchEncoder(Schemas.load(), seed)
    recorded = RegionTraffic(seed, 1.0).recorded(FIRST_DAY, days)
    for events in in_windows(recorded, HOUR_MS, most=_SLICE * PARTITIONS):
        batch = encoder.batch(events)
        place = partitions_of([key.decode() for key in batch.keys], PARTITIONS)
        own = np.flatnonzero(place == 0)
        if len(own):
            yield events.flow, [batch.values[n] for n in own.tolist()], batch.recorded_ms[own]


def region_frames(
    seed: int, days: int, advance: Callable[[int], None] = lambda _at_ms: None
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Days of the whole region as frames, in order of arrival; `advance` learns how far they are."""
    framer, edge_ms = Framer(Schemas.load(), seed), 0
    recorded = RegionTraffic(seed, 1.0).recorded(FIRST_DAY, days)
    for events in in_windows(recorded, WINDOW_MS, _LARGEST):
        window_ms = int(events.columns["recorded_at"].max()) // WINDOW_MS * WINDOW_MS
        if window_ms > edge_ms:
            advance(window_ms)
            edge_ms = window_ms
        yield events.flow, framer.frame(events)
