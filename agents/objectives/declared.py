"""Declared figures: what no flow can tell, month by month (pure).

A sheet of declarations has the columns

    indicateur;mois;portee;numerateur;denominateur;taux;source
    mes_activation_2026;2026-09;59;1 204 331;2 530 112;;CNAM, septembre 2026
    hopen2_taux_moyen;18/11/2025;REGION;;190;66 %;CRNS 18/11/2025

`mois` is a month that is over (`2026-09`, `09/2026`: the figures describe its last day) or the day that
they describe (`2026-09-15`, `15/09/2026`); `portee` is REGION, or a department, couloir, territory or
category that the registry allows. An objective is declared with a numerator or a ratio and with its
denominator, which may be left out only beside a numerator where the registry knows it; a quantity has a
numerator, its value, and nothing else. `agents.objectives.sheets` says how numbers are written.
"""

from __future__ import annotations

import calendar
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from agents.objectives.sheets import read_sheet
from streams.event_time import date_of_day, day_of_date
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.objectives.registry import Objective, Quantity, Registry, Scope
    from agents.objectives.sheets import Line
    from streams.codec import SliceCodec
    from streams.own_records import RecordReader

DECLARATION: Final = "Declaration"
COLUMNS: Final = (
    "indicateur",
    "mois",
    "portee",
    "numerateur",
    "denominateur",
    "taux",
    "source",
)
WHOLE: Final = "REGION"
CATEGORIES: Final = ("PA", "PH", "DOMICILE", "PDE", "PDS", "AHI")
"""Categories of ESMS."""
_SOURCE_MAX: Final = 200
_WORDS: Final[dict[Scope, str]] = {
    "region": "region",
    "department": "departement",
    "couloir": "couloir",
    "territory": "territoire",
    "category": "categorie",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """One snapshot of one indicator and scope.

    Attributes:
        indicator: id of an objective or a quantity.
        as_of: last day that it describes.
        kind: what the scope is.
        scope: its name; empty for the region.
        numerator: what was counted, or a quantity's value.
        denominator: what it is out of; `None` where the registry knows.
        ratio: where only that was declared.
        source: who says so.
        declared_at_ms: when it was declared.
    """

    indicator: str
    as_of: date
    kind: Scope = "region"
    scope: str = ""
    numerator: int | None = None
    denominator: int | None = None
    ratio: float | None = None
    source: str = ""
    declared_at_ms: int = 0

    @property
    def month(self) -> int:
        """`year * 12 + month - 1` of the day that it describes."""
        return self.as_of.year * 12 + self.as_of.month - 1

    @property
    def key(self) -> str:
        """What a later declaration must have in common to replace this one."""
        return f"{self.indicator}/{self.as_of:%Y-%m}/{self.scope or WHOLE}"

    def to_record(self) -> dict[str, Any]:
        """As the newest Avro `Declaration`."""
        return {
            "indicator": self.indicator,
            "as_of": day_of_date(self.as_of),
            "scope_kind": self.kind.upper(),
            "scope": self.scope,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "ratio": self.ratio,
            "source": self.source,
            "declared_at": self.declared_at_ms,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Declaration:
        """From the newest Avro `Declaration`.

        Raises:
            ValueError: it was never written by `vigie declare`: no such day or kind of scope, or figures
                that cannot be.
        """
        numerator, denominator, ratio = (
            record[name] for name in ("numerator", "denominator", "ratio")
        )
        if ratio is not None and not 0 <= ratio <= 1:
            raise ValueError("a ratio beyond the whole")
        if (numerator or 0) < 0 or (denominator is not None and denominator < 1):
            raise ValueError("a number below none")
        if None not in (numerator, denominator) and numerator > denominator:
            raise ValueError("a numerator above its denominator")
        kind = record["scope_kind"].lower()
        if kind not in _WORDS:
            raise ValueError("unknown kind of scope")
        try:
            as_of = date_of_day(record["as_of"])
        except OverflowError:
            raise ValueError("no such day") from None
        return cls(
            indicator=record["indicator"],
            as_of=as_of,
            kind=kind,
            scope=record["scope"],
            numerator=numerator,
            denominator=denominator,
            ratio=ratio,
            source=record["source"],
            declared_at_ms=record["declared_at"],
        )


def declaration_bytes(several: Sequence[Declaration], codec: SliceCodec) -> list[bytes]:
    """Kafka values; the keys are `declaration.key.encode()`.

    Raises:
        EncodeError: a value does not fit the schema.
        TransientError: a registry is used and does not answer.
    """
    return codec.encode(DECLARATION, [one.to_record() for one in several])


def read_declaration(value: bytes | None, reader: RecordReader) -> Declaration:
    """A declaration from its Kafka value.

    Raises:
        BadRecordError: it is none.
        ValueError: it is one that nobody can have meant.
        TransientError: a registry is used and does not answer.
    """
    return Declaration.from_record(reader.read(DECLARATION, value))


@dataclass(frozen=True, slots=True)
class Scopes:
    """The names that parts may have.

    Attributes:
        names: by kind; a name belongs to one kind only.
    """

    names: Mapping[Scope, Sequence[str]]

    def kind_of(self, name: str) -> Scope | None:
        """What a name is; `None` for one that is not known."""
        return next((kind for kind, names in self.names.items() if name in names), None)

    def hold(self, one: Declaration) -> bool:
        """Whether a declaration is of the region or of one of these parts."""
        if one.kind == "region":
            return not one.scope
        return one.scope in self.names.get(one.kind, ())


def scopes_of(departments: Sequence[str], territories: Sequence[str]) -> Scopes:
    """The scopes of a region with these departments and CPAM territories."""
    return Scopes(
        {
            "department": tuple(departments),
            "couloir": COULOIRS,
            "territory": tuple(territories),
            "category": CATEGORIES,
        }
    )


def read_declarations(
    text: str, name: str, registry: Registry, scopes: Scopes, today: date
) -> list[Declaration]:
    """Read and check a sheet of declarations, all of it or none.

    Args:
        text: the file's content.
        name: how the file is called in error texts.
        registry: what may be declared.
        scopes: of which parts.
        today: no figure can describe a later day.

    Raises:
        InputError: naming file, line and column.
    """
    seen: set[str] = set()
    found = []
    for line in read_sheet(text, name, COLUMNS):
        one = _declaration(line, registry, scopes, today)
        if one.key in seen:
            raise line.error("indicateur", f"is declared twice for this month and scope: {one.key}")
        seen.add(one.key)
        found.append((line, one))
    _check_sums(found)
    return [one for _, one in found]


def _declaration(line: Line, registry: Registry, scopes: Scopes, today: date) -> Declaration:
    name = line.text("indicateur")
    objective = registry.objectives.get(name)
    indicator = objective or registry.quantities.get(name)
    if indicator is None:
        raise line.error("indicateur", f"{name}: no objective or quantity has this id")
    if objective is not None and objective.measure is not None:
        raise line.error("indicateur", f"{name}: is measured in the flows, not declared")
    kind, scope = _scope(line, indicator, scopes)
    numerator, denominator = line.count("numerateur"), line.count("denominateur")
    ratio = line.ratio("taux")
    if objective is None:
        if numerator is None:
            raise line.error("numerateur", "is empty; a quantity is declared by its value")
        for column in ("denominateur", "taux"):
            if line.cells[column]:
                raise line.error(column, "a quantity has none")
    else:
        _check_figures(line, objective, numerator, denominator)
    source = line.text("source")
    if len(source) > _SOURCE_MAX:
        raise line.error("source", f"is longer than {_SOURCE_MAX} characters")
    return Declaration(
        indicator=name,
        as_of=_as_of(line, today),
        kind=kind,
        scope=scope,
        numerator=numerator,
        denominator=denominator,
        # What can be computed exactly is not kept rounded.
        ratio=None if ratio is None or numerator is not None else ratio.value,
        source=source,
    )


def _check_figures(
    line: Line, objective: Objective, numerator: int | None, denominator: int | None
) -> None:
    ratio = line.ratio("taux")
    if numerator is None and ratio is None:
        raise line.error("numerateur", "is empty, and so is taux; one of them is needed")
    if denominator is None:
        if not objective.denominators:
            raise line.error("denominateur", "is empty; no ratio goes without its denominator")
        if numerator is None:
            raise line.error("denominateur", "is empty; a ratio is declared with its denominator")
        if ratio is not None:
            raise line.error("taux", "goes with a denominator")
        return
    if denominator == 0:
        raise line.error("denominateur", "is 0; nothing can be out of nothing")
    if numerator is None:
        return
    if numerator > denominator:
        raise line.error("numerateur", f"{numerator} is more than its denominator, {denominator}")
    if ratio is not None and not ratio.fits(numerator, denominator):
        text = line.cells["taux"]
        exact = f"{numerator / denominator:.4f}".replace(".", ",")
        raise line.error(
            "taux", f"{text} is not {numerator} out of {denominator}, which is {exact}"
        )


def _scope(line: Line, indicator: Objective | Quantity, scopes: Scopes) -> tuple[Scope, str]:
    name = line.text("portee")
    if name == WHOLE:
        return "region", ""
    kind = scopes.kind_of(name)
    if kind is None:
        known = (name for kind in indicator.scopes for name in scopes.names[kind])
        raise line.error("portee", f"{name}: not known; known are {', '.join((WHOLE, *known))}")
    if kind not in indicator.scopes:
        allowed = " or ".join((WHOLE, *(f"by {_WORDS[one]}" for one in indicator.scopes)))
        raise line.error("portee", f"{name}: this is declared for {allowed}, not by {_WORDS[kind]}")
    return kind, name


_MONTHS: Final = (
    re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})"),
    re.compile(r"(?P<m>[0-9]{2})/(?P<y>[0-9]{4})"),
)
_DAYS: Final = (
    re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"),
    re.compile(r"(?P<d>[0-9]{2})/(?P<m>[0-9]{2})/(?P<y>[0-9]{4})"),
)


