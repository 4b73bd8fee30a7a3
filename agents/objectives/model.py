"""Objectives, targets and quantities as values (pure); `agents.objectives.registry` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from agents.objectives.denominators import Denominator

Scope = Literal["region", "department", "couloir", "territory", "category"]
SCOPES: Final[dict[str, Scope]] = {
    "departement": "department",
    "couloir": "couloir",
    "territoire": "territory",
    "categorie": "category",
}
"""Kinds of parts, by their word in the files."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted in the flows.

    Attributes:
        usages: of `agents.usages.USAGES`; one where structures are counted, for those of several
            usages may be the same.
        of_structures: distinct structures of a month, or else events.
        couloirs: only of these; all where empty.
    """

    usages: tuple[str, ...]
    of_structures: bool
    couloirs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached until when.

    Attributes:
        ratio: what is aimed at.
        low_ratio: lower end of a range; `None` where there is no range.
        deadline: last day.
        at_most: reached from above.
        baseline_ratio: where the way starts; `None` for the first figure that is known.
        baseline_on: on which day.
    """

    ratio: float
    low_ratio: float | None
    deadline: date
    at_most: bool
    baseline_ratio: float | None
    baseline_on: date | None

    @property
    def enough_ratio(self) -> float:
        """From where on the target counts as reached."""
        return self.ratio if self.low_ratio is None else self.low_ratio

    def is_met_by(self, ratio: float) -> bool:
        """Whether a ratio is as far as the target."""
        return ratio <= self.enough_ratio if self.at_most else ratio >= self.enough_ratio


@dataclass(frozen=True, slots=True)
class Objective:
    """One line of the registry; labels are given in French and English.

    Attributes:
        at_most: whether less is better.
        target: `None` for an indicator without a figure to reach.
        measure: `None` where the figures are declared.
        denominators: the first that is known counts; may be empty where the figures are declared, for
            then they bring their own.
        scopes: parts that may be declared.
        superseded_by: id of the objective that took its place.
    """

    id: str
    theme: str
    label_fr: str
    label_en: str
    at_most: bool
    target: Target | None
    measure: Measure | None
    numerator_fr: str
    numerator_en: str
    denominator_fr: str
    denominator_en: str
    denominators: tuple[Denominator, ...]
    scopes: tuple[Scope, ...]
    superseded_by: str | None
    citation: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is declared for others to be held against.

    Attributes:
        is_flow: produced within a month, and good for that month alone.
        scopes: parts that may be declared.
    """

    id: str
    label_fr: str
    label_en: str
    is_flow: bool
    scopes: tuple[Scope, ...]
    citation: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Every objective and quantity, by id and in the file's order."""

    objectives: Mapping[str, Objective]
    quantities: Mapping[str, Quantity]
