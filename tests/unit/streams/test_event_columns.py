"""Decoded events are read column by column as their frame is."""

import numpy as np
import polars as pl
import pytest

from streams.codec import SliceCodec
from streams.event_columns import EventColumns, FrameColumns, ScannedColumns
from streams.topics import FLOWS
from tests.support.avro_events import SCHEMAS, some_events

CODEC = SliceCodec(SCHEMAS)
MANY = 60


def decoded(flow: str) -> EventColumns:
    return CODEC.decode(flow, CODEC.encode(flow, some_events(flow, MANY, seed=3, edges=0.0))).events


def same_columns(events: EventColumns, frame: pl.DataFrame) -> None:
    plain = FrameColumns(frame)
    assert events.height == frame.height
    for name, kind in frame.schema.items():
        if kind == pl.String:
            assert events.texts(name).to_list() == frame[name].to_list()
            assert (events.texts(name).digests == plain.texts(name).digests).all()
            continue
        for null in (0, -7):
            numbers = events.numbers(name, null).tolist()
            assert numbers == plain.numbers(name, null).tolist()
            values = frame[name].to_physical() if isinstance(kind, pl.Enum) else frame[name]
            assert numbers == [null if one is None else int(one) for one in values.to_list()]
        if isinstance(kind, pl.Enum):
            assert list(events.symbols(name)) == kind.categories.to_list()


@pytest.mark.parametrize("flow", FLOWS)
def test_columns_are_those_of_the_frame(flow: str) -> None:
    events = decoded(flow)
    assert isinstance(events, ScannedColumns)
    same_columns(events, events.frame)


@pytest.mark.parametrize("flow", FLOWS)
def test_columns_of_some_events_are_those_of_their_frame(flow: str) -> None:
    events = decoded(flow)
    assert len(events.texts("event_id").digests) == MANY
    some = events.take(np.arange(1, MANY, 3)).take(np.array([0, 5, 2]))
    same_columns(some, events.frame[[1, 16, 7]])
    assert some.frame.equals(events.frame[[1, 16, 7]])


def test_a_frame_is_its_own_columns() -> None:
    frame = decoded(FLOWS[0]).frame
    events = EventColumns.of(frame)
    assert events.frame is frame
    assert EventColumns.of(events) is events
    assert events.take(np.array([3, 1])).frame.equals(frame[[3, 1]])
