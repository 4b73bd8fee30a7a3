"""Traffic with known totals, and producers fast enough for a million events in seconds.

The events are plain: every field takes random values of its own vocabulary. What matters is counted
here as it is made, so that a test compares the service with the truth and not with itself.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from simulators import pseudonyms
from simulators.encode import EventEncoder
from simulators.events import FIELDS, Entity, EventNumber, Events, Flag, Number, Words
from simulators.partitions import partitions_of
from streams.schemas import Schemas
from streams.topics import FLOWS
from streams.vocabulary import COULOIRS, OUTCOMES, SECTOR_COULOIR_PAIRS, SECTORS
from streams.wire import single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulators.recording import RecordedBatch

Key = tuple[str, str, str]
"""Flow, sector, outcome: the labels of `vigie_events_total` without the partition."""

SEED = 7
_BATCH_BYTES = 900_000
_REQUEST_BYTES = 2_000_000
_LOAD_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Batch:
    """n events of one flow, ready to travel.

    Attributes:
        values: n wire values.
        structures: shape (n,); the number of each event's structure, which gives its key.
        times_ms: shape (n,); Kafka's time of each record, milliseconds UTC.
        totals: how many events there are of each flow, sector and outcome.
    """

    flow: str
    values: list[bytes]
    structures: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    totals: Counter[Key]

    def __len__(self) -> int:
        return len(self.values)


class TrafficMaker:
    """Makes batches whose events are all different, over all its flows.

    Args:
        structures: how many structures send.
        accounts: how many accounts act; each stays with one structure.
    """

    def __init__(self, *, structures: int = 400, accounts: int = 3_000) -> None:
        schemas = Schemas.load()
        self._structures = structures
        self._accounts = accounts
        self._random = np.random.default_rng(SEED)
        self._next_event = 0
        versions = {flow: schemas.of_flow(flow) for flow in FLOWS}
        self._prefixes = {f: single_object_header(v.fingerprint) for f, v in versions.items()}
        self._encoders = {f: EventEncoder(f, v.schema, SEED) for f, v in versions.items()}

    def batch(self, flow: str, count: int, *, start_ms: int, end_ms: int) -> Batch:
        """`count` events of `flow` whose times ascend evenly over `[start_ms, end_ms)`."""
        times_ms = np.linspace(start_ms, end_ms, count, endpoint=False).astype(np.int64)
        columns = {name: self._column(kind, count) for name, kind in FIELDS[flow].items()}
        columns["event_id"] = np.arange(self._next_event, self._next_event + count)
        self._next_event += count
        columns["occurred_at"] = columns["recorded_at"] = times_ms
        pairs = self._random.integers(0, len(SECTOR_COULOIR_PAIRS), count)
        columns["sector"] = _SECTOR_CODES[pairs]
        columns["couloir"] = _COULOIR_CODES[pairs]
        accounts = self._random.integers(0, self._accounts, count)
        structures = accounts % self._structures
        columns["actor_pid"], columns["structure_pid"] = accounts, structures
        encoded = self._encoders[flow].encode(Events(flow, columns), self._prefixes[flow])
        cells = np.bincount(
            columns["sector"] * len(OUTCOMES) + columns["outcome"],
            minlength=len(SECTORS) * len(OUTCOMES),
        )
        totals = Counter(
            {
                (flow, SECTORS[cell // len(OUTCOMES)], OUTCOMES[cell % len(OUTCOMES)]): int(n)
                for cell, n in enumerate(cells)
                if n
            }
        )
        return Batch(flow, encoded.bodies(), structures, times_ms, totals)

    def mixed(self, count: int, *, start_ms: int, end_ms: int) -> list[Batch]:
        """`count` events spread evenly over the five flows."""
        share, rest = divmod(count, len(FLOWS))
        return [
            self.batch(flow, share + (number < rest), start_ms=start_ms, end_ms=end_ms)
            for number, flow in enumerate(FLOWS)
            if share + (number < rest)
        ]

    def _column(self, kind: object, count: int) -> npt.NDArray[np.int64]:
        match kind:
            case Words(words=words):
                high = len(words)
            case Flag():
                high = 2
            case Entity() | Number() | EventNumber():
                high = 1_000
            case _:
                raise TypeError(f"{kind}: no such kind of field")
        return self._random.integers(0, high, count)


_SECTOR_CODES = np.array([SECTORS.index(sector) for sector, _ in SECTOR_COULOIR_PAIRS])
_COULOIR_CODES = np.array([COULOIRS.index(couloir) for _, couloir in SECTOR_COULOIR_PAIRS])


def totals_of(batches: Iterable[Batch]) -> Counter[Key]:
    """The sum of the batches' totals."""
    return sum((batch.totals for batch in batches), Counter())


