"""What a finding shows of its flow is the same, however the minutes came and whoever read them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.findings import Verdict, VerdictKind
from agents.flow_minutes import SECONDS, FlowMinutes
from agents.flow_series import CELLS, WIDTH
from agents.region_watch import RegionWatch, RegionWatchParams
from streams.checkpoint import Journal
from streams.event_time import MINUTE_MS

if TYPE_CHECKING:
    from agents.findings import Finding

FIRST = 483_700 * 60
OUT = (FIRST + 74 * 60 + 3, FIRST + 75 * 60)
END = FIRST + 76 * 60


@cache
def recorded() -> dict[int, np.ndarray]:
    """Three days and some of two cells that stand still for an hour at the end."""
    rng = np.random.default_rng(5)
    counts = {}
    for minute in range(FIRST, END):
        counts[minute] = np.zeros(WIDTH, np.uint32)
        if not OUT[0] <= minute < OUT[1]:
            counts[minute][[1, 20]] = rng.poisson((12, 8))
    return counts


@cache
def heard() -> dict[int, np.ndarray]:
    """Seconds of each minute in which its events came, by chance."""
    rng = np.random.default_rng(6)
    seconds = {}
    for minute, counts in recorded().items():
        seconds[minute] = np.zeros(CELLS, np.uint64)
        for cell in np.flatnonzero(counts[:CELLS]):
            came = np.unique(rng.integers(0, SECONDS, counts[cell]))
            seconds[minute][cell] = np.bitwise_or.reduce(np.uint64(1) << came.astype(np.uint64))
    return seconds


def message(first: int, end: int) -> FlowMinutes:
    minutes = {minute: recorded()[minute] for minute in range(first, end)}
    seconds = {minute: heard()[minute] for minute in minutes}
    return FlowMinutes(0, end * MINUTE_MS, minutes, seconds)


def told(step: int, crash_every: int = 0) -> list[Finding]:
    watch = RegionWatch(RegionWatchParams(1))
    found: list[Finding] = []
    journal, entries = Journal(watch.sections), dict[bytes, bytes]()
    for number, first in enumerate(range(FIRST, END, step), 1):
        found += watch.take(message(first, min(first + step, END)))
        if crash_every and number % crash_every == 0:
            for key, value in journal.flush(b""):
                if value is None:
                    entries.pop(key, None)
                else:
                    entries[key] = value
            watch = RegionWatch(RegionWatchParams(1))
            journal = Journal(watch.sections)
            journal.recover(entries)
            watch.from_json({"open_day": []})
    if found:
        verdict = Verdict(found[0].finding_id, VerdictKind.BENIGN, END * MINUTE_MS)
        found += watch.take(verdict)
    return found


@cache
def expected() -> list[Finding]:
    return told(30)


def test_an_outage_shows_the_hours_before_it_and_the_silence() -> None:
    found = expected()
    assert found
    for one in found:
        assert one.history is not None
        starts_ms, step_ms = one.history.starts_ms(), one.history.step_ms
        assert starts_ms[0] <= one.window_start_ms - 6 * 60 * MINUTE_MS
        assert starts_ms[-1] < one.detected_at_ms
        steps = zip(starts_ms, one.history.observed, one.history.expected, strict=True)
        for start_ms, count, mean in steps:
            # Nothing is expected of a series before it is known.
            assert (mean or 0) > 0 or start_ms < (FIRST + 73 * 60) * MINUTE_MS
            is_out = OUT[0] * MINUTE_MS <= start_ms and start_ms + step_ms <= OUT[1] * MINUTE_MS
            assert (count == 0) == is_out or start_ms == starts_ms[-1]


@pytest.mark.parametrize(("step", "crash_every"), [(7, 90), (401, 1)])
def test_neither_the_size_of_messages_nor_crashes_change_it(step: int, crash_every: int) -> None:
    assert told(step, crash_every) == expected()
