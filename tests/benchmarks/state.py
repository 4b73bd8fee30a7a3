"""What state costs: checkpoints against throughput, changelog bytes per event, recovery.

    .venv/bin/python tests/benchmarks/state.py [--events N]

One process, no Kafka: the processor of one partition over encoded INSi calls of 10 000 accounts, as the
worker runs it. Prints a table; exits 1 if a bound that README states is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import uuid
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agents.activity import CODES, ActivityMarker, split_marks
from agents.region import ActivityProcessor
from agents.series import SeriesCodes
from agents.shard import ShardParams
from agents.source import SourceProcessor
from streams.codec import SliceCodec
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import ACTIVITY_MARKS, INSI_CALLS
from tests.support.frames import NOON_MS, Event, frame_of

CHECKPOINT_SHARE_MAX = 0.20
BYTES_PER_EVENT_MAX = 100
RECOVERY_S_MAX = 30.0
ACCOUNTS = 10_000
PARAMS = ShardParams(
    departments=("02", "59", "60", "62", "80"),
    allowed_lateness_ms=86_400_000,
    duplicate_ids_max=262_144,
    clock_skew_ms=600_000,
)


class Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def encoded(count: int, codec: SliceCodec) -> list[Record]:
    rng = random.Random(1)
    rows = [
        {
            "event_id": str(uuid.UUID(int=rng.getrandbits(128))),
            # 5 events/ms of event time, each up to a minute out of order.
            "occurred_at": NOON_MS + i // 5 - rng.randrange(60_000),
            "recorded_at": NOON_MS + i // 5,
            "source_system": "bench",
            "sector": "PSL",
            "couloir": rng.choice(["OFFICINE", "MEDECINE_VILLE", "RADIOLOGIE"]),
            "department": rng.choice(PARAMS.departments),
            "structure_pid": f"st_{rng.randrange(3000):022d}",
            "actor_pid": f"ac_{rng.randrange(ACCOUNTS):022d}",
            "patient_pid": f"pa_{rng.randrange(10**6):022d}",
            "auth_method": "CPS_CARD",
            "outcome": "SUCCESS" if rng.random() < 0.97 else "FAILURE",
            "outcome_code": "R00",
            "key_id": "k1",
        }
        for i in range(count)
    ]
    values = codec.encode(INSI_CALLS, rows)
    return [Record(i, NOON_MS + 10**6, b"k", value) for i, value in enumerate(values)]


def new_processor(codec: SliceCodec, codes: SeriesCodes) -> SourceProcessor:
    return SourceProcessor(
        partition=0,
        codec=codec,
        reader=RecordReader(Schemas.load()),
        params=PARAMS,
        codes=codes,
        mark_partitions=8,
    )


def run(
    records: list[Record], codec: SliceCodec, *, size: int, every: int
) -> tuple[float, int, dict]:
    """Seconds, changelog bytes written, and the changelog that remains."""
    codes = SeriesCodes(PARAMS.departments)
    processor = new_processor(codec, codes)
    changelog: dict[bytes, bytes | None] = {}
    written = 0
    started = time.perf_counter()
    for number, at in enumerate(range(0, len(records), size), 1):
        processor.process(INSI_CALLS, records[at : at + size])
        if every and number % every == 0:
            writes = processor.checkpoint().writes
            changelog.update(writes)
            written += sum(len(key) + len(value or b"") for key, value in writes)
    return time.perf_counter() - started, written, changelog


def recovery(changelog: dict, codec: SliceCodec) -> tuple[float, int]:
    entries = {key: value for key, value in changelog.items() if value is not None}
    processor = new_processor(codec, SeriesCodes(PARAMS.departments))
    started = time.perf_counter()
    processor.recover(entries)
    return time.perf_counter() - started, sum(map(len, entries.values()))


def accounts(count: int) -> tuple[float, int]:
    """Recovery of the marks of `count` accounts, seconds and changelog bytes."""
    processor = ActivityProcessor(partition=0)
    codes = SeriesCodes(PARAMS.departments)
    changelog: dict[bytes, bytes | None] = {}
    for offset, at in enumerate(range(0, count, 2000)):
        frame = frame_of([Event(actor=f"ac_{n}", structure="st_1") for n in range(at, at + 2000)])
        marks = ActivityMarker().marks(INSI_CALLS, frame, codes.of(INSI_CALLS, frame).sector)
        for _, value in split_marks(marks, 1):
            processor.process(ACTIVITY_MARKS, [Record(offset, 0, None, value)])
        changelog.update(processor.checkpoint().writes)
    entries = {key: value for key, value in changelog.items() if value is not None}
    copy = ActivityProcessor(partition=0)
    started = time.perf_counter()
    copy.recover(entries)
    seconds = time.perf_counter() - started
    assert sum(copy.cells.month_counts.values()) == count + 1, "an account was lost"
    return seconds, sum(map(len, entries.values()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=400_000)
    count = parser.parse_args().events
    codec = SliceCodec(Schemas.load())
    records = encoded(count, codec)
    run(records[:40_000], codec, size=4096, every=1)
    shares, plain = [], []
    written = 0
    for _ in range(5):
        bare = run(records, codec, size=4096, every=0)[0]
        busy, written, changelog = run(records, codec, size=4096, every=1)
        shares.append(1 - bare / busy)
        plain.append(busy)
    share = median(shares)
    per_event = written / count
    seconds, size_bytes = recovery(changelog, codec)
    print(f"{'share of time in checkpoints':42}{share:10.1%}   bound {CHECKPOINT_SHARE_MAX:.0%}")
    print(f"{'events/s, a checkpoint every 4096':42}{count / median(plain):10,.0f}")
    print(f"{'changelog bytes/event, same':42}{per_event:10.1f}   bound {BYTES_PER_EVENT_MAX}")
    for size, every in ((512, 1), (64, 1)):
        few = records[: max(20_000, count // 20)]
        _, slow, _ = run(few, codec, size=size, every=every)
        print(f"{f'changelog bytes/event, every {size}':42}{slow / len(few):10.1f}")
    print(f"{'recovery of that partition, s':42}{seconds:10.2f}   {size_bytes:,} bytes")
    recovered, account_bytes = accounts(100_000)
    print(f"{'recovery of 100 000 accounts, s':42}{recovered:10.2f}   bound {RECOVERY_S_MAX:.0f}")
    print(f"{'changelog bytes per account':42}{account_bytes / 100_000:10.1f}   of {CODES} codes")
    missed = (
        share > CHECKPOINT_SHARE_MAX
        or per_event > BYTES_PER_EVENT_MAX
        or max(recovered, seconds) > RECOVERY_S_MAX
    )
    print("missed" if missed else "within bounds")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
