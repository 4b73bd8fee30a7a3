"""What an event, an account and a partition cost as there are more of them, and what that comes to.

    .venv/bin/python -m tests.benchmarks.scale [--events N] [--json FILE]

No Kafka: the processor of one partition over encoded events, every detector on, each case in a process
of its own so that its memory is its own. Times are processor time, which others on the machine disturb
little. Measured:

* accounts: 10 000, 100 000 and 1 000 000 in the region, an eighth of them in the partition: time of an
  event in full slices, memory and changelog of an account, time to recover;
* partitions: the same events in slices of 2 048, 256, 32 and 4 records, as the flow thins out over more
  partitions: time of a slice whatever is in it, and of a checkpoint;
* memory of a partition in which hardly anything has happened;
* the watch of the whole region, which is one partition's work: time for what 1 and 8 partitions tell it
  in a second.

From these and from what a region sends (`deploy/CAPACITY.md` names the sources) a table of capacity is
reckoned: for a region, France and Europe. `REGION` and the functions below are the whole reckoning.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from agents.region_processor import RegionProcessor
from agents.series import SeriesCodes
from agents.source import SourceProcessor
from streams.allocator import bound_heaps, give_back
from streams.codec import SliceCodec
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.settings import Settings
from streams.topics import FLOWS, REGION_CELLS, VERDICTS
from streams.worker import region_params, shard_params
from tests.proof.soak_traffic import Region
from tests.support.findings import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.processing import Outgoing
    from tests.proof.soak_traffic import Int64Array

PARTITIONS: Final = 8
ACCOUNTS: Final = (10_000, 100_000, 1_000_000)
SLICES: Final = (2_048, 256, 32, 4)
EMPTY: Final = 24
_FULL_SLICE: Final = 4_096
_START_MS: Final = 1_790_000_000_000
_ROUND_MS: Final = 1_000
_CHECKPOINT_BYTES: Final = 524_288


@dataclass(frozen=True, slots=True)
class OfAccounts:
    """A region of so many accounts; `grown_bytes` is the memory of one of its partitions."""

    accounts: int
    event_us: float
    grown_bytes: float
    changelog_per_event: float
    changelog_per_account: float
    recovery_s: float
    recovery_mb_per_s: float


@dataclass(frozen=True, slots=True)
class OfSlices:
    """Slices of so many records."""

    records: int
    slice_ms: float
    event_us: float
    checkpoint_ms: float
    checkpoint_bytes: float


class Partition:
    """One partition's processor, fed as the worker feeds it."""

    def __init__(self, number: int = 0) -> None:
        self._number = number
        settings = Settings(kafka_bootstrap="kafka.invalid:9092", partitions=PARTITIONS)
        schemas = Schemas.load()
        self._parts = (
            SliceCodec(schemas),
            shard_params(settings),
            SeriesCodes(settings.departments),
        )
        self._reader = RecordReader(schemas)
        self.processor = self.new()
        self._offsets: Counter[str] = Counter()
        self._now_ms = _START_MS
        self.changelog: dict[bytes, bytes] = {}
        self.written_bytes = 0
        self.checkpoint_s = 0.0
        self.checkpoints = 0

    def new(self) -> SourceProcessor:
        """An empty processor."""
        codec, params, codes = self._parts
        return SourceProcessor(
            partition=self._number,
            codec=codec,
            reader=self._reader,
            params=params,
            codes=codes,
            mark_partitions=PARTITIONS,
        )

    def round(
        self, region: Region, records: int, *, whose: Int64Array | None = None, force: bool = False
    ) -> float:
        """A slice of each flow, what time brings, and a checkpoint if that is due; busy seconds."""
        slices = []
        self._now_ms += _ROUND_MS
        for flow in FLOWS:
            made = region.events(flow, records, self._now_ms, accounts=whose)
            first = self._offsets[flow]
            self._offsets[flow] += len(made.values)
            slices.append(
                (
                    flow,
                    [
                        Kept(first + n, self._now_ms, key, value)
                        for n, (key, value) in enumerate(zip(made.keys, made.values, strict=True))
                    ],
                )
            )
        began_s = time.process_time()
        for flow, kept in slices:
            self.processor.process(flow, kept)
        self.processor.pass_time(dict.fromkeys((*FLOWS, VERDICTS), self._now_ms))
        if force or self.processor.pending_bytes() >= _CHECKPOINT_BYTES:
            self.checkpoint()
        return time.process_time() - began_s

    def tell(self, flow: str, records: list[tuple[bytes, bytes]], second: int) -> list[bytes]:
        """Take events of a second; what the region is told of it."""
        first = self._offsets[flow]
        self._offsets[flow] += len(records)
        now_ms = _START_MS + second * _ROUND_MS
        kept = [Kept(first + n, now_ms, *record) for n, record in enumerate(records)]
        return _cells(self.processor.process(flow, kept) if kept else ())

    def heard(self, second: int) -> list[bytes]:
        """Let a second pass; what the region is told of it."""
        until_ms = _START_MS + (second + 1) * _ROUND_MS
        return _cells(self.processor.pass_time(dict.fromkeys((*FLOWS, VERDICTS), until_ms)))

    def checkpoint(self) -> None:
        """Write, as the changelog would hold it."""
        began_s = time.process_time()
        for key, value in self.processor.checkpoint().writes:
            self.written_bytes += len(key) + len(value or b"")
            if value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value
        self.checkpoint_s += time.process_time() - began_s
        self.checkpoints += 1


