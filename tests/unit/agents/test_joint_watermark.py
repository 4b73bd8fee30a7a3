from __future__ import annotations

import numpy as np

from agents.joint_watermark import JointWatermark


def new() -> JointWatermark:
    return JointWatermark(("a", "b"))


def observe(watermark: JointWatermark, flow: str, *log_ms: int) -> list[int]:
    return watermark.observe(flow, np.array(log_ms, np.int64)).tolist()


def test_it_is_how_far_the_slowest_flow_was_read() -> None:
    watermark = new()
    observe(watermark, "a", 1000)
    assert watermark.value_ms == 0
    observe(watermark, "b", 970, 980)
    assert watermark.value_ms == 980
    observe(watermark, "b", 1050)
    assert watermark.value_ms == 1000


def test_a_record_is_due_at_its_log_time_made_monotone() -> None:
    watermark = new()
    assert observe(watermark, "a", 1000, 995, 1020, 1009) == [1000, 1000, 1020, 1020]
    assert observe(watermark, "a", 1010, 1030) == [1020, 1030]


def test_a_flow_that_never_spoke_holds_the_others_until_it_is_known_to_be_silent() -> None:
    watermark = new()
    observe(watermark, "a", 1000, 9000)
    assert watermark.value_ms == 0
    watermark.pass_time({"b": 8000})
    assert watermark.value_ms == 8000


def test_being_read_to_the_end_does_not_move_due_times() -> None:
    watermark = new()
    watermark.pass_time({"a": 5000})

    assert observe(watermark, "a", 4000, 5500) == [4000, 5500]
    assert watermark.overtaken == {"a": 0, "b": 0}


def test_what_comes_after_its_due_time_was_passed_is_counted_and_due_at_once() -> None:
    watermark = new()
    watermark.pass_time({"a": 2000, "b": 1990})

    assert observe(watermark, "b", 1500, 1989, 1990) == [1990, 1990, 1990]
    assert watermark.overtaken == {"a": 0, "b": 2}


def test_it_never_falls_and_goes_on_from_its_header() -> None:
    watermark = new()
    observe(watermark, "a", 2000)
    watermark.raise_to(3000)
    watermark.raise_to(2500)
    watermark.pass_time({"b": 2000})
    watermark.pass_time({"b": 1000})
    copy = new()
    copy.from_json(watermark.to_json())

    assert copy.value_ms == watermark.value_ms == 3000
    assert observe(copy, "a", 1995, 3500) == observe(watermark, "a", 1995, 3500) == [3000, 3500]
    assert copy.to_json() == watermark.to_json()
