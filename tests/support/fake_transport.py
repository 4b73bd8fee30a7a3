"""Kafka without Kafka: Faust's real consumer classes on a log in memory.

`FakeThread` stands where Faust has the thread that owns aiokafka's consumer. Everything above it (acks,
commits, seeks, revocation) is the real code, stock or ours. Nothing happens by itself: tests call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import faust
import mode
from faust.transport.drivers import aiokafka as driver

from streams.app import SliceApp, create_app
from streams.consumer import SliceConsumer, SliceTransport
from streams.settings import Settings
from streams.slices import RecordSlice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from faust.types import TP

    from agents.shells import ProcessorGroup, Subscription

SETTINGS = Settings(kafka_bootstrap="kafka.invalid:9092", partitions=2)


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """A Kafka record with the fields that aiokafka's has."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 1_700_000_000_000
    key: bytes | None = None
    value: bytes | None = b""
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_type: int = 0
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


class FakeThread(mode.Service):  # type: ignore[misc]  # mode ships no types
    """Answers for Kafka; what it is asked to do can be read off it."""

    def __post_init__(self) -> None:
        self.assigned: set[TP] = set()
        self.committed: dict[TP, int] = {}
        self.commits: list[dict[TP, int]] = []
        self.commit_fails = False
        self.starts: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}
        self.sought: dict[TP, int] = {}
        self.asked: list[Any] = []
        self.timeouts: list[float] = []
        self.found: dict[TP, list[FakeRecord]] = {}
        self.generation = 1
        self.polled_ms: int | None = None

    def assignment(self) -> set[TP]:
        return self.assigned

    def highwater(self, tp: TP) -> int:
        return self.ends.get(tp, 0)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: self.highwater(tp) for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return {tp: self.starts.get(tp, 500) for tp in partitions}

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.commit_fails:
            return False
        self.commits.append(dict(offsets))
        self.committed.update(offsets)
        return True

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        return {tp: self.committed.get(tp) for tp in self.assigned}

    async def seek_to_start(self, partitions: Iterable[TP]) -> Mapping[TP, int]:
        found = {tp: self.starts.get(tp, 0) for tp in partitions}
        self.sought.update(found)
        return found

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.sought.update(partitions)

    async def getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        self.asked.append(active_partitions)
        self.timeouts.append(timeout)
        return self.found

    def read_until_ms(self, tp: TP, next_offset: int) -> int | None:
        return self.polled_ms if next_offset >= self.ends.get(tp, 0) else None

    def member_generation(self) -> int:
        return self.generation


class FakeStockConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's own consumer on a fake thread."""

    def _new_consumer_thread(self) -> FakeThread:
        return FakeThread(loop=self.loop, beacon=self.beacon)


class FakeSliceConsumer(SliceConsumer):
    """Our consumer on a fake thread."""

    def _new_consumer_thread(self) -> FakeThread:
        return FakeThread(loop=self.loop, beacon=self.beacon)


class FakeStockTransport(driver.Transport):  # type: ignore[misc]
    Consumer = FakeStockConsumer


class FakeSliceTransport(SliceTransport):
    Consumer = FakeSliceConsumer


def stock_app(*topics: str) -> Any:
    """A stock Faust app that consumes `topics` from a fake Kafka; needs a running loop."""
    app = faust.App("stock", broker="kafka://kafka.invalid:9092", stream_wait_empty=False)
    app.transport = FakeStockTransport(app.conf.broker_consumer, app)
    return _ready(app, topics)


def slice_app(
    groups: Sequence[ProcessorGroup] = (),
    subscriptions: Sequence[Subscription] = (),
    **options: Any,
) -> SliceApp:
    """Our app on a fake Kafka; needs a running loop."""
    app = create_app(SETTINGS, groups, subscriptions=subscriptions, **options)
    app.transport = FakeSliceTransport(app.conf.broker_consumer, app)
    _ready(app, [topic for group in groups for topic in group.topics])
    return app


def _ready(app: Any, topics: Iterable[str]) -> Any:
    app.finalize()
    app.consumer_generation_id = 1
    app.topics.acking_topics.update(topics)
    app.flow_control.resume()
    return app


def records(tp: TP, start: int, stop: int) -> RecordSlice:
    """Records with the offsets `[start, stop)`."""
    return RecordSlice(FakeRecord(tp.topic, tp.partition, offset) for offset in range(start, stop))


def deliver(consumer: Any, tp: TP, start: int, stop: int) -> Any:
    """Make the message of one slice, as if it had been fetched and handed to an agent."""
    message = consumer._to_message(tp, records(tp, start, stop))  # Faust's hook
    message.incref()
    consumer.track_message(message)
    return message


def deliver_plain(consumer: Any, tp: TP, offset: int) -> Any:
    """The same for one record on Faust's own path."""
    record = FakeRecord(tp.topic, tp.partition, offset)
    message = consumer._to_message(tp, record)  # Faust's hook
    message.incref()
    consumer.track_message(message)
    return message
