"""Faust's consumer, corrected where it would lose or double slices.

Each correction names the fault of faust-streaming 0.15.3 that it removes; tests show the fault on the
stock class and its absence here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.fetched_records import FetchedRecords
from streams.fetching import install_raw_records
from streams.in_step import InStep
from streams.observing import Position, WorkerStatus
from streams.produce_requests import install_flat_requests
from streams.slices import RecordSlice, SliceMessage, SliceScheduler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from streams.kafka_clock import KafkaClock

# Faust asks the broker to hold an empty fetch for 1.5 s; a partition that joins the fetch (after a
# seek or a pause) waits for the answer to the one under way.
FETCH_MAX_WAIT_MS = 250
# A slice costs a millisecond however small it is. At a low rate the broker gathers records for the
# quarter of a second above instead of answering for each; under load an answer is full at once.
FETCH_MIN_BYTES = 262_144
# Wait for the flow that is behind only so long before asking again which one that is.
NARROW_TIMEOUT_S = 0.1
# Longest time that the commit before giving up partitions may take.
COMMIT_TIMEOUT_S = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceBinding:
    """What the consumer needs to know of the app; found as `app.binding`.

    Attributes:
        slice_topics: topics whose records travel in slices.
        replay_topics: slice topics without commits, read from their start at each assignment.
        step_groups: co-partitioned topics that are read in step (`streams.in_step`).
        slice_max_records: most records in one slice.
        idempotent: whether Kafka grants producer ids.
        status: positions of the sources, kept in step.
        clock: the time by which records are judged.
        finish: awaited before partitions are given up; checkpoints and settles slices.
    """

    slice_topics: frozenset[str]
    replay_topics: frozenset[str]
    step_groups: tuple[tuple[str, ...], ...]
    slice_max_records: int
    idempotent: bool
    status: WorkerStatus
    clock: KafkaClock
    finish: Callable[[], Awaitable[None]]


class SliceConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns aiokafka's consumer."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        install_raw_records(self.app.binding.slice_topics)
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # noqa: SLF001  # Faust hard-codes 1500
        consumer._fetch_min_bytes = FETCH_MIN_BYTES  # noqa: SLF001  # Faust has no setting for it
        return consumer

    def read_until_ms(self, tp: TP, next_offset: int) -> int | None:
        """When the broker last said that its log ends at `next_offset`, ms by Kafka's clock."""
        consumer = self._ensure_consumer()
        partition = driver.ensure_aiokafka_TP(tp)
        if partition not in consumer.assignment():
            return None
        # The moment before the end: the other thread may renew both in between, in the other order.
        polled_ms = consumer.last_poll_timestamp(partition)
        end = consumer.highwater(partition)
        if polled_ms is None or end is None or next_offset < end:
            return None
        found: int | None = self.app.binding.clock.then_ms(int(polled_ms))
        return found

    async def seek_to_start(self, partitions: Iterable[TP]) -> Mapping[TP, int]:
        """Go to the first offset of each partition and say which it is."""
        return dict(await self.call_thread(self._seek_to_start, list(partitions)))

    async def _seek_to_start(self, partitions: list[TP]) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        found = await consumer.beginning_offsets([driver.ensure_aiokafka_TP(p) for p in partitions])
        for tp, offset in found.items():
            consumer.seek(tp, offset)
        return {TP(tp.topic, tp.partition): offset for tp, offset in found.items()}

    def member_generation(self) -> int:
        """The generation that the group coordinator granted; -1 once it threw us out."""
        return int(self._ensure_consumer()._coordinator.generation)  # noqa: SLF001  # no public way


