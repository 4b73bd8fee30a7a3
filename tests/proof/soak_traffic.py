"""A region in balance: steady traffic of a population that does the same every minute, and probes.

What a service holds follows from who acts: so accounts, structures, patients and pairs of them are all
met within the first minutes, and memory that grows after that is not explained by the traffic. Every
event is dated and sent now. Each look is at one of the account's few own patients, whom its structure
cares for: nobody has a reason to be suspected, but for the probes: an account that was never seen
before reads a decoy, which is a finding at once.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaProducer

from simulators.encode import EventEncoder
from simulators.events import (
    FIELDS,
    NULL,
    NULL_FLAG,
    Entity,
    EventNumber,
    Events,
    Flag,
    Number,
    Words,
    code,
)
from simulators.partitions import partitions_of
from simulators.pseudonyms import ACCOUNT, PATIENT, STRUCTURE, pseudonym
from streams.schemas import Schemas
from streams.topics import EPRESCRIPTIONS, FLOWS, INSI_CALLS, PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS, SECTOR_COULOIR_PAIRS, SECTORS
from streams.wire import single_object_header

if TYPE_CHECKING:
    from tests.proof.soak_figures import Sent

Int64Array = npt.NDArray[np.int64]

STRUCTURES: Final = 2_000
ACCOUNTS: Final = 20_000
OWN_PATIENTS: Final = 12
"""Patients of an account, known to its structure."""
SEED: Final = 23
TICK_S: Final = 0.1

_DECOYS: Final = 50_000_000
_PROBERS: Final = 60_000_000
DECOY_COUNT: Final = 8
_STOP_TIMEOUT_S: Final = 30.0
_BATCH_BYTES: Final = 900_000
_REQUEST_BYTES: Final = 2_000_000
_CATCH_UP_S: Final = 1.0
"""A producer that was kept from sending makes up for so much of it at once; what is older stays unsent
and shows as a rate that was not reached."""
_ACTS: Final = {PLATFORM_ACCESSES: "action", INSI_CALLS: "operation", EPRESCRIPTIONS: "event"}
_USUAL: Final = {
    PLATFORM_ACCESSES: ("READ_RECORD", "READ_RECORD", "READ_DOCUMENT", "LOGIN_OK"),
    INSI_CALLS: ("VERIFICATION_UNITAIRE", "RECHERCHE_VITALE", "RECHERCHE_VITALE"),
    EPRESCRIPTIONS: ("CREATED", "DISPENSED_FULL", "DISPENSED_FULL"),
}


def decoys() -> str:
    """The list of decoys, as `VIGIE_DECOYS_FILE` takes it."""
    return "".join(f"{pseudonym(SEED, PATIENT, _DECOYS + n)}\n" for n in range(DECOY_COUNT))


def prober(number: int) -> str:
    """The account of a probe, as its finding names it."""
    return pseudonym(SEED, ACCOUNT, _PROBERS + number)


@dataclass(frozen=True, slots=True)
class Made:
    """n events of a flow, ready to travel."""

    partitions: Int64Array
    keys: list[bytes]
    values: list[bytes]


class Region:
    """Makes the events of one moment.

    Args:
        partitions: of the flows.
        accounts: how many act.
        structures: how many they belong to.
    """

    def __init__(
        self, partitions: int, *, accounts: int = ACCOUNTS, structures: int = STRUCTURES
    ) -> None:
        schemas = Schemas.load()
        self._accounts = accounts
        self._structures = structures
        self._random = np.random.default_rng(SEED)
        self._next_event = 0
        self._keys = [pseudonym(SEED, STRUCTURE, n) for n in range(structures)]
        self._places = partitions_of(self._keys, partitions)
        versions = {flow: schemas.of_flow(flow) for flow in FLOWS}
        self._headers = {f: single_object_header(v.fingerprint) for f, v in versions.items()}
        self._encoders = {f: EventEncoder(f, v.schema, SEED) for f, v in versions.items()}
        pairs = np.arange(structures) % len(SECTOR_COULOIR_PAIRS)
        self._sector = np.array([SECTORS.index(s) for s, _ in SECTOR_COULOIR_PAIRS])[pairs]
        self._couloir = np.array([COULOIRS.index(c) for _, c in SECTOR_COULOIR_PAIRS])[pairs]

    def events(
        self,
        flow: str,
        count: int,
        now_ms: int,
        probe: int | None = None,
        *,
        accounts: Int64Array | None = None,
    ) -> Made:
        """`count` usual events, of any accounts or of these, and one probe after them."""
        if accounts is None:
            accounts = self._random.integers(0, self._accounts, count)
        structures = accounts % self._structures
        own = self._random.integers(0, OWN_PATIENTS, count)
        patients = structures * 1_000 + (accounts // self._structures) * OWN_PATIENTS + own
        if probe is not None:
            accounts = np.append(accounts, _PROBERS + probe)
            structures = np.append(structures, probe % self._structures)
            patients = np.append(patients, _DECOYS + probe % DECOY_COUNT)
        total = len(accounts)
        columns = {name: self._column(name, kind, accounts) for name, kind in FIELDS[flow].items()}
        columns["event_id"] = np.arange(self._next_event, self._next_event + total)
        self._next_event += total
        columns["occurred_at"] = columns["recorded_at"] = np.full(total, now_ms)
        columns["sector"], columns["couloir"] = self._sector[structures], self._couloir[structures]
        columns["structure_pid"], columns["actor_pid"] = structures, accounts
        columns["patient_pid"] = patients
        columns["outcome"] = np.full(total, code(flow, "outcome", "SUCCESS"))
        if flow in _ACTS:
            field = _ACTS[flow]
            usual = np.array([code(flow, field, word) for word in _USUAL[flow]])
            columns[field] = usual[self._random.integers(0, len(usual), total)]
            if probe is not None:
                columns[field][-1] = code(flow, field, "READ_RECORD")
        encoded = self._encoders[flow].encode(Events(flow, columns), self._headers[flow])
        keys = [self._keys[n].encode() for n in structures.tolist()]
        return Made(self._places[structures], keys, encoded.bodies())

    def _column(self, name: str, kind: object, accounts: Int64Array) -> Int64Array:
        count = len(accounts)
        match kind:
            case Words(words=words):
                # What an account is known by (client, means of authentication) stays the same.
                return accounts % len(words)
            case Flag():
                return np.full(count, 1 if name == "care_context" else NULL_FLAG % 2)
            case Number():
                return np.full(count, NULL if name in ("directory_step", "result_count") else 1)
            case Entity() | EventNumber():
                return accounts
            case _:
                raise TypeError(f"{name}: no such kind of field")


class SteadyLoad:
    """The region's events into Kafka, from a thread of its own, for as long as the `with` block lasts.

    Args:
        bootstrap: Kafka servers.
        rate: events per second.
        partitions: of the flows.
        probe_every_s: time between two probes.
        sent: takes note of what was sent when.
    """

    def __init__(
        self, bootstrap: str, *, rate: int, partitions: int, probe_every_s: float, sent: Sent
    ) -> None:
        self._thread = threading.Thread(target=self._produce, name="load", daemon=True)
        self._bootstrap = bootstrap
        self._rate = rate
        self._probe_every_s = probe_every_s
        self._sent = sent
        self._region = Region(partitions)
        self._ending = threading.Event()
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def _produce(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as failure:  # noqa: BLE001 (raised again by whoever watches)
            self.failure = failure

    async def _run(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
        )
        async with producer:
            began_s = probed_s = time.monotonic()
            done = probes = 0
            tick = 0
            while not self._ending.is_set():
                tick += 1
                await asyncio.sleep(max(0.0, began_s + tick * TICK_S - time.monotonic()))
                due = int((time.monotonic() - began_s) * self._rate)
                owed = min(due - done, int(_CATCH_UP_S * self._rate))
                probe = None
                if time.monotonic() - probed_s >= self._probe_every_s:
                    probed_s, probe = time.monotonic(), probes
                    probes += 1
                await self._send(producer, owed, probe)
                done = due

    async def _send(self, producer: AIOKafkaProducer, count: int, probe: int | None) -> None:
        now_ms = time.time_ns() // 1_000_000
        if probe is not None:
            self._sent.probed(probe, now_ms)
        share, rest = divmod(count, len(FLOWS))
        confirmations: list[Any] = []
        for number, flow in enumerate(FLOWS):
            own = share + (number < rest)
            own_probe = probe if flow == PLATFORM_ACCESSES else None
            if not own and own_probe is None:
                continue
            made = self._region.events(flow, own, now_ms, own_probe)
            confirmations += await _send_batches(producer, flow, made, now_ms)
            self._sent.sent(flow, np.bincount(made.partitions), now_ms)
        # A broker that does not keep up shows as latency, not as a memory that fills here.
        await asyncio.gather(*confirmations)


async def _send_batches(
    producer: AIOKafkaProducer, flow: str, made: Made, now_ms: int
) -> list[Any]:
    builders: dict[int, Any] = {}
    rows = zip(made.partitions.tolist(), made.keys, made.values, strict=True)
    for place, key, value in rows:
        builder = builders.get(place) or builders.setdefault(place, producer.create_batch())
        if builder.append(timestamp=now_ms, key=key, value=value) is None:
            raise RuntimeError("a tick's events of one partition do not fit into one batch")
    return [
        await producer.send_batch(builder, flow, partition=place)
        for place, builder in builders.items()
    ]
