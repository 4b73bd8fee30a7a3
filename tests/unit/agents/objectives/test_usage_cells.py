from __future__ import annotations

import pytest

from agents.objectives.usage_cells import Cells, Seen, UsageMonths, withheld
from agents.usages import USAGES, UsageRow

ROWS = (
    UsageRow("DMP_DEPOSIT", "HOPITAL", "59", 10, 100),
    UsageRow("DMP_DEPOSIT", "OFFICINE", "59", 20, 300),
    UsageRow("DMP_DEPOSIT", "HOPITAL", "02", 3, 30),
    UsageRow("DMP_DEPOSIT", "HOPITAL", "HORS_REGION", 50, 500),
    UsageRow("MSS_SENT", "HOPITAL", "59", 12, 40),
)
DEPARTMENTS = ("02", "59")


def test_cells_are_summed_by_department_within_the_region() -> None:
    found = Cells(ROWS).by("department", ["DMP_DEPOSIT"], (), DEPARTMENTS)
    assert found == {"59": Seen(30, 400), "02": Seen(3, 30)}


def test_cells_are_summed_by_couloir_of_those_asked_for() -> None:
    found = Cells(ROWS).by("couloir", ["DMP_DEPOSIT"], ("OFFICINE",), DEPARTMENTS)
    assert found == {"OFFICINE": Seen(20, 300)}


def test_events_of_several_usages_are_added_and_their_structures_are_not() -> None:
    found = Cells(ROWS).by("department", ["DMP_DEPOSIT", "MSS_SENT"], ("HOPITAL",), ("59",))
    assert found == {"59": Seen(12, 140)}


def test_a_month_is_put_in_order_again_when_its_rows_change() -> None:
    rows = {1: ROWS}
    months = UsageMonths(lambda: sorted(rows), lambda month: rows[month])
    first = months.cells(1)
    assert months.cells(1) is first
    rows[1] = ROWS[:1]
    assert months.cells(1).by("department", ["DMP_DEPOSIT"], (), ("59",)) == {"59": Seen(10, 100)}


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        ("DMP_SUBMISSION", True),
        ("HOPEN2_BIOLOGIE", True),
        ("HOPEN2_MSS_PATIENT", False),
        ("HOPEN2_ANY", True),
        ("ACTIVE", True),
        ("ERX_CREATED", False),
    ],
)
def test_a_flow_of_which_anything_was_told_is_known(usage: str, known: bool) -> None:
    assert Cells(ROWS[:4]).know([usage]) is known


def test_every_usage_belongs_to_a_flow_that_can_be_known() -> None:
    cells = Cells(ROWS[:4])
    for usage in USAGES:
        cells.know([usage])


@pytest.mark.parametrize(
    ("cells", "hidden"),
    [
        ({"a": 5, "b": 90}, set()),
        ({"a": 0, "b": 90}, set()),
        ({"a": 4, "b": 90, "c": 7}, {"a", "c"}),  # alone it could be worked out from the whole
        ({"a": 4, "b": 3, "c": 7}, {"a", "b"}),
        ({"a": 1, "b": 3, "c": 7}, {"a", "b", "c"}),
        ({"a": 4}, {"a"}),
        ({"a": 4, "b": 0}, {"a"}),
        ({}, set()),
    ],
)
def test_small_cells_are_withheld_so_that_none_can_be_worked_out(
    cells: dict[str, int], hidden: set[str]
) -> None:
    assert withheld(cells, 5) == hidden