class SliceConsumer(driver.Consumer):  # type: ignore[misc]
    """A consumer of slices that commits exactly what the shell settled.

    Attributes:
        revocations: how often partitions were given up; tells a stale recovery from the current one.
    """

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        self.binding: SliceBinding = transport.app.binding
        self._in_flight: dict[TP, deque[SliceMessage]] = defaultdict(deque)
        self._retry: dict[TP, int] = {}
        self._in_step = InStep(self.binding.step_groups)
        self.revocations = 0
        super().__init__(transport, *args, **kwargs)
        self.scheduler = SliceScheduler(self.binding.slice_topics, self.binding.slice_max_records)

    def _new_consumer_thread(self) -> Any:
        return SliceConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _is_sliced(self, tp: TP) -> bool:
        return tp.topic in self.binding.slice_topics

    def is_member(self) -> bool:
        """Whether the group still counts us as the owner of our partitions."""
        return bool(self._thread.member_generation() == self.app.consumer_generation_id)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        # Faust shares the live set with aiokafka's thread. If all partitions are paused while the
        # thread waits, the set is empty, which aiokafka takes for "any partition": records of paused
        # sources are fetched, dropped by Faust, and their positions have moved on.
        active = frozenset(active_partitions or ())
        if not active:
            return {}
        wanted = self._in_step.choose(active, self._end_of, time.monotonic())
        if len(wanted) < len(active):
            timeout = min(timeout, NARROW_TIMEOUT_S)
        found = await super()._getmany(wanted, timeout)
        for tp, records in found.items():
            last = records[-1]
            self._in_step.took(tp, last.offset + 1, last.timestamp)
        return found

    def _end_of(self, place: tuple[str, int]) -> int | None:
        """The end of a source's log: as the last fetch told it, or as it was at the assignment."""
        position = self.binding.status.positions.get(place)
        told: int | None = self.highwater(TP(*place))
        return told if position is None else max(told or 0, position.highwater)

    def _to_message(self, tp: TP, record: Any) -> Any:
        if not isinstance(record, (RecordSlice, FetchedRecords)):
            return super()._to_message(tp, record)
        message = SliceMessage(
            record,
            tp,
            highwater=self.highwater(tp),
            generation_id=self.app.consumer_generation_id,
        )
        read = self._read_offset[tp]
        # `_drain_messages` drops what lies below the read offset; such a slice would stay in flight
        # for ever and no commit would pass it (B18).
        if tp.topic not in self.binding.replay_topics and (read is None or message.offset >= read):
            self._in_flight[tp].append(message)
        return message

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        # Slices need no gaps: their order is that of the in-flight queue (B3, B4).
        if not self._is_sliced(tp):
            await super()._add_gap(tp, offset_from, offset_to)

    def settle(self, message: SliceMessage) -> bool:
        """Take note that `message` is acknowledged; `_new_offset` finds it by itself."""
        self._unacked_messages.discard(message)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterable[TP]:
        plain = [
            tp for tp in super()._filter_tps_with_pending_acks(topics) if not self._is_sliced(tp)
        ]
        sliced = [
            tp
            for tp in {*self._in_flight, *self._retry}
            if topics is None or tp in topics or tp.topic in topics
        ]
        return [*plain, *sliced]

    def _new_offset(self, tp: TP) -> int | None:
        """The offset after the last slice of the settled run at the head (B2, B3, B4)."""
        if not self._is_sliced(tp):
            found: int | None = super()._new_offset(tp)
            return found
        offset = self._retry.get(tp)
        queue = self._in_flight[tp]
        while queue and queue[0].settled:
            offset = queue.popleft().next_offset
        return offset

    async def _commit_offsets(
        self, offsets: Mapping[TP, int], start_new_transaction: bool = True
    ) -> bool:
        """Commit; what the broker refused is offered again with the next commit (B5).

        The producer needs no flush here: a slice is settled only after everything that it caused is
        confirmed, and Faust's flush would not guarantee that (B6).
        """
        del start_new_transaction
        assignment = self.assignment()
        wanted = {tp: offset for tp, offset in offsets.items() if tp in assignment}
        if not wanted:
            return False
        self._retry.update(wanted)
        if not await self._commit(wanted):
            return False
        for tp, offset in wanted.items():
            if self._retry.get(tp) == offset:
                del self._retry[tp]
        self._committed_offset.update(wanted)
        self.app.tables.on_commit(wanted)
        self.app.monitor.on_tp_commit(wanted)
        return True

    async def commit_settled(self) -> None:
        """Commit everything settled so far, also when a commit is under way.

        Faust's `commit` returns without committing when it had to wait for another one. While Kafka
        is away this gives up: the state is durable already, and knows what it has seen.
        """
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await self.maybe_wait_for_commit_to_finish()
                await self.force_commit()
        except TimeoutError:
            logger.warning("the last offsets could not be committed; they will be read again")

    async def perform_seek(self) -> None:
        """Return each source to its committed offset, or to its start where there is none.

        aiokafka leaves a partition without a commit where it stands, so records that were fetched
        and dropped would never be read again.
        """
        self._in_flight.clear()
        self._retry.clear()
        self._in_step.forget()
        await super().perform_seek()
        sources = [tp for tp in self.assignment() if self._is_sliced(tp)]
        fresh = [
            tp
            for tp in sources
            if not self._read_offset[tp] or tp.topic in self.binding.replay_topics
        ]
        starts = await self._thread.seek_to_start(fresh) if fresh else {}
        for tp in fresh:
            self._read_offset[tp] = starts[tp] or None
        ends = await self.highwaters(*sources) if sources else {}
        for tp in sources:
            next_offset = self._read_offset[tp] or 0
            self._in_step.begin(tp, next_offset)
            self.binding.status.positions[tp.topic, tp.partition] = Position(
                next_offset=next_offset, highwater=ends.get(tp) or 0
            )

    async def refresh_highwaters(self) -> None:
        """Ask Kafka for the ends of the sources' logs and note them in `status`.

        Raises:
            KafkaError: Kafka did not answer.
        """
        sources = [TP(*key) for key in self.binding.status.positions]
        if not sources:
            return
        for tp, end in (await self.highwaters(*sources)).items():
            position = self.binding.status.positions.get((tp.topic, tp.partition))
            if position is not None and end is not None:
                position.highwater = end

    def read_until_ms(self, topic: str, partition: int, next_offset: int) -> int | None:
        """See `agents.shells.Shell.pass_time`; without margin for records on their way."""
        found: int | None = self._thread.read_until_ms(TP(topic, partition), next_offset)
        return found

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit before Faust forgets what was acknowledged (B1)."""
        self.revocations += 1
        self.binding.status.phase = "rebalancing"
        self._in_step.forget()
        if revoked:
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            await self.binding.finish()
            if self.is_member():
                await self.commit_settled()
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._in_flight.pop(tp, None)
            self._retry.pop(tp, None)
        self.binding.status.positions.clear()


class SliceProducer(driver.Producer):  # type: ignore[misc]
    """A producer whose retries neither reorder nor (if Kafka can) double a partition's records.

    aiokafka has one batch per partition under way and puts a refused one back at the head, so order
    holds without idempotence too.
    """

    def _new_producer(self, *args: Any, **kwargs: Any) -> Any:
        install_flat_requests()
        return super()._new_producer(*args, **kwargs)

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": self.app.binding.idempotent}


class SliceTransport(driver.Transport):  # type: ignore[misc]
    """The transport of an app that has a `binding`."""

    Consumer: ClassVar[type[Any]] = SliceConsumer
    Producer: ClassVar[type[Any]] = SliceProducer
