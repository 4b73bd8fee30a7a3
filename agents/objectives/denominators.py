"""What an objective's numerator can be held against, as the registry writes it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agents.usages import USAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.objectives.model import Measure, Quantity
    from agents.objectives.references import ReferenceTable
    from agents.objectives.sheets import Table

_KEY: Final = "denominateurs"
_KINDS: Final = ("table", "grandeur", "usages", "nombre")
_LABELS: Final = ("libelle", "label")
FACTOR_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Named:
    """What every kind of denominator may have: labels of its own instead of the objective's."""

    label_fr: str | None
    label_en: str | None


@dataclass(frozen=True, slots=True)
class FromTable(Named):
    """Columns of a reference table.

    Attributes:
        lines: only of these lines; all where empty.
        factor: times so many, such as the eight objectives that each hospital can reach.
    """

    table: str
    columns: tuple[str, ...]
    lines: tuple[str, ...]
    factor: int


@dataclass(frozen=True, slots=True)
class FromQuantity(Named):
    """A declared quantity; `factor` as of a table."""

    quantity: str
    factor: int


@dataclass(frozen=True, slots=True)
class FromUsages(Named):
    """The numerator's own measure of other usages."""

    usages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FromNumber(Named):
    """A number that the objective itself says."""

    number: int


Denominator = FromTable | FromQuantity | FromUsages | FromNumber


def read_denominators(
    table: Table,
    measure: Measure | None,
    quantities: Mapping[str, Quantity],
    references: Mapping[str, ReferenceTable],
) -> tuple[Denominator, ...]:
    """The field `denominateurs` of an objective.

    Raises:
        InputError: naming file and line.
    """
    several = table.values.get(_KEY, [])
    if not isinstance(several, list) or not all(isinstance(one, dict) for one in several):
        raise table.error(_KEY, "must be a list such as [{ nombre = 3 }]")
    return tuple(_read(table, one, measure, quantities, references) for one in several)


def _read(
    table: Table,
    values: Mapping[str, Any],
    measure: Measure | None,
    quantities: Mapping[str, Quantity],
    references: Mapping[str, ReferenceTable],
) -> Denominator:
    kinds = [kind for kind in _KINDS if kind in values]
    if len(kinds) != 1:
        raise table.error(_KEY, f"each names one of {', '.join(_KINDS)}")
    labels = _labels(table, values)
    match kinds[0]:
        case "table":
            _only(table, values, ("table", "colonnes", "lignes", "facteur"))
            return _from_table(table, values, labels, references)
        case "grandeur":
            _only(table, values, ("grandeur", "facteur"))
            name = values["grandeur"]
            if name not in quantities:
                raise table.error(_KEY, f"grandeur {name!r} is not declared in this file")
            return FromQuantity(*labels, name, _factor(table, values))
        case "usages":
            _only(table, values, ("usages",))
            if measure is None:
                raise table.error(_KEY, 'usages go with source = "flux" only')
            usages = _words(table, "usages", values["usages"], USAGES)
            if measure.of_structures and len(usages) > 1:
                raise table.error(_KEY, "one usage only: structures of several may be the same")
            return FromUsages(*labels, usages)
        case _:
            _only(table, values, ("nombre",))
            number = values["nombre"]
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise table.error(_KEY, "nombre must be a whole number of at least 1")
            return FromNumber(*labels, number)


def _from_table(
    table: Table,
    values: Mapping[str, Any],
    labels: tuple[str | None, str | None],
    references: Mapping[str, ReferenceTable],
) -> FromTable:
    reference = references.get(values["table"])
    if reference is None:
        raise table.error(_KEY, f"table {values['table']!r} is no reference table")
    columns = _words(table, "colonnes", values.get("colonnes"), reference.columns)
    lines: tuple[str, ...] = ()
    if "lignes" in values:
        lines = _words(table, "lignes", values["lignes"], tuple(reference.cells))
    return FromTable(*labels, reference.id, columns, lines, _factor(table, values))


def _only(table: Table, values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in values:
        if key not in (*known, *_LABELS):
            raise table.error(_KEY, f"{key} does not go with {known[0]}")


def _labels(table: Table, values: Mapping[str, Any]) -> tuple[str | None, str | None]:
    if ("libelle" in values) != ("label" in values):
        raise table.error(_KEY, "libelle and label go together")
    fr, en = (values.get(name) for name in _LABELS)
    for text in (fr, en):
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise table.error(_KEY, "libelle and label must be texts")
    return fr, en


def _factor(table: Table, values: Mapping[str, Any]) -> int:
    factor = values.get("facteur", 1)
    if isinstance(factor, bool) or not isinstance(factor, int) or not 1 <= factor <= FACTOR_MAX:
        raise table.error(_KEY, f"facteur must be a whole number from 1 to {FACTOR_MAX}")
    return factor


def _words(table: Table, what: str, value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise table.error(_KEY, f"{what} must be a list of words")
    for word in value:
        if word not in known:
            raise table.error(_KEY, f"{what}: {word!r} is not known; known are {', '.join(known)}")
        if value.count(word) > 1:
            raise table.error(_KEY, f"{what}: {word} stands twice")
    return tuple(value)
