from __future__ import annotations

import pytest

from agents.objectives.references import read_references
from streams.errors import InputError
from tests.support.objectives import REFERENCES_TOML, SHEETS, references

MAISONS = SHEETS["maisons.csv"]


def test_a_table_is_summed_by_line_by_column_and_over_all() -> None:
    table = references()["maisons"]
    assert table.by_line(("PA", "PH")) == {"02": 40, "59": 60}
    assert table.by_column() == {"PA": 80, "PH": 20, "TOTAL": 100}
    assert table.by_column("59") == {"PA": 50, "PH": 10, "TOTAL": 60}
    assert table.total(("PA",)) == 80


@pytest.mark.parametrize(
    ("sheet", "error"),
    [
        (
            MAISONS.replace("02;30;10;40", "02;30;10;41"),
            "maisons.csv, line 2: TOTAL: 41 is stated, PA + PH is 40",
        ),
        (
            MAISONS.replace("REGION;80;20;100", "REGION;81;19;100"),
            "maisons.csv, line 4: PA: 81 is stated, the lines come to 80",
        ),
        (
            MAISONS.replace("02;30;10;40", "02;;40;40"),
            "maisons.csv, line 2: PA: is empty; none is written as 0",
        ),
        (
            MAISONS.replace("02;30;10;40", "02;30,0;10;40"),
            "maisons.csv, line 2: PA: '30,0' is no whole number such as 1234 or 1 234",
        ),
        (MAISONS.replace("59;", "02;"), "maisons.csv, line 3: departement: 02 stands twice"),
        (
            MAISONS.replace("departement", "ville"),
            "maisons.csv: its first column must be departement, then the numbers",
        ),
        ("departement;PA;PH;TOTAL\nREGION;0;0;0\n", "maisons.csv: has no line"),
        (
            MAISONS.replace("REGION", "FRANCE"),
            "references.toml, line 6: total: REGION: no such line",
        ),
        (
            MAISONS.replace("PH", "PX"),
            "references.toml, line 7: sommes: PH: no such column",
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_where_it_does(sheet: str, error: str) -> None:
    with pytest.raises(InputError) as told:
        references(maisons=sheet)
    assert str(told.value) == error


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ('id = "caisses"', 'id = "maisons"', "line 14: id: maisons stands twice"),
        ('lignes = "territoire"', 'lignes = "rue"', "line 16: lignes: must be one of"),
        ('label = "Houses"\n', "", "line 2: label: is missing"),
        ('label = "Houses"', "label = 3", "line 9: label: must be a text"),
        ('label = "Houses"', 'etiquette = "x"', "line 9: etiquette: no such field"),
        ("date = 2024-12-31", 'date = "hier"', "line 10: date: must be a day"),
        ('sommes = ["TOTAL = PA + PH"]', 'sommes = ["TOTAL"]', "line 7: sommes: 'TOTAL' is no sum"),
        ('sommes = ["TOTAL = PA + PH"]', "sommes = 3", "line 7: sommes: must be a list"),
    ],
)
def test_a_wrong_description_is_told_by_line_and_field(before: str, after: str, error: str) -> None:
    text = REFERENCES_TOML.replace(before, after, 1)
    assert text != REFERENCES_TOML
    with pytest.raises(InputError, match=f"references.toml, {error}"):
        references(text)


def test_a_sheet_that_is_not_there_is_told() -> None:
    def missing(name: str) -> str:
        raise FileNotFoundError(2, "No such file", name)

    with pytest.raises(InputError, match=r"line 4: fichier: maisons\.csv: No such file"):
        read_references(REFERENCES_TOML, "references.toml", missing)
