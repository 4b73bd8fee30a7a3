"""Objectives with figures, and a small region with a registry, tables and declarations of its own."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from agents.objectives.declared import CATEGORIES, Declaration, Scopes, scopes_of
from agents.objectives.figures import Sight
from agents.objectives.holding import Grounds
from agents.objectives.references import ReferenceTable, read_references
from agents.objectives.registry import read_registry
from agents.objectives.snapshots import Snapshots
from agents.objectives.usage_cells import UsageMonths
from metrics.objective_rows import ObjectivePart, ObjectiveRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.objectives.model import Registry, Scope
    from agents.usages import UsageRow


def objective_row(**fields: object) -> ObjectiveRow:
    """An objective half-way to its target, unless told otherwise."""
    row = ObjectiveRow(
        id="esms_dmp",
        theme="DMP",
        label_fr="ESMS médicalisés qui alimentent le DMP",
        label_en="Medicalised ESMS that deposit in the DMP",
        source="live",
        direction="at_least",
        numerator=500.0,
        denominator=2471.0,
        numerator_label_fr="ESMS vus déposer",
        numerator_label_en="ESMS seen depositing",
        denominator_label_fr="ESMS de la région",
        denominator_label_en="ESMS of the region",
        ratio=500 / 2471,
        baseline_ratio=0.0,
        target_low_ratio=None,
        target_ratio=0.5,
        required_ratio=0.25,
        deadline=date(2026, 12, 31),
        as_of=date(2026, 6, 30),
        age_days=2,
        state="OFF_TRACK",
        superseded_by=None,
        parts=(
            ObjectivePart("department", "59", 200.0, 1108.0, 200 / 1108),
            ObjectivePart("department", "80", None, 253.0, None),
        ),
        declared_by=None,
        citation="CRNS 18/11/2025, [S2:1064]",
    )
    return row._replace(**fields)


class FakeObjectives:
    """`ObjectivesFeed` of given rows."""

    def __init__(self, rows: Sequence[ObjectiveRow] = (), *, is_whole: bool = True) -> None:
        self.is_whole = is_whole
        self.version = 1
        self._rows = tuple(rows) or (objective_row(),)

    def rows(self, now_ms: int) -> Sequence[ObjectiveRow]:
        del now_ms
        return self._rows


DEPARTMENTS = ("02", "59")
TODAY = date(2026, 7, 1)
REFERENCES_TOML = """
[[table]]
id = "maisons"
fichier = "maisons.csv"
lignes = "departement"
total = "REGION"
sommes = ["TOTAL = PA + PH"]
libelle = "Maisons"
label = "Houses"
date = 2024-12-31
citation = "un texte"

[[table]]
id = "caisses"
fichier = "caisses.csv"
lignes = "territoire"
libelle = "Cabinets"
label = "Practices"
date = 2024-12-31
citation = "un texte"
"""
SHEETS = {
    "maisons.csv": "departement;PA;PH;TOTAL\n02;30;10;40\n59;50;10;60\nREGION;80;20;100\n",
    "caisses.csv": "territoire;MEDECINS\nAISNE;20\nARTOIS;30\n",
}
REGISTRY_TOML = """
[[grandeur]]
id = "documents"
libelle = "Documents produits"
label = "Documents produced"
genre = "flux"
portees = ["couloir"]
citation = "un texte"

[[grandeur]]
id = "hopitaux"
libelle = "Hôpitaux"
label = "Hospitals"
genre = "stock"
portees = ["departement"]
citation = "un texte"

[[objectif]]
id = "depots"
theme = "DMP"
libelle = "Dépôts"
label = "Deposits"
source = "flux"
usages = ["DMP_DOCUMENT"]
mesure = "evenements"
couloirs = ["HOPITAL"]
cible_basse = 0.7
cible = 0.9
echeance = 2026-12-31
numerateur = "déposés"
numerator = "deposited"
denominateur = "produits"
denominator = "produced"
denominateurs = [{ grandeur = "documents" }]
citation = "un texte"

