"""What the framework costs per event: `python -m tests.benchmarks.slices [events]`.

Kafka is a log in memory, so that nothing but Faust's own path is measured, from the fetch to the
acknowledgement: fetched records, scheduler, message, conductor, queue, stream, agent, commit. Once with
a stock agent on raw bytes, once with slices through the shell; neither looks at the events.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import mode
from faust.types import TP

from agents.shells import ProcessorGroup
from streams.processing import Checkpoint
from tests.support.fake_transport import FakeRecord, slice_app, stock_app

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.processing import Outgoing, Record

PARTITIONS = 4
FETCH_RECORDS = 4096
SOURCES = tuple(TP("left", partition) for partition in range(PARTITIONS))


class NoWork:
    """A processor that only counts what passes."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.count = 0

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        del entries, owner

    def process(self, topic: str, records: Sequence[Record]) -> Sequence[Outgoing]:
        del topic
        self.count += len(records)
        return ()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint((), token=None)

    def confirm(self, token: object) -> None:
        del token

    def applied(self, topic: str) -> int:
        del topic
        return 0

    def pending_bytes(self) -> int:
        return 0


def feed(consumer: Any, events: int) -> None:
    """Make the fake Kafka return `events` records, a fetch of every partition at a time."""
    per_partition = events // PARTITIONS
    value = bytes(120)
    logs = {
        tp: [FakeRecord(tp.topic, tp.partition, n, value=value) for n in range(per_partition)]
        for tp in SOURCES
    }
    position = 0

    async def getmany(_active: Any, _timeout: float) -> Any:
        nonlocal position
        start, position = position, min(position + FETCH_RECORDS, per_partition)
        if start == position:
            await asyncio.sleep(0.005)
            return {}
        return {tp: log[start:position] for tp, log in logs.items()}

    consumer._thread.getmany = getmany
    consumer._thread.assigned = set(SOURCES)
    consumer._thread.ends = dict.fromkeys(SOURCES, per_partition)


async def run(app: Any, channel: Any, agent: Any, events: int) -> float:
    """Seconds until everything is committed."""
    consumer = app.consumer
    feed(consumer, events)
    app.topics.add(channel)
    await app.topics._update_indices()
    await app.topics.on_partitions_assigned(set(SOURCES))
    consumer.resume_partitions(SOURCES)
    consumer.resume_flow()
    tasks = [
        asyncio.create_task(agent),
        asyncio.create_task(consumer._drain_messages(mode.Service())),
    ]
    started = time.perf_counter()
    while sum(consumer._thread.committed.values()) < events:
        await asyncio.sleep(0.02)
        await consumer.commit()
    seconds = time.perf_counter() - started
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seconds


async def measure_stock(events: int) -> float:
    app = stock_app("left")
    app.producer.flush = _nothing
    channel = app.topic("left", value_serializer="raw").clone(is_iterator=True)
    seen = 0

    async def agent() -> None:
        nonlocal seen
        async for _ in app.stream(channel):
            seen += 1

    return await run(app, channel, agent(), events)


async def measure_slices(events: int) -> float:
    app = slice_app((ProcessorGroup(("left",), "work", NoWork),))
    for partition in sorted({tp.partition for tp in SOURCES}):
        await app.shell.adopt("work", partition, {})
    (agent,) = app.agents.values()
    channel = agent.channel.clone(is_iterator=True)
    return await run(app, channel, agent.fun(app.stream(channel)), events)


async def _nothing() -> None:
    return None


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    few = max(20_000, events // 50)
    few -= few % PARTITIONS
    stock = asyncio.run(measure_stock(few)) / few
    slices = asyncio.run(measure_slices(events)) / events
    print(f"stock agent  {stock * 1e6:9.2f} µs/event  {1 / stock:12,.0f} events/s")
    print(f"slices       {slices * 1e6:9.2f} µs/event  {1 / slices:12,.0f} events/s")
    print(f"             {stock / slices:9.0f} times")


if __name__ == "__main__":
    main()
