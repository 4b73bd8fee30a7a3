"""What the service came to, held against what was sent and against `vigie backtest` on the same events.

* Totals come from the state alone: the workers have ended, the changelog is read from its start and
  recovered by the worker's own code, and its counts per flow, sector and minute are compared.
* Findings come from their topic, newest revision of each. The recording for the back-test is what the
  five topics hold, in the order of the log, each record's `recorded_at` being its Kafka timestamp: that
  is the time by which a worker judges.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter, defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.findings import Finding, read_finding
from agents.series import PAIRS, SeriesCodes
from agents.source import EVENT_TIME_AHEAD, SourceProcessor
from simulators.container import SYNC_BYTES, ContainerWriter
from simulators.encode import varint
from simulators.recording import recording_file
from streams.codec import SliceCodec
from streams.event_time import MINUTE_MS
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import FINDINGS, FLOWS
from streams.vocabulary import SECTORS
from streams.wire import CONFLUENT_BYTES
from streams.worker import shard_params
from tests.proof.chaos_traffic import Truth
from tests.support.servers_worker import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from streams.findings_log import FindingsLog
    from streams.settings import Settings

_BLOCK_RECORDS: Final = 4096
_ID_BYTES: Final = 37
"""An event's id in a body: its length and 36 characters; the two times follow."""
_BACKTEST_TIMEOUT_S: Final = 600.0
_MINUTE_RING: Final = 1
"""Of the three rings of counts, the one of a minute's step; it reaches back 65 minutes."""


def counted_by_state(log: FindingsLog, settings: Settings) -> Truth:
    """What the changelog's state holds, recovered partition by partition."""
    entries: dict[int, dict[bytes, bytes]] = defaultdict(dict)
    for records in log.records(f"{settings.group_id}-source-changelog"):
        for record in records:
            if record.value is None:
                entries[record.partition].pop(record.key, None)
            else:
                entries[record.partition][record.key] = record.value
    schemas, codes = Schemas.load(), SeriesCodes(settings.departments)
    found = Truth()
    for partition in range(settings.partitions):
        processor = SourceProcessor(
            partition=partition,
            codec=SliceCodec(schemas),
            reader=RecordReader(schemas),
            params=shard_params(settings),
            codes=codes,
            mark_partitions=settings.partitions,
        )
        processor.recover(entries[partition])
        _add(found, processor, codes)
    return found


def _add(found: Truth, processor: SourceProcessor, codes: SeriesCodes) -> None:
    newest_ms = 0
    for flow, totals in processor.durable.items():
        found.duplicates[flow] += totals.duplicates
        found.late[flow] += totals.late
        found.ahead[flow] += totals.dead_letters.get(EVENT_TIME_AHEAD, 0)
        newest_ms = max(newest_ms, totals.newest_ms)
    ring = processor.shard.rates.rings[_MINUTE_RING]
    last = newest_ms // MINUTE_MS
    first = last - 64
    cells = ring.cells(first * MINUTE_MS, (last + 1) * MINUTE_MS)
    traffic = cells[:, : int(np.prod(codes.shape))].reshape(-1, *codes.shape).sum(axis=(3, 4))
    for row, flow, pair in zip(*(axis.tolist() for axis in np.nonzero(traffic)), strict=True):
        sector = PAIRS[pair][0]
        found.counted[FLOWS[flow], sector, first + row] += int(traffic[row, flow, pair])


def mismatches(truth: Truth, found: Truth) -> list[str]:
    """Every figure that differs, in words."""
    wrong = []
    for name in ("counted", "duplicates", "late", "ahead"):
        sent, came = getattr(truth, name), getattr(found, name)
        wrong += [
            f"{name} {cell}: {came[cell]}, sent {sent[cell]}"
            for cell in sorted(sent.keys() | came.keys())
            if sent[cell] != came[cell]
        ]
    return wrong


def by_flow_and_sector(truth: Truth) -> Counter[tuple[str, str]]:
    """The counted events without their minutes."""
    totals: Counter[tuple[str, str]] = Counter()
    for (flow, sector, _), count in truth.counted.items():
        totals[flow, sector] += count
    return totals


def write_recording(log: FindingsLog, directory: Path) -> int:
    """Write what Kafka holds of the five flows as a recording; the number of events."""
    directory.mkdir()
    schemas, count = Schemas.load(), 0
    with ExitStack() as stack:
        for flow in FLOWS:
            writer = stack.enter_context(
                ContainerWriter(
                    recording_file(directory, flow), schemas.of_flow(flow).schema, bytes(SYNC_BYTES)
                )
            )
            block: list[bytes] = []
            for body in in_order(log.records(flow)):
                block.append(body)
                if len(block) == _BLOCK_RECORDS:
                    writer.write_block(len(block), b"".join(block))
                    block = []
                count += 1
            writer.write_block(len(block), b"".join(block))
            writer.complete()
    return count