[[objectif]]
id = "maisons_actives"
theme = "DMP"
libelle = "Maisons actives"
label = "Active houses"
source = "flux"
usages = ["DMP_DEPOSIT"]
mesure = "structures"
couloirs = ["MEDICO_SOCIAL"]
cible = 0.5
echeance = 2026-12-31
depart = 0.1
depart_le = 2025-12-31
numerateur = "actives"
numerator = "active"
denominateur = "toutes"
denominator = "all"
denominateurs = [{ table = "maisons", colonnes = ["TOTAL"] }]
citation = "un texte"

[[objectif]]
id = "mots_de_passe"
theme = "Accès"
libelle = "Mots de passe"
label = "Passwords"
source = "flux"
usages = ["ACCESS_PASSWORD_ONLY"]
mesure = "evenements"
sens = "au plus"
cible = 0.2
echeance = 2026-12-31
numerateur = "par mot de passe"
numerator = "by password"
denominateur = "accès"
denominator = "accesses"
denominateurs = [{ usages = ["ACCESS"] }]
citation = "un texte"

[[objectif]]
id = "exercices"
theme = "Cyber"
libelle = "Exercices"
label = "Exercises"
source = "declaration"
cible = 0.4
echeance = 2026-12-31
numerateur = "faits"
numerator = "held"
denominateur = "hôpitaux"
denominator = "hospitals"
denominateurs = [{ grandeur = "hopitaux" }, { nombre = 50 }]
portees = ["departement"]
citation = "un texte"

[[objectif]]
id = "visites"
theme = "Visites"
libelle = "Visites"
label = "Visits"
source = "declaration"
numerateur = "visités"
numerator = "visited"
denominateur = "à visiter"
denominator = "to visit"
denominateurs = [{ table = "caisses", colonnes = ["MEDECINS"] }]
portees = ["territoire"]
citation = "un texte"

[[objectif]]
id = "activation"
theme = "MES"
libelle = "Activation"
label = "Activation"
source = "declaration"
cible = 0.4
echeance = 2025-12-31
remplace_par = "activation_2026"
numerateur = "activés"
numerator = "activated"
denominateur = "assurés"
denominator = "insured"
portees = ["departement"]
citation = "un texte"

[[objectif]]
id = "activation_2026"
theme = "MES"
libelle = "Activation 2026"
label = "Activation 2026"
source = "declaration"
cible = 0.5
echeance = 2026-12-31
depart = 0.3
depart_le = 2025-12-31
numerateur = "activés"
numerator = "activated"
denominateur = "assurés"
denominator = "insured"
portees = ["departement"]
citation = "un texte"
"""


def references(text: str = REFERENCES_TOML, **sheets: str) -> dict[str, ReferenceTable]:
    """Two small tables; sheets by their name without ending replace those of the region."""
    known = SHEETS | {f"{name}.csv": content for name, content in sheets.items()}
    return read_references(text, "references.toml", known.__getitem__)


def registry(text: str = REGISTRY_TOML) -> Registry:
    """A small registry over these tables."""
    return read_registry(text, "objectifs.toml", references())


def scopes() -> Scopes:
    """Two departments and two territories."""
    return scopes_of(DEPARTMENTS, ("AISNE", "ARTOIS"))


def grounds() -> Grounds:
    """The small registry and its tables."""
    members: dict[Scope, Sequence[str]] = {
        "department": DEPARTMENTS,
        "territory": ("AISNE", "ARTOIS"),
        "category": CATEGORIES,
    }
    return Grounds(registry(), references(), members)


def sight(
    *declared: Declaration,
    usage: Mapping[int, Sequence[UsageRow]] | None = None,
    today: date = TODAY,
    small_cell_min: int = 5,
) -> Sight:
    """What is seen of the small region on a day."""
    return Sight(
        grounds=grounds(),
        snapshots=Snapshots(declared),
        usage=UsageMonths.of(usage or {}),
        departments=DEPARTMENTS,
        small_cell_min=small_cell_min,
        today=today,
    )


def declared(indicator: str, as_of: date, numerator: int | None, **more: Any) -> Declaration:
    """A declaration of the whole region, unless told otherwise."""
    return Declaration(indicator, as_of, numerator=numerator, **more)


def month(year: int, number: int) -> int:
    """`year * 12 + month - 1`."""
    return year * 12 + number - 1
