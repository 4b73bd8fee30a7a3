"""`vigie backtest`: the worker's own code over a recording, without Kafka."""

from __future__ import annotations

import os
import time
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
    import polars as pl

    from agents.backtest import BacktestResult
    from streams.commands.progress import Bar
    from streams.settings import Settings


# The flows take turns every six hours of arrival: shorter frames cost more than they hold.
FRAME_MS = 6 * 3_600_000


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "backtest",
        help="Run the worker's own code over a recording, as fast as the machine allows.\n\n"
        "--rates writes events per second at the end of every minute, by flow and sector, over "
        "the last minute, 5 minutes, hour and day.",
        epilog="Example: vigie backtest september --rates rates.csv --json",
    )(backtest)


def backtest(
    directory: RecordingArgument,
    rates: Annotated[
        Path | None, typer.Option(metavar="F.csv", help="Write the rolling rates; a new file.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print what the recording comes to."""
    existing_recording(directory)
    if rates is not None:
        fresh_file("--rates", rates)
    settings = load_settings()
    from streams.commands.progress import progress_bar

    start_s = time.perf_counter()
    with progress_bar("Back-testing", quiet=as_json) as bar:
        result = run(directory, settings, bar)
    seconds = time.perf_counter() - start_s
    if rates is not None:
        _write_whole(result.rates, rates)
    document = {
        "flows": result.flows,
        "findings": {},
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
    from streams.worker import shard_params

    recording = Recording(directory)
    bar.expect(recording.total_records())
    core = Backtest(
        shard_params(settings),
        settings.partitions,
        lambda keys: partitions_of(keys, settings.partitions),
    )
    for flow, frame in recording.merged_frames(FRAME_MS):
        core.take(flow, frame)
        bar.advance(frame.height)
    return core.result()


def _write_whole(rates: pl.DataFrame, path: Path) -> None:
    """The file under its name once it is complete, never half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        rates.write_csv(partial, datetime_format="%Y-%m-%dT%H:%M:%SZ")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


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
    pace = figure(document["events_per_second"])
    say(f"{document['seconds']:.1f} s, {pace} events/s")
