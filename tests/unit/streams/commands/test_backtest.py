from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import pytest

from agents.backtest import BacktestResult
from agents.findings import Finding, Severity
from streams import cli
from streams.commands import backtest

if TYPE_CHECKING:
    from pathlib import Path

FLOWS = {
    "insi-calls": {
        "events": 1_234,
        "duplicates": 2,
        "late": 3,
        "dead_letters": 1,
        "by_sector": {"PSL": {"events": 1_234, "unique_users": 56}},
    }
}
FINDINGS = (
    Finding("one", "tail", Severity.MEDIUM, 0, 0, 1),
    Finding("one", "tail", Severity.CRITICAL, 5, 0, 1, revision=1),
    Finding("one", "tail", Severity.MEDIUM, 9, 0, 1, revision=2),
    Finding("two", "outage", Severity.HIGH, 5, 0, 1),
)
RATES = pl.DataFrame({"window_end": ["2025-09-01"], "flow": ["insi-calls"], "rate_1m": [0.5]})


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a recording, and a core that has read it."""
    (tmp_path / "insi-calls.avro").touch()
    monkeypatch.setattr(backtest, "run", lambda *_: BacktestResult(FLOWS, RATES, FINDINGS))
    return tmp_path


def test_json_is_one_document_of_the_promised_shape(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backtest", str(recording), "--json"]) == 0
    out, err = capsys.readouterr()
    document = orjson.loads(out)
    assert document.keys() == {"flows", "findings", "seconds", "events_per_second"}
    assert document["flows"] == FLOWS
    assert document["findings"] == {"critical": 1, "high": 1, "medium": 0, "low": 0}
    assert err == ""


def test_a_person_reads_a_table(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backtest", str(recording)]) == 0
    out = capsys.readouterr().out
    assert "1 234" in out
    assert "56" in out
    assert "events/s" in out
    assert "findings: 1 critical, 1 high" in out


def test_rates_are_written_beside_the_answer(recording: Path) -> None:
    rates = recording / "rates.csv"
    assert cli.main(["backtest", str(recording), "--rates", str(rates)]) == 0
    assert pl.read_csv(rates)["rate_1m"].to_list() == [0.5]


def test_findings_are_written_with_every_revision_one_a_line(recording: Path) -> None:
    path = recording / "found.ndjson"
    assert cli.main(["backtest", str(recording), "--findings", str(path)]) == 0
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [(line["finding_id"], line["revision"]) for line in lines] == [
        ("one", 0),
        ("one", 1),
        ("one", 2),
        ("two", 0),
    ]
    assert lines[1]["detected_at"] == "1970-01-01T00:00:00.005Z"


def test_findings_never_overwrite_a_file(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recording / "found.ndjson"
    path.write_text("mine")
    assert cli.main(["backtest", str(recording), "--findings", str(path)]) == 2
    assert "--findings" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_rates_that_cannot_be_finished_leave_nothing(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: pl.DataFrame, path: Path, **__: Any) -> None:
        path.write_text("window_end,")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(pl.DataFrame, "write_csv", half)
    before = sorted(recording.iterdir())
    assert cli.main(["backtest", str(recording), "--rates", str(recording / "rates.csv")]) == 2
    assert sorted(recording.iterdir()) == before
