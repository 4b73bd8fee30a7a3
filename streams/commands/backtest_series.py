"""`vigie backtest-series`: the flow-rate detector over one series in a file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import JsonOption
from streams.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from agents.detectors.series import SeriesDetector

_ADDED = ("score", "is_anomaly")
_CHUNK_ROWS = 100_000
_SECONDS_END = 1e15
"""Thirty million years: a number beyond is no time in any unit, and hours could not be counted."""


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "backtest-series",
        help="Find spikes, drops, level shifts and outages in any series, row by row.\n\n"
        "F.csv has columns timestamp (epoch seconds or YYYY-MM-DD HH:MM:SS) and value (a number or "
        "empty), in any unit and step. Every row is written as it came, with score (0 to 1) and "
        "is_anomaly (0 or 1); no row is judged by a later one.",
        epilog="Example: vigie backtest-series rates.csv --out judged.csv",
    )(backtest_series)


def backtest_series(
    source: Annotated[Path, typer.Argument(metavar="F.csv", help="The series.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="G.csv", help="The answer, whole or not at all.")
    ],
    alerts_per_day: Annotated[
        float,
        typer.Option(metavar="N", help="The budget: most alerts per day that may be raised."),
    ] = 0.5,
    as_json: JsonOption = False,
) -> int:
    """Judge a series and say what came of it."""
    if not out.parent.is_dir():
        raise InputError(f"--out: {out.parent}: no such directory")
    if out.is_dir() or (out.exists() and source.exists() and out.samefile(source)):
        raise InputError(f"--out: {out} must be a file other than the series")
    from agents.detectors.series import SeriesDetector, flagged_ranges
    from agents.detectors.series_params import SeriesParams

    try:
        detector = SeriesDetector(SeriesParams(alerts_per_day=alerts_per_day))
    except ValueError as error:
        raise InputError(f"--alerts-per-day: {error}") from None
    start_s = time.perf_counter()
    table, times, values = read_series(source)
    judged = _judge(table, detector, times, values)
    _write_whole(judged, out)
    seconds = time.perf_counter() - start_s
    alerts = len(flagged_ranges(judged["is_anomaly"].to_numpy() == 1))
    document = {
        "rows": judged.height,
        "alerts": alerts,
        "anomalous_rows": int(judged["is_anomaly"].sum()),
        "seconds": round(seconds, 3),
        "rows_per_second": round(judged.height / seconds) if seconds > 0 else 0,
    }
    from streams.commands.output import figure, print_json, say

    if as_json:
        print_json(document)
    else:
        pace = figure(document["rows_per_second"])
        say(f"{figure(judged.height)} rows, {alerts} alerts, {seconds:.1f} s, {pace} rows/s")
    return 0


def read_series(path: Path) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
    """The file's rows as text, their times in seconds since 1970, their values (null where empty).

    Raises:
        InputError: the file cannot be read as a series; names it, the column and the first bad row.
    """
    import polars as pl

    try:
        table = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.NoDataError:
        raise InputError(f"{path}: is empty; expected columns timestamp and value") from None
    except OSError:
        raise InputError(f"{path}: cannot be read as a file") from None
    except pl.exceptions.PolarsError as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise InputError(f"{path}: is no readable CSV: {reason}") from None
    names = {name.strip().lower(): name for name in table.columns}
    for wanted in ("timestamp", "value"):
        if wanted not in names:
            raise InputError(f"{path}: has no column {wanted}; it has {', '.join(table.columns)}")
    for added in _ADDED:
        if added in names:
            raise InputError(f"{path}: already has a column {added}, which would be written")
    times = _times(path, _column(table, names["timestamp"]))
    return table, times, _values(path, _column(table, names["value"]))


def _column(table: pl.DataFrame, name: str) -> pl.Series:
    return table[name].fill_null("").str.strip_chars()


def _times(path: Path, texts: pl.Series) -> pl.Series:
    import polars as pl

    numbers = texts.cast(pl.Float64, strict=False)
    if numbers.null_count() == 0 and bool((numbers.abs() < _SECONDS_END).all()):
        return numbers
    plain = texts.str.replace("T", " ", literal=True).str.strip_suffix("Z")
    clocks = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="ms")
    days = plain.str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="ms")
    read = clocks.fill_null(days) if clocks.null_count() else clocks
    if len(numbers) and numbers.head(1).null_count() == 0:
        possible = (numbers.abs() < _SECONDS_END).fill_null(value=False)
        _refuse(path, "timestamp", texts, ~possible, "a number of seconds")
    _refuse(path, "timestamp", texts, read.is_null(), "epoch seconds or YYYY-MM-DD HH:MM:SS")
    return read.dt.epoch("ms").cast(pl.Float64) / 1000


def _values(path: Path, texts: pl.Series) -> pl.Series:
    import polars as pl

    is_empty = (texts == "") | texts.str.to_lowercase().is_in(["nan", "null", "na"])
    numbers = texts.cast(pl.Float64, strict=False)
    bad = ~is_empty & ~numbers.is_finite().fill_null(value=False)
    _refuse(path, "value", texts, bad, "a number or empty")
    return numbers.fill_nan(None)


def _refuse(path: Path, column: str, texts: pl.Series, bad: pl.Series, wanted: str) -> None:
    if bad.any():
        row = bad.arg_max() or 0
        raise InputError(f"{path}: row {row + 1}: {column} {texts[row][:40]!r} is not {wanted}")


def _judge(
    table: pl.DataFrame, detector: SeriesDetector, times: pl.Series, values: pl.Series
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    seconds, numbers = times.to_numpy(), values.fill_null(float("nan")).to_numpy()
    scores, flags = [np.zeros(0)], [np.zeros(0, dtype=np.bool_)]
    for at in range(0, table.height, _CHUNK_ROWS):
        part = slice(at, at + _CHUNK_ROWS)
        found = detector.update(seconds[part], numbers[part])
        scores.append(found[0])
        flags.append(found[1])
    return table.with_columns(
        pl.Series("score", np.concatenate(scores)).round(6),
        pl.Series("is_anomaly", np.concatenate(flags).astype(np.int8)),
    )


def _write_whole(judged: pl.DataFrame, path: Path) -> None:
    """The file under its name once it is complete, never half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        judged.write_csv(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
