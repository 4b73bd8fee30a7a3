from typing import Any

import numpy as np
import pytest

from streams.layout import Column, Kind, Layout
from streams.validity import LATEST_TIME_MS, fault_of, faults_of

LAYOUT: Layout = (
    Column("event_id", Kind.STRING),
    Column("occurred_at", Kind.LONG, is_time=True),
    Column("count", Kind.INT),
    Column("latency_ms", Kind.INT, null_branch=0),
    Column("step", Kind.LONG),
    Column("comment", Kind.STRING),
)
GOOD: dict[str, Any] = {
    "event_id": "e",
    "occurred_at": 1,
    "count": 0,
    "latency_ms": None,
    "step": -5,
    "comment": "",
}


def test_the_ends_of_every_range_are_inside() -> None:
    assert fault_of(LAYOUT, GOOD) is None
    assert fault_of(LAYOUT, GOOD | {"occurred_at": LATEST_TIME_MS, "latency_ms": 0}) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"occurred_at": 0}, "occurred_at"),
        ({"occurred_at": -1}, "occurred_at"),
        ({"occurred_at": LATEST_TIME_MS + 1}, "occurred_at"),
        ({"count": -1}, "count"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"event_id": ""}, "event_id"),
    ],
)
def test_a_step_outside_is_a_fault_for_the_record_and_for_the_columns(
    change: dict[str, Any], field: str
) -> None:
    bad = GOOD | change
    assert (fault_of(LAYOUT, bad) or "").startswith(f"{field}: ")
    flagged = set()
    for column in LAYOUT:
        pair = [GOOD[column.name], bad[column.name]]
        text = column.kind is Kind.STRING
        faults = faults_of(
            column,
            np.array([0, 0] if text else [value or 0 for value in pair]),
            np.array([len(value) for value in pair]) if text else None,
            np.array([value is not None for value in pair]) if column.null_branch == 0 else None,
        )
        if faults is not None:
            assert not faults[0]
            flagged |= {column.name} if faults[1] else set()
    assert flagged == {field}


def test_the_latest_time_is_the_year_2100() -> None:
    assert np.datetime64(LATEST_TIME_MS, "ms") == np.datetime64("2100-01-01T00:00:00.000")


def test_what_is_null_breaks_no_rule() -> None:
    when = Column("seen_at", Kind.LONG, null_branch=0, is_time=True)
    faults = faults_of(when, np.array([0, 0]), None, np.array([False, True]))
    assert faults is not None
    assert faults.tolist() == [False, True]
    assert fault_of((when,), {"seen_at": None}) is None
