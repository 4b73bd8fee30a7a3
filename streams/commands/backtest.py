"""`vigie backtest`: the worker's own code over a recording, without Kafka."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import (
    JsonOption,
    RecordingArgument,
    existing_recording,
    fresh_file,
    load_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from agents.backtest import BacktestResult
    from agents.findings import Finding
    from streams.commands.progress import Bar
    from streams.settings import Settings


# The flows take turns every six hours of arrival: shorter frames cost more than they hold. What is
# concluded does not depend on it.
FRAME_MS = 6 * 3_600_000


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "backtest",
        help="Run the worker's own code over a recording, as fast as the machine allows.\n\n"
        "--rates writes events per second at the end of every minute, by flow and sector, over "
        "the last minute, 5 minutes, hour and day. --findings writes every revision of every "
        "finding, one JSON object a line.",
        epilog="Example: vigie backtest september --findings found.ndjson --json",
    )(backtest)


def backtest(
    directory: RecordingArgument,
    rates: Annotated[
        Path | None, typer.Option(metavar="F.csv", help="Write the rolling rates; a new file.")
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option(metavar="F.ndjson", help="Write the findings, every revision; a new file."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print what the recording comes to."""
    existing_recording(directory)
    if rates is not None:
        fresh_file("--rates", rates)
    if findings is not None:
        fresh_file("--findings", findings)
    settings = load_settings()
    from streams.commands.progress import progress_bar

    start_s = time.perf_counter()
    with progress_bar("Back-testing", quiet=as_json) as bar:
        result = run(directory, settings, bar)
    seconds = time.perf_counter() - start_s
    if rates is not None:
        _write_whole(rates, lambda path: _write_rates(result.rates, path))
    if findings is not None:
        lines = b"".join(finding.to_ndjson() for finding in result.findings)
        _write_whole(findings, lambda path: path.write_bytes(lines))
    document = {
        "flows": result.flows,
        "findings": _severities(result.findings),
        "seconds": round(seconds, 3),
        "events_per_second": round(result.records / seconds) if seconds > 0 else 0,
    }
    if as_json:
        from streams.commands.output import print_json

        print_json(document)
    else:
        _print(document)
    return 0


def run(directory: Path, settings: Settings, bar: Bar) -> BacktestResult:
    """Read a recording in the order of arrival and let the core count it.

    Raises:
        InputError: a file of the recording is broken; names it.
    """
    from agents.backtest import Backtest
    from simulators.publish import partitions_of
    from simulators.recording import Recording
    from streams.worker import region_params, shard_params

    recording = Recording(directory)
    bar.expect(recording.total_records())
    core = Backtest(
        shard_params(settings),
        settings.partitions,
        lambda keys: partitions_of(keys, settings.partitions),
        region_params(settings),
    )
    for end_ms, frames in recording.windows(FRAME_MS):
        # Not at the window's end: after its last event a recording is over, not silent.
        core.pass_time(end_ms - FRAME_MS)
        for flow, frame in frames:
            core.take(flow, frame)
            bar.advance(frame.height)
    core.finish()
    return core.result()


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """The file under its name once it is complete, never half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_rates(rates: pl.DataFrame, path: Path) -> None:
    rates.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")


def _severities(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings there are by the highest severity that each reached."""
    highest: dict[str, Finding] = {}
    for one in findings:
        known = highest.get(one.finding_id)
        if known is None or one.severity.rank > known.severity.rank:
            highest[one.finding_id] = one
    counts = Counter(one.severity.lower() for one in highest.values())
    return {name: counts[name] for name in ("critical", "high", "medium", "low")}


def _print(document: dict[str, Any]) -> None:
    from streams.commands.output import figure, print_table, say

    rows = []
    for flow, found in document["flows"].items():
        kinds = ("events", "duplicates", "late", "dead_letters")
        rows.append((flow, "all", *(figure(found[kind]) for kind in kinds), ""))
        for sector, cell in found["by_sector"].items():
            users = figure(cell["unique_users"])
            rows.append(("", sector, figure(cell["events"]), "", "", "", users))
    head = ("flow", "sector", "events", "duplicates", "late", "dead letters", "unique users")
    print_table(head, rows, numbers=5)
    found = ", ".join(f"{count} {name}" for name, count in document["findings"].items() if count)
    say(f"findings: {found or 'none'}")
    pace = figure(document["events_per_second"])
    say(f"{document['seconds']:.1f} s, {pace} events/s")
