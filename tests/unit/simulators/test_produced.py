from __future__ import annotations

from itertools import takewhile

import polars as pl

from agents.objectives.declared import read_declaration
from simulators.declared_sheet import SOURCE
from simulators.live import live_events
from simulators.produced import DEPOSITED_RATIO, ELECTRONIC_RATIO, Produced
from streams.codec import SliceCodec
from streams.event_time import HOUR_MS
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import DECLARATIONS, DMP_DEPOSITS, EPRESCRIPTIONS

NOW_MS = 1_757_930_400_000
SCHEMAS = Schemas.load()


def test_what_is_declared_is_so_much_that_the_flows_are_their_share_of_it() -> None:
    produced, codec = Produced(SCHEMAS), SliceCodec(SCHEMAS)
    batches = live_events(seed=1, start_ms=NOW_MS, speed=20.0, scale=0.2, produced=produced)
    frames: dict[str, list[pl.DataFrame]] = {DMP_DEPOSITS: [], EPRESCRIPTIONS: []}
    for batch in takewhile(lambda one: one.recorded_ms[-1] < NOW_MS + 60_000, batches):
        if batch.flow in frames:
            frames[batch.flow].append(codec.decode(batch.flow, batch.values).frame)
    told = produced.batch(NOW_MS + 60_000)
    reader = RecordReader(SCHEMAS)
    declared = {
        one.scope or one.indicator: one
        for one in (read_declaration(v, reader) for v in told.values)
    }
    assert told.flow == DECLARATIONS
    assert [one.key.encode() for one in declared.values()] == told.keys
    assert {one.source for one in declared.values()} == {SOURCE}

    deposits = pl.concat(frames[DMP_DEPOSITS]).filter(
        (pl.col("operation") == "SUBMIT") & (pl.col("outcome") != "FAILURE")
    )
    for couloir, ratio in DEPOSITED_RATIO.items():
        documents = deposits.filter(pl.col("couloir") == couloir)["doc_count"].sum()
        if documents:
            value = declared[couloir].numerator
            assert value is not None
            # The last window may have been counted before it was given out.
            assert 0 <= value - documents / ratio <= 0.2 * value
    acts = pl.concat(frames[EPRESCRIPTIONS]).filter(pl.col("outcome") != "FAILURE")
    created = acts.filter(pl.col("event") == "CREATED").height
    value = declared["prescriptions_ecrites"].numerator
    assert value is not None
    assert 0 <= value - created / ELECTRONIC_RATIO["prescriptions_ecrites"] <= 0.2 * value


def test_a_new_month_begins_at_nothing() -> None:
    produced = Produced(SCHEMAS)
    batches = live_events(seed=1, start_ms=NOW_MS, speed=20.0, scale=0.2, produced=produced)
    for _ in takewhile(lambda one: one.recorded_ms[-1] < NOW_MS + 20_000, batches):
        pass
    before = len(produced.batch(NOW_MS))
    later = Produced(SCHEMAS)
    later._month, later._shown = produced._month + 1, produced._shown.copy()
    [first] = [next(live_events(seed=1, start_ms=NOW_MS, speed=20.0, scale=0.2, produced=later))]
    assert len(first) > 0
    assert len(later.batch(NOW_MS)) < before


def test_nothing_is_declared_of_what_has_not_happened() -> None:
    assert len(Produced(SCHEMAS).batch(NOW_MS + HOUR_MS)) == 0
