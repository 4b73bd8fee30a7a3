"""What is known of an objective at a day: numerator, denominator, ratio and parts (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agents.objectives.denominators import FromUsages
from agents.objectives.snapshots import REGION, complete_sums, last_day, month_of
from agents.objectives.usage_cells import NOTHING, withheld
from metrics.objective_rows import ObjectivePart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from agents.objectives.declared import Declaration
    from agents.objectives.holding import Grounds
    from agents.objectives.model import Measure, Objective, Scope
    from agents.objectives.snapshots import Place, Snapshots
    from agents.objectives.usage_cells import Seen, UsageMonths


@dataclass(frozen=True, slots=True)
class Figure:
    """One moment of an objective.

    Attributes:
        as_of: last day that it describes.
        numerator: `None` where it is withheld or not known.
        denominator: `None` where it is not known.
        ratio: from 0 to 1; never without a denominator.
        label_fr: what the denominator counts.
        label_en: the same.
        parts: of departments and so on.
        source: who declared it, or what it is held against; empty where nobody had to.
        is_held: whether it is known what the numerator is out of, though it be withheld.
    """

    as_of: date
    numerator: int | None
    denominator: int | None
    ratio: float | None
    label_fr: str
    label_en: str
    parts: tuple[ObjectivePart, ...] = ()
    source: str = ""
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that figures are made of, as of a day.

    Attributes:
        grounds: where denominators come from.
        snapshots: what is declared.
        usage: what the flows show.
        departments: the region's; what happens elsewhere is not counted.
        small_cell_min: smallest number of structures that may be told.
        today: nothing that describes a later day is seen.
    """

    grounds: Grounds
    snapshots: Snapshots
    usage: UsageMonths
    departments: Sequence[str]
    small_cell_min: int
    today: date

    def months(self, objective: Objective) -> Sequence[int]:
        """Months of which something is known, oldest first."""
        if objective.measure is None:
            return self.snapshots.months(objective.id, self.today)
        present = month_of(self.today)
        return [month for month in self.usage.months() if month <= present]

    def figure(self, objective: Objective, month: int) -> Figure:
        """What is known of a month."""
        if objective.measure is None:
            return self._declared(objective, month)
        return self._live(objective, objective.measure, month)

    def newest(self, objective: Objective) -> Figure | None:
        """The figure to show: the newest that is held against a denominator, else the newest at all.

        Of the flows a month that is over goes before the present one, of which only a part has been;
        without the month before, the present one is shown rather than what is older.
        """
        months = self.months(objective)
        if objective.measure is not None:
            present = month_of(self.today)
            order = {present - 1: 0, present: 1}
            months = sorted(months, key=lambda month: (order.get(month, 2), -month))
        else:
            months = months[::-1]
        fallback = None
        for month in months:
            figure = self.figure(objective, month)
            if figure.is_held:
                return figure
            if fallback is None and figure.numerator is not None:
                fallback = figure
        return fallback or (self.figure(objective, months[0]) if months else None)

    def with_ratio(self, objective: Objective, until: date) -> Iterator[Figure]:
        """Every figure with a ratio that describes no later day, oldest first."""
        for month in self.months(objective):
            figure = self.figure(objective, month)
            if figure.ratio is not None and figure.as_of <= until:
                yield figure

    def _live(self, objective: Objective, measure: Measure, month: int) -> Figure:
        as_of = min(self.today, last_day(month, like=self.today))
        if not self.usage.cells(month).know(measure.usages):
            # Nobody told anything of this flow: that is no zero.
            labels = (objective.denominator_fr, objective.denominator_en)
            return _figure(as_of, None, None, labels, ())
        counted = self._seen(measure, measure.usages, month)
        of_usages = next((d for d in objective.denominators if isinstance(d, FromUsages)), None)
        held = self.grounds.hold(objective, self.snapshots, month, as_of)
        labels = (objective.denominator_fr, objective.denominator_en)
        whole: int | None = None
        against: dict[Place, int | None] = {}
        source = ""
        if held is not None:
            whole, against, source = held.whole, dict(held.parts), held.source
            labels = (held.label_fr, held.label_en)
        elif of_usages is not None:
            others = self._seen(measure, of_usages.usages, month)
            whole, against = _told(others, measure, self.small_cell_min)
            if not whole:
                # Nothing out of nothing.
                return _figure(as_of, None, None, labels, ())
            labels = (of_usages.label_fr or labels[0], of_usages.label_en or labels[1])
        total, told = _told(counted, measure, self.small_cell_min)
        parts = [
            _part(place, told[place], against.get(place))
            for place in told
            if place[0] == "department" or len(measure.couloirs) != 1
        ]
        return _figure(as_of, total, whole, labels, parts, source=source, is_held=whole is not None)

    def _seen(
        self, measure: Measure, usages: Sequence[str], month: int
    ) -> dict[Scope, dict[str, Seen]]:
        cells = self.usage.cells(month)
        kinds: tuple[Scope, ...] = ("department", "couloir")
        found: dict[Scope, dict[str, Seen]] = {
            kind: dict(cells.by(kind, usages, measure.couloirs, self.departments)) for kind in kinds
        }
        for department in self.departments:
            found["department"].setdefault(department, NOTHING)
        return found

    def _declared(self, objective: Objective, month: int) -> Figure:
        declared = self.snapshots.of_month(objective.id, month, self.today)
        as_of = max(one.as_of for one in declared.values())
        held = self.grounds.hold(objective, self.snapshots, month, as_of)
        labels = (objective.denominator_fr, objective.denominator_en)
        against: Mapping[Place, int] = {}
        if held is not None:
            against = {REGION: held.whole, **held.parts}
        parts = [
            _declared_part(place, one, against.get(place))
            for place, one in sorted(declared.items())
            if place != REGION
        ]
        whole = declared.get(REGION)
        if whole is None:
            return self._summed(as_of, declared, against, labels, parts)
        if whole.denominator is None and held is not None:
            labels = (held.label_fr, held.label_en)
        denominator = whole.denominator or against.get(REGION)
        figure = _figure(
            whole.as_of, whole.numerator, denominator, labels, parts, source=whole.source
        )
        if whole.ratio is None or denominator is None:
            return figure
        return replace(figure, ratio=whole.ratio, is_held=True)

    def _summed(
        self,
        as_of: date,
        declared: Mapping[Place, Declaration],
        against: Mapping[Place, int],
        labels: tuple[str, str],
        parts: Sequence[ObjectivePart],
    ) -> Figure:
        """The region from its parts, where all of them are declared."""
        numerators = {p: one.numerator for p, one in declared.items() if one.numerator is not None}
        denominators = {
            place: out_of
            for place, one in declared.items()
            if (out_of := one.denominator or against.get(place))
        }
        members = self.grounds.members
        total = complete_sums(numerators, members)
        whole = complete_sums(denominators, members) if total is not None else None
        source = next(iter(declared.values())).source
        return _figure(as_of, total, whole, labels, parts, source=source)


