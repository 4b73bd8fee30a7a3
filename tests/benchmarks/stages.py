"""Where a worker's time goes: µs per event of each stage, with and without watching.

    .venv/bin/python tests/benchmarks/stages.py [--events N] [--slice N] [--repeats N] [--json FILE]

The worker's own processors (the flows' partitions, the marks', the region's cells) read the simulated
region's traffic out of memory, in slices as a worker that catches up gets them, with checkpoints when
the shell would take them then. Only here, for the length of the run, the stages' functions are wrapped
by a stopwatch; each stage is given the time in which none of the stages within it ran. The first line is
the floor: Kafka's record batches taken apart, and nothing done with the records.

Times are of the processor, all threads together, the least of some repeats: what else the machine does
counts little. Not in them: the network, Faust's own 0.5 µs (`tests.benchmarks.slices`), producing what
is sent, the page. `tests/benchmarks/throughput.py` measures the whole worker.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from aiokafka.record.default_records import DefaultRecordBatchBuilder  # noqa: E402 (path first)
from aiokafka.record.util import calc_crc32c  # noqa: E402

from agents.account_days import AccountDays  # noqa: E402
from agents.account_watch import AccountWatch  # noqa: E402
from agents.arrivals import FlowState  # noqa: E402
from agents.explaining import AccessExplainer  # noqa: E402
from agents.fusion import Fusion  # noqa: E402
from agents.partition_watch import PartitionWatch  # noqa: E402
from agents.partition_work import WorkLimits  # noqa: E402
from agents.region import ActivityProcessor  # noqa: E402
from agents.region_processor import RegionProcessor  # noqa: E402
from agents.shard import Shard  # noqa: E402
from agents.source import SourceProcessor  # noqa: E402
from simulators.partitions import partition_of  # noqa: E402
from streams.codec import SliceCodec  # noqa: E402
from streams.fetched_records import FetchedRecords, read_fetch  # noqa: E402
from streams.settings import Settings  # noqa: E402
from streams.topics import ACTIVITY_MARKS, FLOWS, REGION_CELLS, VERDICTS  # noqa: E402
from streams.worker import ACTIVITY, REGION, SOURCE, Worker  # noqa: E402
from tests.benchmarks.region_batches import region_batches  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.processing import Outgoing, Processor

PARTITIONS = 8
START = date(2025, 9, 8)
LONG_AFTER_MS = 4_000_000_000_000
"""Nobody judges in a recording's time: the verdicts' topic is read to the wall clock, which is later."""
BATCH_BYTES = 900_000

STAGES: tuple[tuple[str, tuple[tuple[Any, str], ...]], ...] = (
    ("fetch", ((sys.modules[__name__], "taken_apart"),)),
    ("decode", ((SliceCodec, "decode"),)),
    ("duplicates", ((FlowState, "accept"),)),
    ("rates", ((Shard, "_rate"),)),
    ("usage", ((Shard, "_count_usage"),)),
    ("marks", ((SourceProcessor, "_marks"), (ActivityProcessor, "process"))),
    ("care", ((AccessExplainer, "take"), (AccessExplainer, "pass_time"))),
    (
        "detectors",
        (
            (PartitionWatch, "_conclude"),
            (AccountWatch, "observe"),
            (AccountDays, "observe"),
            (Fusion, "take"),
        ),
    ),
    (
        "flow watch",
        (
            (Shard, "_watch_flows"),
            (Shard, "_told"),
            (RegionProcessor, "process"),
            (RegionProcessor, "pass_time"),
        ),
    ),
    (
        "checkpoint",
        tuple(
            (kind, "checkpoint") for kind in (SourceProcessor, ActivityProcessor, RegionProcessor)
        )
        + tuple(
            (kind, "pending_bytes")
            for kind in (SourceProcessor, ActivityProcessor, RegionProcessor)
        ),
    ),
)
ORDER = (*(name for name, _ in STAGES), "rest")


class Record(NamedTuple):
    """As the fetcher hands it on."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


Logs = dict[tuple[str, int], list[Record]]


