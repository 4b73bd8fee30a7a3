"""`vigie objectives` from a file alone, and how objectives look."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import orjson
import pytest

from streams import cli
from streams.commands.objectives_output import details, percent, print_objectives, target
from tests.support.objectives import objective_row

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "indicateur;mois;portee;numerateur;denominateur;taux;source\n"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})
    # rich keeps the environment that it was imported with.
    monkeypatch.setattr("rich.console.Console._environ", {"COLUMNS": "120"})


@pytest.fixture
def sheet(tmp_path: Path) -> str:
    path = tmp_path / "juin.csv"
    path.write_text(HEAD + "mes_activation_2026;2026-06;REGION;2700000;5400000;;CNAM\n")
    return str(path)


def _json(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, dict[str, object]]:
    assert cli.main(["objectives", *argv, "--json"]) == 0
    return {row["id"]: row for row in orjson.loads(capsys.readouterr().out)}


def test_a_file_is_evaluated_as_if_it_were_declared(
    sheet: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = _json(capsys, "--declared", sheet, "--on", "2026-07-15")
    one = rows["mes_activation_2026"]
    assert (one["ratio"], one["as_of"], one["age_days"]) == (0.5, "2026-06-30", 15)
    assert (one["state"], one["declared_by"]) == ("ON_TRACK", "CNAM")
    # What the region published is there as well.
    assert rows["visites_medecins"]["numerator"] == 2351


def test_nothing_of_a_later_day_is_shown(sheet: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _json(capsys, "--declared", sheet, "--on", "2026-06-29")
    assert rows["mes_activation_2026"]["state"] == "NO_DATA"


def test_what_was_replaced_shows_on_demand(sheet: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "mes_activation_2025" not in _json(capsys, "--declared", sheet)
    assert "mes_activation_2025" in _json(capsys, "--declared", sheet, "--all")


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["--lang", "de"], "--lang: must be fr or en, not de"),
        (["--on", "hier"], "--on: not a day (YYYY-MM-DD): hier"),
        ([], "VIGIE_KAFKA_BOOTSTRAP: required"),
        (["--declared", "rien.csv"], "rien.csv: no such file or directory"),
    ],
)
def test_bad_input_is_told(argv: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["objectives", *argv]) == 2
    assert capsys.readouterr().err.startswith(f"vigie: {error}")


def test_the_table_shows_figure_way_target_age_and_state(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_objectives(
        [
            objective_row(),
            objective_row(id="b", ratio=None, numerator=None, state="NO_DATA", as_of=None),
            objective_row(id="c", state="REACHED"),
        ],
        "en",
    )
    out = capsys.readouterr().out
    assert "Medicalised ESMS that deposit in the DMP" in out
    assert "500 / 2 471 · 2026-06-30, 2 d old · until 2026-12-31" in out
    assert "20.2 %" in out
    assert "25.0 %" in out
    assert "off track" in out
    assert "1 of 2 objectives with a figure and a target are reached or on track" in out


def test_the_table_speaks_french(capsys: pytest.CaptureFixture[str]) -> None:
    print_objectives([objective_row()], "fr")
    assert "ESMS médicalisés qui alimentent le DMP" in capsys.readouterr().out


def test_what_is_not_known_is_a_question_mark_or_a_dash() -> None:
    row = objective_row(denominator=None, ratio=None, deadline=None, age_days=0)
    assert details(row) == "500 / ? · 2026-06-30, today"
    assert percent(row.ratio) == "-"
    assert details(objective_row(numerator=None, denominator=None, as_of=None)).startswith("until")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "≥ 50 %"),
        ({"direction": "at_most", "target_ratio": 0.025}, "≤ 2.5 %"),
        ({"target_low_ratio": 0.7, "target_ratio": 0.9}, "70 to 90 %"),
        ({"target_ratio": None}, "-"),
        ({"target_low_ratio": 0.07, "target_ratio": 0.29}, "7 to 29 %"),
    ],
)
def test_a_target_says_its_direction_or_its_range(fields: dict[str, object], text: str) -> None:
    assert target(objective_row(**fields)) == text


def test_a_day_is_told_as_a_day() -> None:
    assert "2026-03-29" in details(objective_row(as_of=date(2026, 3, 29)))
