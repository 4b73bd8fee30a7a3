from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from agents.objectives.model import Target
from agents.objectives.progress import STALE_DAYS, Baseline, evaluate, required_ratio
from agents.usages import UsageRow
from tests.support.objectives import declared, month, registry, sight

if TYPE_CHECKING:
    from agents.objectives.declared import Declaration
    from metrics.objective_rows import ObjectiveRow

END = date(2026, 12, 31)
START = date(2025, 12, 31)


def row(objective: str, *several: Declaration, today: date, **more: object) -> ObjectiveRow:
    rows = evaluate(sight(*several, today=today, **more))
    return next(one for one in rows if one.id == objective)


def snapshot(as_of: date, numerator: int, of: str = "activation_2026") -> Declaration:
    return declared(of, as_of, numerator, denominator=1000, source="CNAM")


def test_every_objective_has_a_row_in_the_registrys_order() -> None:
    assert [one.id for one in evaluate(sight())] == list(registry().objectives)


@pytest.mark.parametrize(
    ("day", "required"),
    [
        (date(2025, 1, 1), 0.1),
        (START, 0.1),
        (START + timedelta(days=73), 0.1 + 0.4 / 5),
        (date(2026, 12, 30), 0.1 + 0.4 * 364 / 365),
        (END, 0.5),
        (date(2027, 6, 1), 0.5),
    ],
)
def test_the_way_is_straight_between_its_ends(day: date, required: float) -> None:
    target = Target(0.5, None, END, False, None, None)
    assert required_ratio(target, Baseline(0.1, START), day) == pytest.approx(required)


def test_the_way_to_a_range_leads_to_its_lower_end() -> None:
    target = Target(0.9, 0.7, END, False, None, None)
    assert required_ratio(target, Baseline(0.1, START), END) == 0.7


def test_the_way_down_is_straight_too() -> None:
    target = Target(0.2, None, END, True, None, None)
    half = START + timedelta(days=73)
    assert required_ratio(target, Baseline(0.7, START), half) == pytest.approx(0.6)


def test_who_starts_beyond_the_target_only_has_to_stay_there() -> None:
    target = Target(0.5, None, END, False, None, None)
    assert required_ratio(target, Baseline(0.8, START), date(2026, 6, 1)) == 0.5


def test_a_baseline_on_the_last_day_leaves_no_way() -> None:
    target = Target(0.5, None, END, False, None, None)
    assert required_ratio(target, Baseline(0.1, END), END) == 0.5


# The way of activation_2026 goes from 30 % on 2025-12-31 to 50 % on 2026-12-31; 73 days are a fifth.
FIFTH = START + timedelta(days=73)


@pytest.mark.parametrize(
    ("numerator", "state"),
    [(339, "OFF_TRACK"), (340, "ON_TRACK"), (499, "ON_TRACK"), (500, "REACHED")],
)
def test_a_figure_is_held_against_the_way_on_the_day_that_it_describes(
    numerator: int, state: str
) -> None:
    today = FIFTH + timedelta(days=30)
    one = row("activation_2026", snapshot(FIFTH, numerator), today=today)
    assert one.state == state
    assert (one.as_of, one.age_days, one.declared_by) == (FIFTH, 30, "CNAM")
    assert one.required_ratio == pytest.approx(0.3 + 0.2 * 103 / 365)
    assert (one.baseline_ratio, one.target_ratio, one.deadline) == (0.3, 0.5, END)


def test_an_old_figure_is_held_against_where_the_way_stands_today() -> None:
    one = snapshot(FIFTH, 340)
    young = row("activation_2026", one, today=FIFTH + timedelta(days=STALE_DAYS))
    old = row("activation_2026", one, today=FIFTH + timedelta(days=STALE_DAYS + 1))
    assert (young.state, old.state) == ("ON_TRACK", "OFF_TRACK")


@pytest.mark.parametrize(
    ("today", "state"), [(END, "OFF_TRACK"), (END + timedelta(days=1), "MISSED")]
)
def test_nothing_is_missed_before_the_deadline_is_over(today: date, state: str) -> None:
    assert row("activation_2026", snapshot(date(2026, 12, 30), 490), today=today).state == state


