"""A Faust agent as its documentation shows one: an event at a time, counts in tables.

The tables' changelog is written before the offset is committed, so kill -9 loses nothing and counts
again whatever was not committed yet.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import faust

from tests.benchmarks.peers.work import (
    MINUTE_MS,
    Order,
    ParisDays,
    Progress,
    Result,
    is_look,
    readers,
)


def create_app(order: Order) -> faust.App:
    app = faust.App(
        order.group,
        broker=f"kafka://{order.bootstrap}",
        store="memory://",
        datadir=str(order.state),
        topic_partitions=order.partitions,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
    )
    read = {order.prefix + flow: (flow, reader) for flow, reader in readers().items()}
    events = app.topic(*read, value_serializer="raw", key_serializer="raw")
    # Tables of the partition that the event came from, as its key is the structure.
    minutes = app.Table("minutes", default=int, partitions=order.partitions)
    seen = app.Table("seen", default=int, partitions=order.partitions)
    patients = app.Table("patients", default=int, partitions=order.partitions)
    days, progress = ParisDays(), Progress(order.progress)

    async def count(stream: Any) -> None:
        done = 0
        async for event in stream.events():
            flow, reader = read[event.message.topic]
            record = reader(event.value)
            time_ms = record["occurred_at"]
            place = f"{time_ms // MINUTE_MS}|{flow}|{record['sector']}|{record['department']}"
            minutes[place] += 1
            if is_look(flow, record):
                person = record["actor_pid"] or ""
                account = f"{days.of(time_ms)}|{flow}|{record['structure_pid']}|{person}"
                patient = f"{account}|{record['patient_pid']}"
                if patient not in seen:
                    seen[patient] = 1
                    patients[account] += 1
            done += 1
            progress.note(done)
            if done == order.events:
                progress.end(done)
                _result(done, minutes, patients).write(order.result)

    app.agent(events)(count)
    return app


def _result(done: int, minutes: Any, patients: Any) -> Result:
    """The tables' contents; a minute's cell has a part in each partition, under one key here."""
    counts = Counter({_key(key): n for key, n in minutes.items()})
    return Result(done, dict(counts), {_key(key): n for key, n in patients.items()})


def _key(text: str) -> tuple[int, str, str, str]:
    number, flow, one, two = text.split("|")
    return int(number), flow, one, two


if __name__ == "__main__":
    application = create_app(Order.from_environment())
    sys.argv = [sys.argv[0], "worker", "--loglevel", "warn", "--without-web"]
    application.main()
