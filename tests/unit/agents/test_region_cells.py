from __future__ import annotations

import numpy as np
import pytest

from agents.account_cells import CELL, CellArray
from agents.box_pressure import BoxCounts
from agents.findings import Verdict, VerdictKind
from agents.flow_minutes import FlowMinutes
from agents.flow_series import WIDTH
from agents.region_cells import (
    ClosedAccountDays,
    RegionCell,
    encode_region_cell,
    read_region_cell,
)
from streams.errors import StateError
from tests.support.frames import NOON_MS


def _cells(**values: int) -> CellArray:
    cells = np.zeros(1, CELL)
    for name, value in values.items():
        cells[name] = value
    return cells


def test_counts_of_minutes_come_through() -> None:
    counts = np.zeros(WIDTH, np.uint32)
    counts[3] = 7
    found = read_region_cell(encode_region_cell(FlowMinutes(2, 1000, {5: counts})))

    assert isinstance(found, FlowMinutes)
    assert (found.partition, found.heard_ms) == (2, 1000)
    assert np.array_equal(found.minutes[5], counts)


def test_closed_days_come_through() -> None:
    cells = np.zeros(2, CELL)
    cells["account"] = [4, 5]
    found = read_region_cell(encode_region_cell(ClosedAccountDays(3, 20_000, cells)))

    assert isinstance(found, ClosedAccountDays)
    assert (found.partition, found.open_day) == (3, 20_000)
    assert found.cells["account"].tolist() == [4, 5]


def test_verdicts_and_boxes_come_through() -> None:
    verdict = Verdict(finding_id="f", verdict=VerdictKind.BENIGN, judged_at_ms=9)
    assert read_region_cell(encode_region_cell(verdict)) == verdict
    found = read_region_cell(encode_region_cell(BoxCounts(1, 50, {(7, 99): (3, 2)})))
    assert isinstance(found, BoxCounts)
    assert (found.partition, found.heard_ms) == (1, 50)


@pytest.mark.parametrize(
    "value", [None, b"", b"\x00", b"\x09x", b"\x01", b"\x02\x00", b"\x03{}", b"\x03[", b"\x04\x01"]
)
def test_anything_else_is_refused(value: bytes | None) -> None:
    with pytest.raises(StateError):
        read_region_cell(value)


@pytest.mark.parametrize(
    "cell",
    [
        FlowMinutes(0, 2**62, {}),
        FlowMinutes(0, -1, {}),
        FlowMinutes(0, NOON_MS, {5: np.ones(WIDTH, np.uint32)}),
        FlowMinutes(0, NOON_MS, {2**50: np.ones(WIDTH, np.uint32)}),
        ClosedAccountDays(0, 10**6, np.zeros(0, CELL)),
        ClosedAccountDays(0, 20_000, _cells(burst_minute=1440)),
        ClosedAccountDays(0, 20_000, _cells(near_gap=8192)),
        BoxCounts(0, NOON_MS, {(-3, 9): (1, 1)}),
        Verdict("f", VerdictKind.BENIGN, 2**60),
    ],
)
def test_what_cannot_be_is_refused(cell: RegionCell) -> None:
    with pytest.raises(StateError, match="cannot be"):
        read_region_cell(encode_region_cell(cell))
