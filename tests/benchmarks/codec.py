"""How fast slices are decoded: `python -m tests.benchmarks.codec [seconds per figure]`.

Prints records per second for each flow: in lockstep with 0 %, 0.1 % and 10 % poison and with two
schema versions mixed, against fastavro alone (no checks) and the strict reader, record by record.
"""

from __future__ import annotations

import io
import random
import sys
import time
from typing import TYPE_CHECKING

import fastavro

from streams.codec import SliceCodec
from streams.topics import FLOWS, RECORD_OF_FLOW
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
        measure(f"{share:.1%} poison", lambda values=values: codec.decode(flow, values))  # type: ignore[misc]  # bound now
    first = SCHEMAS.of_flow(flow)
    second = next_version(first)
    mixed_codec = SliceCodec(with_versions(RECORD_OF_FLOW[flow], first, second))
    rows = [{k: v for k, v in event.items() if k != "department"} for event in events[::2]]
    mixed = [
        value
        for pair in zip(sound[1::2], mixed_codec.encode(flow, rows), strict=True)
        for value in pair
    ]
    measure("two versions", lambda: mixed_codec.decode(flow, mixed))
    for few in (1, 16, 64):
        measure(f"slice of {few}", lambda few=few: codec.decode(flow, sound[:few]), few)  # type: ignore[misc]  # bound now
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
