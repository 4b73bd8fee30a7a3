"""What a finding's subject did lately, on a terminal: a line of blocks and the last steps in figures."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from streams.commands.output import figure
from streams.event_time import DAY_MS, PARIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.finding_history import FindingHistory

BLOCKS: Final = "▁▂▃▄▅▆▇█"
SHOWN: Final = 7
"""Steps in figures; the line of blocks shows all of them."""
_COLUMNS: Final = {
    "unexplained": "no relation",
    "expected": "expected",
    "high": "alarm from",
    "peers": "peers",
    "peers_high": "busy peers",
}


def sparkline(counts: Sequence[int]) -> str:
    """Counts as blocks from none to the most; what is more than none never looks like none."""
    most = max(counts, default=0)
    if most <= 0:
        return BLOCKS[0] * len(counts)
    last = len(BLOCKS) - 1
    return "".join(BLOCKS[max(min(count, 1), round(count * last / most))] for count in counts)


def table_of(history: FindingHistory) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the last steps; columns without a value are left out."""
    values = {title: getattr(history, name) for name, title in _COLUMNS.items()}
    columns = {
        title: own for title, own in values.items() if any(value is not None for value in own)
    }
    head = ["from", str(history.measure).lower(), *columns]
    rows = [
        [_moment(start_ms, history.step_ms), figure(history.observed[place])]
        + [_shown(own[place]) for own in columns.values()]
        for place, start_ms in enumerate(history.starts_ms())
    ]
    return head, rows[-SHOWN:]


def _moment(time_ms: int, step_ms: int) -> str:
    form = "%Y-%m-%d" if step_ms == DAY_MS else "%Y-%m-%d %H:%M"
    return datetime.fromtimestamp(time_ms / 1000, tz=PARIS).strftime(form)


def _shown(value: float | None) -> str:
    return "-" if value is None else figure(value)