def _cells(outgoing: Sequence[Outgoing]) -> list[bytes]:
    return [one.value or b"" for one in outgoing if one.topic == REGION_CELLS]


def of_accounts(accounts: int, events: int) -> OfAccounts:
    """A region of so many accounts, all of whom have acted, seen from one of its partitions."""
    bound_heaps()
    own = accounts // PARTITIONS
    part = Partition()
    region = Region(1, accounts=own, structures=max(1, own // 10))
    before = _resident_bytes()
    everybody = np.random.default_rng(1).permutation(own)
    for at in range(0, own, _FULL_SLICE):
        whose = everybody[at : at + _FULL_SLICE]
        part.round(region, len(whose), whose=whose)
    part.checkpoint()
    rounds = max(2, events // (_FULL_SLICE * len(FLOWS)))
    busy_s = sum(part.round(region, _FULL_SLICE) for _ in range(rounds))
    part.checkpoint()
    seen = rounds * _FULL_SLICE * len(FLOWS)
    # Merges come in bursts; over everything written they even out.
    written = part.written_bytes / (seen + own * len(FLOWS))
    live_bytes = sum(len(key) + len(value) for key, value in part.changelog.items())
    everybody = np.zeros(0, np.int64)
    give_back()
    grown = _resident_bytes() - before - live_bytes
    again = part.new()
    began_s = time.process_time()
    again.recover(part.changelog)
    recovery_s = time.process_time() - began_s
    return OfAccounts(
        accounts=accounts,
        event_us=1e6 * busy_s / seen,
        grown_bytes=grown,
        changelog_per_event=written,
        changelog_per_account=live_bytes / own,
        recovery_s=recovery_s,
        recovery_mb_per_s=live_bytes / 1e6 / recovery_s,
    )


def of_slices(records: int, events: int) -> OfSlices:
    """A region of 10 000 accounts at a live pace: a checkpoint after every slice of each flow."""
    bound_heaps()
    part = Partition()
    region = Region(1, accounts=ACCOUNTS[0] // PARTITIONS, structures=125)
    for _ in range(4):
        part.round(region, _FULL_SLICE, force=True)
    rounds = min(200, max(8, events // (records * len(FLOWS))))
    part.checkpoint_s = part.checkpoints = part.written_bytes = 0
    busy_s = sum(part.round(region, records, force=True) for _ in range(rounds))
    working_s = busy_s - part.checkpoint_s
    return OfSlices(
        records=records,
        slice_ms=1e3 * working_s / rounds / len(FLOWS),
        event_us=1e6 * busy_s / rounds / len(FLOWS) / records,
        checkpoint_ms=1e3 * part.checkpoint_s / part.checkpoints,
        checkpoint_bytes=part.written_bytes / part.checkpoints,
    )


def of_partition() -> float:
    """Memory of a partition in which each flow has sent one slice, bytes."""
    bound_heaps()
    region = Region(1, accounts=100, structures=10)
    first = Partition()
    first.round(region, 100)
    before = _resident_bytes()
    held = [Partition() for _ in range(EMPTY)]
    for part in held:
        part.processor = first.new()
        part.round(region, 100)
    return (_resident_bytes() - before) / len(held)


def of_region(partitions: int, seconds: int = 120) -> float:
    """Processor time that the region's watch takes for what so many partitions tell in a second, ms."""
    told: list[bytes] = []
    region = Region(partitions)
    parts = [Partition(number) for number in range(partitions)]
    for second in range(seconds):
        for flow in FLOWS:
            made = region.events(flow, 64, _START_MS + second * _ROUND_MS)
            for number, part in enumerate(parts):
                mine = np.flatnonzero(made.partitions == number).tolist()
                told += part.tell(flow, [(made.keys[n], made.values[n]) for n in mine], second)
        for part in parts:
            told += part.heard(second)
    settings = Settings(kafka_bootstrap="kafka.invalid:9092", partitions=partitions)
    watch = RegionProcessor(
        partition=0, codec=SliceCodec(Schemas.load()), params=region_params(settings)
    )
    cells = [Kept(n, _START_MS, None, value) for n, value in enumerate(told)]
    began_s = time.process_time()
    for at in range(0, len(cells), partitions):
        watch.process(REGION_CELLS, cells[at : at + partitions])
    return 1e3 * (time.process_time() - began_s) / seconds


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def apart(run: Callable[..., Any], *arguments: Any) -> Any:
    """Run in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(run, arguments)


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that the reckoning takes from this machine."""

    accounts: list[OfAccounts]
    slices: list[OfSlices]
    partition_bytes: float
    base_bytes: float
    region_ms: tuple[float, float]


def tables(measured: Measured) -> list[Table]:
    """What was measured, as people read it."""
    accounts = Table(
        "accounts",
        "µs an event",
        "memory of a partition",
        "changelog each",
        "changelog an event",
        "recovery of a partition",
        "changelog read at",
        title=f"as accounts grow ({PARTITIONS} partitions, slices of {_FULL_SLICE:,})",
    )
    for one in measured.accounts:
        accounts.add_row(
            f"{one.accounts:,}",
            f"{one.event_us:.1f}",
            f"{one.grown_bytes / 1e6:.0f} MB",
            f"{one.changelog_per_account / 1e3:.1f} kB",
            f"{one.changelog_per_event:.0f} bytes",
            f"{one.recovery_s:.2f} s",
            f"{one.recovery_mb_per_s:.0f} MB/s",
        )
    slices = Table(
        "records a slice",
        "ms a slice",
        "µs an event, checkpoint included",
        "ms a checkpoint",
        "bytes a checkpoint",
        title="as partitions grow",
    )
    for two in measured.slices:
        slices.add_row(
            f"{two.records:,}",
            f"{two.slice_ms:.2f}",
            f"{two.event_us:.1f}",
            f"{two.checkpoint_ms:.2f}",
            f"{two.checkpoint_bytes:,.0f}",
        )
    return [accounts, slices]


def main() -> int:
    """Measure, reckon, print."""
    from tests.benchmarks.scale_reckoning import reckoned  # noqa: PLC0415 (it reads this module)

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=200_000, help="events measured in each case")
    parser.add_argument("--json", type=Path, help="file for the figures")
    asked = parser.parse_args()
    measured = Measured(
        accounts=[apart(of_accounts, count, asked.events) for count in ACCOUNTS],
        slices=[apart(of_slices, records, asked.events) for records in SLICES],
        partition_bytes=apart(of_partition),
        base_bytes=apart(base_bytes),
        region_ms=(apart(of_region, 1), apart(of_region, PARTITIONS)),
    )
    console = Console()
    for table in tables(measured):
        console.print(table)
    console.print(
        f"a partition without accounts {measured.partition_bytes / 1e6:.1f} MB, "
        f"a process without partitions {measured.base_bytes / 1e6:.0f} MB; "
        f"the region's watch takes {measured.region_ms[0]:.2f} ms for what one partition tells in a "
        f"second, {measured.region_ms[1]:.2f} ms for what {PARTITIONS} tell"
    )
    console.print(reckoned(measured))
    if asked.json:
        asked.json.write_text(json.dumps(asdict(measured), indent=2) + "\n")
    return 0


def base_bytes() -> float:
    """Memory of a process that has loaded everything and holds no partition."""
    import streams.cli  # noqa: F401, PLC0415

    return float(_resident_bytes())


if __name__ == "__main__":
    sys.exit(main())
