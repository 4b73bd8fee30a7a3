"""The region's watch over its flows."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

from agents.declared_changes import DeclaredChange
from agents.flow_minutes import FlowMinutes
from agents.flow_series import ALL_CELLS, CELLS, ROWS, SERIES, WIDTH
from agents.flow_watch import FlowParams, FlowWatch
from simulators.calendar import midnight_ms
from streams.checkpoint import Journal
from streams.errors import StateError
from streams.event_time import HOUR_MS, MINUTE_MS
from tests.support.flow_counts import FlowCounts
from tests.support.flow_region import NEXT, cells_of, change, judge, next_day, trained

TEN = 10 * 60
"""Minute of the day: ten o'clock."""


def test_a_quiet_day_tells_nothing() -> None:
    assert not judge(trained(), *next_day())


def test_an_outage_of_one_cell_is_found_within_one_and_a_half_of_its_time_and_ends() -> None:
    minute, counts = next_day()
    cells = cells_of("eprescriptions", "ES")
    change(counts, TEN, TEN + 240, cells, 0.0)
    _, quiet = next_day()
    per_minute = quiet[TEN : TEN + 240, 0, cells[0]].mean()
    told = judge(trained(), minute, counts)
    found, over = told[0], told[-1]
    assert (found.kind, found.series.sector, found.series.couloir) == ("outage", "ES", "HOPITAL")
    assert {one.incident for one in told} == {found.incident}
    # The last minute is counted whole; its own estimate of the rate may be a tenth off.
    swallowed = found.evidence.expected - per_minute
    assert swallowed <= 1.5 * math.log(1e6) * 1.1
    assert over.ended
    assert over.end_ms is not None
    assert abs(over.end_ms - (minute + TEN + 240) * MINUTE_MS) <= 5 * MINUTE_MS


def test_a_whole_flow_that_falls_is_one_incident() -> None:
    minute, counts = next_day()
    change(counts, TEN, TEN + 60, cells_of("insi-calls"), 0.0)
    told = judge(trained(), minute, counts)
    assert len({one.incident for one in told}) == 1
    assert (told[0].series.flow, told[0].series.sector) == ("insi-calls", "*")
    assert told[0].kind == "outage"


def test_a_whole_sector_that_falls_is_one_incident() -> None:
    minute, counts = next_day()
    change(counts, TEN, TEN + 60, cells_of(sector="ES"), 0.0)
    told = judge(trained(), minute, counts)
    assert len({one.incident for one in told}) == 1
    assert (told[0].series.flow, told[0].series.sector) == ("*", "ES")


def test_one_large_part_that_falls_is_not_blamed_on_the_whole() -> None:
    minute, counts = next_day()
    change(counts, TEN, TEN + 120, cells_of("eprescriptions", couloir="MEDECINE_VILLE"), 0.3)
    told = judge(trained(), minute, counts)
    assert {one.series.couloir for one in told} == {"MEDECINE_VILLE"}
    assert told[0].kind == "drop"
    assert told[0].begin_ms >= (minute + TEN - 15) * MINUTE_MS


def test_a_spike_is_found_within_minutes_and_ends_with_it() -> None:
    minute, counts = next_day()
    change(counts, TEN, TEN + 60, cells_of("insi-calls", couloir="OFFICINE"), 3.0)
    told = judge(trained(), minute, counts)
    assert told[0].kind == "spike"
    assert told[-1].ended
    assert told[-1].end_ms is not None
    assert told[-1].end_ms <= (minute + TEN + 60 + 10) * MINUTE_MS


def test_a_rise_of_failures_is_found_though_the_rate_stays() -> None:
    minute, counts = next_day()
    cell = cells_of("mss-messages", "ES", "HOPITAL")[0]
    part = counts[TEN : TEN + 60]
    part[:, 1, cell] = np.random.default_rng(3).binomial(part[:, 0, cell], 0.3)
    told = judge(trained(), minute, counts)
    assert {one.series.measure for one in told} == {"failures"}
    assert told[0].series.couloir == "HOPITAL"


def test_a_flood_of_one_class_of_boxes_is_told_by_its_class() -> None:
    minute, counts = next_day()
    counts[TEN : TEN + 60, 0, CELLS + 2] += 12
    told = judge(trained(), minute, counts)
    assert told[0].kind == "flooding"
    assert told[0].series.couloir == "BAL_ORG"


def test_what_comes_back_after_an_outage_is_no_spike() -> None:
    minute, counts = next_day()
    cells = cells_of("dmp-deposits", couloir="LABO_BIOLOGIE")
    held = counts[TEN : TEN + 90, :, cells].sum(axis=0)
    change(counts, TEN, TEN + 90, cells, 0.0)
    counts[TEN + 90 : TEN + 100, :, cells] += held // 10
    told = judge(trained(), minute, counts)
    assert {one.kind for one in told} == {"outage"}


