"""Poisoned records among good ones: what a million events meet in the wild, each kind by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from kafka import KafkaConsumer, TopicPartition

from streams.topics import DEAD_LETTERS
from streams.wire import SINGLE_OBJECT_BYTES, single_object_header
from tests.support.servers_traffic import Batch

BODY_REASONS: Final = frozenset({"TRUNCATED", "TRAILING_BYTES", "MALFORMED", "INVALID_VALUE"})
REASONS: Final[dict[str, frozenset[str]]] = {
    "truncated": frozenset({"TRUNCATED"}),
    "trailing bytes": frozenset({"TRAILING_BYTES"}),
    "random bytes": frozenset({"UNKNOWN_FRAMING"}),
    # What random bytes break first depends on the bytes.
    "random body": BODY_REASONS,
    "unknown fingerprint": frozenset({"UNKNOWN_SCHEMA"}),
    "empty": frozenset({"EMPTY"}),
    "900 kB": BODY_REASONS | {"TOO_LARGE"},
}
"""The reasons that are right for each kind of poison."""

_LARGE_BYTES = 900_000
_READ_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A batch with poison in it.

    Attributes:
        batch: the good and the bad in one order; its totals are the good ones'.
        kinds: kind of poison by wire value; empty values stand together.
        bad: how often each poisoned value was put in.
    """

    batch: Batch
    kinds: dict[bytes, str]
    bad: Counter[bytes]


def poison(batch: Batch, count: int, *, seed: int) -> Poisoned:
    """Put `count` poisoned records, of every kind in turn, at random places of a batch."""
    random = np.random.default_rng(seed)
    header = batch.values[0][:SINGLE_OBJECT_BYTES]
    places = np.sort(random.integers(0, len(batch), count))
    kinds: dict[bytes, str] = {}
    bad: Counter[bytes] = Counter()
    additions = []
    for number, place in enumerate(places.tolist()):
        kind = list(REASONS)[number % len(REASONS)]
        value = _poisoned(kind, batch.values[place], header, random)
        kinds[value] = kind
        bad[value] += 1
        additions.append(value)
    values = batch.values.copy()
    for place, value in zip(places.tolist()[::-1], additions[::-1], strict=True):
        values.insert(place, value)
    mixed = Batch(
        flow=batch.flow,
        values=values,
        structures=np.insert(batch.structures, places, batch.structures[places]),
        times_ms=np.insert(batch.times_ms, places, batch.times_ms[places]),
        totals=batch.totals,
    )
    return Poisoned(mixed, kinds, bad)


def dead_letters(bootstrap: str) -> Counter[tuple[bytes, str, str]]:
    """Everything in the dead letters: how often each value, source topic and reason occurs."""
    partition = TopicPartition(DEAD_LETTERS, 0)
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        max_partition_fetch_bytes=8_000_000,
        fetch_max_bytes=32_000_000,
    )
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        found: Counter[tuple[bytes, str, str]] = Counter()
        while consumer.position(partition) < end:
            records = consumer.poll(_READ_TIMEOUT_MS).get(partition, [])
            for record in records:
                headers = {name: value.decode() for name, value in record.headers}
                source = headers["__connect.errors.topic"]
                reason = headers["__connect.errors.exception.class.name"]
                found[record.value or b"", source, reason] += 1
    finally:
        consumer.close()
    return found


def _poisoned(kind: str, good: bytes, header: bytes, random: np.random.Generator) -> bytes:
    match kind:
        case "truncated":
            value = good[: int(random.integers(SINGLE_OBJECT_BYTES + 1, len(good)))]
        case "trailing bytes":
            value = good + random.bytes(int(random.integers(1, 9)))
        case "random bytes":
            # A first byte that no framing begins with.
            value = b"\x7f" + random.bytes(int(random.integers(1, 400)))
        case "random body":
            value = header + random.bytes(int(random.integers(1, 400)))
        case "unknown fingerprint":
            value = single_object_header(random.bytes(8)) + good[SINGLE_OBJECT_BYTES:]
        case "empty":
            value = b""
        case _:
            value = header + random.bytes(_LARGE_BYTES)
    return value
