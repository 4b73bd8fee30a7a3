"""Poison may neither end the process nor fill its memory: shown in a process of its own."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from pathlib import Path

from streams.codec import SliceCodec
from streams.topics import FLOWS
from tests.support.avro_events import SCHEMAS, broken, some_events

ROUNDS = 150
SLICE_RECORDS = 256
MOST_GROWTH_KIB = 64 * 1024
TIMEOUT_S = 120


def test_many_poisoned_slices_neither_end_the_process_nor_fill_its_memory() -> None:
    here = Path(__file__).resolve()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.property.{here.stem}"],
        cwd=here.parents[2],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    read, aside, growth_kib = map(int, done.stdout.split())
    assert read + aside == ROUNDS * SLICE_RECORDS
    assert aside > ROUNDS * SLICE_RECORDS / 2
    assert growth_kib < MOST_GROWTH_KIB


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Decode slices of which nearly all is broken; print what was read, set aside, and the growth."""
    dice = random.Random(20250829)
    codec = SliceCodec(SCHEMAS)
    sound = {flow: codec.encode(flow, some_events(flow, SLICE_RECORDS, seed=9)) for flow in FLOWS}
    for flow, values in sound.items():
        codec.decode(flow, [broken(value, dice) for value in values])
    before_kib, read, aside = peak_kib(), 0, 0
    for _ in range(ROUNDS):
        flow = dice.choice(FLOWS)
        header = sound[flow][0][:10]
        values = [header + broken(value, dice)[10:] for value in sound[flow]]
        decoded = codec.decode(flow, values)
        read += len(decoded.rows)
        aside += len(decoded.rejects)
    print(read, aside, peak_kib() - before_kib)


if __name__ == "__main__":
    main()
