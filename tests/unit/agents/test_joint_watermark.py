from __future__ import annotations

import numpy as np

from agents.joint_watermark import JointWatermark


def new(idle_limit_ms: int = 100) -> JointWatermark:
    return JointWatermark(("a", "b"), decision_delay_ms=10, idle_limit_ms=idle_limit_ms)


def observe(watermark: JointWatermark, flow: str, *times: int) -> list[int]:
    return watermark.observe(flow, np.array(times, np.int64)).tolist()


def test_it_is_the_slowest_flow_less_the_delay() -> None:
    watermark = new()
    observe(watermark, "a", 1000)
    assert watermark.value_ms == 0
    observe(watermark, "b", 970, 980)
    assert watermark.value_ms == 970
    observe(watermark, "b", 1050)
    assert watermark.value_ms == 990


def test_an_event_is_due_at_its_time_or_the_delay_behind_the_newest_of_its_flow() -> None:
    assert observe(new(), "a", 1000, 995, 985, 1020, 1009, 1010) == [
        1000,
        995,
        990,
        1020,
        1010,
        1010,
    ]


def test_a_flow_that_trails_by_more_than_the_limit_is_left_out_until_it_speaks_again() -> None:
    watermark = new()
    observe(watermark, "a", 1000)
    observe(watermark, "b", 1000)
    observe(watermark, "a", 1100)
    assert watermark.value_ms == 990
    observe(watermark, "a", 1101)
    assert watermark.value_ms == 1091
    observe(watermark, "b", 1095)
    observe(watermark, "a", 1150)
    assert watermark.value_ms == 1091
    assert watermark.overtaken == {"a": 0, "b": 0}


def test_a_flow_that_never_speaks_holds_the_others_no_longer_than_the_limit() -> None:
    watermark = new()
    observe(watermark, "a", 1000, 1100)
    assert watermark.value_ms == 0
    observe(watermark, "a", 1101)
    assert watermark.value_ms == 1091


def test_a_flow_with_records_waiting_is_not_taken_for_silent() -> None:
    watermark = new()
    watermark.expected = frozenset({"b"})
    observe(watermark, "b", 1000)
    observe(watermark, "a", 9000)

    assert watermark.value_ms == 990


def test_what_comes_after_its_due_time_was_passed_is_counted_and_due_at_once() -> None:
    watermark = new()
    observe(watermark, "b", 1000)
    observe(watermark, "a", 2000)

    assert observe(watermark, "b", 1500, 1989, 1990) == [1990, 1990, 1990]
    assert watermark.overtaken == {"a": 0, "b": 2}


def test_it_never_falls_and_goes_on_from_its_header() -> None:
    watermark = new()
    observe(watermark, "a", 2000)
    watermark.raise_to(3000)
    watermark.raise_to(2500)
    observe(watermark, "b", 2000)
    copy = new()
    copy.from_json(watermark.to_json())

    assert copy.value_ms == watermark.value_ms == 3000
    assert observe(copy, "a", 1995, 3500) == observe(watermark, "a", 1995, 3500) == [3000, 3500]
    assert copy.to_json() == watermark.to_json()
