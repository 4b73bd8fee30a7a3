from __future__ import annotations

from datetime import date

import pytest

from agents.objectives.declared import Declaration
from agents.objectives.declared_lines import COLUMNS, read_declarations
from streams.errors import InputError
from streams.schemas import Schemas
from tests.support.objectives import registry, scopes

HEAD = ";".join(COLUMNS)
TODAY = date(2026, 7, 15)
SCHEMAS = Schemas.load()


def read(*rows: str) -> list[Declaration]:
    text = "\n".join((HEAD, *rows))
    return read_declarations(text, "f.csv", registry(), scopes(), TODAY)


def told(*rows: str) -> str:
    with pytest.raises(InputError) as error:
        read(*rows)
    return str(error.value)


def test_a_line_with_numerator_and_denominator_is_read() -> None:
    [one] = read("activation_2026;2026-06;REGION;1 000;2 000;;CNAM, juin 2026")
    assert one == Declaration(
        "activation_2026",
        date(2026, 6, 30),
        numerator=1000,
        denominator=2000,
        source="CNAM, juin 2026",
    )
    assert one.key == "activation_2026/2026-06/REGION"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-06", date(2026, 6, 30)),
        ("06/2026", date(2026, 6, 30)),
        ("2024-02", date(2024, 2, 29)),
        ("2026-07-15", date(2026, 7, 15)),
        ("15/07/2026", date(2026, 7, 15)),
    ],
)
def test_a_month_is_its_last_day_and_a_day_is_itself(text: str, day: date) -> None:
    assert read(f"activation_2026;{text};REGION;1;2;;x")[0].as_of == day


def test_a_ratio_is_read_with_its_denominator() -> None:
    [one] = read("activation_2026;2026-06;REGION;;190;66 %;x")
    assert (one.numerator, one.denominator, one.ratio) == (None, 190, 0.66)


def test_what_can_be_computed_is_not_kept_rounded() -> None:
    [one] = read("activation_2026;2026-06;REGION;197;258;76,36 %;x")
    assert one.ratio is None


def test_a_denominator_that_the_registry_knows_may_be_left_out() -> None:
    [one] = read("exercices;2026-06;REGION;12;;;x")
    assert (one.numerator, one.denominator) == (12, None)


@pytest.mark.parametrize(
    ("place", "kind", "scope"),
    [("REGION", "region", ""), ("59", "department", "59")],
)
def test_a_scope_is_known_by_its_name(place: str, kind: str, scope: str) -> None:
    [one] = read(f"activation_2026;2026-06;{place};1;2;;x")
    assert (one.kind, one.scope) == (kind, scope)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("rien;2026-06;REGION;1;2;;x", "indicateur: rien: no objective or quantity has this id"),
        ("depots;2026-06;REGION;1;2;;x", "indicateur: depots: is measured in the flows"),
        (";2026-06;REGION;1;2;;x", "indicateur: is empty"),
        ("activation;juin;REGION;1;2;;x", "mois: 'juin' is no month (2026-09) and no day"),
        ("activation;2026-13;REGION;1;2;;x", "mois: 2026-13: there is no such day"),
        ("activation;2026-02-30;REGION;1;2;;x", "mois: 2026-02-30: there is no such day"),
        ("activation;0000-01;REGION;1;2;;x", "mois: 0000-01: there is no such day"),
        ("activation;2026-07;REGION;1;2;;x", "mois: 2026-07 is not over; give the day"),
        ("activation;2026-08;REGION;1;2;;x", "mois: 2026-08 lies in the future"),
        ("activation;2026-07-16;REGION;1;2;;x", "mois: 2026-07-16 lies in the future"),
        ("activation;2026-06;75;1;2;;x", "portee: 75: not known; known are REGION, 02, 59"),
        (
            "activation;2026-06;AISNE;1;2;;x",
            "portee: AISNE: this is declared for REGION or by departement, not by territoire",
        ),
        ("activation;2026-06;REGION;;2;;x", "numerateur: is empty, and so is taux"),
        ("activation;2026-06;REGION;1;;;x", "denominateur: is empty; no ratio goes without"),
        ("exercices;2026-06;REGION;;;0,5;x", "denominateur: is empty; a ratio is declared with"),
        ("exercices;2026-06;REGION;5;;0,5;x", "taux: goes with a denominator"),
        ("activation;2026-06;REGION;0;0;;x", "denominateur: is 0; nothing can be out of nothing"),
        ("activation;2026-06;REGION;3;2;;x", "numerateur: 3 is more than its denominator, 2"),
        ("activation;2026-06;REGION;1,5;2;;x", "numerateur: '1,5' is no whole number"),
        ("activation;2026-06;REGION;1;1.234;;x", "denominateur: '1.234' is no whole number"),
        ("activation;2026-06;REGION;;100;66;x", "taux: 66 is more than the whole; for a"),
        (
            "activation;2026-06;REGION;197;258;76,46 %;x",
            "taux: 76,46 % is not 197 out of 258, which is 0,7636",
        ),
        ("activation;2026-06;REGION;1;2;;", "source: is empty"),
        (f"activation;2026-06;REGION;1;2;;{'x' * 201}", "source: is longer than 200 characters"),
        ("documents;2026-06;HOPITAL;;;;x", "numerateur: is empty; a quantity is declared by its"),
        ("documents;2026-06;HOPITAL;5;9;;x", "denominateur: a quantity has none"),
        ("documents;2026-06;HOPITAL;5;;0,5;x", "taux: a quantity has none"),
        ("documents;2026-06;59;5;;;x", "portee: 59: this is declared for REGION or by couloir"),
    ],
)
def test_a_wrong_line_is_told_by_file_line_and_column(row: str, error: str) -> None:
    assert told("exercices;2026-05;REGION;1;;;x", row).startswith(f"f.csv, line 3: {error}")


def test_one_wrong_line_refuses_the_whole_file() -> None:
    assert "line 3" in told("exercices;2026-06;REGION;1;;;x", "rien;2026-06;REGION;1;;;x")


def test_the_same_indicator_month_and_scope_stand_once() -> None:
    error = told("exercices;2026-06;59;1;;;x", "exercices;2026-06-12;59;2;;;x")
    assert error == (
        "f.csv, line 3: indicateur: is declared twice for this month and scope: "
        "exercices/2026-06/59"
    )


def test_parts_do_not_come_to_more_than_the_whole_beside_them() -> None:
    rows = ("activation;2026-06;REGION;10;20;;x", "activation;2026-06;02;6;9;;x")
    assert len(read(*rows, "activation;2026-06;59;4;9;;x")) == 3
    error = told(*rows, "activation;2026-06;59;5;9;;x")
    assert error.endswith("numerateur: the parts come to 11, which is more than the region's 10")
    error = told(*rows, "activation;2026-06;59;4;12;;x")
    assert error.endswith("denominateur: the parts come to 21, which is more than the region's 20")
