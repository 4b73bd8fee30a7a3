"""A million events with one in a thousand poisoned: the good are counted, the bad kept, nobody named."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from streams.codec import SliceCodec
from streams.schemas import Schemas
from streams.topics import FLOWS
from tests.support.privacy import Identifiers, Shown, named_in
from tests.support.servers_poison import REASONS, dead_letters, poison
from tests.support.servers_traffic import Key, TrafficMaker, produce, totals_of
from tests.support.servers_worker import Worker, counted
from tests.system.conftest import PARTITIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers_kafka import KafkaCluster

pytestmark = pytest.mark.system

EVENTS = 1_000_000
POISON = 1_000
CHUNK = 100_000


def test_a_million_events_with_poison_are_told_apart(tmp_path: Path, kafka: KafkaCluster) -> None:
    now_ms = int(time.time() * 1000)
    maker = TrafficMaker()
    kinds: dict[bytes, str] = {}
    bad: Counter[tuple[bytes, str]] = Counter()
    good: Counter[Key] = Counter()
    everybody: dict[str, set[str]] = {}
    codec = SliceCodec(Schemas.load())
    for chunk in range(EVENTS // CHUNK):
        flow = FLOWS[chunk % len(FLOWS)]
        span = {"start_ms": now_ms - 600_000, "end_ms": now_ms}
        count = CHUNK * POISON // EVENTS
        poisoned = poison(maker.batch(flow, CHUNK - count, **span), count, seed=chunk)
        produce(kafka.bootstrap, [poisoned.batch], partitions=PARTITIONS)
        good += totals_of([poisoned.batch])
        if chunk < len(FLOWS):
            frame = codec.decode(flow, poisoned.batch.values).frame
            for name, several in named_in(frame).items():
                everybody.setdefault(name, set()).update(several)
        kinds |= poisoned.kinds
        bad += Counter({(value, flow): times for value, times in poisoned.bad.items()})
    assert good.total() + bad.total() == EVENTS

    with Worker(tmp_path, "worker", bootstrap=kafka.bootstrap, partitions=PARTITIONS) as worker:
        worker.wait_ready()
        started = time.monotonic()
        worker.process.until(
            lambda: counted(worker).total() >= good.total(), timeout_s=540, what="through"
        )
        print(f"through after {time.monotonic() - started:.1f} s")
        time.sleep(2)
        assert counted(worker) == good
        assert worker.process.terminate() == 0

    shown = Shown()
    shown.add("the worker's log", worker.process.log.read_text(errors="replace"))
    assert shown.leaks(Identifiers(everybody)) == {}

    found = dead_letters(kafka.bootstrap)
    kept: Counter[tuple[bytes, str]] = Counter()
    for (value, flow, _), times in found.items():
        kept[value, flow] += times
    assert kept == bad
    wrong = {
        (kinds[value], reason): times
        for (value, _, reason), times in found.items()
        if reason not in REASONS[kinds[value]]
    }
    assert wrong == {}
