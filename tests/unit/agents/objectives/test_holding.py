from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from agents.objectives.denominators import FromQuantity, FromTable
from agents.objectives.snapshots import Snapshots
from tests.support.objectives import declared, grounds, month

if TYPE_CHECKING:
    from agents.objectives.denominators import Denominator
    from agents.objectives.holding import Held

JUNE, END = month(2026, 6), date(2026, 6, 30)


def held(objective: str, *several: object, by: Denominator | None = None) -> Held | None:
    ground = grounds()
    one = ground.registry.objectives[objective]
    if by is not None:
        one = replace(one, denominators=(by,))
    return ground.hold(one, Snapshots(several), JUNE, END)


def test_a_table_gives_the_whole_its_lines_and_its_categories() -> None:
    found = held("maisons_actives")
    assert found is not None
    assert found.whole == 100
    assert found.parts == {
        ("department", "02"): 40,
        ("department", "59"): 60,
        ("category", "PA"): 80,
        ("category", "PH"): 20,
    }
    assert (found.label_fr, found.label_en) == ("Maisons", "Houses")


def test_lines_and_factor_of_a_table_are_applied() -> None:
    found = held("maisons_actives", by=FromTable("h", "e", "maisons", ("TOTAL",), ("59",), 8))
    assert found is not None
    assert (found.whole, found.parts["department", "59"], found.label_en) == (480, 480, "e")
    assert ("department", "02") not in found.parts


def test_a_declared_stock_goes_before_the_number_that_follows_it() -> None:
    found = held("exercices", declared("hopitaux", date(2026, 1, 31), 40))
    assert found is not None
    assert (found.whole, found.label_en) == (40, "Hospitals")
    without = held("exercices")
    assert without is not None
    assert (without.whole, without.label_en) == (50, "hospitals")


def test_a_stock_is_summed_from_all_departments_and_never_from_some() -> None:
    some = declared("hopitaux", END, 10, kind="department", scope="02")
    others = declared("hopitaux", END, 20, kind="department", scope="59")
    whole = held("exercices", some, others)
    assert whole is not None
    assert (whole.whole, whole.parts["department", "59"]) == (30, 20)
    partial = held("exercices", some)
    assert partial is not None
    assert partial.whole == 50  # the next denominator of the list


def test_a_couloir_is_held_against_what_it_produced_itself() -> None:
    own = declared("documents", END, 900, kind="couloir", scope="HOPITAL")
    region = declared("documents", END, 5000)
    found = held("depots", own, region)
    assert found is not None
    assert (found.whole, dict(found.parts)) == (900, {("couloir", "HOPITAL"): 900})
    assert held("depots", region) is None


def test_one_of_two_couloirs_is_no_denominator_of_both() -> None:
    ground = grounds()
    one = ground.registry.objectives["depots"]
    assert one.measure is not None
    both = replace(one, measure=replace(one.measure, couloirs=("HOPITAL", "OFFICINE")))
    hospitals = declared("documents", END, 900, kind="couloir", scope="HOPITAL")
    pharmacies = declared("documents", END, 100, kind="couloir", scope="OFFICINE")
    assert ground.hold(both, Snapshots([hospitals]), JUNE, END) is None
    found = ground.hold(both, Snapshots([hospitals, pharmacies]), JUNE, END)
    assert found is not None
    assert found.whole == 1000


@pytest.mark.parametrize("as_of", [date(2026, 5, 31), date(2026, 6, 29)])
def test_what_was_produced_in_another_time_is_no_denominator(as_of: date) -> None:
    assert held("depots", declared("documents", as_of, 9, kind="couloir", scope="HOPITAL")) is None


def test_nothing_produced_is_no_denominator() -> None:
    assert held("depots", declared("documents", END, 0, kind="couloir", scope="HOPITAL")) is None


def test_a_factor_of_a_quantity_is_applied() -> None:
    stock = declared("hopitaux", END, 40)
    found = held("exercices", stock, by=FromQuantity(None, None, "hopitaux", 8))
    assert found is not None
    assert found.whole == 320
