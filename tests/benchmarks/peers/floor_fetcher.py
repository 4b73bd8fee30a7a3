"""The floor under the worker: the same bytes through its fetcher (aiokafka, columns), used by nobody."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer

from streams.collector import collect_seldom
from streams.fetching import install_raw_records
from streams.settings import Settings
from tests.benchmarks.peers.work import Order, Progress, Result


async def consume(order: Order) -> None:
    collect_seldom()
    install_raw_records(frozenset(order.flow_of_topic))
    settings = Settings(kafka_bootstrap=order.bootstrap)
    consumer = AIOKafkaConsumer(
        *order.flow_of_topic,
        bootstrap_servers=order.bootstrap,
        group_id=order.group,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=settings.fetch_max_bytes,
        check_crcs=True,
    )
    await consumer.start()
    progress, done = Progress(order.progress), 0
    while done < order.events:
        records = await consumer.getmany(timeout_ms=200)
        done += sum(map(len, records.values()))
        progress.note(done)
    progress.end(done)
    await consumer.stop()
    Result(done, {}, {}).write(order.result)


if __name__ == "__main__":
    asyncio.run(consume(Order.from_environment()))
