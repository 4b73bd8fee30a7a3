"""Frames for the evaluation are what the codec would have given."""

from __future__ import annotations

from datetime import date

from polars.testing import assert_frame_equal

from simulators.attacks.catalogue import wanted
from simulators.attacks.scenario import Scenario
from simulators.batches import BatchEncoder
from simulators.evaluation.frames import Framer
from simulators.traffic import RegionTraffic
from streams.codec import SliceCodec
from streams.schemas import Schemas
from streams.topics import FLOWS

DAY = date(2025, 9, 2)


def test_a_table_comes_to_the_frame_that_its_records_decode_to() -> None:
    schemas = Schemas.load()
    traffic = RegionTraffic(5, 0.02)
    scenario = Scenario([wanted("enumeration@2025-09-02")], traffic, DAY, 1)
    (tables,) = traffic.occurring(DAY, 1, rewrite=scenario.rewrite)
    encoder, codec, framer = BatchEncoder(schemas, 5), SliceCodec(schemas), Framer(schemas, 5)
    assert set(tables) == set(FLOWS)
    for flow, events in tables.items():
        decoded = codec.decode(flow, encoder.batch(events).values)
        assert not decoded.rejects
        assert_frame_equal(framer.frame(events), decoded.frame)
