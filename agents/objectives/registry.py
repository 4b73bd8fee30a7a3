"""The registry of objectives: what a region wants to reach, and how that is measured (pure).

`objectifs.toml` holds tables of two kinds. An objective:

    [[objectif]]
    id = "esms_dmp"                     # lower-case words; a label of metrics, so never about a person
    theme = "DMP"
    libelle = "…"                       # in French
    label = "…"                         # in English
    source = "flux"                     # measured in the flows, or "declaration"
    sens = "au moins"                   # or "au plus"; left out: au moins
    cible = 0.5                         # left out: an indicator without a figure to reach
    cible_basse = 0.4                   # where the target is a range; reaching it is enough
    echeance = 2026-12-31               # last day; goes with cible
    depart = 0.1                        # where the way to the target starts,
    depart_le = 2025-12-31              # and when; left out: at the first figure that is known
    remplace_par = "…"                  # the objective that took its place
    numerateur = "…"                    # what is counted, in French
    numerator = "…"                     # and in English
    denominateur = "…"                  # out of what
    denominator = "…"
    denominateurs = [{ … }, { … }]      # where that comes from; the first that is known counts
    usages = ["DMP_DEPOSIT"]            # of the flows: what is counted (`agents.usages`)
    mesure = "structures"               # distinct structures of one usage, or "evenements"
    couloirs = ["MEDICO_SOCIAL"]        # left out: all
    portees = ["departement"]           # of declarations: parts that may be declared beside the region
    citation = "…"                      # the document that says so

and a quantity, which is declared so that objectives can be held against it:

    [[grandeur]]
    id = "documents_produits"
    libelle = "…"
    label = "…"
    genre = "flux"                      # produced within a month, or "stock": holds until the next
    portees = ["couloir"]
    citation = "…"

A denominator is one of `{ table = "esms", colonnes = ["TOTAL"], lignes = ["…"], facteur = 8 }` (lines
and factor may be left out), `{ grandeur = "documents_produits" }`, `{ usages = ["DMP_SUBMISSION"] }`
(the same measure of other usages) or `{ nombre = 1500 }`; each may bear its own `libelle` and `label`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from agents.objectives.denominators import read_denominators
from agents.objectives.model import SCOPES, Measure, Objective, Quantity, Registry, Target
from agents.objectives.sheets import read_tables
from agents.usages import USAGES
from metrics.labels import OBJECTIVES_MAX
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.objectives.model import Scope
    from agents.objectives.references import ReferenceTable
    from agents.objectives.sheets import Table

_ID: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_ID_MAX: Final = 48
_TEXTS: Final = ("theme", "libelle", "label", "numerateur", "numerator", "denominateur")
_OBJECTIVE_REQUIRED: Final = ("id", *_TEXTS, "denominator", "source", "citation")
_OBJECTIVE_OPTIONAL: Final = (
    "sens",
    "cible",
    "cible_basse",
    "echeance",
    "depart",
    "depart_le",
    "remplace_par",
    "denominateurs",
    "usages",
    "mesure",
    "couloirs",
    "portees",
)
_QUANTITY_FIELDS: Final = ("id", "libelle", "label", "genre", "portees", "citation")


def read_registry(text: str, name: str, references: Mapping[str, ReferenceTable]) -> Registry:
    """Read and check the registry.

    Args:
        text: the file's content.
        name: how the file is called in error texts.
        references: the tables that denominators may name.

    Raises:
        InputError: naming file, line and field.
    """
    tables = read_tables(text, name, ("objectif", "grandeur"))
    seen: set[str] = set()
    quantities = {}
    for table in tables["grandeur"]:
        quantity = _quantity(table)
        _once(table, quantity.id, seen)
        quantities[quantity.id] = quantity
    objectives = {}
    for table in tables["objectif"]:
        objective = _objective(table, quantities, references)
        _once(table, objective.id, seen)
        objectives[objective.id] = objective
    for table, objective in zip(tables["objectif"], objectives.values(), strict=True):
        if len(objectives) > OBJECTIVES_MAX:
            raise table.error("id", f"there are more than {OBJECTIVES_MAX} objectives")
        _check_succession(table, objective, objectives)
    return Registry(objectives, quantities)


def _once(table: Table, name: str, seen: set[str]) -> None:
    if name in seen:
        raise table.error("id", f"{name} stands twice")
    seen.add(name)


def _check_succession(
    table: Table, objective: Objective, objectives: Mapping[str, Objective]
) -> None:
    passed = {objective.id}
    following = objective.superseded_by
    while following is not None:
        if following not in objectives:
            raise table.error("remplace_par", f"{following}: no such objective")
        if following in passed:
            raise table.error("remplace_par", "leads back to the objective itself")
        passed.add(following)
        following = objectives[following].superseded_by


def _quantity(table: Table) -> Quantity:
    _fields(table, _QUANTITY_FIELDS, ("portees",))
    return Quantity(
        id=_id(table),
        label_fr=text_of(table, "libelle"),
        label_en=text_of(table, "label"),
        is_flow=_word(table, "genre", ("flux", "stock")) == "flux",
        scopes=_scopes(table),
        citation=text_of(table, "citation"),
    )


def _objective(
    table: Table, quantities: Mapping[str, Quantity], references: Mapping[str, ReferenceTable]
) -> Objective:
    _fields(table, (*_OBJECTIVE_REQUIRED, *_OBJECTIVE_OPTIONAL), _OBJECTIVE_OPTIONAL)
    at_most = _word(table, "sens", ("au moins", "au plus"), "au moins") == "au plus"
    measure = _measure(table)
    denominators = read_denominators(table, measure, quantities, references)
    if measure is not None and not denominators:
        raise table.error("denominateurs", "is missing; what the flows tell is only a numerator")
    replaced = text_of(table, "remplace_par") if "remplace_par" in table.values else None
    return Objective(
        id=_id(table),
        theme=text_of(table, "theme"),
        label_fr=text_of(table, "libelle"),
        label_en=text_of(table, "label"),
        at_most=at_most,
        target=_target(table, at_most),
        measure=measure,
        numerator_fr=text_of(table, "numerateur"),
        numerator_en=text_of(table, "numerator"),
        denominator_fr=text_of(table, "denominateur"),
        denominator_en=text_of(table, "denominator"),
        denominators=denominators,
        scopes=_scopes(table),
        superseded_by=replaced,
        citation=text_of(table, "citation"),
    )


def _measure(table: Table) -> Measure | None:
    source = _word(table, "source", ("flux", "declaration"))
    if source == "declaration":
        for key in ("usages", "mesure", "couloirs"):
            if key in table.values:
                raise table.error(key, 'goes with source = "flux" only')
        return None
    if "portees" in table.values:
        raise table.error("portees", 'goes with source = "declaration" only')
    for key in ("usages", "mesure"):
        if key not in table.values:
            raise table.error(key, 'is missing; source = "flux" needs it')
    of_structures = _word(table, "mesure", ("structures", "evenements")) == "structures"
    usages = words_of(table, "usages", table.values["usages"], USAGES)
    if of_structures and len(usages) > 1:
        raise table.error("usages", "one only: structures of several usages may be the same ones")
    couloirs: tuple[str, ...] = ()
    if "couloirs" in table.values:
        couloirs = words_of(table, "couloirs", table.values["couloirs"], COULOIRS)
    return Measure(usages, of_structures, couloirs)


def _target(table: Table, at_most: bool) -> Target | None:
    values = table.values
    if "cible" not in values:
        for key in ("cible_basse", "echeance", "depart", "depart_le"):
            if key in values:
                raise table.error(key, "goes with cible only")
        return None
    if "echeance" not in values:
        raise table.error("echeance", "is missing; a target has a last day")
    deadline = _day(table, "echeance")
    ratio = _ratio(table, "cible")
    low = _ratio(table, "cible_basse") if "cible_basse" in values else None
    if low is not None and (at_most or low >= ratio):
        raise table.error(
            "cible_basse", "must lie below cible, of which at least so much is wanted"
        )
    if ("depart" in values) != ("depart_le" in values):
        raise table.error("depart", "depart and depart_le go together")
    baseline = _ratio(table, "depart") if "depart" in values else None
    baseline_on = _day(table, "depart_le") if "depart_le" in values else None
    if baseline_on is not None and baseline_on >= deadline:
        raise table.error("depart_le", "is not before echeance")
    return Target(ratio, low, deadline, at_most, baseline, baseline_on)


def _fields(table: Table, known: tuple[str, ...], optional: tuple[str, ...]) -> None:
    for key in table.values:
        if key not in known:
            raise table.error(key, f"no such field; known are {', '.join(known)}")
    for key in known:
        if key not in optional and key not in table.values:
            raise table.error(key, "is missing")


def _id(table: Table) -> str:
    name = text_of(table, "id")
    if not _ID.fullmatch(name) or len(name) > _ID_MAX:
        raise table.error("id", f"{name!r} is not lower-case words joined by _ (at most {_ID_MAX})")
    return name


def text_of(table: Table, key: str) -> str:
    """A field that must be a text."""
    value: Any = table.values[key]
    if not isinstance(value, str) or not value.strip():
        raise table.error(key, "must be a text")
    return value.strip()


def words_of(table: Table, key: str, value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """A list of one or several known words, each once."""
    if not isinstance(value, list) or not value:
        raise table.error(key, "must be a list of words")
    for word in value:
        if word not in known:
            raise table.error(key, f"{word!r} is not known; known are {', '.join(known)}")
        if value.count(word) > 1:
            raise table.error(key, f"{word} stands twice")
    return tuple(value)


def _word(table: Table, key: str, known: tuple[str, ...], otherwise: str | None = None) -> str:
    value = table.values.get(key, otherwise)
    if value not in known:
        raise table.error(key, f"must be {' or '.join(map(repr, known))}")
    return str(value)


def _scopes(table: Table) -> tuple[Scope, ...]:
    if "portees" not in table.values:
        return ()
    words = words_of(table, "portees", table.values["portees"], tuple(SCOPES))
    return tuple(SCOPES[word] for word in words)


def _ratio(table: Table, key: str) -> float:
    value = table.values[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise table.error(key, "must be a number from 0 to 1")
    return float(value)


def _day(table: Table, key: str) -> date:
    value = table.values[key]
    if not isinstance(value, date) or isinstance(value, datetime):
        raise table.error(key, "must be a day such as 2026-12-31")
    return value
