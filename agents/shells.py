"""The one Faust shell around every processor: slice in, outgoing out, checkpoint, acknowledge.

It knows no topic and no detector; groups of processors are data. Nothing is acknowledged before all
that it caused is confirmed by the broker: the outgoing records and the state (design: exact, whatever
dies). Faust's parts come in as `Ports`, so that the order of things is tested without Kafka.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from agents.partition_work import PartitionWork, WorkLimits, WorkPorts
from streams.errors import StateError
from streams.observing import Observer, Position, WorkerStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streams.processing import Processor, Record


@dataclass(frozen=True, slots=True)
class ProcessorGroup:
    """Co-partitioned topics that share one processor per partition number.

    Attributes:
        topics: all have the same partition count; one worker gets the same partition of each.
        table_name: name of the changelog table, and of the group in logs and metrics.
        build: makes the empty processor of a partition number.
        partitions: how many the topics have; `None` for the settings' common count.
        adopted: told a partition number and its processor once its state is recovered; until then
            another thread has it.
    """

    topics: tuple[str, ...]
    table_name: str
    build: Callable[[int], Processor]
    partitions: int | None = None
    adopted: Callable[[int, Any], None] = lambda _partition, _processor: None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A compacted topic that is read from its start whenever it is assigned, without state.

    Attributes:
        topic: its name.
        take: gets the partition and a slice's records; must not raise for bad input.
        reset: called at each assignment, before the first slice, and when the topic goes away.
    """

    topic: str
    take: Callable[[int, Sequence[Record]], None]
    reset: Callable[[], None]


