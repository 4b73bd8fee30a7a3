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
from datetime import date
from typing import TYPE_CHECKING, Final

from agents.objectives.declared import WHOLE, WORDS, Declaration
from agents.objectives.sheets import read_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.objectives.declared import Scopes
    from agents.objectives.model import Objective, Quantity, Registry, Scope
    from agents.objectives.sheets import Line

COLUMNS: Final = (
    "indicateur",
    "mois",
    "portee",
    "numerateur",
    "denominateur",
    "taux",
    "source",
)
_SOURCE_MAX: Final = 200


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
        allowed = " or ".join((WHOLE, *(f"by {WORDS[one]}" for one in indicator.scopes)))
        raise line.error("portee", f"{name}: this is declared for {allowed}, not by {WORDS[kind]}")
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
