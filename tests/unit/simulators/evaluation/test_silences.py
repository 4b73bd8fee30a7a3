"""From when on a silence is rare: held against processes whose silences are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.evaluation.report_flows import outage_rows
from simulators.evaluation.results import Silence
from simulators.evaluation.silences import RARE, rare_silence

HOURS = 200.0


def days(rng: np.random.Generator, sending: int, whole: float = HOURS) -> list[np.ndarray]:
    """Twenty days of sendings at any time, each of so many events at once."""
    return [
        np.repeat(np.sort(rng.uniform(0, whole, rng.poisson(whole / sending))), sending)
        for _ in range(20)
    ]


@pytest.mark.parametrize("sending", [1, 3, 10])
def test_so_many_sendings_are_due_before_silence_is_rare_as_independent_events(
    sending: int,
) -> None:
    rng = np.random.default_rng(3)
    reckoned = [rare_silence(days(rng, sending), HOURS) for _ in range(10)]
    assert np.mean(reckoned) == pytest.approx(RARE * sending, rel=0.12)


def test_too_few_silences_are_taken_for_independent_ones() -> None:
    assert rare_silence([np.array([3.0, 9.0])], 12.0) == RARE


def test_both_reckonings_are_reported_and_one_is_the_target() -> None:
    silences = [
        Silence("dmp-deposits", "ES", 140.0, 100.0, 20.0),
        Silence("insi-calls", "PSL", 160.0, 100.0, 100.0),
        Silence("mss-messages", "ES", math.inf, math.inf, 50.0),
    ]
    own, single = outage_rows(silences)
    assert own.measured.startswith("0.500 (1/2)")
    assert own.verdict == "missed"
    assert "1 ended before" in own.measured
    assert "late: insi-calls PSL 1" in own.measured
    assert single.measured.startswith("0.000 (0/3)")
    assert single.verdict == "met"
