"""The shell: which processor gets a slice, and how partitions come and go."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from faust.types import TP

from agents.partition_work import WorkLimits
from agents.shells import Ports, ProcessorGroup, Shell, Subscription
from streams.errors import StateError
from streams.observing import NullObserver, WorkerStatus
from tests.support.fake_transport import FakeRecord, slice_app, stock_app
from tests.support.tally_worker import STATE_KEY, TallyProcessor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence


class RecordingObserver(NullObserver):
    """Remembers which partitions came and went, and the lag of the last slice."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, int]] = []
        self.lag = -1

    def assigned(self, topic: str, partition: int) -> None:
        self.log.append(("assigned", topic, partition))

    def revoked(self, topic: str, partition: int) -> None:
        self.log.append(("revoked", topic, partition))

    def slice_processed(
        self,
        topic: str,
        partition: int,
        *,
        records: int,
        seconds: float,
        next_offset: int,
        highwater: int,
    ) -> None:
        assert records > 0
        assert seconds >= 0
        self.log.append(("slice", topic, partition))
        self.lag = highwater - next_offset


class World:
    """A shell of one group and one subscription, and everything it touches."""

    def __init__(self, *, finish_timeout_s: float = 5.0) -> None:
        self.processors: dict[int, TallyProcessor] = {}
        self.adopted: list[int] = []
        self.recovering: Callable[[float], bool] = lambda _timeout_s: True
        self.appended: list[tuple[str, int, bytes | None]] = []
        self.append_gate = asyncio.Event()
        self.append_gate.set()
        self.member = True
        self.failures: list[BaseException] = []
        self.acked: list[str] = []
        self.heard: list[tuple[int, int]] = []
        self.resets = 0
        self.status = WorkerStatus()
        self.observer = RecordingObserver()
        self.shell = Shell(
            (ProcessorGroup(("left", "right"), "tally", self.build, adopted=self.adopt),),
            (Subscription("counts", self.hear, self.reset),),
            limits=WorkLimits(interval_s=60.0, max_bytes=1_000_000),
            finish_timeout_s=finish_timeout_s,
            ports=Ports(
                send=self.send,
                append=self.append,
                may_write=lambda: self.member,
                fail=self.fail,
                generation=lambda: 7,
            ),
            observer=self.observer,
            status=self.status,
        )

    def build(self, partition: int) -> TallyProcessor:
        processor = self.processors[partition] = TallyProcessor(partition)
        recover = processor.recover

        def slow(entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
            assert self.recovering(5.0)
            recover(entries, owner=owner)

        processor.recover = slow  # type: ignore[method-assign]
        return processor

    def adopt(self, partition: int, _processor: object) -> None:
        self.adopted.append(partition)

    def hear(self, partition: int, records: Sequence[object]) -> None:
        self.heard.append((partition, len(records)))

    def reset(self) -> None:
        self.resets += 1

    async def send(self, record: object) -> Awaitable[Any]:
        del record
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        confirmation.set_result(None)
        return confirmation

    async def append(
        self, table: str, partition: int, writes: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        await self.append_gate.wait()
        self.appended.extend((table, partition, value) for _, value in writes)

    async def fail(self, exc: BaseException) -> None:
        self.failures.append(exc)

    def slice(self, topic: str, partition: int, *offsets: int, value: bytes = b"1") -> Any:
        records = [FakeRecord(topic, partition, offset, value=value) for offset in offsets]
        message = SimpleNamespace(
            topic=topic,
            partition=partition,
            records=records,
            next_offset=offsets[-1] + 1,
            highwater=offsets[-1] + 11,
        )
        name = f"{topic}-{partition}-{offsets[0]}"
        return SimpleNamespace(message=message, ack=lambda: self.acked.append(name))


def in_world(test: Callable[[World], Awaitable[None]], **options: Any) -> World:
    async def run() -> World:
        world = World(**options)
        await test(world)
        return world

    return asyncio.run(run())


def test_co_partitioned_topics_share_the_processor_of_their_partition() -> None:
    async def test(world: World) -> None:
        for partition in (0, 1):
            assert await world.shell.adopt("tally", partition, {})
        await world.shell.take(world.slice("left", 0, 0, 1))
        await world.shell.take(world.slice("right", 0, 0))
        await world.shell.take(world.slice("left", 1, 5))

    world = in_world(test)
    assert {number: found.count for number, found in world.processors.items()} == {0: 3, 1: 1}
    assert world.observer.lag == 10
    assert world.status.lags() == {("left", 0): 10, ("right", 0): 10, ("left", 1): 10}


def test_processors_start_from_the_entries_of_their_own_partition() -> None:
    async def test(world: World) -> None:
        state = b'{"count":7,"total":7,"offsets":{"left":7}}'
        await world.shell.adopt("tally", 0, {STATE_KEY: state})
        await world.shell.adopt("tally", 1, {})
        await world.shell.take(world.slice("left", 0, 5, 6, 7))

    world = in_world(test)
    assert [world.processors[number].count for number in (0, 1)] == [8, 0]
    assert {processor.owner for processor in world.processors.values()} == {7}


def test_partitions_that_are_given_up_while_their_state_is_built_stay_given_up() -> None:
    async def test(world: World) -> None:
        building = asyncio.create_task(world.shell.adopt("tally", 0, {}))
        await asyncio.sleep(0)
        await world.shell.finish()
        assert not await building
        assert world.shell._works == {}
        assert world.adopted == []

    in_world(test)


def test_the_loop_goes_on_while_a_state_is_built_and_nobody_sees_it_half_built() -> None:
    async def test(world: World) -> None:
        may_end = threading.Event()
        world.recovering = may_end.wait
        building = asyncio.create_task(world.shell.adopt("tally", 1, {}))
        await asyncio.sleep(0.01)
        assert world.adopted == []
        assert world.shell._works == {}
        may_end.set()
        assert await building
        assert world.adopted == [1]

    in_world(test)


def test_finishing_checkpoints_acknowledges_and_forgets() -> None:
    async def test(world: World) -> None:
        await world.shell.adopt("tally", 0, {})
        await world.shell.take(world.slice("left", 0, 0, 1))
        await world.shell.finish()
        assert len(world.appended) == 1
        assert world.acked == ["left-0-0"]
        await world.shell.finish()

    world = in_world(test)
    assert len(world.appended) == 1
    assert world.failures == []
    came = [entry for entry in world.observer.log if entry[0] != "slice"]
    assert came == [
        ("assigned", "left", 0),
        ("assigned", "right", 0),
        ("revoked", "left", 0),
        ("revoked", "right", 0),
    ]


def test_finishing_that_takes_too_long_ends_the_worker() -> None:
    async def test(world: World) -> None:
        world.append_gate.clear()
        await world.shell.adopt("tally", 0, {})
        await world.shell.take(world.slice("left", 0, 0))
        await world.shell.finish()

    world = in_world(test, finish_timeout_s=0.01)
    assert [str(exc) for exc in world.failures] == [
        "the last checkpoints were not confirmed in time"
    ]
    assert world.acked == []


def test_a_worker_thrown_out_of_the_group_writes_nothing_more() -> None:
    async def test(world: World) -> None:
        await world.shell.adopt("tally", 0, {})
        await world.shell.take(world.slice("left", 0, 0))
        world.member = False
        await world.shell.finish()

    world = in_world(test)
    assert (world.appended, world.acked, world.failures) == ([], [], [])


def test_a_worker_thrown_out_while_writing_ends() -> None:
    async def test(world: World) -> None:
        world.append_gate.clear()
        await world.shell.adopt("tally", 0, {})
        await world.shell.take(world.slice("left", 0, 0))
        (work,) = world.shell._works.values()
        writing = asyncio.create_task(work.flush())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        world.member = False
        await world.shell.finish()
        writing.cancel()

    world = in_world(test)
    assert [type(exc) for exc in world.failures] == [StateError]


def test_an_exception_of_a_processor_ends_the_worker_and_nothing_follows_it() -> None:
    async def test(world: World) -> None:
        await world.shell.adopt("tally", 0, {})
        await world.shell.take(world.slice("left", 0, 0))
        await world.shell.take(world.slice("left", 0, 1, value=b"no number"))
        await world.shell.take(world.slice("right", 0, 0))
        await world.shell.finish()

    world = in_world(test)
    assert [type(exc) for exc in world.failures] == [ValueError]
    assert "right" not in world.processors[0].offsets
    assert (world.appended, world.acked) == ([], [])


@pytest.mark.parametrize(("phase", "failures"), [("rebalancing", 0), ("running", 1)])
def test_a_slice_without_a_processor_is_left_for_later_only_during_a_rebalance(
    phase: Any, failures: int
) -> None:
    async def test(world: World) -> None:
        world.status.phase = phase
        await world.shell.take(world.slice("left", 3, 0))

    world = in_world(test)
    assert len(world.failures) == failures
    assert world.acked == []


def test_a_subscription_hears_slices_and_is_reset_with_each_assignment() -> None:
    async def test(world: World) -> None:
        world.shell.begin_assignment()
        await world.shell.take(world.slice("counts", 0, 0, 1))
        await world.shell.finish()

    world = in_world(test)
    assert world.heard == [(0, 2)]
    assert world.resets == 2
    assert world.acked == []


@pytest.mark.parametrize("manual", [False, True])
def test_stock_faust_acknowledges_an_event_whose_processing_failed(manual: bool) -> None:
    async def run() -> bool:
        app = stock_app("left")
        topic = app.topic("left", value_serializer="raw")
        message = app.consumer._to_message(TP("left", 0), FakeRecord("left", 0, 0))
        message.incref()
        stream = topic.stream()
        await stream.channel.queue.put(app.create_event(None, b"", None, message))
        source = (stream.noack() if manual else stream).__aiter__()
        await source.__anext__()
        with pytest.raises(ValueError, match="poison"):
            await source.athrow(ValueError("poison"))
        return bool(message.acked)

    assert asyncio.run(run()) is not manual


class FakeStream:
    """A stream whose events Faust would acknowledge, unless asked not to."""

    def __init__(self, *, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges

    def noack(self) -> FakeStream:
        return FakeStream(acknowledges=False)

    async def events(self) -> AsyncIterator[bool]:
        yield self.acknowledges


def test_agents_take_slices_without_faust_acknowledging_them() -> None:
    async def run() -> list[Any]:
        app = slice_app((ProcessorGroup(("left",), "tally", TallyProcessor),))
        taken: list[Any] = []

        async def take(acknowledged_by_faust: Any) -> None:
            taken.append(acknowledged_by_faust)

        app.shell.take = take  # type: ignore[method-assign]
        (agent,) = app.agents.values()
        await agent.fun(FakeStream())
        return taken

    assert asyncio.run(run()) == [False]


def test_processors_learn_how_far_their_topics_were_read_where_no_record_waits() -> None:
    told: list[Mapping[str, int]] = []

    async def test(world: World) -> None:
        await world.shell.adopt("tally", 0, {})
        world.processors[0].pass_time = lambda read_ms: told.append(read_ms) or ()  # type: ignore[method-assign,assignment,func-returns-value]
        await world.shell.take(world.slice("left", 0, 0))
        await world.shell.take(world.slice("right", 0, 3))
        await world.shell.pass_time(
            lambda topic, _, offset: 70 if (topic, offset) == ("left", 1) else None
        )
        await world.shell.pass_time(lambda *_: None)

    in_world(test)
    assert told == [{"left": 70}]


def test_a_failure_while_time_passes_ends_the_worker() -> None:
    async def test(world: World) -> None:
        await world.shell.adopt("tally", 0, {})
        await world.shell.take(world.slice("left", 0, 0))

        def fail(*_: object) -> int:
            raise RuntimeError("no")

        await world.shell.pass_time(fail)

    assert [str(failure) for failure in in_world(test).failures] == ["no"]
