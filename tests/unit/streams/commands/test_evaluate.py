"""The command `vigie evaluate`: what it prints of what was measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import orjson
import pytest

from simulators.evaluation import run
from simulators.evaluation.plan import BEGINNINGS
from simulators.evaluation.results import OURS, Attacked, TrialResult
from simulators.evaluation.run import Evaluation, Extent, tasks_of
from streams.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable


def found(hits: int) -> Evaluation:
    own = [
        Attacked(judge, "plus-50", n, "platforms", 3.6e6 if n < hits else math.inf, 5, 50)
        for judge in (OURS, "peer z")
        for n in range(10)
    ]
    return Evaluation(trials=[TrialResult("autumn", 101, attacked=own)])


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    monkeypatch.setenv("POLARS_MAX_THREADS", "1")

    def give(hits: int) -> None:
        monkeypatch.setattr(run, "evaluate", lambda *_given: found(hits))

    return give


def test_the_table_tells_target_measured_interval_and_verdict(
    measured: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    measured(9)
    assert main(["evaluate", "--json"]) == 0
    document = orjson.loads(capsys.readouterr().out)
    by_name = {row["name"]: row for row in document["targets"]}
    assert by_name["+50 %"]["verdict"] == "met"
    assert by_name["+50 %"]["measured"].startswith("0.900 (9/10)")
    assert by_name["doubling"]["verdict"] == "not run"
    assert document["peers"]["plus-50"]["peer z"]["found"] == 9


def test_a_missed_target_is_an_answer_of_no(
    measured: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    measured(5)
    assert main(["evaluate"]) == 1
    out = capsys.readouterr().out
    assert "missed" in out
    assert "peer z" in out


def test_a_number_of_seeds_below_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err


def test_no_seed_of_the_tuning_is_evaluated() -> None:
    tasks = tasks_of(Extent(seeds=5))
    assert min(task.seed for task in tasks) >= 101
    spans = [task.span.name for task in tasks if task.span is not None]
    assert [spans.count(name) for name in ("autumn", "summer", "festival")] == [5, 5, 20]
    assert spans.count("beginning") == len(BEGINNINGS)


def test_a_smoke_run_is_small() -> None:
    tasks = tasks_of(Extent(quick=True))
    assert all(task.span is None or task.span.scale * task.days < 2 for task in tasks)
