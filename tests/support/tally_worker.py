"""A worker whose processor only tallies: its state is one changelog record per partition.

Run as `python -m tests.support.tally_worker`; settings come from the environment. Prints `ready`
each time that it is. How many records each slice had goes to the topic `echo`, to which it listens
itself; when it stops it prints the records that it heard there since its partitions were assigned.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import orjson

from agents.shells import ProcessorGroup, Subscription
from streams.app import run_worker
from streams.logs import configure_logging
from streams.processing import Checkpoint, Outgoing, Record
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from streams.observing import WorkerStatus

TOPICS = ("left", "right")
TABLE = "tally"
ECHO = "echo"
STATE_KEY = b"state"


class TallyProcessor:
    """Counts records and sums the numbers they carry; remembers each topic's applied offset."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.count = 0
        self.total = 0
        self.offsets: dict[str, int] = {}
        self.pending = 0
        self.owner = 0

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        self.owner = owner
        if STATE_KEY in entries:
            state = orjson.loads(entries[STATE_KEY])
            self.count, self.total, self.offsets = state["count"], state["total"], state["offsets"]

    def process(self, topic: str, records: Sequence[Record]) -> Sequence[Outgoing]:
        fresh = [record for record in records if record.offset >= self.applied(topic)]
        if not fresh:
            return ()
        self.count += len(fresh)
        self.total += sum(int(record.value or b"0") for record in fresh)
        self.offsets[topic] = fresh[-1].offset + 1
        self.pending += 100 * len(fresh)
        key = f"{topic}-{self.partition}-{fresh[-1].offset}".encode()
        return (Outgoing(ECHO, key, b"%d" % len(fresh), (("from", topic.encode()),)),)

    def pass_time(self, read_ms: Mapping[str, int]) -> Sequence[Outgoing]:
        del read_ms
        return ()

    def checkpoint(self) -> Checkpoint:
        self.pending = 0
        state = {"count": self.count, "total": self.total, "offsets": self.offsets}
        return Checkpoint(((STATE_KEY, orjson.dumps(state)),), token=self.count)

    def confirm(self, token: object) -> None:
        del token

    def applied(self, topic: str) -> int:
        return self.offsets.get(topic, 0)

    def pending_bytes(self) -> int:
        return self.pending


class Listener:
    """Sums what the echoes say."""

    def __init__(self) -> None:
        self.heard = 0
        self.last = 0

    def take(self, partition: int, records: Sequence[Record]) -> None:
        assert partition == 0
        self.heard += sum(int(record.value or b"0") for record in records)

    def reset(self) -> None:
        self.last = self.heard or self.last
        self.heard = 0


@contextlib.asynccontextmanager
async def announce(status: WorkerStatus) -> AsyncIterator[None]:
    async def wait() -> None:
        while True:
            if status.ready:
                print("ready", flush=True)
                while status.ready:  # noqa: ASYNC110 (a status is read, not awaited)
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(wait())
    try:
        yield
    finally:
        task.cancel()


def main() -> int:
    configure_logging(os.environ.pop("LOG_LEVEL", "WARNING"))
    group = ProcessorGroup(TOPICS, TABLE, TallyProcessor)
    listener = Listener()
    code = run_worker(
        Settings.from_env(os.environ),
        (group,),
        subscriptions=(Subscription(ECHO, listener.take, listener.reset),),
        services=(announce,),
    )
    print(f"heard {listener.last}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
