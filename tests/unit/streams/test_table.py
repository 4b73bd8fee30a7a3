"""Changelog entries: apart per partition, in order, and handed over once recovered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.stores.memory import Store
from faust.types import TP

from agents.shells import ProcessorGroup
from streams.errors import StateError
from tests.support.fake_transport import slice_app
from tests.support.tally_worker import TallyProcessor

TOPIC = "vigie-tally-changelog"
GROUP = ProcessorGroup(("left", "right"), "tally", TallyProcessor)


def table() -> Any:
    return slice_app((GROUP,)).tables["tally"]


def event(partition: int, key: bytes, value: bytes | None, topic: str = TOPIC) -> Any:
    message = SimpleNamespace(topic=topic, partition=partition, key=key, value=value)
    return SimpleNamespace(message=message, key=key, value=value)


def test_equal_keys_of_two_partitions_overwrite_one_another_in_stock_faust_only() -> None:
    async def run() -> None:
        mine = table()
        batch = [event(0, b"k", b"zero"), event(1, b"k", b"one")]
        stock = Store("memory://", mine.app, mine)
        stock.apply_changelog_batch(batch, lambda key: key, lambda value: value)
        assert stock.data == {b"k": b"one"}
        mine.apply_changelog_batch(batch)
        assert mine.data.partitions == {0: {b"k": b"zero"}, 1: {b"k": b"one"}}

    asyncio.run(run())


def test_tombstones_delete_and_entries_of_another_topic_are_dropped() -> None:
    async def run() -> None:
        mine = table()
        mine.apply_changelog_batch(
            [event(0, b"a", b"1"), event(0, b"a", None), event(0, b"b", b"2", topic="other")]
        )
        assert mine.data.partitions == {0: {}}

    asyncio.run(run())


def test_what_an_interrupted_recovery_has_read_is_forgotten() -> None:
    async def run() -> None:
        mine = table()
        mine.apply_changelog_batch([event(0, b"a", b"1"), event(1, b"b", b"1")])
        gone, kept = TP(TOPIC, 0), TP(TOPIC, 1)
        await mine.on_rebalance({kept}, {gone}, set())
        assert mine.data.partitions == {}

    asyncio.run(run())


def test_recovery_hands_over_each_active_partition_even_an_empty_one_and_keeps_nothing() -> None:
    async def run() -> None:
        mine = table()
        adopted: dict[int, Any] = {}
        held: list[set[int]] = []

        async def adopt(name: str, partition: int, entries: Any) -> bool:
            assert name == "tally"
            adopted[partition] = dict(entries)
            held.append(set(mine.data.partitions))
            return True

        mine.adopt = adopt
        mine.apply_changelog_batch(
            [event(0, b"a", b"1"), event(2, b"c", b"1"), event(3, b"z", b"1")]
        )
        await mine.on_recovery_completed({TP(TOPIC, number) for number in range(3)}, set())
        assert adopted == {0: {b"a": b"1"}, 1: {}, 2: {b"c": b"1"}}
        assert held == [{2, 3}, {2, 3}, {3}]
        assert mine.data.partitions == {}

    asyncio.run(run())


def test_no_further_partition_is_handed_over_once_the_assignment_is_gone() -> None:
    async def run() -> list[int]:
        mine = table()
        adopted: list[int] = []

        async def adopt(_name: str, partition: int, _entries: object) -> bool:
            adopted.append(partition)
            return partition < 1

        mine.adopt = adopt
        await mine.on_recovery_completed({TP(TOPIC, number) for number in range(3)}, set())
        return adopted

    assert asyncio.run(run()) == [0, 1]


def test_state_that_contradicts_itself_ends_the_worker() -> None:
    async def run() -> list[BaseException]:
        reasons: list[BaseException] = []
        mine = slice_app((GROUP,), fail=reasons.append).tables["tally"]

        def refuse(*_: object) -> None:
            raise StateError("tally: two ends")

        mine.adopt = refuse
        await mine.on_recovery_completed({TP(TOPIC, 0)}, set())
        return reasons

    (reason,) = asyncio.run(run())
    assert str(reason) == "tally: two ends"


class FakeProducer:
    """Confirms a record when told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, asyncio.Future[None]]] = []

    async def send(self, topic: str, key: bytes, _value: bytes, partition: int, *_: Any) -> Any:
        assert (topic, partition) == (TOPIC, 1)
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((key, confirmation))
        return confirmation


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_last_write_waits_until_all_others_are_confirmed() -> None:
    async def run() -> None:
        mine = table()
        mine.app.producer = producer = FakeProducer()
        writes = [(b"1", b"a"), (b"2", None), (b"end", b"c")]
        appending = asyncio.create_task(mine.append(1, writes))
        await _settle()
        assert [key for key, _ in producer.sent] == [b"1", b"2"]
        producer.sent[0][1].set_result(None)
        await _settle()
        assert len(producer.sent) == 2
        producer.sent[1][1].set_result(None)
        await _settle()
        assert [key for key, _ in producer.sent] == [b"1", b"2", b"end"]
        assert not appending.done()
        producer.sent[2][1].set_result(None)
        await appending
        assert mine.data.partitions == {}

    asyncio.run(run())


def test_a_refused_write_stops_the_append_before_its_end() -> None:
    async def run() -> None:
        mine = table()
        mine.app.producer = producer = FakeProducer()
        appending = asyncio.create_task(mine.append(1, [(b"1", b"a"), (b"end", b"c")]))
        await _settle()
        producer.sent[0][1].set_exception(OSError("refused"))
        with pytest.raises(OSError, match="refused"):
            await appending
        assert [key for key, _ in producer.sent] == [b"1"]
        assert mine.data.partitions == {}

    asyncio.run(run())


def test_an_empty_checkpoint_writes_nothing() -> None:
    async def run() -> None:
        mine = table()
        mine.app.producer = producer = FakeProducer()
        await mine.append(1, [])
        assert producer.sent == []

    asyncio.run(run())
