"""Laws of the codec: the columns say what fastavro says, and poison stays alone."""

from __future__ import annotations

import io
import random
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codec import Decoded, SliceCodec
from streams.layout import Column, Kind, Layout
from streams.recordwise import BadRecordError
from streams.topics import FLOWS, RECORD_OF_FLOW
from streams.validity import LATEST_TIME_MS
from streams.writers import Writers
from tests.support.avro_events import SCHEMAS, broken, next_version, some_events, with_versions

CODEC = SliceCodec(SCHEMAS, lockstep_from=0)
ONE_BY_ONE = SliceCodec(SCHEMAS, lockstep_from=1_000)
WRITERS = Writers(SCHEMAS, None)

run = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def value_of(column: Column) -> st.SearchStrategy[Any]:
    """Every value that the rules allow, edges first."""
    least = 1 if column.name in ("event_id", "structure_pid") else 0
    strategies: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.STRING: st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=80),
        Kind.INT: st.integers(0, 2**31 - 1),
        Kind.LONG: st.integers(1, LATEST_TIME_MS)
        if column.is_time
        else st.integers(-(2**63), 2**63 - 1),
        Kind.BOOLEAN: st.booleans(),
        Kind.ENUM: st.sampled_from(column.symbols or ("",)),
    }
    value = strategies[column.kind]
    return value if column.null_branch is None else st.none() | value


def events_of(layout: Layout) -> st.SearchStrategy[list[dict[str, Any]]]:
    event = st.fixed_dictionaries({column.name: value_of(column) for column in layout})
    return st.lists(event, min_size=1, max_size=12)


def by_row(decoded: Decoded) -> dict[int, dict[str, Any]]:
    rows = decoded.rows.tolist()
    assert rows == sorted(set(rows))
    return dict(zip(rows, decoded.frame.to_dicts(), strict=True))


def plain_fastavro(flow: str, value: bytes) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(value[10:]), SCHEMAS.of_flow(flow).plain)


@pytest.mark.parametrize("flow", FLOWS)
def test_the_columns_say_what_fastavro_says_of_every_record(flow: str) -> None:
    schema = pl.Schema(SCHEMAS.frame_schema(flow))

    @run
    @given(events=events_of(SCHEMAS.flow_layout(flow)))
    def law(events: list[dict[str, Any]]) -> None:
        values = CODEC.encode(flow, events)
        decoded = CODEC.decode(flow, values)
        assert decoded.rejects == ()
        assert decoded.frame.equals(ONE_BY_ONE.decode(flow, values).frame)
        assert decoded.frame.schema == schema
        assert decoded.frame.to_dicts() == [plain_fastavro(flow, value) for value in values]
        assert decoded.frame.to_dicts() == events

    law()


@run
@given(
    flow=st.sampled_from(FLOWS), seed=st.integers(0, 2**32), share=st.sampled_from([0.1, 0.6, 1])
)
def test_a_broken_record_is_read_as_fastavro_reads_it_or_set_aside_alone(
    flow: str, seed: int, share: float
) -> None:
    dice = random.Random(seed)
    events = some_events(flow, 40, seed)
    sound = CODEC.encode(flow, events)
    values = [broken(value, dice) if dice.random() < share else value for value in sound]

    decoded = CODEC.decode(flow, values)

    slowly = ONE_BY_ONE.decode(flow, values)
    assert slowly.frame.equals(decoded.frame)
    assert slowly.rejects == decoded.rejects
    read = by_row(decoded)
    aside = {reject.index for reject in decoded.rejects}
    assert read.keys() | aside == set(range(len(values)))
    assert not read.keys() & aside
    for row, value in enumerate(values):
        if value == sound[row]:
            assert read[row] == events[row]
        elif row in read:
            assert read[row] == plain_fastavro(flow, value)
            assert CODEC.encode(flow, [read[row]]) == [value]


@run
@given(flow=st.sampled_from(FLOWS), seed=st.integers(0, 2**32))
def test_the_columns_take_no_record_that_the_strict_reader_refuses_and_miss_few(
    flow: str, seed: int
) -> None:
    dice = random.Random(seed)
    header = CODEC.encode(flow, some_events(flow, 1, seed))[0][:10]
    sound = CODEC.encode(flow, some_events(flow, 30, seed))
    values = [header + broken(value, dice)[10:] for value in sound]

    read = by_row(CODEC.decode(flow, values))

    strict = WRITERS.known(flow)[header[2:]].strict
    for row, value in enumerate(values):
        try:
            expected = strict.read(value[10:])
        except BadRecordError:
            assert row not in read
        else:
            assert read[row] == expected


@run
@given(flow=st.sampled_from(FLOWS), seed=st.integers(0, 2**32), newest_reads=st.booleans())
def test_mixed_versions_resolve_as_fastavro_resolves_them_and_keep_their_order(
    flow: str, seed: int, newest_reads: bool
) -> None:
    record = RECORD_OF_FLOW[flow]
    first = SCHEMAS.latest(record)
    second = next_version(first)
    reader = second if newest_reads else first
    # The reader is the newest; the other one is kept beside it.
    kept = (first, second) if newest_reads else (second, first)
    codec = SliceCodec(with_versions(record, *kept), lockstep_from=0)
    writers = [SliceCodec(with_versions(record, version)) for version in (first, second)]
    dice = random.Random(seed)
    chosen = [dice.randrange(2) for _ in range(30)]
    values = []
    for which, event in zip(chosen, some_events(flow, 30, seed), strict=True):
        row = dict(event)
        if which == 1:
            del row["department"]
            row |= {
                "added_text": "ü",
                "added_count": dice.choice([None, 7]),
                "outcome": "CANCELLED",
            }
        values += writers[which].encode(flow, [row])

    decoded = codec.decode(flow, values)

    expected = [
        fastavro.schemaless_reader(
            io.BytesIO(value[10:]), (first, second)[which].plain, reader.plain
        )
        for which, value in zip(chosen, values, strict=True)
    ]
    assert decoded.rejects == ()
    assert decoded.frame.to_dicts() == expected
