"""How objectives look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.commands.output import figure, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metrics.objective_rows import ObjectiveRow

_STYLES: Final = {
    "REACHED": "green",
    "ON_TRACK": "green",
    "OFF_TRACK": "yellow",
    "MISSED": "red",
}
_WORDS: Final = {
    "REACHED": "reached",
    "ON_TRACK": "on track",
    "OFF_TRACK": "off track",
    "MISSED": "missed",
    "NO_DENOMINATOR": "no denominator",
    "NO_DATA": "no figure",
    "NO_TARGET": "no target",
}


def print_objectives(rows: Sequence[ObjectiveRow], lang: str) -> None:
    """A line per objective, by theme, and how many are reached or on their way."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("objective", overflow="fold")
    for name in ("figure", "today", "target"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    theme = ""
    for row in rows:
        if row.theme != theme:
            theme = row.theme
            table.add_row(Text(theme, style="bold"))
        label = Text(f"  {row.label_en if lang == 'en' else row.label_fr}")
        detail = details(row)
        if detail:
            label.append(f"\n    {detail}", style="dim")
        table.add_row(
            label,
            percent(row.ratio),
            percent(row.required_ratio),
            target(row),
            Text(_WORDS[row.state], style=_STYLES.get(row.state, "dim")),
        )
    Console(highlight=False, markup=False).print(table)
    judged = [row for row in rows if row.state in _STYLES]
    fine = sum(row.state in ("REACHED", "ON_TRACK") for row in judged)
    say(f"{fine} of {len(judged)} objectives with a figure and a target are reached or on track")


def details(row: ObjectiveRow) -> str:
    """Numerator and denominator, the day that they describe and its age, the deadline."""
    sides = (row.numerator, row.denominator)
    counts = " / ".join("?" if side is None else figure(side) for side in sides)
    told = [] if sides == (None, None) else [counts]
    if row.as_of is not None and row.age_days is not None:
        days = "today" if row.age_days == 0 else f"{row.age_days} d old"
        told.append(f"{row.as_of.isoformat()}, {days}")
    if row.deadline is not None:
        told.append(f"until {row.deadline.isoformat()}")
    return " · ".join(told)


def percent(ratio: float | None) -> str:
    """A ratio to a tenth of a percent."""
    return "-" if ratio is None else f"{100 * ratio:.1f} %"


def target(row: ObjectiveRow) -> str:
    """What is to be reached, with the sign of its direction."""
    if row.target_ratio is None:
        return "-"
    if row.target_low_ratio is not None:
        return f"{100 * row.target_low_ratio:g} to {100 * row.target_ratio:g} %"
    return f"{'≤' if row.direction == 'at_most' else '≥'} {100 * row.target_ratio:g} %"
