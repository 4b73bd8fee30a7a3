"""A short run of `make chaos`: one act of each sort, and nothing lost, doubled, stuck or untold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.proof.chaos_plan import Kind, plan
from tests.proof.chaos_run import Run
from tests.proof.chaos_table import table

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

ATTACKS = ("predice:identities=7353", "fast-harvest")


def test_a_service_under_fire_loses_nothing_and_finds_what_a_back_test_finds(
    tmp_path: Path,
) -> None:
    acts = plan(3, minutes=0.5, kills=2, only=(Kind.CLOCK_AHEAD, Kind.WRONG_DATES))
    assert Counter(act.kind for act in acts) == Counter(
        [Kind.KILL_WORKER, Kind.KILL_BROKER, Kind.CLOCK_AHEAD, Kind.WRONG_DATES]
    )

    outcome = Run(
        tmp_path,
        acts,
        seed=3,
        minutes=0.5,
        rate=1_000,
        attacks=ATTACKS,
        # Longer than a record waits for a broker's successor, on a slow machine too.
        margin_ms=15_000,
        # The shortest that Kafka grants: the dead are missed after so long.
        session_timeout_s=6,
        say=print,
    ).run()

    print(table(outcome))
    assert outcome.misses == []
    assert outcome.late
    assert outcome.ahead
    assert outcome.findings
