"""How findings look on a terminal and in JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from streams.commands.output import figure, print_table, say
from streams.event_time import PARIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from agents.findings import Figure, Finding

_SHORT_ID = 8


def document(one: Finding) -> dict[str, Any]:
    """A finding as JSON has it, times in RFC 3339."""
    read: dict[str, Any] = orjson.loads(one.to_ndjson())
    return read


def print_list(several: Sequence[Finding]) -> None:
    """A line per finding."""
    head = ("finding", "severity", "status", "detector", "sector", "opened", "priority", "patients")
    names = _short([one.finding_id for one in several])
    rows = [
        (
            names[one.finding_id],
            str(one.severity),
            str(one.status),
            one.detector,
            one.sector,
            _moment(_opened_ms(one)),
            figure(one.priority),
            "-" if one.patients is None else figure(one.patients),
        )
        for one in several
    ]
    if rows:
        print_table(head, rows, numbers=2)
    else:
        say("no finding")


def line_of(one: Finding) -> str:
    """One finding on one line."""
    why = one.reasons[0] if one.reasons else ""
    at = _moment(one.detected_at_ms)
    what = f"{one.severity} {one.status} {one.detector} {one.sector}"
    return f"{at}  {what}  {one.finding_id}  {why}".rstrip()


def print_finding(one: Finding, lang: str) -> None:
    """Everything about one finding."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    console.print(f"{one.severity}  {one.status}  {one.detector}", style="bold")
    reasons = one.reasons_en if lang == "en" and one.reasons_en else one.reasons
    for number, reason in enumerate(reasons, 1):
        console.print(f"{number}. {reason}")
    rows: list[tuple[str, str]] = [
        ("finding", one.finding_id),
        ("revision", str(one.revision)),
        ("opened", _moment(_opened_ms(one))),
        ("detected", _moment(one.detected_at_ms)),
        ("window", f"{_moment(one.window_start_ms)} to {_moment(one.window_end_ms)}"),
        ("flow", one.flow or "several"),
        ("sector", one.sector),
        ("structure", one.structure_pid or "-"),
        ("account", one.actor_pid or "-"),
        ("detectors", ", ".join(one.detectors or (one.detector,))),
        ("score", f"{one.score:.4f}"),
        ("priority", f"{one.priority:.0f}"),
        ("patients", "-" if one.patients is None else figure(one.patients)),
    ]
    for title, lines in (
        ("", rows),
        ("evidence", [(key, _shown(value)) for key, value in one.evidence.items()]),
    ):
        if title and lines:
            console.print(title, style="bold")
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for key, value in lines:
            table.add_row(key, value)
        console.print(table)
    if one.history is not None:
        from streams.commands.findings_history import sparkline, table_of

        console.print("history", style="bold")
        console.print(sparkline(one.history.observed))
        head, steps = table_of(one.history)
        print_table(head, steps, numbers=len(head) - 1)


def patients_document(
    one: Finding, start_ms: int, end_ms: int, found: pl.DataFrame
) -> dict[str, Any]:
    """The touched patients as JSON has them."""
    return {
        "finding_id": one.finding_id,
        "window_start": _rfc_3339(start_ms),
        "window_end": _rfc_3339(end_ms),
        "patients": [
            {
                "patient_pid": row["patient_pid"],
                "count": row["count"],
                "first": _rfc_3339(row["first_ms"]),
                "last": _rfc_3339(row["last_ms"]),
                "flows": row["flows"].split(", "),
            }
            for row in found.iter_rows(named=True)
        ],
    }


def print_patients(found: pl.DataFrame) -> None:
    """A line per patient, and how many they are."""
    rows = [
        (
            row["patient_pid"],
            row["flows"],
            _moment(row["first_ms"]),
            _moment(row["last_ms"]),
            figure(row["count"]),
        )
        for row in found.iter_rows(named=True)
    ]
    if rows:
        print_table(("patient", "flows", "first", "last", "events"), rows, numbers=1)
    say(f"{figure(found.height)} patients, {figure(int(found['count'].sum()))} events")


def _short(ids: Sequence[str]) -> dict[str, str]:
    """Beginnings that name each of the ids among them."""
    longest = max(map(len, ids), default=0)
    for length in range(_SHORT_ID, longest):
        if len({name[:length] for name in ids}) == len(ids):
            return {name: name[:length] for name in ids}
    return {name: name for name in ids}


def _opened_ms(one: Finding) -> int:
    return one.detected_at_ms if one.opened_at_ms is None else one.opened_at_ms


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=PARIS).strftime("%Y-%m-%d %H:%M")


def _rfc_3339(time_ms: int) -> str:
    when = datetime.fromtimestamp(time_ms // 1000, tz=UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ms % 1000:03d}Z"


def _shown(value: Figure) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