@pytest.mark.parametrize("factor", [2.0, None])
def test_a_declared_change_raises_no_alarm(factor: float | None) -> None:
    minute, counts = next_day()
    cells = cells_of("dmp-deposits", couloir="OFFICINE")
    change(counts, 0, len(counts), cells, 2.0)
    assert judge(trained(), minute, counts.copy())
    start_ms = midnight_ms(NEXT)
    declared = DeclaredChange(
        start_ms=start_ms,
        end_ms=start_ms + 24 * HOUR_MS,
        flow="dmp-deposits",
        sector="PSL",
        couloir="OFFICINE",
        factor=factor,
        reason="Nouveau type de document",
    )
    assert not judge(trained((declared,)), minute, counts)


def test_what_goes_beyond_a_declared_factor_is_found() -> None:
    minute, counts = next_day()
    cells = cells_of("dmp-deposits", couloir="OFFICINE")
    change(counts, 0, len(counts), cells, 6.0)
    start_ms = midnight_ms(NEXT)
    declared = DeclaredChange(
        start_ms, start_ms + 24 * HOUR_MS, "dmp-deposits", "PSL", None, 2.0, "x"
    )
    told = judge(trained((declared,)), minute, counts)
    assert "OFFICINE" in {one.series.couloir for one in told}


def test_a_permanent_step_moves_the_level_at_once() -> None:
    minute, counts = next_day()
    cells = cells_of("eprescriptions")
    counts[:, :, cells] += FlowCounts(6).day(NEXT)[1][: len(counts), :, cells]
    declared = DeclaredChange(midnight_ms(NEXT), None, "eprescriptions", None, None, 2.0, "x")
    assert not judge(trained((declared,)), minute, counts)


def test_a_lagging_reader_is_no_silent_source() -> None:
    watch = FlowWatch(FlowParams(partitions=2))
    counts = np.ones(WIDTH, np.uint32)
    for minute in range(100, 140):
        clock = (minute + 1) * MINUTE_MS
        watch.take(FlowMinutes(0, clock, {minute: counts}))
    assert watch.judged_ms == 0
    watch.take(FlowMinutes(1, 120 * MINUTE_MS, {}))
    assert watch.judged_ms == 120 * MINUTE_MS


def test_a_partition_that_does_not_exist_is_refused() -> None:
    with pytest.raises(StateError, match="partition 2"):
        FlowWatch(FlowParams(partitions=2)).take(FlowMinutes(2, 0, {}))


def test_state_of_another_number_of_partitions_is_refused() -> None:
    watch = FlowWatch(FlowParams(partitions=2))
    watch.take(FlowMinutes(1, 5, {}))
    writes = Journal(watch.sections).flush(b"{}")
    entries = {key: value for key, value in writes if value is not None}
    other = FlowWatch(FlowParams(partitions=3))
    with pytest.raises(StateError, match="2 partitions, not 3"):
        Journal(other.sections).recover(entries)


def test_a_restart_in_mid_incident_changes_nothing() -> None:
    minute, counts = next_day()
    change(counts, TEN, TEN + 60, cells_of("insi-calls", couloir="OFFICINE"), 0.0)
    counts = counts[: TEN + 120]
    expected = judge(trained(), minute, counts)
    cut = TEN + 37
    watch = trained()
    # The trained watch was never flushed: its first delta holds everything.
    told = judge(watch, minute, counts[:cut])
    writes = Journal(watch.sections).flush(b"{}")
    other = FlowWatch(FlowParams(partitions=1))
    Journal(other.sections).recover({key: value for key, value in writes if value is not None})
    told += judge(other, minute + cut, counts[cut:])
    assert told == expected
    assert expected


def test_state_per_series_is_small() -> None:
    watch = trained()
    size = sum(len(section.encode(section.drain())[0]) for section in watch.sections)
    assert size / len(SERIES) <= 16_384


def test_every_series_has_its_labels_once() -> None:
    assert len(set(SERIES)) == len(SERIES) == 2 * ROWS
    assert WIDTH == 2 * ALL_CELLS


def test_what_comes_every_night_at_the_same_hour_is_told_twice_and_then_a_habit() -> None:
    watch = trained()
    cell = cells_of("insi-calls", "ES", "HOPITAL")[0]
    told = []
    for number in range(4):
        minute, counts = next_day(NEXT + timedelta(days=number))
        counts[120:124, 0, cell] += 200
        told.append([one.kind for one in judge(watch, minute, counts) if one.revision == 0])
    assert set(told[0]) == set(told[1]) == {"spike"}
    assert told[2] == told[3] == []


def test_what_everybody_was_read_past_stays_as_it_was_told_even_before_it_is_judged() -> None:
    minute = 483_700 * 60
    watch = FlowWatch(FlowParams(partitions=1))
    for events in (7, 9):
        row = np.zeros(WIDTH, np.uint32)
        row[1] = events
        watch.hear(FlowMinutes(0, (minute + 1) * MINUTE_MS, {minute: row}))
    watch.go_on(watch.read_ms, 1)

    history = watch.history.of(1, minute * MINUTE_MS, (minute + 1) * MINUTE_MS)
    assert history is not None
    assert history.observed == (7,)
