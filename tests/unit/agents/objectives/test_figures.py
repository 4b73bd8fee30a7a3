from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from agents.usages import UsageRow
from metrics.objective_rows import ObjectivePart
from tests.support.objectives import declared, month, sight

if TYPE_CHECKING:
    from agents.objectives.figures import Figure, Sight

JUNE, MAY = month(2026, 6), month(2026, 5)
TODAY = date(2026, 7, 10)
JULY = month(2026, 7)
PRODUCED = declared(
    "documents", date(2026, 6, 30), 1000, kind="couloir", scope="HOPITAL", source="GRADeS"
)


def deposits(north: int, aisne: int, structures: int = 10) -> list[UsageRow]:
    return [
        UsageRow("DMP_DOCUMENT", "HOPITAL", "59", structures, north),
        UsageRow("DMP_DOCUMENT", "HOPITAL", "02", structures, aisne),
        UsageRow("DMP_DOCUMENT", "OFFICINE", "59", 40, 9999),
        UsageRow("DMP_DOCUMENT", "HOPITAL", "HORS_REGION", 40, 9999),
    ]


def newest(objective: str, seen: Sight) -> Figure:
    found = seen.newest(seen.grounds.registry.objectives[objective])
    assert found is not None
    return found


def test_events_are_counted_over_the_region_and_held_against_what_was_produced() -> None:
    figure = newest("depots", sight(PRODUCED, usage={JUNE: deposits(600, 150)}, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (750, 1000, 0.75)
    assert figure.source == "GRADeS"
    assert figure.as_of == date(2026, 6, 30)
    assert figure.parts == (
        ObjectivePart("department", "02", 150, None, None),
        ObjectivePart("department", "59", 600, None, None),
    )


def test_without_a_denominator_there_is_a_numerator_and_no_ratio() -> None:
    figure = newest("depots", sight(usage={JUNE: deposits(600, 150)}, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (750, None, None)


def test_an_older_month_is_shown_while_the_newest_has_no_denominator_yet() -> None:
    usage = {MAY: deposits(1, 2), JUNE: deposits(600, 150), JULY: deposits(7, 8)}
    may = declared("documents", date(2026, 5, 31), 10, kind="couloir", scope="HOPITAL")
    figure = newest("depots", sight(may, usage=usage, today=TODAY))
    assert (figure.as_of, figure.ratio) == (date(2026, 5, 31), 0.3)


def test_the_month_that_is_over_goes_before_the_present_one() -> None:
    usage = {JUNE: deposits(600, 150), JULY: deposits(7, 8)}
    july = declared("documents", TODAY, 30, kind="couloir", scope="HOPITAL")
    assert newest("depots", sight(PRODUCED, july, usage=usage, today=TODAY)).ratio == 0.75
    figure = newest("depots", sight(july, usage=usage, today=TODAY))
    assert (figure.as_of, figure.ratio) == (TODAY, 0.5)


def test_the_present_month_goes_before_what_is_older_than_the_last() -> None:
    usage = {MAY: deposits(1, 2), JULY: deposits(7, 8)}
    may = declared("documents", date(2026, 5, 31), 10, kind="couloir", scope="HOPITAL")
    july = declared("documents", TODAY, 30, kind="couloir", scope="HOPITAL")
    assert newest("depots", sight(may, july, usage=usage, today=TODAY)).as_of == TODAY


def test_more_than_the_whole_is_no_ratio_and_does_not_lead_to_an_older_month() -> None:
    usage = {MAY: deposits(1, 2), JUNE: deposits(900, 150)}
    may = declared("documents", date(2026, 5, 31), 10, kind="couloir", scope="HOPITAL")
    figure = newest("depots", sight(PRODUCED, may, usage=usage, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (1050, 1000, None)


def test_months_to_come_are_not_seen() -> None:
    seen = sight(PRODUCED, usage={JULY + 1: deposits(1, 2)}, today=TODAY)
    assert seen.newest(seen.grounds.registry.objectives["depots"]) is None


def test_structures_are_held_against_a_table_in_each_department() -> None:
    rows = [UsageRow("DMP_DEPOSIT", "MEDICO_SOCIAL", "59", 30, 500)]
    figure = newest("maisons_actives", sight(usage={JUNE: rows}, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (30, 100, 0.3)
    # Aisne is told as well: nobody was seen there, and nobody stands behind a zero.
    assert figure.parts == (
        ObjectivePart("department", "02", 0, 40, 0.0),
        ObjectivePart("department", "59", 30, 60, 0.5),
    )


def test_a_flow_of_which_nothing_was_told_is_no_zero() -> None:
    rows = [UsageRow("MSS_SENT", "MEDICO_SOCIAL", "59", 30, 500)]
    figure = newest("maisons_actives", sight(usage={JUNE: rows}, today=TODAY))
    assert (figure.numerator, figure.ratio, figure.parts) == (None, None, ())


def test_departments_of_few_structures_are_withheld_and_cannot_be_worked_out() -> None:
    rows = [
        UsageRow("DMP_DEPOSIT", "MEDICO_SOCIAL", "59", 30, 500),
        UsageRow("DMP_DEPOSIT", "MEDICO_SOCIAL", "02", 4, 50),
    ]
    figure = newest("maisons_actives", sight(usage={JUNE: rows}, today=TODAY))
    assert figure.numerator == 34
    assert [(part.numerator, part.ratio) for part in figure.parts] == [(None, None), (None, None)]
    told = newest("maisons_actives", sight(usage={JUNE: rows}, today=TODAY, small_cell_min=4))
    assert [part.numerator for part in told.parts] == [4, 30]


def test_a_region_of_few_structures_is_withheld_whole() -> None:
    rows = [UsageRow("DMP_DEPOSIT", "MEDICO_SOCIAL", "59", 4, 500)]
    figure = newest("maisons_actives", sight(usage={JUNE: rows}, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (None, 100, None)
    assert {part.numerator for part in figure.parts} == {None}


def test_a_usage_is_held_against_another_usage_in_the_same_cells() -> None:
    rows = [
        UsageRow("ACCESS", "HOPITAL", "59", 50, 1000),
        UsageRow("ACCESS", "OFFICINE", "02", 50, 1000),
        UsageRow("ACCESS_PASSWORD_ONLY", "HOPITAL", "59", 20, 300),
    ]
    figure = newest("mots_de_passe", sight(usage={JUNE: rows}, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (300, 2000, 0.15)
    assert ObjectivePart("department", "59", 300, 1000, 0.3) in figure.parts
    assert ObjectivePart("couloir", "HOPITAL", 300, 1000, 0.3) in figure.parts
    assert ObjectivePart("department", "02", 0, 1000, 0.0) in figure.parts


def test_nothing_out_of_nothing_is_no_figure() -> None:
    rows = [UsageRow("ACCESS", "HOPITAL", "HORS_REGION", 50, 1000)]
    figure = newest("mots_de_passe", sight(usage={JUNE: rows}, today=TODAY))
    assert (figure.numerator, figure.denominator) == (None, None)


def test_a_declared_figure_keeps_its_own_denominator_source_and_parts() -> None:
    end = date(2026, 6, 30)
    figure = newest(
        "activation_2026",
        sight(
            declared("activation_2026", end, 400, denominator=1000, source="CNAM"),
            declared("activation_2026", end, 90, denominator=200, kind="department", scope="02"),
            today=TODAY,
        ),
    )
    assert (figure.numerator, figure.denominator, figure.ratio) == (400, 1000, 0.4)
    assert figure.source == "CNAM"
    assert figure.parts == (ObjectivePart("department", "02", 90, 200, 0.45),)


def test_a_declared_ratio_is_given_with_its_denominator_and_no_made_up_numerator() -> None:
    one = declared("activation_2026", date(2026, 6, 30), None, denominator=190, ratio=0.66)
    figure = newest("activation_2026", sight(one, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (None, 190, 0.66)


def test_a_declared_numerator_takes_the_registrys_denominator() -> None:
    figure = newest("exercices", sight(declared("exercices", date(2026, 6, 30), 12), today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (12, 50, 0.24)


def test_a_part_takes_the_part_of_the_registrys_denominator() -> None:
    end = date(2026, 6, 30)
    parts = [
        declared("visites", end, count, kind="territory", scope=name)
        for name, count in (("AISNE", 5), ("ARTOIS", 15))
    ]
    figure = newest("visites", sight(*parts, today=TODAY))
    assert figure.parts == (
        ObjectivePart("territory", "AISNE", 5, 20, 0.25),
        ObjectivePart("territory", "ARTOIS", 15, 30, 0.5),
    )
    # All territories are there, so the region is their sum.
    assert (figure.numerator, figure.denominator, figure.ratio) == (20, 50, 0.4)


def test_some_parts_are_no_region() -> None:
    one = declared("visites", date(2026, 6, 30), 5, kind="territory", scope="AISNE")
    figure = newest("visites", sight(one, today=TODAY))
    assert (figure.numerator, figure.denominator, figure.ratio) == (None, None, None)
    assert len(figure.parts) == 1


def test_the_newest_declaration_that_describes_no_later_day_is_shown() -> None:
    several = [
        declared("exercices", date(2026, 5, 31), 10),
        declared("exercices", date(2026, 6, 30), 12),
        declared("exercices", date(2026, 7, 31), 30),
    ]
    assert newest("exercices", sight(*several, today=TODAY)).numerator == 12