def test_what_was_reached_at_the_deadline_stays_reached() -> None:
    several = (snapshot(date(2026, 12, 15), 510), snapshot(date(2027, 1, 31), 490))
    assert row("activation_2026", *several, today=date(2027, 2, 1)).state == "REACHED"


def test_what_was_reached_long_before_and_lost_by_the_deadline_is_missed() -> None:
    several = (snapshot(date(2026, 9, 30), 510), snapshot(date(2026, 12, 15), 490))
    assert row("activation_2026", *several, today=date(2027, 2, 1)).state == "MISSED"


def test_what_is_reached_late_is_reached() -> None:
    several = (snapshot(date(2026, 12, 15), 490), snapshot(date(2027, 1, 31), 510))
    assert row("activation_2026", *several, today=date(2027, 2, 1)).state == "REACHED"


def test_past_the_deadline_the_way_stands_at_the_target_though_no_baseline_is_known() -> None:
    one = row("activation", today=date(2026, 7, 1))
    assert (one.required_ratio, one.baseline_ratio, one.state) == (0.4, None, "NO_DATA")
    assert one.superseded_by == "activation_2026"


def test_without_a_baseline_the_way_starts_at_the_first_figure() -> None:
    several = [
        declared("exercices", date(2026, 1, 31), 5, denominator=50),
        declared("exercices", date(2026, 6, 30), 12, denominator=50),
    ]
    one = row("exercices", *several, today=date(2026, 7, 1))
    assert one.baseline_ratio == 0.1
    assert one.required_ratio == pytest.approx(0.1 + 0.3 * 151 / 334)
    assert one.state == "ON_TRACK"
    alone = row("exercices", several[0], today=date(2026, 2, 3))
    assert (alone.baseline_ratio, alone.state) == (0.1, "ON_TRACK")


@pytest.mark.parametrize(
    ("passwords", "state"), [(200, "REACHED"), (201, "ON_TRACK"), (700, "ON_TRACK")]
)
def test_an_objective_may_go_down(passwords: int, state: str) -> None:
    usage = {
        month(2026, 6): [
            UsageRow("ACCESS", "HOPITAL", "59", 50, 1000),
            UsageRow("ACCESS_PASSWORD_ONLY", "HOPITAL", "59", 20, passwords),
        ]
    }
    one = row("mots_de_passe", today=date(2026, 7, 1), usage=usage)
    assert (one.state, one.direction, one.source) == (state, "at_most", "live")


def test_an_objective_that_goes_down_too_slowly_is_off_track() -> None:
    def at(number: int, passwords: int) -> tuple[int, list[UsageRow]]:
        return month(2026, number), [
            UsageRow("ACCESS", "HOPITAL", "59", 50, 1000),
            UsageRow("ACCESS_PASSWORD_ONLY", "HOPITAL", "59", 20, passwords),
        ]

    today = date(2026, 7, 1)
    assert row("mots_de_passe", today=today, usage=dict([at(1, 700), at(6, 650)])).state == (
        "OFF_TRACK"
    )
    assert row("mots_de_passe", today=today, usage=dict([at(1, 700), at(6, 300)])).state == (
        "ON_TRACK"
    )


def test_states_without_judgement() -> None:
    rows = [UsageRow("DMP_DOCUMENT", "HOPITAL", "59", 10, 5)]
    today = date(2026, 7, 1)
    alone = row("depots", today=today, usage={month(2026, 6): rows})
    assert (alone.state, alone.numerator, alone.denominator, alone.ratio) == (
        "NO_DENOMINATOR",
        5,
        None,
        None,
    )
    assert (alone.denominator_label_fr, alone.denominator_label_en) == ("produits", "produced")
    nothing = row("depots", today=today)
    assert (nothing.state, nothing.as_of, nothing.age_days) == ("NO_DATA", None, None)
    visits = declared("visites", date(2026, 6, 30), 10)
    assert row("visites", visits, today=today).state == "NO_TARGET"


def test_a_withheld_numerator_is_no_data() -> None:
    rows = [UsageRow("DMP_DEPOSIT", "MEDICO_SOCIAL", "59", 4, 500)]
    one = row("maisons_actives", today=date(2026, 7, 1), usage={month(2026, 6): rows})
    assert (one.state, one.numerator, one.ratio) == ("NO_DATA", None, None)
