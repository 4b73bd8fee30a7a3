from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agents.finding_history import FindingHistory, HistoryMeasure
from streams import cli
from streams.commands.findings_history import SHOWN, sparkline, table_of
from streams.event_time import DAY_MS, MINUTE_MS, start_of_day_ms
from tests.support.findings import finding

if TYPE_CHECKING:
    from pathlib import Path

DAYS = FindingHistory(
    HistoryMeasure.PATIENTS,
    start_of_day_ms(20_380),
    DAY_MS,
    observed=(12, 15, 0, 0, 11, 14, 10, 735),
    unexplained=(1, 2, None, None, 0, 3, 1, 700),
    expected=(13.2,) * 8,
    high=(41.0,) * 8,
)
MINUTES = FindingHistory(
    HistoryMeasure.EVENTS,
    start_of_day_ms(20_380),
    5 * MINUTE_MS,
    observed=(0, 9),
    expected=(None, 8),
)


@pytest.mark.parametrize(
    ("counts", "line"),
    [((), ""), ((0, 0), "▁▁"), ((0, 1, 1000), "▁▂█"), ((3, 3), "██"), ((0, 4, 8), "▁▅█")],
)
def test_counts_are_drawn_from_none_to_the_most(counts: tuple[int, ...], line: str) -> None:
    assert sparkline(counts) == line


def test_the_last_steps_stand_in_figures_and_columns_without_any_are_left_out() -> None:
    head, rows = table_of(DAYS)
    assert head == ["from", "patients", "no relation", "expected", "alarm from"]
    assert len(rows) == SHOWN
    assert rows[-1] == ["2025-10-26", "735", "700", "13", "41"]
    assert rows[1][2] == "-"

    head, rows = table_of(MINUTES)
    assert (head, rows) == (
        ["from", "events", "expected"],
        [["2025-10-19 00:00", "0", "-"], ["2025-10-19 00:05", "9", "8"]],
    )


def test_show_draws_what_the_account_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "findings.ndjson"
    bare = finding(finding_id="bare-0001")
    path.write_bytes(finding(history=DAYS).to_ndjson() + bare.to_ndjson())

    assert cli.main(["findings", "show", "f-0001", "--from", str(path)]) == 0
    shown = capsys.readouterr().out
    assert sparkline(DAYS.observed) in shown
    assert "2025-10-26" in shown
    assert cli.main(["findings", "show", "bare-0001", "--from", str(path)]) == 0
    assert "history" not in capsys.readouterr().out
