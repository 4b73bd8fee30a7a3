"""What the metrics and the page read of the regional objectives (pure)."""

from __future__ import annotations

from datetime import date  # noqa: TC003  a named tuple's fields are read while it runs
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

State = Literal[
    "REACHED", "ON_TRACK", "OFF_TRACK", "MISSED", "NO_DENOMINATOR", "NO_DATA", "NO_TARGET"
]
"""REACHED, MISSED: decided, or the target is met before its deadline. ON_TRACK, OFF_TRACK: on which
side of the straight way to the target. NO_DENOMINATOR: a numerator alone. NO_DATA: not even that.
NO_TARGET: figures without a figure to reach."""

OFF: Final = ("OFF_TRACK", "MISSED")
JUDGED: Final = ("REACHED", "ON_TRACK", *OFF)
"""States of an objective that was held against its target."""


class ObjectivePart(NamedTuple):
    """One part of an objective: kind is department, couloir, territory or category.

    `numerator` is `None` where it is withheld because the cell is small, `denominator` where there is
    none; then there is no `ratio` either.
    """

    kind: str
    name: str
    numerator: float | None
    denominator: float | None
    ratio: float | None


class ObjectiveRow(NamedTuple):
    """Where one objective stands; `ratio` is never given without its denominator.

    Attributes:
        source: live from the flows, or declared.
        direction: whether the target is to be reached from below or from above.
        numerator: in the objective's own unit; `None` where unknown or withheld.
        baseline_ratio: from where the way to the target starts.
        target_low_ratio: lower end of a target that is a range, such as 70 to 90 %; else `None`.
        target_ratio: what is to be reached; of a range its lower end counts as reached.
        required_ratio: where the straight way from the baseline stands today.
        deadline: last day.
        as_of: day that the figures describe.
        age_days: from then to today.
        superseded_by: id of the objective that replaced it, or `None`.
        declared_by: who declared the figures, or what those of the flows are held against; `None` where
            nobody had to.
        citation: where the objective is written.
    """

    id: str
    theme: str
    label_fr: str
    label_en: str
    source: Literal["live", "declared"]
    direction: Literal["at_least", "at_most"]
    numerator: float | None
    denominator: float | None
    numerator_label_fr: str
    numerator_label_en: str
    denominator_label_fr: str
    denominator_label_en: str
    ratio: float | None
    baseline_ratio: float | None
    target_low_ratio: float | None
    target_ratio: float | None
    required_ratio: float | None
    deadline: date | None
    as_of: date | None
    age_days: int | None
    state: State
    superseded_by: str | None
    parts: tuple[ObjectivePart, ...]
    declared_by: str | None
    citation: str


class ObjectivesFeed(Protocol):
    """The objectives as one worker knows them."""

    @property
    def is_whole(self) -> bool:
        """Whether this worker knows the whole region; if not, nothing of them is shown."""

    @property
    def version(self) -> int:
        """Changes whenever a row may have changed."""

    def rows(self, now_ms: int) -> Sequence[ObjectiveRow]:
        """Every objective of the registry, in its order, as of a wall time."""
