from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import pytest

from agents.backtest import BacktestResult
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
RATES = pl.DataFrame({"window_end": ["2025-09-01"], "flow": ["insi-calls"], "rate_1m": [0.5]})


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a recording, and a core that has read it."""
    (tmp_path / "insi-calls.avro").touch()
    monkeypatch.setattr(backtest, "run", lambda *_: BacktestResult(FLOWS, RATES))
    return tmp_path


def test_json_is_one_document_of_the_promised_shape(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backtest", str(recording), "--json"]) == 0
    out, err = capsys.readouterr()
    document = orjson.loads(out)
    assert document.keys() == {"flows", "findings", "seconds", "events_per_second"}
    assert document["flows"] == FLOWS
    assert err == ""


def test_a_person_reads_a_table(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backtest", str(recording)]) == 0
    out = capsys.readouterr().out
    assert "1 234" in out
    assert "56" in out
    assert "events/s" in out


def test_rates_are_written_beside_the_answer(recording: Path) -> None:
    rates = recording / "rates.csv"
    assert cli.main(["backtest", str(recording), "--rates", str(rates)]) == 0
    assert pl.read_csv(rates)["rate_1m"].to_list() == [0.5]


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
