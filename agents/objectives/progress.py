"""Where every objective stands on a day (pure).

The way to a target is straight: from the baseline at its date to the target (of a range, its lower end)
at the deadline. A figure is held against where the way stood on the day that it describes; one that is
older than `STALE_DAYS` says nothing about today any more and is held against where the way stands today.
Past its deadline an objective is reached if its last figure up to the deadline reached the target, or if
the newest does; else it is missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from metrics.objective_rows import ObjectiveRow

if TYPE_CHECKING:
    from datetime import date

    from agents.objectives.figures import Figure, Sight
    from agents.objectives.model import Objective, Target
    from metrics.objective_rows import State

STALE_DAYS: Final = 92
"""A quarter: three monthly snapshots that did not come."""
_ROUNDING: Final = 1e-12


class Baseline(NamedTuple):
    """Where a way starts."""

    ratio: float
    on: date


def evaluate(sight: Sight) -> tuple[ObjectiveRow, ...]:
    """Every objective of the registry, in its order."""
    return tuple(_row(one, sight) for one in sight.grounds.registry.objectives.values())


def required_ratio(target: Target, baseline: Baseline, day: date) -> float:
    """Where the straight way stands on a day; before its start and past its end it stands there."""
    goal = target.enough_ratio
    if target.is_met_by(baseline.ratio):
        return goal
    days, whole = (day - baseline.on).days, (target.deadline - baseline.on).days
    if days >= whole:
        return goal
    return baseline.ratio + (goal - baseline.ratio) * max(0, days) / whole


def _row(objective: Objective, sight: Sight) -> ObjectiveRow:
    figure, target = sight.newest(objective), objective.target
    baseline = None if target is None else _baseline(objective, target, sight)
    labels = (objective.denominator_fr, objective.denominator_en)
    if figure is not None:
        labels = (figure.label_fr, figure.label_en)
    required = None
    if target is not None and sight.today >= target.deadline:
        required = target.enough_ratio
    elif target is not None and baseline is not None:
        required = required_ratio(target, baseline, sight.today)
    has_figure = figure is not None and not _is_empty(figure)
    as_of = figure.as_of if figure is not None and has_figure else None
    return ObjectiveRow(
        id=objective.id,
        theme=objective.theme,
        label_fr=objective.label_fr,
        label_en=objective.label_en,
        source="declared" if objective.measure is None else "live",
        direction="at_most" if objective.at_most else "at_least",
        numerator=None if figure is None else figure.numerator,
        denominator=None if figure is None else figure.denominator,
        numerator_label_fr=objective.numerator_fr,
        numerator_label_en=objective.numerator_en,
        denominator_label_fr=labels[0],
        denominator_label_en=labels[1],
        ratio=None if figure is None else figure.ratio,
        baseline_ratio=None if baseline is None else baseline.ratio,
        target_low_ratio=None if target is None else target.low_ratio,
        target_ratio=None if target is None else target.ratio,
        required_ratio=required,
        deadline=None if target is None else target.deadline,
        as_of=as_of,
        age_days=None if as_of is None else (sight.today - as_of).days,
        state=_state(objective, figure, baseline, sight),
        superseded_by=objective.superseded_by,
        parts=() if figure is None else figure.parts,
        declared_by=None if figure is None or not figure.source else figure.source,
        citation=objective.citation,
    )


def _is_empty(figure: Figure) -> bool:
    return figure.numerator is None and figure.ratio is None and not figure.parts


def _baseline(objective: Objective, target: Target, sight: Sight) -> Baseline | None:
    if target.baseline_ratio is not None and target.baseline_on is not None:
        return Baseline(target.baseline_ratio, target.baseline_on)
    for figure in sight.with_ratio(objective, target.deadline):
        if figure.ratio is not None:
            return Baseline(figure.ratio, figure.as_of)
    return None


def _state(
    objective: Objective, figure: Figure | None, baseline: Baseline | None, sight: Sight
) -> State:
    if figure is None:
        return "NO_DATA"
    if figure.ratio is None:
        return "NO_DENOMINATOR" if figure.numerator is not None else "NO_DATA"
    target = objective.target
    if target is None:
        return "NO_TARGET"
    if target.is_met_by(figure.ratio):
        return "REACHED"
    if sight.today > target.deadline:
        return "REACHED" if _was_reached(objective, target, sight) else "MISSED"
    is_stale = (sight.today - figure.as_of).days > STALE_DAYS
    way = baseline or Baseline(figure.ratio, figure.as_of)
    wanted = required_ratio(target, way, sight.today if is_stale else figure.as_of)
    short = figure.ratio - wanted if objective.at_most else wanted - figure.ratio
    return "ON_TRACK" if short <= _ROUNDING else "OFF_TRACK"


def _was_reached(objective: Objective, target: Target, sight: Sight) -> bool:
    last = None
    for figure in sight.with_ratio(objective, target.deadline):
        last = figure.ratio
    return last is not None and target.is_met_by(last)
