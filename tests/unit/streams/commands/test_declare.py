"""`vigie declare` before any Kafka: what a file that is wrong gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams import cli

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "indicateur;mois;portee;numerateur;denominateur;taux;source\n"
GOOD = "mes_activation_2026;2026-06;REGION;2 700 000;5 400 000;50 %;CNAM\n"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})


def _complaint(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vigie: ")
    assert err.count("\n") == 1
    return err.removeprefix("vigie: ").rstrip("\n")


def _file(folder: Path, *rows: str) -> str:
    path = folder / "juin.csv"
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    return str(path)


def test_a_good_file_is_said_to_be_good_and_nothing_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["declare", _file(tmp_path, GOOD), "--check"]) == 0
    assert capsys.readouterr().out == (
        "juin.csv: 1 declarations of 1 indicators, nothing wrong, nothing sent\n"
    )


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("mes_activatoin;2026-06;REGION;1;2;;x\n", "indicateur: mes_activatoin: no objective or"),
        ("mes_activation_2026;2099-01;REGION;1;2;;x\n", "mois: 2099-01 lies in the future"),
        ("mes_activation_2026;2026-05;LILLE;1;2;;x\n", "portee: LILLE: not known; known are"),
        ("mes_activation_2026;2026-05;REGION;3;2;;x\n", "numerateur: 3 is more than its denom"),
        ("mes_activation_2026;2026-05;REGION;;2;0.5,0;x\n", "taux: '0.5,0' is no ratio such as"),
        ("mes_activation_2026;2026-05;REGION;;;50 %;x\n", "denominateur: is empty; no ratio goes"),
        ("dmp_alimentation_hopital;2026-05;REGION;1;2;;x\n", "indicateur: dmp_alimentation_hopit"),
    ],
)
def test_a_wrong_line_is_one_clear_line_and_exit_code_2(
    row: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _file(tmp_path, GOOD, row)
    for options in (["--check"], ["--kafka", "127.0.0.1:1"]):
        told = _complaint(capsys, "declare", path, *options)
        assert told.startswith(f"{path}, line 3: {error}")


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "rien.csv"
    told = _complaint(capsys, "declare", str(missing), "--check")
    assert told == f"{missing}: no such file or directory"
    latin = tmp_path / "latin.csv"
    latin.write_bytes((HEAD + "é").encode("latin-1"))
    told = _complaint(capsys, "declare", str(latin), "--check")
    assert told == f"{latin}: is not UTF-8 text; save it as CSV UTF-8"


def test_without_kafka_only_checking_is_possible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _complaint(capsys, "declare", _file(tmp_path, GOOD))
    assert told.startswith("VIGIE_KAFKA_BOOTSTRAP: required")


def test_a_kafka_that_does_not_answer_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _complaint(capsys, "declare", _file(tmp_path, GOOD), "--kafka", "127.0.0.1:1")
    assert told == "VIGIE_KAFKA_BOOTSTRAP: no Kafka answers at 127.0.0.1:1"


def test_a_region_without_objectives_has_nothing_to_declare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {"VIGIE_DEPARTMENTS": "14,27"})
    told = _complaint(capsys, "declare", _file(tmp_path, GOOD), "--check")
    assert told.startswith("VIGIE_OBJECTIVES_DIR: the departments of VIGIE_DEPARTMENTS have no")