@dataclass
class Stopwatch:
    """Seconds of processor time by stage; a stage within another stops the other's."""

    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _running: list[str] = field(default_factory=lambda: ["rest"])
    _since: float = 0.0

    def start(self) -> None:
        """Begin with the rest."""
        self._since = time.process_time()

    def lap(self) -> None:
        """Give the time since the last lap to the stage that runs."""
        now = time.process_time()
        self.spent[self._running[-1]] += now - self._since
        self._since = now

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        @functools.wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            self.lap()
            self._running.append(stage)
            try:
                return function(*args, **named)
            finally:
                self.lap()
                self._running.pop()

        return timed


def recorded(events: int) -> Logs:
    """So many events of the region's days, as the partitions' logs."""
    partition = functools.lru_cache(maxsize=None)(partition_of)
    logs: Logs = defaultdict(list)
    for batch in region_batches(START, events):
        for key, value, ms in zip(
            batch.keys, batch.values, batch.recorded_ms.tolist(), strict=True
        ):
            log = logs[batch.flow, partition(key, PARTITIONS)]
            log.append(Record(len(log), ms, key, value))
    return logs


Fetches = dict[tuple[str, int], list[bytes]]


def fetches(logs: Logs, most_bytes: int) -> Fetches:
    """What a broker answers for each partition, one request after the other."""
    answers: Fetches = {}
    for key, log in logs.items():
        answers[key] = [b""]
        for batch in _batches(log):
            if len(answers[key][-1]) + len(batch) > most_bytes:
                answers[key].append(b"")
            answers[key][-1] += batch
    return answers


def _batches(log: list[Record]) -> Iterator[bytes]:
    at = 0
    while at < len(log):
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, BATCH_BYTES)
        first = at
        while at < len(log):
            record = log[at]
            if builder.append(at - first, record.timestamp, record.key, record.value, []) is None:
                break
            at += 1
        yield first.to_bytes(8, "big") + bytes(builder.build())[8:]


def taken_apart(octets: bytes) -> FetchedRecords:
    """The records of one answer."""
    found = read_fetch(octets, 0, calc_crc32c)
    if found is None:
        raise AssertionError("what was built here is not plain")
    return found[0]


def slices(answers: Fetches, size: int) -> Iterator[tuple[str, int, FetchedRecords]]:
    """Slices of every partition in turn, flow after flow, as fetches bring them."""
    for turn in range(max(map(len, answers.values()))):
        for flow in FLOWS:
            for number in range(PARTITIONS):
                for octets in answers.get((flow, number), [])[turn : turn + 1]:
                    records = taken_apart(octets)
                    for start in range(0, len(records), size):
                        yield flow, number, records[start : start + size]


class Line:
    """The processors of one worker, what one sends to another on its way at once.

    Args:
        settings: of the worker.
    """

    def __init__(self, settings: Settings) -> None:
        groups = {group.table_name: group for group in Worker(settings).groups()}
        self._processors: dict[tuple[str, int], Processor] = {
            (name, number): group.build(number)
            for name, group in groups.items()
            for number in range(group.partitions or PARTITIONS)
        }
        limits = WorkLimits(
            interval_s=settings.checkpoint_interval_ms / 1000,
            max_bytes=settings.checkpoint_max_bytes,
        )
        self._limits = limits.max_bytes * limits.behind_bytes, limits.interval_s * limits.behind
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        self._touched: dict[tuple[str, int], float] = {}
        self.sent = 0
        self.changelog_bytes = 0

    def take(self, flow: str, number: int, records: Sequence[Any]) -> None:
        """One slice of a flow, and whatever follows from it."""
        self._process((SOURCE, number), flow, records)
        self._checkpoint_what_is_due()

    def pass_time(self) -> None:
        """The verdicts' topic is empty up to now; the region goes on with what waits."""
        for number in range(PARTITIONS):
            sent = self._processors[SOURCE, number].pass_time({VERDICTS: LONG_AFTER_MS})
            self._send(sent)
        self._send(self._processors[REGION, 0].pass_time({}))

    def _process(self, key: tuple[str, int], topic: str, records: Sequence[Any]) -> None:
        sent = self._processors[key].process(topic, records)
        self._touched.setdefault(key, time.process_time())
        self._send(sent)

    def _send(self, outgoing: Sequence[Outgoing]) -> None:
        self.sent += len(outgoing)
        readers = {ACTIVITY_MARKS: ACTIVITY, REGION_CELLS: REGION}
        for one in outgoing:
            if one.topic in readers:
                number = one.partition or 0
                offset = self._offsets[one.topic, number]
                self._offsets[one.topic, number] += 1
                record = Record(offset, 0, one.key, one.value)
                self._process((readers[one.topic], number), one.topic, [record])

    def _checkpoint_what_is_due(self) -> None:
        most_bytes, longest_s = self._limits
        now = time.process_time()
        for key, since in list(self._touched.items()):
            processor = self._processors[key]
            if now - since >= longest_s or processor.pending_bytes() >= most_bytes:
                writes = processor.checkpoint().writes
                self.changelog_bytes += sum(len(name) + len(value or b"") for name, value in writes)
                del self._touched[key]


