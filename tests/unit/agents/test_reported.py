from __future__ import annotations

import numpy as np
import pytest

from agents.reported import Reported
from agents.severity import SCORES

ONE = np.array([7])


def least(reported: Reported, detector: str = "tail", day: int = 1) -> float:
    return float(reported.least(detector, ONE, day, 4.0)[0])


def test_what_was_never_told_is_told_from_the_threshold_on() -> None:
    assert least(Reported(("tail", "takeover"))) == 4.0


def test_the_same_day_is_told_again_only_if_the_score_rose_by_a_half() -> None:
    reported = Reported(("tail", "takeover"))
    least(reported)
    reported.note("tail", 7, 1, 4.25)
    assert least(reported) == 4.75


def test_another_day_or_another_detector_has_its_own_word() -> None:
    reported = Reported(("tail", "takeover"))
    least(reported)
    reported.note("tail", 7, 1, 9.0)
    assert least(reported, day=2) == 4.0
    assert least(reported, "takeover") == 4.0
    assert reported.least("tail", np.array([8]), 1, 4.0).tolist() == [4.0]


def test_a_restart_forgets_nothing() -> None:
    before, after = Reported(("tail",)), Reported(("tail",))
    least(before)
    before.note("tail", 7, 1, 5.0)
    after.rows.load(before.rows.encode(before.rows.drain())[0])
    assert least(after) == 5.5


@pytest.mark.parametrize("score", [one for one in SCORES if one > 4.0])
def test_a_smaller_rise_is_told_where_a_finding_may_become_more_severe(score: float) -> None:
    # Else an incident stays MEDIUM live that is HIGH where its events come in one slice.
    reported = Reported(("tail",))
    least(reported)
    reported.note("tail", 7, 1, score - 0.25)
    assert least(reported) == score
    reported.note("tail", 7, 1, score)
    assert least(reported) == score + 0.5
