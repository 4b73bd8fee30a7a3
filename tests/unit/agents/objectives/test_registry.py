from __future__ import annotations

from datetime import date

import pytest

from agents.objectives.model import Measure, Target
from agents.objectives.registry import read_registry
from metrics.labels import OBJECTIVES_MAX
from streams.errors import InputError
from tests.support.objectives import REGISTRY_TOML, references, registry

DEPOTS = REGISTRY_TOML[REGISTRY_TOML.index('[[objectif]]\nid = "depots"') :].split("\n\n")[0]
FIRST = REGISTRY_TOML.splitlines().index('id = "depots"')
"""0-based line of the id, so the 1-based line of the header."""


def test_every_field_is_read() -> None:
    read = registry()
    depots = read.objectives["depots"]
    assert depots.measure == Measure(("DMP_DOCUMENT",), False, ("HOPITAL",))
    assert depots.target == Target(0.9, 0.7, date(2026, 12, 31), False, None, None)
    assert (depots.label_fr, depots.label_en, depots.theme) == ("Dépôts", "Deposits", "DMP")
    assert read.objectives["mots_de_passe"].at_most
    assert read.objectives["activation"].superseded_by == "activation_2026"
    assert read.objectives["visites"].target is None
    assert read.objectives["visites"].scopes == ("territory",)
    assert read.quantities["documents"].is_flow
    assert not read.quantities["hopitaux"].is_flow


@pytest.mark.parametrize(
    ("before", "after", "field", "error"),
    [
        ('id = "depots"', 'id = "Dépôts"', "id", "'Dépôts' is not lower-case words"),
        ('id = "depots"', f'id = "{"a" * 49}"', "id", "is not lower-case words"),
        ('id = "depots"', 'id = "documents"', "id", "documents stands twice"),
        ('theme = "DMP"\n', "", "theme", "is missing"),
        ('theme = "DMP"', 'theme = " "', "theme", "must be a text"),
        ('theme = "DMP"', 'thema = "DMP"', "thema", "no such field"),
        ('source = "flux"', 'source = "radio"', "source", "must be 'flux' or 'declaration'"),
        ('source = "flux"', 'source = "declaration"', "usages", 'goes with source = "flux" only'),
        ('usages = ["DMP_DOCUMENT"]\n', "", "usages", "is missing"),
        ('usages = ["DMP_DOCUMENT"]', 'usages = ["DMP"]', "usages", "'DMP' is not known"),
        ('usages = ["DMP_DOCUMENT"]', "usages = []", "usages", "must be a list of words"),
        (
            'usages = ["DMP_DOCUMENT"]',
            'usages = ["DMP_DOCUMENT", "DMP_DOCUMENT"]',
            "usages",
            "DMP_DOCUMENT stands twice",
        ),
        ('mesure = "evenements"', 'mesure = "euros"', "mesure", "must be 'structures'"),
        ('couloirs = ["HOPITAL"]', 'couloirs = ["RUE"]', "couloirs", "'RUE' is not known"),
        ("cible = 0.9", "cible = 90", "cible", "must be a number from 0 to 1"),
        ("cible = 0.9", "cible = true", "cible", "must be a number from 0 to 1"),
        ("cible = 0.9\n", "", "cible_basse", "goes with cible only"),
        ("cible_basse = 0.7", "cible_basse = 0.9", "cible_basse", "must lie below cible"),
        ("echeance = 2026-12-31\n", "", "echeance", "is missing; a target has a last day"),
        ("echeance = 2026-12-31", 'echeance = "2026"', "echeance", "must be a day"),
        ("echeance = 2026-12-31", "echeance = 2026-12-31T00:00:00", "echeance", "must be a day"),
        ("cible = 0.9", "cible = 0.9\ndepart = 0.1", "depart", "go together"),
        (
            "cible = 0.9",
            "cible = 0.9\ndepart = 0.1\ndepart_le = 2026-12-31",
            "depart_le",
            "is not before echeance",
        ),
        ("cible = 0.9", 'cible = 0.9\nportees = ["couloir"]', "portees", 'source = "declaration"'),
        ("cible = 0.9", 'cible = 0.9\nremplace_par = "x"', "remplace_par", "x: no such objective"),
        (
            "cible = 0.9",
            'cible = 0.9\nremplace_par = "depots"',
            "remplace_par",
            "leads back to the objective itself",
        ),
        ('denominateurs = [{ grandeur = "documents" }]\n', "", "denominateurs", "is missing"),
    ],
)
def test_a_wrong_field_is_told_by_line_and_name(
    before: str, after: str, field: str, error: str
) -> None:
    broken = DEPOTS.replace(before, after, 1)
    assert broken != DEPOTS
    rows = broken.splitlines()
    place = next((n for n, row in enumerate(rows) if row.startswith(f"{field} =")), 0)
    with pytest.raises(InputError) as told:
        registry(REGISTRY_TOML.replace(DEPOTS, broken))
    assert str(told.value).startswith(f"objectifs.toml, line {FIRST + place}: {field}: ")
    assert error in str(told.value)


def test_structures_of_several_usages_are_not_added_for_they_may_be_the_same() -> None:
    text = REGISTRY_TOML.replace('["DMP_DEPOSIT"]', '["DMP_DEPOSIT", "MSS_SENT"]')
    with pytest.raises(InputError, match="usages: one only"):
        registry(text)


def test_succession_in_a_circle_is_told() -> None:
    text = REGISTRY_TOML + 'remplace_par = "activation"\n'
    with pytest.raises(InputError, match="leads back"):
        registry(text)


def test_a_registry_has_no_more_objectives_than_a_metric_has_series_for() -> None:
    many = "\n\n".join(
        DEPOTS.replace('"depots"', f'"depots_{n}"') for n in range(OBJECTIVES_MAX + 1)
    )
    quantity = REGISTRY_TOML[: REGISTRY_TOML.index("[[objectif]]")]
    with pytest.raises(InputError, match=f"more than {OBJECTIVES_MAX} objectives"):
        read_registry(quantity + many, "objectifs.toml", references())
