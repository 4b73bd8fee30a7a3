from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson
import polars as pl
import pytest

from streams import cli

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "Timestamp,Value\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A week of minutes with one spike, one empty value, one repeated and one backward row."""
    values = np.random.default_rng(1).poisson(100, 10_080)
    values[9000] = 400
    seconds = 1_700_000_000 + 60 * np.arange(10_080)
    seconds[500], seconds[600] = seconds[499], seconds[590]
    rows = [f"{second},{value}" for second, value in zip(seconds, values, strict=True)]
    rows[700] = f"{seconds[700]},"
    return write(tmp_path / "in.csv", HEAD + "\n".join(rows) + "\n")


def test_every_row_comes_back_as_it_was_with_a_score_and_a_flag(
    series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"

    assert cli.main(["backtest-series", str(series), "--out", str(out), "--json"]) == 0

    given, judged = series.read_text().splitlines(), out.read_text().splitlines()
    assert judged[0] == "Timestamp,Value,score,is_anomaly"
    assert [line.rsplit(",", 2)[0] for line in judged[1:]] == given[1:]
    table = pl.read_csv(out)
    assert table["score"].is_between(0, 1).all()
    assert table.filter(pl.col("is_anomaly") == 1)["Value"][0] == 400
    answer = orjson.loads(capsys.readouterr().out)
    assert (answer["rows"], answer["alerts"]) == (10_080, 1)


def test_text_timestamps_give_what_epoch_seconds_give(series: Path, tmp_path: Path) -> None:
    table = pl.read_csv(series)
    when = pl.from_epoch("Timestamp", time_unit="s").dt.strftime("%Y-%m-%d %H:%M:%S")
    texts = tmp_path / "texts.csv"
    table.with_columns(when).write_csv(texts)
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"

    assert cli.main(["backtest-series", str(series), "--out", str(one)]) == 0
    assert cli.main(["backtest-series", str(texts), "--out", str(two)]) == 0

    added = ["score", "is_anomaly"]
    assert pl.read_csv(one)[added].equals(pl.read_csv(two)[added])


def test_a_series_without_rows_has_an_answer_without_rows(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"

    assert (
        cli.main(["backtest-series", str(write(tmp_path / "in.csv", HEAD)), "--out", str(out)]) == 0
    )

    assert out.read_text() == "Timestamp,Value,score,is_anomaly\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("when,value\n1,2\n", "timestamp"),
        ("timestamp,amount\n1,2\n", "value"),
        ("timestamp,value,score\n1,2,3\n", "score"),
        (HEAD + "1,2\n61,many\n", "row 2: value 'many'"),
        (HEAD + "1,2\n61,inf\n", "row 2: value 'inf'"),
        (HEAD + "1,2\nyesterday,3\n", "row 2: timestamp 'yesterday'"),
        (HEAD + "2024-01-01 00:00:00,2\n,3\n", "row 2: timestamp ''"),
        (HEAD + "1,2\n2,3,4,5\n", "CSV"),
    ],
)
def test_bad_input_is_one_line_and_no_file(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write(tmp_path / "in.csv", text), tmp_path / "out.csv"

    assert cli.main(["backtest-series", str(source), "--out", str(out)]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert complaint in line
    assert sorted(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["missing.csv", "--out", "out.csv"], "missing.csv"),
        (["in.csv", "--out", "nowhere/out.csv"], "--out"),
        (["in.csv", "--out", "in.csv"], "--out"),
        (["in.csv", "--out", "out.csv", "--alerts-per-day", "0"], "--alerts-per-day"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.csv", HEAD + "1,2\n")

    assert cli.main(["backtest-series", *arguments]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert complaint in line