def run(answers: Fetches, size: int, watch: str) -> tuple[dict[str, float], float, Line]:
    """One worker over all slices: seconds by stage, seconds in all without a stopwatch, the worker."""
    settings = Settings(kafka_bootstrap="none:9092", partitions=PARTITIONS, watch=watch)
    whole, line = _run(Line(settings), answers, size)
    watched = Stopwatch()
    with contextlib.ExitStack() as stack:
        for stage, functions in STAGES:
            for owner, name in functions:
                timed = watched.wrap(stage, getattr(owner, name))
                stack.enter_context(patch.object(owner, name, timed))
        watched.start()
        _run(Line(settings), answers, size)
        watched.lap()
    return watched.spent, whole, line


def _run(line: Line, answers: Fetches, size: int) -> tuple[float, Line]:
    began = told = time.process_time()
    line.pass_time()
    for flow, number, records in slices(answers, size):
        line.take(flow, number, records)
        if time.process_time() - told > 0.5:
            told = time.process_time()
            line.pass_time()
    return time.process_time() - began, line


def measure(events: int, size: int, repeats: int) -> dict[str, Any]:
    """The table's figures: µs per event by stage, `on` and `off`, and what goes with them."""
    logs = recorded(events)
    count = sum(map(len, logs.values()))
    result: dict[str, Any] = {"events": count, "slice_records": size}
    answers = fetches(logs, Settings(kafka_bootstrap="none:9092").fetch_max_bytes)
    del logs
    for watch in ("on", "off"):
        runs = [run(answers, size, watch) for _ in range(repeats)]
        stages = {
            name: min(spent.get(name, 0.0) for spent, _, _ in runs) / count * 1e6 for name in ORDER
        }
        whole = min(seconds for _, seconds, _ in runs) / count * 1e6
        line = runs[0][2]
        result[watch] = {
            "us_per_event": stages,
            "whole_us_per_event": whole,
            "records_sent": line.sent,
            "changelog_bytes_per_event": line.changelog_bytes / count,
        }
    result["kept_ratio"] = result["off"]["whole_us_per_event"] / result["on"]["whole_us_per_event"]
    return result


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{result['events']:,} events in slices of up to {result['slice_records']:,} records")
    print(f"{'stage':14}{'µs/event':>10}{'share':>8}{'watch off':>12}{'share':>8}")
    for name in (*ORDER, "together"):
        line = f"{name:14}"
        for watch, width in (("on", 10), ("off", 12)):
            stages = result[watch]["us_per_event"]
            total = sum(stages.values())
            own = total if name == "together" else stages[name]
            line += f"{own:{width}.2f}{own / total:8.0%}"
        print(line)
    whole = [result[watch]["whole_us_per_event"] for watch in ("on", "off")]
    print(f"{'no stopwatch':14}{whole[0]:10.2f}{'':8}{whole[1]:12.2f}")
    print(f"watching keeps {result['kept_ratio']:.0%} of what the processors do without it")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write the figures if a file is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the region")
    parser.add_argument("--slice", type=int, default=16_384, help="most records in a slice")
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs of which the least time counts"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args(argv)
    result = measure(arguments.events, arguments.slice, arguments.repeats)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
