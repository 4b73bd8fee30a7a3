"""The order in which co-partitioned flows are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.in_step import PATIENCE_S, STEP_MS, InStep

if TYPE_CHECKING:
    from streams.in_step import Place

BUSY, QUIET, OTHER = ("busy", 0), ("quiet", 0), ("busy", 1)
ALONE = ("marks", 0)
ALL = frozenset({BUSY, QUIET, OTHER, ALONE})
ENDS = {BUSY: 100, QUIET: 100, OTHER: 100, ALONE: 100}


def choose(
    steps: InStep, ends: dict[Place, int] | None = None, now_s: float = 0.0
) -> frozenset[Place]:
    return steps.choose(ALL, (ENDS if ends is None else ends).get, now_s)


def begun() -> InStep:
    steps = InStep([("busy", "quiet")])
    for place in ALL:
        steps.begin(place, 0)
    return steps


def test_a_flow_that_is_ahead_waits_for_the_one_behind_in_its_partition() -> None:
    steps = begun()
    steps.took(BUSY, 10, 1_000)
    steps.took(QUIET, 10, 1_000 + STEP_MS + 1)
    assert choose(steps) == {BUSY, OTHER, ALONE}
    steps.took(BUSY, 20, 1_001)
    assert choose(steps) == ALL


def test_a_flow_of_which_nothing_was_read_yet_comes_first() -> None:
    steps = begun()
    steps.took(BUSY, 10, STEP_MS)
    assert choose(steps) == {QUIET, OTHER, ALONE}


def test_a_flow_that_was_read_to_its_end_holds_nobody_back() -> None:
    steps = begun()
    steps.took(BUSY, 100, 0)
    steps.took(QUIET, 10, 10 * STEP_MS)
    assert choose(steps) == ALL


def test_a_flow_whose_end_nobody_knows_holds_nobody_back() -> None:
    steps = begun()
    steps.took(QUIET, 10, 10 * STEP_MS)
    assert choose(steps, {QUIET: 100}) == ALL


def test_a_flow_that_gives_nothing_holds_the_others_back_for_a_moment_only() -> None:
    steps = begun()
    steps.took(QUIET, 10, 10 * STEP_MS)
    assert choose(steps, now_s=5.0) == ALL - {QUIET}
    assert choose(steps, now_s=5.0 + PATIENCE_S - 0.1) == ALL - {QUIET}
    assert choose(steps, now_s=5.0 + PATIENCE_S) == ALL
    steps.took(BUSY, 10, 1)
    assert choose(steps, now_s=5.1 + PATIENCE_S) == ALL - {QUIET}


def test_a_paused_flow_holds_nobody_back() -> None:
    steps = begun()
    steps.took(QUIET, 10, 10 * STEP_MS)
    assert steps.choose({QUIET}, ENDS.get, 0.0) == {QUIET}


def test_log_time_that_goes_back_does_not_send_a_flow_back() -> None:
    steps = begun()
    steps.took(BUSY, 10, 10 * STEP_MS)
    steps.took(BUSY, 20, 0)
    steps.took(QUIET, 10, 5 * STEP_MS)
    assert choose(steps) == ALL - {BUSY}


def test_what_was_given_up_is_forgotten() -> None:
    steps = begun()
    steps.took(QUIET, 10, 10 * STEP_MS)
    steps.forget()
    assert choose(steps) == ALL
    steps.took(QUIET, 10, 10 * STEP_MS)
    assert choose(steps) == ALL
