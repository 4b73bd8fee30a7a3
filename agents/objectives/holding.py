"""Finds what a numerator is held against: the first denominator of an objective that is known (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agents.objectives.denominators import FromNumber, FromQuantity, FromTable
from agents.objectives.snapshots import REGION, complete_sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from agents.objectives.denominators import Denominator
    from agents.objectives.model import Objective, Registry, Scope
    from agents.objectives.references import ReferenceTable
    from agents.objectives.snapshots import Place, Snapshots

_KIND_OF_LINES: Final[dict[str, Scope]] = {
    "departement": "department",
    "territoire": "territory",
    "categorie": "category",
    "couloir": "couloir",
}


@dataclass(frozen=True, slots=True)
class Held:
    """A denominator.

    Attributes:
        whole: of everything that the objective is about.
        parts: of parts, where known.
        label_fr: what it counts.
        label_en: the same.
        source: who declared it; empty where nobody had to.
    """

    whole: int
    parts: Mapping[Place, int]
    label_fr: str
    label_en: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What denominators are taken from.

    Attributes:
        registry: the objectives and quantities.
        references: the reference tables.
        members: every name of the kinds of scope that cover the region.
    """

    registry: Registry
    references: Mapping[str, ReferenceTable]
    members: Mapping[Scope, Sequence[str]]

    def hold(
        self, objective: Objective, snapshots: Snapshots, month: int, as_of: date
    ) -> Held | None:
        """The first denominator that is known for a month, those of the flows apart.

        Args:
            objective: whose denominator.
            snapshots: what is declared.
            month: `year * 12 + month - 1` of the numerator.
            as_of: last day that the numerator describes.
        """
        for one in objective.denominators:
            found = self._one(one, objective, snapshots, month, as_of)
            if found is not None:
                return found
        return None

    def _one(
        self,
        one: Denominator,
        objective: Objective,
        snapshots: Snapshots,
        month: int,
        as_of: date,
    ) -> Held | None:
        if isinstance(one, FromNumber):
            label_fr, label_en = objective.denominator_fr, objective.denominator_en
            return Held(one.number, {}, one.label_fr or label_fr, one.label_en or label_en)
        if isinstance(one, FromTable):
            return self._of_table(one)
        if isinstance(one, FromQuantity):
            return self._of_quantity(one, objective, snapshots, month, as_of)
        return None

    def _of_table(self, one: FromTable) -> Held:
        table = self.references[one.table]
        wanted = one.lines or tuple(table.cells)
        rows = {name: table.cells[name] for name in wanted}
        by_line = {name: sum(row[c] for c in one.columns) for name, row in rows.items()}
        parts: dict[Place, int] = {}
        kind = _KIND_OF_LINES.get(table.lines_are)
        if kind is not None:
            parts = {(kind, name): count * one.factor for name, count in by_line.items()}
        for category in self.members["category"]:
            if category in table.columns:
                count = sum(row[category] for row in rows.values())
                parts["category", category] = count * one.factor
        return Held(
            sum(by_line.values()) * one.factor,
            parts,
            one.label_fr or table.label_fr,
            one.label_en or table.label_en,
        )

    def _of_quantity(
        self,
        one: FromQuantity,
        objective: Objective,
        snapshots: Snapshots,
        month: int,
        as_of: date,
    ) -> Held | None:
        quantity = self.registry.quantities[one.quantity]
        if quantity.is_flow:
            declared = snapshots.flow(quantity.id, month, as_of)
        else:
            declared = snapshots.stock(quantity.id, as_of)
        values = {
            place: declaration.numerator * one.factor
            for place, declaration in declared.items()
            if declaration.numerator is not None
        }
        couloirs = objective.measure.couloirs if objective.measure is not None else ()
        if couloirs and "couloir" in quantity.scopes:
            # Only what these couloirs produced: the region's whole would be another denominator.
            wanted = [_couloir(name) for name in couloirs]
            if any(place not in values for place in wanted):
                return None
            whole: int | None = sum(values[place] for place in wanted)
            values = {place: values[place] for place in wanted}
        else:
            whole = values.pop(REGION, None)
            if whole is None:
                whole = complete_sums(values, self.members)
        if not whole:
            return None
        return Held(
            whole,
            values,
            one.label_fr or quantity.label_fr,
            one.label_en or quantity.label_en,
            ", ".join(
                dict.fromkeys(
                    told.source
                    for place, told in declared.items()
                    if place in values or place == REGION
                )
            ),
        )


def _couloir(name: str) -> Place:
    return "couloir", name
