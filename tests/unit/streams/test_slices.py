"""How a fetch becomes slices."""

from __future__ import annotations

import asyncio

from faust.types import TP

from agents.shells import ProcessorGroup
from streams.slices import RecordSlice, SliceMessage, SliceScheduler
from tests.support.fake_transport import FakeRecord, records, slice_app
from tests.support.tally_worker import TallyProcessor

LEFT, RIGHT, CHANGELOG = TP("left", 0), TP("right", 1), TP("vigie-tally-changelog", 0)


def test_partitions_take_turns_slice_by_slice() -> None:
    scheduler = SliceScheduler(frozenset({"left", "right"}), max_records=2)
    fetched = {LEFT: list(records(LEFT, 0, 5)), RIGHT: list(records(RIGHT, 7, 10))}
    turns = [(tp, [r.offset for r in found]) for tp, found in scheduler.iterate(fetched)]
    assert turns == [
        (LEFT, [0, 1]),
        (RIGHT, [7, 8]),
        (LEFT, [2, 3]),
        (RIGHT, [9]),
        (LEFT, [4]),
    ]


def test_an_empty_fetch_of_a_partition_makes_no_slice() -> None:
    assert list(SliceScheduler(frozenset({"left"}), 10).iterate({LEFT: []})) == []


def test_changelogs_keep_the_path_record_by_record() -> None:
    scheduler = SliceScheduler(frozenset({"left"}), max_records=10)
    found = list(scheduler.iterate({CHANGELOG: list(records(CHANGELOG, 0, 2))}))
    assert [(tp, type(record)) for tp, record in found] == [(CHANGELOG, FakeRecord)] * 2


def test_a_slice_is_one_message_at_its_last_offset() -> None:
    message = SliceMessage(records(LEFT, 3, 9), LEFT, highwater=20, generation_id=4)
    assert (message.offset, message.next_offset, message.highwater) == (8, 9, 20)
    assert (message.topic, message.partition, message.generation_id) == ("left", 0, 4)
    assert not message.settled


def test_a_highwater_older_than_the_slice_is_not_believed() -> None:
    assert SliceMessage(records(LEFT, 3, 9), LEFT, highwater=None, generation_id=0).highwater == 9
    assert SliceMessage(records(LEFT, 3, 9), LEFT, highwater=5, generation_id=0).highwater == 9


def test_the_agent_gets_the_raw_records_and_stock_messages_stay_stock() -> None:
    async def run() -> None:
        app = slice_app((ProcessorGroup(("left",), "tally", TallyProcessor),))
        sliced = records(LEFT, 0, 3)
        message = app.consumer._to_message(LEFT, sliced)
        (channel,) = (topic for topic in _channels(app) if "left" in topic.topics)
        event = await channel.decode(message, propagate=True)
        assert event.value is sliced
        plain = app.consumer._to_message(CHANGELOG, FakeRecord("vigie-tally-changelog", 0, 5))
        assert not isinstance(plain, SliceMessage)
        assert isinstance(sliced, RecordSlice)

    asyncio.run(run())


def _channels(app: object) -> list[object]:
    return [agent.channel for agent in app.agents.values()]  # type: ignore[attr-defined]
