"""What is told of the flows depends on what was recorded, and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.flow_minutes import SECONDS, FlowMinutes, encode_minutes, read_minutes
from agents.flow_series import CELLS, WIDTH
from agents.flow_watch import FlowParams, FlowWatch
from streams.checkpoint import Journal
from streams.errors import StateError
from streams.event_time import MINUTE_MS, SECOND_MS

if TYPE_CHECKING:
    from agents.flow_suspicion import FlowSuspicion

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


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_message_by_mistake(value: bytes) -> None:
    try:
        message = read_minutes(value)
    except StateError:
        return
    again = read_minutes(encode_minutes(message))
    assert again.heard_ms == message.heard_ms
    assert again.minutes.keys() == message.minutes.keys()
