"""Flows that are watched from their very first day, with no history at all.

Doctors and hospitals open the platforms in sessions, a few dozen a day. What a week of such people
does at an hour of the day says little of the next week; what a busy flow does says much.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from agents.flow_series import ALL_CELLS
from agents.flow_watch import FlowParams, FlowWatch
from simulators.calendar import midnight_ms
from simulators.traffic import RegionTraffic
from streams.event_time import HOUR_MS, MINUTE_MS
from tests.support.flow_events import Minutes, minutes_of
from tests.support.flow_region import cells_of

if TYPE_CHECKING:
    from agents.flow_suspicion import FlowSuspicion

MONDAY = date(2025, 9, 8)
DAYS = 5
FIFTH_DAY_NOON_MS = midnight_ms(MONDAY + timedelta(days=4)) + 12 * HOUR_MS


@cache
def region() -> Minutes:
    """The region's first days, at a tenth of its size."""
    days = RegionTraffic(301, 0.1).recorded(MONDAY, DAYS)
    return minutes_of(days, midnight_ms(MONDAY), midnight_ms(MONDAY + timedelta(days=DAYS)))


def told(minutes: Minutes) -> list[FlowSuspicion]:
    """What a watch that knows nothing tells of them first."""
    watch = FlowWatch(FlowParams(partitions=1))
    first, counts, heard = minutes
    found = [
        one for at in range(len(counts)) for one in watch.judge(first + at, counts[at], heard[at])
    ]
    return [one for one in found if one.revision == 0]


def test_the_first_days_of_a_quiet_region_tell_nothing() -> None:
    assert [(one.kind, one.series) for one in told(region())] == []


def test_a_busy_flow_that_falls_silent_on_the_fifth_day_is_found_within_half_an_hour() -> None:
    first, counts, heard = region()
    counts, heard = counts.copy(), heard.copy()
    begin = FIFTH_DAY_NOON_MS // MINUTE_MS - first
    cells = np.array(cells_of("insi-calls"))
    counts[begin : begin + 60, cells] = 0
    counts[begin : begin + 60, ALL_CELLS + cells] = 0
    heard[begin : begin + 60, cells] = 0
    found = [one for one in told(Minutes(first, counts, heard)) if one.kind == "outage"]
    assert found[0].series.flow == "insi-calls"
    assert 0 < found[0].told_ms - FIFTH_DAY_NOON_MS <= 30 * MINUTE_MS
