"""Laws of the objectives that hold whatever is declared and whatever the flows show."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.objectives.declared import Declaration
from agents.objectives.model import Target
from agents.objectives.progress import Baseline, evaluate, required_ratio
from agents.objectives.usage_cells import withheld
from agents.usages import UsageRow
from metrics.objective_rows import JUDGED, ObjectiveRow
from tests.support.objectives import month, sight

TODAY = date(2026, 7, 10)
DAYS = st.dates(date(2024, 12, 1), date(2026, 8, 31))
COUNTS = st.integers(0, 400)
PLACES = st.sampled_from(
    [
        ("region", ""),
        ("department", "02"),
        ("department", "59"),
        ("couloir", "HOPITAL"),
        ("territory", "AISNE"),
        ("territory", "ARTOIS"),
    ]
)
INDICATORS = st.sampled_from(
    ["documents", "hopitaux", "exercices", "visites", "activation", "activation_2026", "depots"]
)


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    kind, scope = draw(PLACES)
    denominator = draw(st.none() | st.integers(1, 400))
    ratio = None if denominator is None else draw(st.none() | st.floats(0, 1))
    numerator = None if ratio is not None else draw(st.integers(0, denominator or 400))
    return Declaration(
        draw(INDICATORS),
        draw(DAYS),
        kind,
        scope,
        numerator,
        denominator,
        ratio,
    )


USAGES = st.dictionaries(
    st.integers(month(2026, 3), month(2026, 8)),
    st.lists(
        st.builds(
            UsageRow,
            st.sampled_from(["DMP_DOCUMENT", "DMP_DEPOSIT", "ACCESS", "ACCESS_PASSWORD_ONLY"]),
            st.sampled_from(["HOPITAL", "MEDICO_SOCIAL"]),
            st.sampled_from(["02", "59", "HORS_REGION"]),
            st.integers(1, 60),
            COUNTS,
        ),
        unique_by=lambda row: row[:3],
        max_size=12,
    ),
    max_size=4,
)


def sides(row: ObjectiveRow) -> list[tuple[float | None, float | None, float | None]]:
    return [one[-3:] for one in row.parts] + [(row.numerator, row.denominator, row.ratio)]


@settings(max_examples=300, deadline=None)
@given(st.lists(declarations(), max_size=12), USAGES)
def test_no_ratio_goes_without_its_denominator_and_none_leaves_its_bounds(
    several: list[Declaration], usage: dict[int, list[UsageRow]]
) -> None:
    for row in evaluate(sight(*several, usage=usage, today=TODAY)):
        for numerator, denominator, ratio in sides(row):
            if ratio is not None:
                assert denominator
                assert 0 <= ratio <= 1
                assert numerator is None or ratio == numerator / denominator
        assert (row.state in JUDGED) == (row.ratio is not None and row.target_ratio is not None)
        assert (row.as_of is None) == (row.age_days is None)
        assert row.age_days is None or row.age_days >= 0
        assert row.required_ratio is None or 0 <= row.required_ratio <= 1


@settings(max_examples=200, deadline=None)
@given(st.lists(declarations(), max_size=8), USAGES, st.integers(1, 70))
def test_no_cell_of_few_structures_is_told_nor_can_be_worked_out(
    several: list[Declaration], usage: dict[int, list[UsageRow]], least: int
) -> None:
    rows = evaluate(sight(*several, usage=usage, today=TODAY, small_cell_min=least))
    row = next(one for one in rows if one.id == "maisons_actives")
    told = {part.name: part.numerator for part in row.parts}
    for value in (*told.values(), row.numerator):
        assert value is None or value == 0 or value >= least
    if row.numerator is not None and None in told.values():
        rest = row.numerator - sum(value for value in told.values() if value is not None)
        assert rest >= least


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 50)), st.integers(1, 40))
def test_what_is_withheld_together_is_nothing_or_enough(cells: dict[int, int], least: int) -> None:
    named = {str(name): count for name, count in cells.items()}
    hidden = withheld(named, least)
    assert all(name in hidden or count == 0 or count >= least for name, count in named.items())
    rest = sum(named[name] for name in hidden)
    assert rest == 0 or rest >= least or rest == sum(named.values())


@given(
    goal=st.floats(0, 1),
    start=st.floats(0, 1),
    at_most=st.booleans(),
    length=st.integers(1, 2000),
    days=st.lists(st.integers(-100, 2200), min_size=2),
)
def test_the_way_never_turns_and_stays_between_its_ends(
    goal: float, start: float, at_most: bool, length: int, days: list[int]
) -> None:
    began = date(2024, 1, 1)
    target = Target(goal, None, began + timedelta(days=length), at_most, None, None)
    way = [
        required_ratio(target, Baseline(start, began), began + timedelta(days=day))
        for day in sorted(days)
    ]
    low, high = min(goal, start), max(goal, start)
    assert all(low - 1e-12 <= one <= high + 1e-12 for one in way)
    steps = [after - before for before, after in pairwise(way)]
    assert all(step <= 1e-12 for step in steps) or all(step >= -1e-12 for step in steps)
    end = required_ratio(target, Baseline(start, began), target.deadline)
    assert end == goal


@settings(max_examples=100, deadline=None)
@given(st.lists(declarations(), max_size=10), st.randoms())
def test_the_order_of_different_declarations_does_not_matter(
    several: list[Declaration], random: object
) -> None:
    unique = list({one.key: one for one in several}.values())
    shuffled = list(unique)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert evaluate(sight(*unique, today=TODAY)) == evaluate(sight(*shuffled, today=TODAY))
