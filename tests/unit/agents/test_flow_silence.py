"""A series' own law of silences, by the second."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from agents.flow_expected import HourExpected
from agents.flow_series import CELLS, ROWS
from agents.flow_silence import NEED_LEAST, SILENCE_NEED, FlowSilence
from agents.flow_surprise import Turn

CELL = 3
PER_MINUTE = 4.0
FIRST = 29_000_000
EVEN = np.zeros(2 * ROWS)
EVEN[CELL] = PER_MINUTE


def hour(rate: float = PER_MINUTE, before: float = PER_MINUTE, bar: float = 0.0) -> HourExpected:
    ones = np.ones(2 * ROWS)
    own = np.zeros(2 * ROWS)
    own[CELL] = rate
    previous = np.where(own > 0, before, 0.0)
    known = np.ones(2 * ROWS, np.bool_)
    return HourExpected(
        rate=own,
        before=previous,
        daily=own * 1440,
        tolerance=ones * 0.1,
        silence=ones,
        known=known,
        bar=ones * bar,
        factor=ones,
        habit=ones * 0.0,
    )


def turn(minute: int, expected: HourExpected | None = None) -> Turn:
    every = np.ones(2 * ROWS, np.bool_)
    return Turn(minute, expected or hour(), 3, every, every)


def heard(*seconds: int) -> np.ndarray:
    cells = np.zeros(CELLS, np.uint64)
    cells[CELL] = sum(1 << second for second in seconds)
    return cells


def taught(sending: int) -> FlowSilence:
    """One of its own that has heard ten days of sendings of so many events at any second."""
    return deepcopy(_taught(sending))


@lru_cache
def _taught(sending: int) -> FlowSilence:
    rng = np.random.default_rng(4)
    watch = FlowSilence()
    for minute in range(10 * 1440):
        came = rng.random(60) < PER_MINUTE / sending / 60
        watch.end_minute(turn(FIRST + minute), heard(*np.flatnonzero(came).tolist()), EVEN)
    watch.begin_hour(3, hour())
    return watch


def found_after(watch: FlowSilence, step: int = 60) -> int:
    """Seconds of silence until an outage, judged in pieces."""
    watch.end_minute(turn(FIRST + 6000), heard(59), EVEN)
    for minute in range(600):
        for first in range(0, 60, step):
            now = turn(FIRST + 6001 + minute)
            for second, rows in watch.alarms(now, heard(), first, min(first + step, 60)):
                if CELL in rows.tolist():
                    return minute * 60 + second + 1
        watch.end_minute(turn(FIRST + 6001 + minute), heard(), EVEN)
    return -1


@pytest.mark.parametrize("sending", [1, 4, 12])
def test_an_outage_takes_as_many_sendings_as_of_independent_events(sending: int) -> None:
    limit_s = 60 * math.log(1e6) * sending / PER_MINUTE
    assert 1.15 * limit_s <= found_after(taught(sending)) <= 1.5 * limit_s


def test_seconds_are_judged_alike_however_many_come_together() -> None:
    assert found_after(taught(1), 60) == found_after(taught(1), 7) == found_after(taught(1), 1)


def test_what_was_never_seen_is_taken_for_independent_events() -> None:
    watch = FlowSilence()
    watch.begin_hour(3, hour())
    _, need, _ = watch.state(turn(FIRST), heard(), 0)
    assert SILENCE_NEED <= need[CELL] <= 1.4 * SILENCE_NEED


def test_young_series_need_more_and_few_people_are_no_outage() -> None:
    watch = FlowSilence()
    watch.begin_hour(3, hour(bar=1.0))
    assert watch.state(turn(FIRST), heard(), 0)[1][CELL] >= 1.7 * SILENCE_NEED
    few = hour(0.005)
    watch = FlowSilence()
    watch.begin_hour(3, few)
    for minute in range(3 * 1440):
        assert not list(watch.alarms(turn(FIRST + minute, few), heard(), 0, 60))
        watch.end_minute(turn(FIRST + minute, few), heard(), EVEN)


def test_an_hour_that_always_begins_late_is_known_to() -> None:
    watch = FlowSilence()
    start = FIRST // 60 * 60
    for day in range(30):
        for minute in range(60):
            came = EVEN if minute >= 10 else EVEN * 0.1
            watch.end_minute(turn(start + day * 1440 + minute), heard(59), came)
    swallowed = []
    for minute in range(start + 50_000 * 60, start + 50_000 * 60 + 60):
        by_now, _, _ = watch.state(turn(minute), heard(), 59)
        swallowed.append(float(by_now[CELL]))
        watch.end_minute(turn(minute), heard(), EVEN * 0.0)
    assert swallowed[9] == pytest.approx(10 * PER_MINUTE * 0.1, rel=0.2)
    assert swallowed[19] - swallowed[9] == pytest.approx(10 * PER_MINUTE, rel=0.05)


def need_of(watch: FlowSilence, expected: HourExpected, part: int = 3) -> float:
    watch.begin_hour(part, expected)
    return float(watch.state(turn(FIRST, expected), heard(), 0)[1][CELL])


def test_who_sends_less_has_fewer_silences_and_needs_less_of_each() -> None:
    watch = FlowSilence()
    busy, seldom = need_of(watch, hour(20.0)), need_of(watch, hour(0.5))
    assert busy >= SILENCE_NEED
    assert seldom <= busy * NEED_LEAST / SILENCE_NEED + 0.5


def test_a_time_of_day_that_is_silent_more_briefly_needs_less() -> None:
    watch = taught(12)
    night = hour(1.0)
    rng = np.random.default_rng(7)
    for minute in range(6 * 1440):
        came = rng.random(60) < 1.0 / 60
        now = replace(turn(FIRST + 20_000 + minute, night), part=0)
        watch.end_minute(now, heard(*np.flatnonzero(came).tolist()), EVEN / PER_MINUTE)
    assert need_of(watch, night, part=0) <= 0.6 * need_of(watch, night, part=3)