class SliceEvent(Protocol):
    """A Faust event that carries a slice."""

    @property
    def message(self) -> Any:
        """The `streams.slices.SliceMessage`."""

    def ack(self) -> bool:
        """Acknowledge the slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports(WorkPorts):
    """What the shell needs of the world, beside what a partition's work needs.

    Attributes:
        fail: ends the worker; called with the reason, returns only in tests.
        generation: the group's generation, which grows from owner to owner of a partition.
    """

    fail: Callable[[BaseException], Awaitable[None]]
    generation: Callable[[], int]


class Shell:
    """Drives the processors of the partitions that are assigned to this worker.

    Args:
        groups: what to process.
        subscriptions: what to listen to.
        limits: when to checkpoint.
        finish_timeout_s: longest time that giving up partitions may take.
        ports: sends, appends and ends.
        observer: told what happens.
        status: positions are kept in it.
    """

    def __init__(
        self,
        groups: Sequence[ProcessorGroup],
        subscriptions: Sequence[Subscription],
        *,
        limits: WorkLimits,
        finish_timeout_s: float,
        ports: Ports,
        observer: Observer,
        status: WorkerStatus,
    ) -> None:
        self._group_of_table = {group.table_name: group for group in groups}
        self._group_of_topic = {topic: group for group in groups for topic in group.topics}
        self._subscriptions = {item.topic: item for item in subscriptions}
        self._limits = limits
        self._finish_timeout_s = finish_timeout_s
        self._ports = ports
        self._observer = observer
        self._status = status
        self._works: dict[tuple[str, int], PartitionWork] = {}
        self._failed = False
        self._farewells = 0
        self._rebalanced_at = time.monotonic()

    async def adopt(self, table_name: str, partition: int, entries: Mapping[bytes, bytes]) -> bool:
        """Build the processor of a newly assigned partition from its changelog entries.

        Returns:
            Whether the assignment still stands; not if partitions were given up meanwhile.

        Raises:
            StateError: the entries contradict each other.
        """
        group = self._group_of_table[table_name]
        farewells = self._farewells
        processor = group.build(partition)
        # In a thread: a big state takes many seconds, and the loop must go on answering.
        await asyncio.to_thread(processor.recover, entries, owner=self._ports.generation())
        if self._farewells != farewells:
            return False
        group.adopted(partition, processor)
        self._works[table_name, partition] = PartitionWork(
            table_name,
            partition,
            processor,
            limits=self._limits,
            ports=self._ports,
            observer=self._observer,
            status=self._status,
            fail=self._fail,
        )
        self._observer.recovered(
            table_name,
            partition,
            entries=len(entries),
            size_bytes=sum(len(key) + len(value) for key, value in entries.items()),
            seconds=time.monotonic() - self._rebalanced_at,
        )
        for topic in group.topics:
            self._observer.assigned(topic, partition)
        return True

    def begin_assignment(self) -> None:
        """Note that partitions are being assigned; recovery times count from here."""
        self._rebalanced_at = time.monotonic()
        for item in self._subscriptions.values():
            item.reset()

    async def take(self, event: SliceEvent) -> None:
        """Process one slice and send what it caused; checkpoint if that is due."""
        if self._failed:
            return
        try:
            await self._take(event)
        except Exception as exc:  # noqa: BLE001  # whatever it is, going on would lose the slice
            await self._fail(exc)

    async def _take(self, event: SliceEvent) -> None:
        message = event.message
        topic, partition, records = message.topic, message.partition, message.records
        started = time.perf_counter()
        subscription = self._subscriptions.get(topic)
        if subscription is not None:
            subscription.take(partition, records)
        else:
            work = self._works.get((self._group_of_topic[topic].table_name, partition))
            if work is None:
                if self._status.ready:
                    raise StateError(f"{topic}: a slice of a partition that has no processor")
                return  # fetched before a rebalance took the partition; it will be fetched again
            work.process(event)
        seconds = time.perf_counter() - started
        next_offset, highwater = message.next_offset, message.highwater
        self._note_position(topic, partition, next_offset, highwater)
        self._observer.slice_processed(
            topic,
            partition,
            records=len(records),
            seconds=seconds,
            next_offset=next_offset,
            highwater=highwater,
        )
        if subscription is None and work is not None:
            await work.after_slice()

    async def pass_time(self, read_until_ms: Callable[[str, int, int], int | None]) -> None:
        """Tell every processor how far its topics were read.

        Args:
            read_until_ms: of a topic, a partition and the offset after the last record processed, the
                log time before which no other record can come; `None` where records wait.
        """
        if self._failed:
            return
        try:
            for work in list(self._works.values()):
                read_ms = {}
                for topic in self._group_of_table[work.group].topics:
                    position = self._status.positions.get((topic, work.partition))
                    if position is None:
                        continue
                    ms = read_until_ms(topic, work.partition, position.next_offset)
                    if ms is not None:
                        read_ms[topic] = ms
                if read_ms:
                    work.pass_time(read_ms)
                    await work.after_slice()
        except Exception as exc:  # noqa: BLE001  # see `take`
            await self._fail(exc)

    def _note_position(self, topic: str, partition: int, next_offset: int, end: int) -> None:
        position = self._status.positions.get((topic, partition))
        if position is None:
            self._status.positions[topic, partition] = Position(next_offset, end)
        else:
            position.next_offset = next_offset
            position.highwater = max(position.highwater, end)

    async def finish(self) -> None:
        """Checkpoint and acknowledge everything processed, then forget all partitions.

        Called when partitions are revoked and when the worker stops. If it cannot be done in time,
        or if the group has thrown us out while a checkpoint was on its way, the worker ends: a
        write that arrives late would mix with those of the partition's next owner.
        """
        self._farewells += 1
        works = list(self._works.values())
        try:
            if self._failed:
                return
            if self._ports.may_write():
                async with asyncio.timeout(self._finish_timeout_s):
                    await asyncio.gather(*(work.flush() for work in works))
            elif any(work.is_writing for work in works):
                await self._fail(StateError("thrown out of the group while writing a checkpoint"))
        except TimeoutError:
            await self._fail(StateError("the last checkpoints were not confirmed in time"))
        except Exception as exc:  # noqa: BLE001  # see `take`
            await self._fail(exc)
        finally:
            for work in works:
                work.drop()
                for topic in self._group_of_table[work.group].topics:
                    self._observer.revoked(topic, work.partition)
            self._works.clear()
            for item in self._subscriptions.values():
                item.reset()

    async def _fail(self, exc: BaseException) -> None:
        if not self._failed:
            self._failed = True
            await self._ports.fail(exc)
