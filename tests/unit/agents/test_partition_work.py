"""The order of things between two checkpoints: process, send, confirm, append, acknowledge."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from faust.transport.producer import ProducerBuffer
from faust.types.tuples import FutureMessage

from agents.partition_work import (
    BACKLOG_CHECKPOINTS,
    GATHER_S,
    PartitionWork,
    WorkLimits,
    WorkPorts,
)
from streams.observing import NullObserver, Position, WorkerStatus
from streams.processing import Checkpoint, Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

LIMITS = WorkLimits(interval_s=60.0, max_bytes=100, behind=4, behind_bytes=16)


class ScriptedProcessor:
    """Produces one record per slice; its checkpoint says how many slices it has seen."""

    def __init__(self, *, pending: int = 0) -> None:
        self.seen = 0
        self.pending = pending
        self.confirmed: list[object] = []
        self.read_ms: dict[str, int] = {}
        self.concluded: tuple[Outgoing, ...] = ()

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        del entries, owner

    def process(self, topic: str, records: Sequence[object]) -> Sequence[Outgoing]:
        del records
        self.seen += 1
        return (Outgoing(topic, b"%d" % self.seen, b""),)

    def pass_time(self, read_ms: Mapping[str, int]) -> Sequence[Outgoing]:
        self.read_ms = dict(read_ms)
        return self.concluded

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(((b"seen", b"%d" % self.seen),), token=self.seen)

    def confirm(self, token: object) -> None:
        self.confirmed.append(token)

    def applied(self, topic: str) -> int:
        del topic
        return 0

    def pending_bytes(self) -> int:
        return self.pending


class World:
    """Everything that a partition's work touches, and a log of it."""

    def __init__(
        self, *, pending: int = 0, interval_s: float = 60.0, quiet_interval_s: float = 60.0
    ) -> None:
        self.log: list[str] = []
        self.confirmations: list[asyncio.Future[None]] = []
        self.auto_confirm = True
        self.member = True
        self.append_gate = asyncio.Event()
        self.append_gate.set()
        self.append_error: Exception | None = None
        self.failures: list[BaseException] = []
        self.processor = ScriptedProcessor(pending=pending)
        self.status = WorkerStatus()
        self.work = PartitionWork(
            "table",
            0,
            self.processor,  # type: ignore[arg-type]  # its records are plain objects
            limits=replace(LIMITS, interval_s=interval_s, quiet_interval_s=quiet_interval_s),
            ports=WorkPorts(send=self.send, append=self.append, may_write=lambda: self.member),
            observer=NullObserver(),
            status=self.status,
            fail=self.fail,
        )

    async def send(self, record: Outgoing) -> Awaitable[None]:
        self.log.append(f"send {(record.key or b'').decode()}")
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.confirmations.append(confirmation)
        if self.auto_confirm:
            confirmation.set_result(None)
        return confirmation

    async def append(
        self, table: str, partition: int, writes: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        assert (table, partition) == ("table", 0)
        self.log.append(f"append {(writes[0][1] or b'').decode()}")
        await self.append_gate.wait()
        if self.append_error is not None:
            raise self.append_error

    async def fail(self, exc: BaseException) -> None:
        self.failures.append(exc)

    def slice(self, name: str) -> Any:
        message = SimpleNamespace(topic="left", records=(object(),))
        return SimpleNamespace(message=message, ack=lambda: self.log.append(f"ack {name}"))


def in_world(test: Callable[[World], Awaitable[None]], **options: Any) -> World:
    async def run() -> World:
        world = World(**options)
        await test(world)
        return world

    return asyncio.run(run())


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_slice_is_acknowledged_after_its_records_and_its_state_are_confirmed() -> None:
    async def test(world: World) -> None:
        world.work.process(world.slice("a"))
        await world.work.after_slice()
        await world.work.flush()

    world = in_world(test)
    assert world.log == ["send 1", "append 1", "ack a"]
    assert world.processor.confirmed == [1]
    assert world.status.confirmed == 1


def test_state_is_not_written_while_a_record_is_unconfirmed() -> None:
    async def test(world: World) -> None:
        world.auto_confirm = False
        world.work.process(world.slice("a"))
        flushing = asyncio.create_task(world.work.flush())
        await turns()
        assert world.log == ["send 1"]
        world.confirmations[0].set_result(None)
        await flushing

    assert in_world(test).log == ["send 1", "append 1", "ack a"]


def test_a_stock_flush_returns_with_the_message_unsent() -> None:
    async def run() -> tuple[float, bool]:
        buffer = ProducerBuffer()
        never = asyncio.Event()
        config = SimpleNamespace(producer_threaded=False)
        buffer.app = SimpleNamespace(conf=config)
        channel = SimpleNamespace(publish_message=lambda *_, **__: never.wait())
        message: Any = FutureMessage(SimpleNamespace(channel=channel))  # type: ignore[arg-type]
        buffer.put(message)
        handling = asyncio.create_task(ProducerBuffer._handle_pending.fun(buffer))
        await turns()
        await buffer.flush()
        handling.cancel()
        return buffer.size, message.done()

    assert asyncio.run(run()) == (0, False)


def test_a_failed_send_ends_the_worker_and_acknowledges_nothing() -> None:
    async def test(world: World) -> None:
        world.auto_confirm = False
        world.work.process(world.slice("a"))
        await world.work.after_slice()
        world.confirmations[0].set_exception(OSError("refused"))
        world.work._start_checkpoint()
        await turns()

    world = in_world(test)
    assert world.log == ["send 1"]
    assert [type(exc) for exc in world.failures] == [OSError]


def test_a_failed_changelog_write_ends_the_worker_and_acknowledges_nothing() -> None:
    async def test(world: World) -> None:
        world.append_error = OSError("refused")
        world.work.process(world.slice("a"))
        world.work._start_checkpoint()
        await turns()

    world = in_world(test)
    assert "ack a" not in world.log
    assert len(world.failures) == 1
    assert world.processor.confirmed == []


def test_processing_goes_on_while_a_checkpoint_is_written_and_only_its_slices_are_acked() -> None:
    async def test(world: World) -> None:
        world.append_gate.clear()
        world.work.process(world.slice("a"))
        world.work._start_checkpoint()
        await turns()
        world.work.process(world.slice("b"))
        await world.work.after_slice()
        assert world.log == ["send 1", "append 1", "send 2"]
        world.append_gate.set()
        await turns()
        assert world.log == ["send 1", "append 1", "send 2", "ack a"]
        await world.work.flush()

    assert in_world(test).log[-2:] == ["append 2", "ack b"]


def test_a_checkpoint_that_falls_due_during_another_follows_it() -> None:
    async def test(world: World) -> None:
        world.append_gate.clear()
        world.work.process(world.slice("a"))
        world.work._start_checkpoint()
        await turns()
        world.work.process(world.slice("b"))
        world.work._start_checkpoint()
        world.append_gate.set()
        await turns(20)

    world = in_world(test)
    assert world.log == ["send 1", "append 1", "ack a", "send 2", "append 2", "ack b"]


def test_pending_bytes_force_a_checkpoint() -> None:
    async def test(world: World) -> None:
        world.work.process(world.slice("a"))
        await world.work.after_slice()
        await turns()

    assert in_world(test, pending=99).log == ["send 1"]
    assert in_world(test, pending=100).log == ["send 1", "append 1", "ack a"]


def test_a_backlog_of_checkpoints_makes_processing_wait_for_the_broker() -> None:
    async def test(world: World) -> None:
        world.append_gate.clear()
        world.work.process(world.slice("a"))
        taking = asyncio.create_task(world.work.after_slice())
        await turns()
        assert not taking.done()
        world.append_gate.set()
        await taking

    in_world(test, pending=BACKLOG_CHECKPOINTS * LIMITS.max_bytes)


def test_the_oldest_slice_waits_no_longer_than_the_interval_also_when_idle() -> None:
    async def test(world: World) -> None:
        world.work.process(world.slice("a"))
        await world.work.after_slice()
        async with asyncio.timeout(5):
            while world.log[-1] != "ack a":  # noqa: ASYNC110 (a log is watched, not awaited)
                await asyncio.sleep(0)

    in_world(test, interval_s=0.001)


def test_nothing_is_written_for_a_group_that_threw_us_out() -> None:
    async def test(world: World) -> None:
        world.work.process(world.slice("a"))
        await world.work.after_slice()
        world.member = False
        await world.work.flush()
        world.work._start_checkpoint()
        await turns()

    assert in_world(test).log == ["send 1"]


def test_a_send_that_was_cancelled_is_repeated_by_the_checkpoint() -> None:
    async def test(world: World) -> None:
        real = world.send
        gate = asyncio.Event()

        async def slow(record: Outgoing) -> Awaitable[None]:
            await gate.wait()
            return await real(record)

        world.work._ports = WorkPorts(send=slow, append=world.append, may_write=lambda: True)
        world.work.process(world.slice("a"))
        taking = asyncio.create_task(world.work.after_slice())
        await turns()
        taking.cancel()
        gate.set()
        await world.work.flush()

    assert in_world(test).log == ["send 1", "append 1", "ack a"]


def test_dropped_work_acknowledges_nothing_any_more() -> None:
    async def test(world: World) -> None:
        world.append_gate.clear()
        world.work.process(world.slice("a"))
        world.work._start_checkpoint()
        await turns()
        world.work.drop()
        world.append_gate.set()
        await turns()

    assert in_world(test).log == ["send 1", "append 1"]


def test_what_is_concluded_from_time_alone_is_sent_and_made_durable() -> None:
    async def test(world: World) -> None:
        world.processor.concluded = (Outgoing("findings", b"f", b""),)
        world.work.pass_time({"left": 5})
        await world.work.flush()

    world = in_world(test)
    assert world.processor.read_ms == {"left": 5}
    assert world.log == ["send f", "append 0"]


def test_time_that_changes_nothing_writes_nothing() -> None:
    async def test(world: World) -> None:
        world.work.pass_time({"left": 5})
        await world.work.flush()

    assert in_world(test).log == []


def test_time_that_changes_the_state_alone_is_written_at_the_quiet_interval() -> None:
    async def test(world: World) -> None:
        world.work.pass_time({"left": 5})
        await asyncio.sleep(0.05)

    assert in_world(test, pending=10, quiet_interval_s=0.01).log[:1] == ["append 0"]
    assert in_world(test, pending=10, interval_s=0.01).log == []


def test_a_slice_does_not_wait_for_the_quiet_interval() -> None:
    async def test(world: World) -> None:
        world.work.pass_time({"left": 5})
        world.work.process(world.slice("a"))
        await asyncio.sleep(0.05)

    log = in_world(test, pending=10, interval_s=0.01).log
    assert log == ["send 1", "append 1", "ack a"]


def test_what_comes_after_a_pause_is_durable_at_once_and_what_follows_waits_its_turn() -> None:
    waits: list[float] = []

    async def test(world: World) -> None:
        loop = asyncio.get_running_loop()
        for pause_s in (100.0, 0.0, 20.0):
            world.work._begun_s -= pause_s
            world.work.process(world.slice("a"))
            assert world.work._timer is not None
            waits.append(world.work._timer.when() - loop.time())
            await world.work.flush()

    in_world(test, interval_s=60.0)
    after_a_pause, at_once, after_a_third = waits
    assert after_a_pause <= GATHER_S
    assert 59.0 < at_once <= 60.0
    assert 39.0 < after_a_third <= 40.0


def test_while_many_records_wait_anywhere_checkpoints_are_rarer_and_larger() -> None:
    waits: list[float] = []

    async def test(world: World) -> None:
        loop = asyncio.get_running_loop()
        for lag, pending in ((5_000, 1599), (5_000, 1600), (4_096, 100)):
            world.processor.pending = pending
            # They wait in another topic than the one that is read here.
            world.status.positions["right", 3] = Position(1, 1 + lag)
            world.work.process(world.slice("a"))
            assert world.work._timer is not None
            waits.append(world.work._timer.when() - loop.time())
            await world.work.after_slice()
            await turns()

    world = in_world(test, interval_s=60.0)
    assert [line for line in world.log if line.startswith("append")] == ["append 2", "append 3"]
    assert waits == pytest.approx([240, 240, 60], abs=1)


def test_an_unacknowledged_slice_keeps_none_of_its_bytes() -> None:
    async def test(world: World) -> None:
        event = world.slice("a")
        event.value = event.message.records
        world.work.process(event)
        assert not event.value
        assert not event.message.records

    in_world(test)
