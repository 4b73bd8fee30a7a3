"""Answers on standard output: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

_WIDEST: Final = 1_000


def print_json(document: Any) -> None:
    """One JSON document and a newline."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0) -> None:
    """A plain table; its last `numbers` columns are right-aligned figures."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for at, name in enumerate(head):
        is_number = at >= len(head) - numbers
        if is_number:
            longest = max(map(len, (name, *(row[at] for row in rows))))
            table.add_column(name, justify="right", no_wrap=True, min_width=longest)
        else:
            table.add_column(name)
    for row in rows:
        table.add_row(*row)
    console = Console(file=sys.stdout, highlight=False, markup=False)
    # Beyond the edge of a narrow terminal rather than without the names that the figures are of.
    least = Measurement.get(console, console.options.update(width=_WIDEST), table).minimum
    console.width = max(console.width, least)
    console.print(table)


def say(text: str) -> None:
    """One line for the person at the terminal, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def figure(value: float) -> str:
    """A whole number with thin groups of three."""
    return f"{value:,.0f}".replace(",", " ")


def print_counts(counts: Mapping[str, int]) -> None:
    """Events per flow and their sum."""
    rows = [(flow, figure(count)) for flow, count in counts.items()]
    print_table(("flow", "events"), [*rows, ("total", figure(sum(counts.values())))], numbers=1)
