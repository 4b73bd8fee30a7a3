from __future__ import annotations

from datetime import date

import pytest

from agents.objectives.declared_lines import read_declarations
from agents.objectives.figures import Sight
from agents.objectives.loading import load_objectives
from agents.objectives.progress import evaluate
from agents.objectives.snapshots import Snapshots
from agents.objectives.usage_cells import UsageMonths
from simulators.declared_sheet import SOURCE, declared_sheet
from streams.settings import Settings

DEPARTMENTS = Settings().departments
LOADED = load_objectives("", DEPARTMENTS)
assert LOADED is not None
TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("today", [TODAY, date(2026, 1, 1), date(2027, 3, 31), date(2025, 3, 2)])
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_sheet_is_one_that_can_be_declared(seed: int, today: date) -> None:
    assert LOADED is not None
    registry = LOADED.grounds.registry
    several = read_declarations(declared_sheet(seed, today), "s", registry, LOADED.scopes, today)
    assert {one.source for one in several} == {SOURCE}
    assert all(one.as_of <= today for one in several)


def test_the_same_seed_gives_the_same_sheet_and_another_gives_another() -> None:
    assert declared_sheet(1, TODAY) == declared_sheet(1, TODAY)
    assert declared_sheet(1, TODAY) != declared_sheet(2, TODAY)


def test_every_declared_objective_has_a_figure_and_every_state_is_there() -> None:
    assert LOADED is not None
    registry = LOADED.grounds.registry
    several = read_declarations(declared_sheet(1, TODAY), "s", registry, LOADED.scopes, TODAY)
    sight = Sight(
        grounds=LOADED.grounds,
        snapshots=Snapshots([*LOADED.known, *several]),
        usage=UsageMonths.of({}),
        departments=DEPARTMENTS,
        small_cell_min=5,
        today=TODAY,
    )
    declared = [row for row in evaluate(sight) if row.source == "declared"]
    assert [row.id for row in declared if row.ratio is None] == []
    wanted = {"REACHED", "ON_TRACK", "OFF_TRACK", "MISSED", "NO_TARGET"}
    assert {row.state for row in declared} == wanted