def in_order(records: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Bodies of a flow, by Kafka's time; each partition's in the order of its log."""
    newest: dict[int, int] = defaultdict(int)
    times, bodies = [], []
    for several in records:
        for record in several:
            at_ms = newest[record.partition] = max(newest[record.partition], record.timestamp)
            times.append(at_ms)
            bodies.append(_recorded_at(record.value[CONFLUENT_BYTES:], at_ms))
    for row in np.argsort(np.array(times, np.int64), kind="stable").tolist():
        yield bodies[row]


def _recorded_at(body: bytes, at_ms: int) -> bytes:
    second = _after_varint(body, _ID_BYTES)
    return body[:second] + varint(at_ms) + body[_after_varint(body, second) :]


def _after_varint(body: bytes, at: int) -> int:
    while body[at] & 0x80:
        at += 1
    return at + 1


def backtest(
    directory: Path, settings: Settings, findings: Path
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What `vigie backtest` prints of a recording, and every revision that it finds."""
    done = subprocess.run(
        [COMMAND[0], "backtest", str(directory), "--json", "--findings", str(findings)],
        check=True,
        capture_output=True,
        timeout=_BACKTEST_TIMEOUT_S,
        env={"PATH": os.environ["PATH"], "VIGIE_PARTITIONS": str(settings.partitions)},
    )
    lines = findings.read_bytes().splitlines()
    return json.loads(done.stdout), [json.loads(line) for line in lines]


def backtest_mismatches(truth: Truth, document: dict[str, Any]) -> list[str]:
    """Where the back-test's own totals differ from what was sent."""
    totals, wrong = by_flow_and_sector(truth), []
    for flow in FLOWS:
        told = document["flows"][flow]
        came = {
            **{
                sector: told["by_sector"].get(sector, {"events": 0})["events"] for sector in SECTORS
            },
            "duplicates": told["duplicates"],
            "late": told["late"],
            "ahead": told["dead_letters"],
        }
        sent = {
            **{sector: totals[flow, sector] for sector in SECTORS},
            "duplicates": truth.duplicates[flow],
            "late": truth.late[flow],
            "ahead": truth.ahead[flow],
        }
        wrong += [
            f"backtest {flow} {name}: {came[name]}, sent {sent[name]}"
            for name in sent
            if came[name] != sent[name]
        ]
    return wrong


def live_revisions(log: FindingsLog) -> list[Finding]:
    """Every revision that the findings' topic holds, repetitions included."""
    reader: RecordReader = log.reader
    return [
        read_finding(record.value, reader)
        for records in log.records(FINDINGS)
        for record in records
    ]


def as_lines(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as `vigie backtest --findings` writes them."""
    return [json.loads(finding.to_ndjson()) for finding in findings]


SAME: Final = (
    "finding_id",
    "structure_pid",
    "actor_pid",
    "opened_at",
    "window_start",
    "status",
)
"""What must be the same: who, since when, and how it stands. Not which detector leads, how many
revisions tell it, nor how severe it is before its day is over: a slice's strongest evidence is told,
and the back-test's slices are hours long. How many are as severe stands in the table."""


def compared(live: list[dict[str, Any]], recorded: list[dict[str, Any]]) -> list[str]:
    """Where the newest revisions differ, in words without pseudonyms."""
    one, other = _newest(live), _newest(recorded)
    wrong = [
        f"{name}: only live ({_brief(one[name])})" for name in sorted(one.keys() - other.keys())
    ]
    wrong += [
        f"{name}: only in the back-test ({_brief(other[name])})"
        for name in sorted(other.keys() - one.keys())
    ]
    for name in sorted(one.keys() & other.keys()):
        odd = [key for key in SAME if one[name][key] != other[name][key]]
        wrong += [
            f"{name}: {key} {one[name][key]} live, {other[name][key]} in the back-test"
            if not key.endswith("_pid")
            else f"{name}: another {key}"
            for key in odd
        ]
    return wrong


def as_severe(live: list[dict[str, Any]], recorded: list[dict[str, Any]]) -> int:
    """How many findings of both have the same severity in their newest revisions."""
    one, other = _newest(live), _newest(recorded)
    return sum(
        one[name]["severity"] == other[name]["severity"] for name in one.keys() & other.keys()
    )


def _newest(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for line in lines:
        before = newest.get(line["finding_id"])
        if before is None or before["revision"] <= line["revision"]:
            newest[line["finding_id"]] = line
    return newest


def _brief(line: dict[str, Any]) -> str:
    return f"{line['detector']}, {line['severity']}, {line['status']}, {line['opened_at']}"
