"""What is told of the flows depends on what was recorded, and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.findings import Verdict, VerdictKind, read_finding
from agents.flow_minutes import SECONDS, FlowMinutes, encode_minutes, read_minutes
from agents.flow_series import CELLS, WIDTH
from agents.flow_watch import FlowParams, FlowWatch
from agents.region_cells import encode_region_cell
from agents.region_processor import RegionProcessor
from agents.region_watch import MINUTES_A_TURN, RegionWatch, RegionWatchParams
from agents.source import finding_record
from streams.checkpoint import Journal
from streams.codec import SliceCodec
from streams.errors import StateError
from streams.event_time import MINUTE_MS, SECOND_MS
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import REGION_CELLS
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    from agents.flow_suspicion import FlowSuspicion
    from agents.region_cells import RegionCell

SCHEMAS = Schemas.load()
CODEC = SliceCodec(SCHEMAS)

PARTITIONS = 3
FIRST = 483_700 * 60
HOURS = 77


def recorded() -> dict[tuple[int, int], np.ndarray]:
    """Three days and some of a cell that stands still at the end, over three partitions."""
    rng = np.random.default_rng(5)
    counts = {}
    for minute in range(FIRST, FIRST + HOURS * 60):
        is_out = FIRST + 74 * 60 <= minute < FIRST + 75 * 60
        for partition in range(PARTITIONS):
            row = np.zeros(WIDTH, np.uint32)
            if not is_out:
                row[[1, 20]] = rng.poisson((12, 8))
            counts[partition, minute] = row
    return counts


RECORDED = recorded()


def heard() -> dict[tuple[int, int], np.ndarray]:
    """Seconds in which the events came."""
    rng = np.random.default_rng(6)
    seconds = {}
    for key, row in RECORDED.items():
        seconds[key] = np.zeros(CELLS, np.uint64)
        for cell in np.flatnonzero(row[:CELLS]).tolist():
            came = np.unique(rng.integers(0, SECONDS, int(row[cell])))
            seconds[key][cell] = sum(1 << second for second in came.tolist())
    return seconds


HEARD = heard()


def message(partition: int, first: int, last: int, second: int = 0) -> FlowMinutes:
    """Minutes `[first, last)`, read to a second of the one after them."""
    minutes = {minute: RECORDED[partition, minute].copy() for minute in range(first, last)}
    under_way = range(first, last + (second > 0))
    seconds = {minute: HEARD[partition, minute].copy() for minute in under_way}
    return FlowMinutes(partition, last * MINUTE_MS + second * SECOND_MS, minutes, seconds)


def told_in_order() -> list[FlowSuspicion]:
    watch = FlowWatch(FlowParams(partitions=PARTITIONS))
    told = []
    for minute in range(FIRST, FIRST + HOURS * 60, 30):
        for partition in range(PARTITIONS):
            told += watch.take(message(partition, minute, minute + 30))
    return told


EXPECTED = told_in_order()


def test_the_example_has_something_to_tell() -> None:
    assert "outage" in {one.kind for one in EXPECTED}
    assert any(one.ended for one in EXPECTED)
    assert any(one.told_ms % MINUTE_MS for one in EXPECTED if one.kind == "outage")


@settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(data=st.data())
def test_neither_order_nor_repeats_nor_restarts_change_what_is_told(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    watch = FlowWatch(FlowParams(partitions=PARTITIONS))
    journal = Journal(watch.sections)
    changelog: dict[bytes, bytes] = {}
    at = [FIRST] * PARTITIONS
    told: list[FlowSuspicion] = []
    last = FIRST + HOURS * 60
    while min(at) < last:
        partition = int(rng.choice([p for p in range(PARTITIONS) if at[p] < last]))
        end = min(last, at[partition] + int(rng.integers(1, 400)))
        first = max(FIRST, at[partition] - int(rng.integers(0, 40)))
        at[partition] = end
        for _ in range(int(rng.integers(1, 3))):
            second = int(rng.integers(0, SECONDS)) if end < last else 0
            value = encode_minutes(message(partition, first, end, second))
            told += watch.take(read_minutes(value))
        if rng.random() < 0.3:
            for key, value in journal.flush(b"{}"):
                if value is None:
                    changelog.pop(key, None)
                else:
                    changelog[key] = value
            watch = FlowWatch(FlowParams(partitions=PARTITIONS))
            journal = Journal(watch.sections)
            journal.recover(dict(changelog))
    assert told == EXPECTED


BACKLOG_AT = FIRST + 74 * 60 + 30
"""Half an hour into the outage somebody judges it."""


def judged_minute_by_minute(verdict: Verdict | None) -> list[bytes]:
    """What a region that is never behind tells, as findings' values."""
    watch = RegionWatch(RegionWatchParams(PARTITIONS))
    found = []
    for minute in range(FIRST, FIRST + HOURS * 60, 30):
        if verdict is not None and minute == BACKLOG_AT:
            found += watch.take(verdict)
        for partition in range(PARTITIONS):
            found += watch.take(message(partition, minute, minute + 30))
    return [finding_record(one, CODEC).value or b"" for one in found]


def crashed(region: RegionProcessor, changelog: dict[bytes, bytes]) -> RegionProcessor:
    for key, value in region.checkpoint().writes:
        if value is None:
            changelog.pop(key, None)
        else:
            changelog[key] = value
    again = RegionProcessor(partition=0, codec=CODEC, params=RegionWatchParams(PARTITIONS))
    again.recover(dict(changelog))
    return again


@pytest.mark.parametrize("may_crash", [False, True])
def test_after_days_of_silence_a_turn_is_bounded_and_nothing_is_told_differently(
    may_crash: bool,
) -> None:
    unjudged = judged_minute_by_minute(None)
    opened = read_finding(unjudged[0], RecordReader(SCHEMAS))
    verdict = Verdict(opened.finding_id, VerdictKind.BENIGN, BACKLOG_AT * MINUTE_MS)
    last = FIRST + HOURS * 60
    cells: list[RegionCell] = [
        # The region was not watched for days; then everything comes at once.
        *(message(partition, FIRST, BACKLOG_AT) for partition in range(PARTITIONS)),
        verdict,
        *(message(partition, BACKLOG_AT, last) for partition in range(PARTITIONS)),
    ]
    records = [FakeRecord(n, encode_region_cell(cell)) for n, cell in enumerate(cells)]
    region = RegionProcessor(partition=0, codec=CODEC, params=RegionWatchParams(PARTITIONS))
    changelog: dict[bytes, bytes] = {}
    told = list(region.process(REGION_CELLS, records))
    judged = [FIRST, region.watch.flows.judged_ms // MINUTE_MS]
    while region.watch.is_behind:
        if may_crash:
            region = crashed(region, changelog)
        told += region.pass_time({})
        judged.append(region.watch.flows.judged_ms // MINUTE_MS)

    assert max(np.diff(judged)) <= MINUTES_A_TURN
    assert judged[-1] == last
    expected = judged_minute_by_minute(verdict)
    assert expected != unjudged
    assert [one.value for one in told] == expected


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_message_by_mistake(value: bytes) -> None:
    try:
        message = read_minutes(value)
    except StateError:
        return
    again = read_minutes(encode_minutes(message))
    assert again.heard_ms == message.heard_ms
    assert again.minutes.keys() == message.minutes.keys()
