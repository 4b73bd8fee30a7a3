"""A Faust agent as its documentation shows one, counting what Vigie's rates count.

Started by throughput.py, which reads how many events it has counted from a file.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import fastavro
import faust

from streams.schemas import Schemas
from streams.topics import FLOWS
from streams.wire import SINGLE_OBJECT_BYTES

REPORT_EVERY = 200
MINUTE_MS = 60_000


def create_app(bootstrap: str, partitions: int, progress: Path) -> faust.App:
    app = faust.App(
        "stock",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=str(progress.parent / "faust"),
        topic_partitions=partitions,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
    )
    schemas = Schemas.load()
    readers = {flow: schemas.of_flow(flow).plain for flow in FLOWS}
    events = app.topic(*FLOWS, value_serializer="raw", key_serializer="raw")
    # Tables of the partition that the event came from, as its key is the structure.
    counts = app.Table("counts", default=int, partitions=partitions)
    accounts = app.SetTable("accounts", partitions=partitions)
    done = 0

    async def count(stream: Any) -> None:
        nonlocal done
        async for event in stream.events():
            flow = event.message.topic
            body = io.BytesIO(event.value[SINGLE_OBJECT_BYTES:])
            record: Any = fastavro.schemaless_reader(body, readers[flow])
            minute = record["occurred_at"] // MINUTE_MS
            counts[f"{minute}/{flow}/{record['sector']}/{record['outcome']}"] += 1
            if record["actor_pid"] is not None:
                accounts[f"{flow}/{record['sector']}"].add(record["actor_pid"])
            done += 1
            if done % REPORT_EVERY == 0:
                progress.write_text(str(done))  # noqa: ASYNC240 (a few bytes, every 200 events)

    app.agent(events)(count)
    return app


if __name__ == "__main__":
    application = create_app(
        os.environ["STOCK_BOOTSTRAP"],
        int(os.environ["STOCK_PARTITIONS"]),
        Path(os.environ["STOCK_PROGRESS"]),
    )
    sys.argv = [sys.argv[0], "worker", "--loglevel", "warn", "--without-web"]
    application.main()
