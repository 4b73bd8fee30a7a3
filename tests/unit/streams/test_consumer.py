"""Each correction of Faust's consumer: the fault on the stock class, its absence on ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from faust.types import TP

from agents.shells import ProcessorGroup
from tests.support.fake_transport import FakeRecord, deliver, deliver_plain, slice_app, stock_app
from tests.support.tally_worker import TallyProcessor

LEFT = TP("left", 0)
RIGHT = TP("right", 0)
GROUP = ProcessorGroup(("left", "right"), "tally", TallyProcessor)


def ours(*, committed: int | None = None) -> Any:
    consumer = slice_app((GROUP,)).consumer
    _assign(consumer, committed)
    return consumer


def stock(*, committed: int | None = None) -> Any:
    consumer = stock_app("left", "right").consumer
    _assign(consumer, committed)
    return consumer


def _assign(consumer: Any, committed: int | None) -> None:
    consumer._thread.assigned = {LEFT, RIGHT}
    if committed is not None:
        consumer._thread.committed[LEFT] = committed
        consumer._committed_offset[LEFT] = consumer._read_offset[LEFT] = committed


def ack(consumer: Any, *messages: Any) -> None:
    for message in messages:
        message.ack(consumer)


def test_stock_faust_forgets_on_revocation_what_was_acknowledged() -> None:
    async def run() -> None:
        consumer = stock()
        ack(consumer, *(deliver_plain(consumer, LEFT, offset) for offset in range(400)))
        await consumer.on_partitions_revoked({LEFT})
        assert consumer._thread.committed == {}

    asyncio.run(run())


def test_acknowledged_slices_are_committed_before_their_partition_is_given_up() -> None:
    async def run() -> None:
        consumer = ours()
        ack(consumer, deliver(consumer, LEFT, 0, 300), deliver(consumer, LEFT, 300, 400))
        await consumer.on_partitions_revoked({LEFT})
        assert consumer._thread.committed == {LEFT: 400}

    asyncio.run(run())


def test_nothing_is_committed_after_the_group_threw_us_out() -> None:
    async def run() -> None:
        consumer = ours()
        ack(consumer, deliver(consumer, LEFT, 0, 300))
        consumer._thread.generation = -1
        await consumer.on_partitions_revoked({LEFT})
        assert consumer._thread.committed == {}

    asyncio.run(run())


def test_stock_faust_commits_past_a_message_in_flight() -> None:
    async def run() -> None:
        consumer = stock()
        messages = [deliver_plain(consumer, LEFT, offset) for offset in range(10)]
        ack(consumer, messages[7])
        await consumer.commit()
        assert consumer._thread.committed == {LEFT: 8}

    asyncio.run(run())


def test_no_commit_passes_a_slice_in_flight() -> None:
    async def run() -> None:
        consumer = ours()
        first, second, third = (deliver(consumer, LEFT, n, n + 10) for n in (0, 10, 20))
        ack(consumer, second)
        await consumer.commit()
        assert consumer._thread.committed == {}
        ack(consumer, first)
        await consumer.commit()
        assert consumer._thread.committed == {LEFT: 20}
        ack(consumer, third)
        await consumer.commit()
        assert consumer._thread.committed == {LEFT: 30}

    asyncio.run(run())


def test_stock_faust_counts_the_message_after_a_gap_as_part_of_the_gap() -> None:
    async def run() -> None:
        consumer = stock(committed=10)
        ack(consumer, *(deliver_plain(consumer, LEFT, offset) for offset in range(10, 20)))
        in_flight = deliver_plain(consumer, LEFT, 21)
        await consumer._add_gap(LEFT, 20, 21)  # as _drain_messages does for 19 -> 21
        ack(consumer, deliver_plain(consumer, LEFT, 22))
        await consumer.commit()
        assert not in_flight.acked
        assert consumer._thread.committed[LEFT] > 21

    asyncio.run(run())


def test_stock_faust_commits_one_gap_at_a_time() -> None:
    async def run() -> None:
        consumer = stock(committed=100)
        for start in range(100, 200, 10):
            ack(consumer, *(deliver_plain(consumer, LEFT, n) for n in range(start, start + 9)))
            await consumer._add_gap(LEFT, start + 9, start + 10)
        await consumer.commit()
        assert consumer._thread.committed[LEFT] < 150

    asyncio.run(run())


def test_gaps_between_and_within_slices_are_passed_in_one_commit() -> None:
    async def run() -> None:
        consumer = ours(committed=100)
        for start in range(100, 1000, 10):
            await consumer._add_gap(LEFT, start - 1, start)
            ack(consumer, deliver(consumer, LEFT, start, start + 9))
        await consumer.commit()
        assert consumer._thread.commits == [{LEFT: 999}]

    asyncio.run(run())


@pytest.mark.parametrize(("make", "believed"), [(stock, 1), (ours, None)])
def test_only_stock_faust_believes_in_a_commit_that_failed(make: Any, believed: object) -> None:
    async def run() -> None:
        consumer = make()
        one = deliver_plain if make is stock else lambda c, tp, n: deliver(c, tp, n, n + 1)
        consumer._thread.commit_fails = True
        ack(consumer, one(consumer, LEFT, 0))
        consumer.app.producer.flush = _nothing
        await consumer.commit()
        assert consumer._committed_offset[LEFT] == believed

    asyncio.run(run())


async def _nothing() -> None:
    return None


def test_a_refused_commit_is_repeated_without_new_acknowledgements() -> None:
    async def run() -> None:
        consumer = ours()
        ack(consumer, deliver(consumer, LEFT, 0, 10))
        consumer._thread.commit_fails = True
        await consumer.commit()
        consumer._thread.commit_fails = False
        await consumer.commit()
        assert consumer._thread.committed == {LEFT: 10}

    asyncio.run(run())


@pytest.mark.parametrize(("name", "end"), [("commit", 10), ("commit_settled", 20)])
def test_only_our_last_commit_waits_for_one_under_way_and_then_commits(name: str, end: int) -> None:
    async def run() -> None:
        consumer = ours()
        release = asyncio.Event()
        real = consumer._thread.commit

        async def slow(offsets: Any) -> Any:
            await release.wait()
            return await real(offsets)

        consumer._thread.commit = slow
        ack(consumer, deliver(consumer, LEFT, 0, 10))
        first = asyncio.create_task(consumer.commit())
        await asyncio.sleep(0)
        ack(consumer, deliver(consumer, LEFT, 10, 20))
        second = asyncio.create_task(getattr(consumer, name)())
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(first, second)
        assert consumer._thread.committed == {LEFT: end}

    asyncio.run(run())


def test_giving_up_partitions_does_not_wait_for_a_kafka_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        consumer = ours()

        async def never(_offsets: Any) -> Any:
            await asyncio.Event().wait()

        consumer._thread.commit = never
        ack(consumer, deliver(consumer, LEFT, 0, 10))
        await consumer.commit_settled()
        assert consumer._retry == {LEFT: 10}

    monkeypatch.setattr("streams.consumer.COMMIT_TIMEOUT_S", 0.01)
    asyncio.run(run())


def test_a_slice_that_faust_marks_acked_by_itself_is_not_committed() -> None:
    async def run() -> None:
        consumer = ours()
        deliver(consumer, LEFT, 0, 10).acked = True
        await consumer.commit()
        assert consumer._thread.committed == {}

    asyncio.run(run())


def test_a_slice_below_the_read_offset_does_not_block_commits_for_ever() -> None:
    async def run() -> None:
        consumer = ours(committed=100)
        deliver(consumer, LEFT, 50, 60)  # dropped by Faust, never acknowledged
        ack(consumer, deliver(consumer, LEFT, 100, 110))
        await consumer.commit()
        assert consumer._thread.committed == {LEFT: 110}

    asyncio.run(run())


def test_a_seek_forgets_what_was_in_flight() -> None:
    async def run() -> None:
        consumer = ours()
        lost = deliver(consumer, LEFT, 0, 10)
        await consumer.perform_seek()
        again = deliver(consumer, LEFT, 0, 10)
        ack(consumer, lost)
        await consumer.commit()
        assert consumer._thread.committed == {}
        ack(consumer, again)
        await consumer.commit()
        assert consumer._thread.committed == {LEFT: 10}

    asyncio.run(run())


def test_a_source_without_a_commit_returns_to_its_start() -> None:
    async def run() -> None:
        consumer = ours(committed=7)
        consumer._thread.starts[RIGHT] = 3
        consumer._thread.ends.update({LEFT: 9, RIGHT: 5})
        await consumer.perform_seek()
        assert consumer._thread.sought == {RIGHT: 3}
        assert consumer.binding.status.lags() == {("left", 0): 2, ("right", 0): 2}

    asyncio.run(run())


def test_stock_faust_asks_for_any_partition_once_all_are_paused() -> None:
    async def run() -> tuple[Any, Any]:
        asked = []
        for consumer in (stock(), ours()):
            live = {LEFT}
            await consumer._getmany(live, 1.0)
            live.clear()
            asked.append(consumer._thread.asked[0])
        return asked[0], asked[1]

    shared, frozen = asyncio.run(run())
    assert shared == set()
    assert frozen == {LEFT}


def test_nothing_is_fetched_while_all_partitions_are_paused() -> None:
    async def run() -> None:
        consumer = ours()
        assert await consumer._getmany(set(), 1.0) == {}
        assert consumer._thread.asked == []

    asyncio.run(run())


def test_the_flow_that_is_behind_in_log_time_is_asked_first_and_not_for_long() -> None:
    async def run() -> None:
        consumer = ours()
        thread = consumer._thread
        thread.ends.update({LEFT: 50, RIGHT: 50})
        await consumer.perform_seek()
        thread.found = {LEFT: [FakeRecord("left", 0, 9, timestamp=50_000)]}
        await consumer._getmany({LEFT, RIGHT}, 1.0)
        thread.found = {RIGHT: [FakeRecord("right", 0, 9, timestamp=60_000)]}
        await consumer._getmany({LEFT, RIGHT}, 1.0)
        thread.found = {}
        await consumer._getmany({LEFT, RIGHT}, 1.0)
        assert thread.asked == [{LEFT, RIGHT}, {RIGHT}, {LEFT}]
        assert thread.timeouts == [1.0, 0.1, 0.1]
        await consumer.on_partitions_revoked({LEFT, RIGHT})
        await consumer._getmany({LEFT, RIGHT}, 1.0)
        assert thread.asked[-1] == {LEFT, RIGHT}

    asyncio.run(run())
