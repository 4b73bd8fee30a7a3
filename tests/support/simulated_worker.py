"""A worker without Kafka and on a clock of the test's: everything between slice and scrape is real.

The composition root composes it and its own shell drives its processors; what stands in are the log,
the clock and the answers of the Alertmanagers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import aiohttp

import streams.worker as composition
from agents.partition_work import WorkLimits
from agents.shells import Ports, Shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence

    from prometheus_client.registry import CollectorRegistry

    from agents.findings import Finding
    from agents.shells import ProcessorGroup, Subscription
    from streams.processing import Outgoing
    from streams.settings import Settings
    from tests.support.simulated_log import MemoryLog, TopicPartition

_ROUNDS = 10  # what one slice causes is read in turn: marks, cells, counts, findings


@dataclass
class Clock:
    """The test's time."""

    ms: int = 0

    def now_ms(self) -> int:
        return self.ms

    def now_s(self) -> float:
        return self.ms / 1000


@dataclass
class Pager:
    """Stands for the Alertmanagers' HTTP: takes everything, except while one of them is away.

    Attributes:
        away: numbers of those that refuse every connection.
    """

    away: set[str] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def post(self, url: str, **_: object) -> AsyncIterator[SimpleNamespace]:
        if any(f"-{number}:" in url for number in self.away):
            raise aiohttp.ClientConnectionError
        yield SimpleNamespace(status=200)


@contextlib.contextmanager
def clock_of_the_workers(clock: Clock) -> Iterator[None]:
    """All workers that are composed and driven within the block live by this clock."""
    with patch.object(composition, "_wall_ms", clock.now_ms):
        yield


class SimulatedWorker:
    """One worker process.

    Args:
        settings: of the service.
        log: stands for Kafka.
        clock: wall time, within `clock_of_the_workers`.
        generation: grows from process to process.
    """

    def __init__(self, settings: Settings, log: MemoryLog, clock: Clock, generation: int) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._generation = generation
        self._next: dict[TopicPartition, int] = {}
        self.started_s = clock.now_s()
        self.busy_s = 0.0
        self.worker = composition.Worker(settings)
        composed: dict[str, Any] = {}

        def capture(_settings: Settings, groups: Sequence[ProcessorGroup], **parts: Any) -> int:
            composed.update(parts, groups=groups)
            return 0

        def keep(*parts: Any, **named: Any) -> CollectorRegistry:
            composed["registry"] = build(*parts, **named)
            return composed["registry"]

        build = composition.build_registry
        with (
            patch.object(composition, "run_worker", capture),
            patch.object(composition, "build_registry", keep),
        ):
            self.worker.run(fallback=True, announce=lambda _site: None)
        self.registry: CollectorRegistry = composed["registry"]
        self.status = self.worker.status
        self.worker._metrics._monotonic = clock.now_s
        for endpoint in self.worker._push._endpoints:
            endpoint._clock = clock.now_ms
        self._groups: Sequence[ProcessorGroup] = composed["groups"]
        self._subscriptions: Sequence[Subscription] = composed["subscriptions"]
        self._shell = Shell(
            self._groups,
            self._subscriptions,
            limits=WorkLimits(interval_s=3600.0, max_bytes=settings.checkpoint_max_bytes),
            finish_timeout_s=20.0,
            ports=Ports(
                send=self._send,
                append=self._append,
                may_write=lambda: True,
                fail=self._fail,
                generation=lambda: self._generation,
            ),
            observer=composed["observer"],
            status=self.status,
        )

    async def assign(self, partitions: Sequence[int], *, generation: int, singles: bool) -> None:
        """Give up everything, then take over these partitions as Kafka's group hands them out.

        Args:
            partitions: of the flows, the verdicts and the marks.
            generation: of the group.
            singles: whether the topics of one partition come here.
        """
        await self.give_up()
        self._generation = generation
        self.status.phase = "recovering"
        self._shell.begin_assignment()
        for group in self._groups:
            held = list(partitions) if group.partitions is None else [0] * singles
            for n in held:
                entries = self._log.changelogs[group.table_name, n]
                await self._shell.adopt(group.table_name, n, entries)
            for topic in group.topics:
                for number in held:
                    self._next[topic, number] = self._log.committed.get((topic, number), 0)
        if singles:
            self._next.update({(item.topic, 0): 0 for item in self._subscriptions})
            for item in self._subscriptions:
                self.worker._metrics.assigned(item.topic, 0)
        self.status.phase = "running"

    async def give_up(self) -> None:
        """Checkpoint and forget all partitions, as at a rebalance or at SIGTERM."""
        await self._shell.finish()
        for topic, number in self._next:
            if topic in {item.topic for item in self._subscriptions}:
                self.worker._metrics.revoked(topic, number)
        self._next.clear()
        self.status.positions.clear()

    async def read(self, *, most: int | None = None) -> None:
        """Read every log to its end, or so many records of each."""
        started_s = time.process_time()
        for _ in range(_ROUNDS if most is None else 1):
            found = [place for place, start in self._next.items() if self._log.end(place) > start]
            if not found:
                break
            for place in found:
                await self._read(place, most or self._settings.slice_max_records)
        self.busy_s += time.process_time() - started_s

    async def pass_time(self, until_ms: int) -> None:
        """Tell the processors that everything older than this was read, where nothing waits."""

        def read_until_ms(topic: str, partition: int, next_offset: int) -> int | None:
            return until_ms if next_offset >= self._log.end((topic, partition)) else None

        started_s = time.process_time()
        self.note_ends()
        await self._shell.pass_time(read_until_ms)
        self.busy_s += time.process_time() - started_s

    async def checkpoint(self) -> None:
        """Make everything processed durable, as half a second later happens by itself."""
        await asyncio.gather(*(work.flush() for work in self._shell._works.values()))

    async def push(self, pager: Pager) -> None:
        """Tell the Alertmanagers what is due."""
        if self.worker._findings.is_whole:
            for endpoint in self.worker._push._endpoints:
                await endpoint._round(pager)

    def open_account_findings(self) -> list[Finding]:
        """The open findings that this worker shows, those about accounts."""
        entries = self.worker._findings._open.values()
        return [entry.finding for entry in entries if entry.finding.actor_pid]

    def note_ends(self) -> None:
        """Learn where the logs end, as the consumer does with every poll."""
        for (topic, number), start in self._next.items():
            self._shell._note_position(topic, number, start, self._log.end((topic, number)))

    async def _read(self, place: TopicPartition, most: int) -> None:
        topic, partition = place
        records = self._log.read(place, self._next[place], most)
        next_offset = records[-1].offset + 1

        def ack() -> bool:
            self._log.committed[place] = next_offset
            return True

        message = SimpleNamespace(
            topic=topic,
            partition=partition,
            records=records,
            next_offset=next_offset,
            highwater=self._log.end(place),
        )
        await self._shell.take(SimpleNamespace(message=message, ack=ack))  # type: ignore[arg-type]
        self._next[place] = next_offset

    async def _send(self, record: Outgoing) -> Awaitable[Any]:
        self._log.send(record, self._clock.now_ms())
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        confirmed.set_result(None)
        return confirmed

    async def _append(
        self, group: str, partition: int, writes: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        self._log.write(group, partition, writes)

    async def _fail(self, error: BaseException) -> None:
        raise error
