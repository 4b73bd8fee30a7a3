from __future__ import annotations

import numpy as np
import pytest

from agents.finding_history import POINTS_MAX, HistoryMeasure
from agents.flow_series import ROWS, SERIES, FlowSeries
from agents.series_history import MINUTES, SeriesHistory, series_of
from streams.checkpoint import Journal
from streams.errors import StateError
from streams.event_time import HOUR_MS, MINUTE_MS
from tests.support.findings import finding

START = 29_000_040
"""A minute at the start of an hour."""
OWN = 3


def noted(minutes: int, *, unknown: int = 0) -> SeriesHistory:
    """Minute n brings n events of the series where 10 are expected; unknown for the first ones."""
    history = SeriesHistory()
    note(history, 0, minutes, unknown=unknown)
    return history


def note(history: SeriesHistory, first: int, end: int, *, unknown: int = 0) -> None:
    for number in range(first, end):
        values, expected = np.zeros(2 * ROWS), np.zeros(2 * ROWS)
        values[OWN] = number
        values[OWN + ROWS] = 1
        expected[OWN] = 10.0 if number >= unknown else np.nan
        history.note(START + number, values, expected)


def ms(minute: int) -> int:
    return (START + minute) * MINUTE_MS


def test_a_young_break_is_shown_in_steps_of_five_minutes_the_last_one_under_way() -> None:
    found = noted(48).of(OWN, ms(40), ms(48))
    assert found is not None
    assert (found.measure, found.step_ms, found.start_ms) == (
        HistoryMeasure.EVENTS,
        5 * MINUTE_MS,
        ms(0),
    )
    assert found.observed[:2] == (0 + 1 + 2 + 3 + 4, 5 + 6 + 7 + 8 + 9)
    assert found.observed[-1] == 45 + 46 + 47
    assert found.expected == (50.0,) * 9 + (30.0,)
    assert not found.high
    assert not found.peers


def test_what_was_noted_later_than_it_is_told_changes_nothing() -> None:
    assert noted(48).of(OWN, ms(40), ms(48)) == noted(300).of(OWN, ms(40), ms(48))
    long, longer = noted(1_000), noted(1_003)
    assert long.of(OWN, ms(100), ms(999)) == longer.of(OWN, ms(100), ms(999))


def test_a_long_break_is_shown_by_the_hour() -> None:
    found = noted(600).of(OWN, ms(0), ms(590))
    assert found is not None
    assert found.step_ms == HOUR_MS
    assert found.observed[0] == sum(range(60))
    assert len(found.observed) == 10
    assert found.observed[-1] == sum(range(540, 590))
    assert found.expected[-1] == 500.0


def test_failures_are_told_as_such_and_what_is_not_expected_is_not_zero() -> None:
    history = noted(20, unknown=7)
    failures = history.of(OWN + ROWS, ms(10), ms(20))
    assert failures is not None
    assert failures.measure is HistoryMeasure.FAILURES
    assert failures.observed == (5,) * 4
    events = history.of(OWN, ms(10), ms(20))
    assert events is not None
    assert events.expected == (None, None, 50.0, 50.0)


def test_nothing_is_shown_of_a_time_that_was_not_noted() -> None:
    assert SeriesHistory().of(OWN, ms(10), ms(20)) is None
    assert noted(20).of(OWN, ms(5_000), ms(5_010)) is None


@pytest.mark.parametrize("age", [0, 5, 419, 420, 5_000, 30_000])
def test_points_are_bounded_whatever_the_age(age: int) -> None:
    found = noted(12_000).of(OWN, ms(12_000 - age), ms(12_000))
    assert found is not None
    assert 12 < len(found.observed) <= POINTS_MAX


def test_old_minutes_make_room() -> None:
    found = noted(MINUTES + 100).of(OWN, ms(MINUTES + 90), ms(MINUTES + 100))
    assert found is not None
    assert found.observed[-1] == sum(range(MINUTES + 95, MINUTES + 100))


def test_a_recovery_brings_the_same_points() -> None:
    history = SeriesHistory()
    journal = Journal((history,))
    entries: dict[bytes, bytes] = {}
    for first in range(0, 2_000, 37):
        note(history, first, first + 37, unknown=1_900)
        for key, value in journal.flush(b""):
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
    recovered = SeriesHistory()
    Journal((recovered,)).recover(entries)

    for begin in (100, 1_500, 1_990):
        assert recovered.of(OWN, ms(begin), ms(2_000)) == history.of(OWN, ms(begin), ms(2_000))
    note(history, 2_035, 2_040)
    note(recovered, 2_035, 2_040)
    assert recovered.of(OWN, ms(1_990), ms(2_040)) == history.of(OWN, ms(1_990), ms(2_040))


@pytest.mark.parametrize("payload", [b"", b"\x07\x00\x00", b"\x01\x02\x00\x00\x00"])
def test_foreign_state_is_refused(payload: bytes) -> None:
    with pytest.raises(StateError, match="flow history"):
        SeriesHistory().load(payload)


def test_a_finding_is_about_the_series_that_its_leading_detector_names() -> None:
    flow = {"flow": "insi-calls", "sector": "*", "couloir": "*", "measure": "failures"}
    about = finding(detector="drop", evidence={f"drop_{k}": v for k, v in flow.items()})
    number = series_of(about)
    assert number is not None
    assert SERIES[number] == FlowSeries("insi-calls", "*", "*", "failures")
    assert series_of(finding()) is None
    boxes = flow | {"flow": "mss-messages", "measure": "rate"}
    of_a_box = {f"flooding_{k}": v for k, v in boxes.items()}
    assert series_of(finding(detector="flooding", evidence=of_a_box)) is None