def _as_of(line: Line, today: date) -> date:
    text = line.text("mois")
    match = next((found for one in (*_MONTHS, *_DAYS) if (found := one.fullmatch(text))), None)
    if match is None:
        raise line.error("mois", f"{text!r} is no month (2026-09) and no day (2026-09-15)")
    parts = match.groupdict()
    try:
        first = date(int(parts["y"]), int(parts["m"]), 1)
        last = calendar.monthrange(first.year, first.month)[1]
        as_of = first.replace(day=int(parts.get("d") or last))
    except ValueError:
        raise line.error("mois", f"{text}: there is no such day") from None
    if as_of > today:
        if "d" not in parts and first <= today:
            raise line.error("mois", f"{text} is not over; give the day that the figures describe")
        raise line.error("mois", f"{text} lies in the future")
    return as_of


def _check_sums(several: Sequence[tuple[Line, Declaration]]) -> None:
    """Parts of one kind cannot come to more than the whole that is declared beside them."""
    wholes = {(one.indicator, one.month): one for _, one in several if one.kind == "region"}
    sums: Counter[tuple[str, int, str, str]] = Counter()
    for line, one in several:
        whole = wholes.get((one.indicator, one.month))
        if whole is None or one is whole:
            continue
        for column, part, total in (
            ("numerateur", one.numerator, whole.numerator),
            ("denominateur", one.denominator, whole.denominator),
        ):
            if part is None or total is None:
                continue
            place = (one.indicator, one.month, one.kind, column)
            sums[place] += part
            if sums[place] > total:
                text = f"the parts come to {sums[place]}, which is more than the region's {total}"
                raise line.error(column, text)
