from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agents.objectives.loading import load_objectives
from streams.errors import ConfigError, InputError
from tests.support.objectives import DEPARTMENTS, REFERENCES_TOML, REGISTRY_TOML, SHEETS

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "indicateur;mois;portee;numerateur;denominateur;taux;source\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"objectifs.toml": REGISTRY_TOML, "references.toml": REFERENCES_TOML, **SHEETS}
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def test_a_folder_of_a_regions_own_is_loaded(folder: Path) -> None:
    (folder / "declarations.csv").write_text(HEAD + "exercices;2026-01;59;3;;;x\n")
    loaded = load_objectives(str(folder), DEPARTMENTS)
    assert loaded is not None
    assert "depots" in loaded.grounds.registry.objectives
    assert loaded.grounds.members["territory"] == ("AISNE", "ARTOIS")
    assert [one.key for one in loaded.known] == ["exercices/2026-01/59"]


def test_a_folder_may_do_without_declarations(folder: Path) -> None:
    loaded = load_objectives(str(folder), DEPARTMENTS)
    assert loaded is not None
    assert loaded.known == ()


def test_the_shipped_objectives_are_of_hauts_de_france_and_of_no_other_region() -> None:
    assert load_objectives("", ("02", "59", "60", "62", "80")) is not None
    assert load_objectives("", ("14", "27", "50", "61", "76")) is None


def test_a_folder_of_other_departments_is_a_mistake(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"VIGIE_DEPARTMENTS: table maisons of .* has other"):
        load_objectives(str(folder), ("14", "27"))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"VIGIE_OBJECTIVES_DIR: .*: no such folder"):
        load_objectives(str(tmp_path / "nowhere"), DEPARTMENTS)


def test_a_file_that_is_not_there_is_told(folder: Path) -> None:
    (folder / "objectifs.toml").unlink()
    with pytest.raises(ConfigError, match=r"VIGIE_OBJECTIVES_DIR: .*objectifs\.toml: No such file"):
        load_objectives(str(folder), DEPARTMENTS)


def test_a_file_that_is_no_utf_8_is_told(folder: Path) -> None:
    (folder / "maisons.csv").write_bytes("departement;Î\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"maisons\.csv: is not UTF-8 text"):
        load_objectives(str(folder), DEPARTMENTS)


def test_a_table_does_not_lead_out_of_its_folder(folder: Path) -> None:
    text = REFERENCES_TOML.replace("maisons.csv", "../maisons.csv")
    (folder / "references.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"\.\./maisons\.csv: is no file name"):
        load_objectives(str(folder), DEPARTMENTS)


def test_a_wrong_declaration_of_the_folder_is_told(folder: Path) -> None:
    (folder / "declarations.csv").write_text(HEAD + "rien;2026-01;59;3;;;x\n")
    with pytest.raises(InputError, match=r"declarations\.csv, line 2: indicateur: rien"):
        load_objectives(str(folder), DEPARTMENTS)
