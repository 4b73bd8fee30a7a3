from __future__ import annotations

import pytest

from agents.objectives.denominators import FromNumber, FromQuantity, FromTable, FromUsages
from streams.errors import InputError
from tests.support.objectives import REGISTRY_TOML, registry

OF_PASSWORDS = '{ usages = ["ACCESS"] }'
OF_HOUSES = '{ table = "maisons", colonnes = ["TOTAL"] }'


def test_each_kind_is_read() -> None:
    objectives = registry().objectives
    assert objectives["depots"].denominators == (FromQuantity(None, None, "documents", 1),)
    assert objectives["maisons_actives"].denominators == (
        FromTable(None, None, "maisons", ("TOTAL",), (), 1),
    )
    assert objectives["mots_de_passe"].denominators == (FromUsages(None, None, ("ACCESS",)),)
    assert objectives["exercices"].denominators[1] == FromNumber(None, None, 50)


def test_lines_factor_and_labels_are_read() -> None:
    wide = (
        '{ table = "maisons", colonnes = ["PA", "PH"], lignes = ["59"], facteur = 8, '
        'libelle = "huit", label = "eight" }'
    )
    [one] = (
        registry(REGISTRY_TOML.replace(OF_HOUSES, wide)).objectives["maisons_actives"].denominators
    )
    assert one == FromTable("huit", "eight", "maisons", ("PA", "PH"), ("59",), 8)


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        (OF_PASSWORDS, "{ }", "each names one of table, grandeur, usages, nombre"),
        (OF_PASSWORDS, "{ nombre = 3, usages = [] }", "each names one of"),
        (OF_PASSWORDS, "{ nombre = 0 }", "nombre must be a whole number of at least 1"),
        (OF_PASSWORDS, "{ nombre = true }", "nombre must be a whole number of at least 1"),
        (OF_PASSWORDS, "{ nombre = 3, facteur = 2 }", "facteur does not go with nombre"),
        (OF_PASSWORDS, '{ grandeur = "rien" }', "grandeur 'rien' is not declared in this file"),
        (OF_PASSWORDS, '{ usages = ["RIEN"] }', "usages: 'RIEN' is not known"),
        (OF_PASSWORDS, '{ nombre = 3, label = "x" }', "libelle and label go together"),
        (OF_PASSWORDS, '{ nombre = 3, libelle = "", label = "x" }', "must be texts"),
        (OF_HOUSES, '{ table = "rues", colonnes = ["TOTAL"] }', "table 'rues' is no reference"),
        (OF_HOUSES, '{ table = "maisons" }', "colonnes must be a list of words"),
        (OF_HOUSES, '{ table = "maisons", colonnes = ["X"] }', "colonnes: 'X' is not known"),
        (
            OF_HOUSES,
            '{ table = "maisons", colonnes = ["PA"], lignes = ["REGION"] }',
            "lignes: 'REGION' is not known",
        ),
        (
            OF_HOUSES,
            '{ table = "maisons", colonnes = ["PA"], facteur = 0 }',
            "facteur must be a whole number from 1 to 100",
        ),
        (OF_HOUSES, '{ usages = ["ACCESS", "ACTIVE"] }', "one usage only"),
        ("[{ nombre = 50 }]", "3", "must be a list"),
        ("{ nombre = 50 }", '{ usages = ["ACCESS"] }', 'usages go with source = "flux" only'),
    ],
)
def test_a_wrong_denominator_is_told(before: str, after: str, error: str) -> None:
    text = REGISTRY_TOML.replace(
        '[{ grandeur = "hopitaux" }, { nombre = 50 }]', "[{ nombre = 50 }]"
    )
    broken = text.replace(before, after, 1)
    assert broken != text
    with pytest.raises(InputError) as told:
        registry(broken)
    assert ": denominateurs: " in str(told.value)
    assert error in str(told.value)
