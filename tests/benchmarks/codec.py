"""How fast slices are decoded: `python -m tests.benchmarks.codec [seconds per figure]`.

Prints records per second for each flow: in lockstep with 0 %, 0.1 % and 10 % poison and with two
schema versions mixed, small slices, Confluent framing; against three other ways: polars' own container
reader behind random guards (which only tells that some record of the slice is poisoned, and checks
neither ranges nor shortest forms), fastavro alone (no checks), and the strict reader.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import fastavro
import polars as pl

from streams.codec import SliceCodec
from streams.layout import Kind
from streams.topics import FLOWS, RECORD_OF_FLOW
from streams.wire import confluent_header
from streams.writers import Writers
from tests.support.avro_events import SCHEMAS, broken, next_version, some_events, with_versions

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE_RECORDS = 4096


def per_second(work: Callable[[], object], records: int, seconds: float) -> float:
    """Records per second, the best of three rounds: the others show the neighbours' load."""
    work()
    best = 0.0
    for _ in range(3):
        rounds, begin = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - begin) < seconds / 3:
            work()
            rounds += 1
        best = max(best, rounds * records / elapsed)
    return best


class GuardedContainer:
    """A slice as one block of an Avro container, each record closed by eight random bytes."""

    def __init__(self, flow: str) -> None:
        header = {"type": "fixed", "name": "Header", "size": 10}
        guard = {"type": "fixed", "name": "Guard", "size": 8}
        kinds: list[tuple[str, Any]] = [("header", header)]
        for column in SCHEMAS.flow_layout(flow):
            kind = "int" if column.kind in (Kind.ENUM, Kind.BOOLEAN) else column.kind.value
            kinds.append((column.name, kind if column.null_branch is None else ["null", kind]))
        fields = [{"name": name, "type": kind} for name, kind in [*kinds, ("guard", guard)]]
        schema = {"type": "record", "name": "Guarded", "fields": fields}
        self._sync = bytes(16)
        meta = {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, {"type": "map", "values": "bytes"}, meta)
        self._head = b"Obj\x01" + stream.getvalue() + self._sync

    def decode(self, values: list[bytes]) -> pl.DataFrame:
        """Decode one slice; raises if a guard or a header is not where it must be."""
        guard = os.urandom(8)
        block = guard.join((*values, b""))
        sizes = io.BytesIO()
        for size in (len(values), len(block)):
            fastavro.schemaless_writer(sizes, "long", size)
        whole = b"".join((self._head, sizes.getvalue(), block, self._sync))
        frame = pl.read_avro(io.BytesIO(whole))
        for name, octets in (("guard", guard), ("header", values[0][:10])):
            if not (frame[name] == pl.Series([octets], dtype=pl.Binary)).all():
                raise ValueError(f"{name} moved")
        return frame


class OneSchema:
    """A registry that has one schema under every id."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def schema(self, schema_id: int) -> dict[str, Any]:
        del schema_id
        return self._schema


def figures(flow: str, seconds: float) -> dict[str, float]:
    codec = SliceCodec(SCHEMAS)
    events = some_events(flow, SLICE_RECORDS, seed=1, edges=0.0)
    sound = codec.encode(flow, events)
    found: dict[str, float] = {}

    def measure(name: str, work: Callable[[], object], records: int = SLICE_RECORDS) -> None:
        found[name] = per_second(work, records, seconds)

    for share in (0.0, 0.001, 0.1):
        dice = random.Random(2)
        values = [broken(value, dice) if dice.random() < share else value for value in sound]
        measure(f"{share:.1%} poison", lambda values=values: codec.decode(flow, values).frame)  # type: ignore[misc]  # bound now
    first = SCHEMAS.of_flow(flow)
    second = next_version(first)
    mixed_codec = SliceCodec(with_versions(RECORD_OF_FLOW[flow], first, second))
    rows = [{k: v for k, v in event.items() if k != "department"} for event in events[::2]]
    mixed = [
        value
        for pair in zip(sound[1::2], mixed_codec.encode(flow, rows), strict=True)
        for value in pair
    ]
    measure("two versions", lambda: mixed_codec.decode(flow, mixed).frame)
    for few in (1, 16, 64):
        measure(f"slice of {few}", lambda few=few: codec.decode(flow, sound[:few]).frame, few)  # type: ignore[misc]  # bound now
    registry = OneSchema(first.schema)
    framed = SliceCodec(SCHEMAS, registry)  # type: ignore[arg-type]  # all that decoding asks for
    confluent = [confluent_header(1) + value[10:] for value in sound]
    measure("confluent", lambda: framed.decode(flow, confluent).frame)
    container = GuardedContainer(flow)
    measure("guarded polars", lambda: container.decode(sound))
    plain = first.plain
    bodies = [value[10:] for value in sound]
    measure(
        "fastavro alone",
        lambda: [fastavro.schemaless_reader(io.BytesIO(body), plain) for body in bodies],
    )
    strict = Writers(SCHEMAS, None).known(flow)[first.fingerprint].strict
    measure("strict reader", lambda: [strict.read(body) for body in bodies])
    found["bytes/record"] = sum(map(len, sound)) / len(sound)
    return found


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    for number, flow in enumerate(FLOWS):
        row = figures(flow, seconds)
        if number == 0:
            print(" " * 18, *(f"{name:>15}" for name in row))
        print(f"{flow:18}", *(f"{value:15,.0f}" for value in row.values()))


if __name__ == "__main__":
    main()