def structure_key(structure: int) -> bytes:
    """The Kafka key of a structure."""
    return pseudonyms.pseudonym(SEED, pseudonyms.STRUCTURE, structure).encode()


def produce(bootstrap: str, batches: Sequence[Batch], *, partitions: int) -> None:
    """Produce the batches; returns once every record is confirmed by all replicas."""
    asyncio.run(_produce_all(bootstrap, batches, partitions))


async def _produce_all(bootstrap: str, batches: Sequence[Batch], partitions: int) -> None:
    async with _producer(bootstrap) as producer:
        for batch in batches:
            await _produce(producer, batch, partitions)


def _producer(bootstrap: str) -> AIOKafkaProducer:
    # Idempotent: a retry over a dying broker must not make the produced totals uncertain.
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
        max_request_size=_REQUEST_BYTES,
        request_timeout_ms=120_000,
    )


async def _produce(producer: AIOKafkaProducer, batch: Batch, partitions: int) -> None:
    numbers = np.unique(batch.structures)
    keys = {int(number): structure_key(int(number)) for number in numbers}
    partition_of = {n: (murmur2(key) & 0x7FFFFFFF) % partitions for n, key in keys.items()}
    rows = zip(batch.values, batch.structures.tolist(), batch.times_ms.tolist(), strict=True)
    await _send(producer, batch.flow, ((partition_of[n], keys[n], v, t) for v, n, t in rows))


def produce_recorded(
    bootstrap: str,
    batches: Iterable[RecordedBatch],
    *,
    partitions: int,
    moved_ms: int | None = None,
) -> int:
    """Produce simulated records; say how many.

    Args:
        bootstrap: Kafka servers.
        batches: the records.
        partitions: partition count of the flows.
        moved_ms: between when a record was recorded and when Kafka took it; without, all are taken now.
    """
    return asyncio.run(_produce_recorded(bootstrap, batches, partitions, moved_ms))


async def _produce_recorded(
    bootstrap: str, batches: Iterable[RecordedBatch], partitions: int, moved_ms: int | None
) -> int:
    count = 0
    async with _producer(bootstrap) as producer:
        for batch in batches:
            places = partitions_of([key.decode() for key in batch.keys], partitions).tolist()
            taken: Iterable[int] = itertools.repeat(int(time.time() * 1000))
            if moved_ms is not None:
                taken = (batch.recorded_ms + moved_ms).tolist()
            rows = zip(places, batch.keys, batch.values, taken, strict=False)
            await _send(producer, batch.flow, rows)
            count += len(batch)
    return count


async def _send(
    producer: AIOKafkaProducer, flow: str, rows: Iterable[tuple[int, bytes, bytes, int]]
) -> None:
    """Hand whole record batches to the producer: a tenth of the cost of single sends.

    Rows are partition, key, value and Kafka's time.
    """
    builders: dict[int, Any] = {}
    sent = []
    for partition, key, value, time_ms in rows:
        builder = builders.get(partition) or builders.setdefault(partition, producer.create_batch())
        if builder.append(timestamp=time_ms, key=key, value=value) is None:
            sent.append(await producer.send_batch(builder, flow, partition=partition))
            builders[partition] = builder = producer.create_batch()
            builder.append(timestamp=time_ms, key=key, value=value)
    for partition, builder in builders.items():
        sent.append(await producer.send_batch(builder, flow, partition=partition))
    await asyncio.gather(*sent)


class Load:
    """A steady load beside a test: `rate` events/s over the five flows, dated now, until `stop`.

    Args:
        bootstrap: Kafka servers.
        rate: events per second.
        partitions: partition count of the flows.
        maker: where the events come from.
    """

    def __init__(self, bootstrap: str, *, rate: int, partitions: int, maker: TrafficMaker) -> None:
        self._thread = threading.Thread(target=self._produce, name="load", daemon=True)
        self.totals: Counter[Key] = Counter()
        self._bootstrap = bootstrap
        self._rate = rate
        self._partitions = partitions
        self._maker = maker
        self._ending = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def _produce(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as failure:  # noqa: BLE001 (raised again in the test's thread, by stop)
            self._failure = failure

    def stop(self) -> Counter[Key]:
        """Stop, wait until everything is confirmed, and give the totals that were produced."""
        self._ending.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self.totals

    async def _run(self) -> None:
        async with _producer(self._bootstrap) as producer:
            last_ms = int(time.time() * 1000)
            owed = 0.0
            while not self._ending.is_set():
                await asyncio.sleep(_LOAD_TICK_S)
                now_ms = int(time.time() * 1000)
                owed += self._rate * (now_ms - last_ms) / 1000
                batches = self._maker.mixed(int(owed), start_ms=last_ms, end_ms=now_ms)
                owed -= int(owed)
                last_ms = now_ms
                for batch in batches:
                    await _produce(producer, batch, self._partitions)
                    self.totals += batch.totals