def _told(
    seen: Mapping[Scope, dict[str, Seen]], measure: Measure, least: int
) -> tuple[int | None, dict[Place, int | None]]:
    """The whole and the parts that may be told; `None` for what is withheld."""
    parts: dict[Place, int | None] = {}
    for kind, cells in seen.items():
        hidden = withheld({name: cell.structures for name, cell in cells.items()}, least)
        for name, cell in sorted(cells.items()):
            value = cell.structures if measure.of_structures else cell.events
            parts[kind, name] = None if name in hidden else value
    whole = seen["department"].values()
    structures = sum(cell.structures for cell in whole)
    if 0 < structures < least:
        return None, dict.fromkeys(parts)
    return (structures if measure.of_structures else sum(cell.events for cell in whole)), parts


def _figure(
    as_of: date,
    numerator: int | None,
    denominator: int | None,
    labels: tuple[str, str],
    parts: Sequence[ObjectivePart],
    *,
    source: str = "",
    is_held: bool | None = None,
) -> Figure:
    ratio = _quotient(numerator, denominator)
    held = ratio is not None if is_held is None else is_held
    return Figure(as_of, numerator, denominator, ratio, *labels, tuple(parts), source, held)


def _quotient(numerator: int | None, denominator: int | None) -> float | None:
    # More than the whole shows that the denominator is not of this population: no ratio then.
    if numerator is None or not denominator or numerator > denominator:
        return None
    return numerator / denominator


def _part(place: Place, numerator: int | None, denominator: int | None) -> ObjectivePart:
    ratio = _quotient(numerator, denominator)
    return ObjectivePart(place[0], place[1], numerator, denominator, ratio)


def _declared_part(place: Place, one: Declaration, denominator: int | None) -> ObjectivePart:
    out_of = one.denominator or denominator
    part = _part(place, one.numerator, out_of)
    if one.ratio is None or out_of is None:
        return part
    return part._replace(ratio=one.ratio)
