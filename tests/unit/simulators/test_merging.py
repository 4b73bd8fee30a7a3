from collections.abc import Iterator

import numpy as np
import polars as pl

from simulators.blocks import Rows
from simulators.merging import in_arrival_order


def rows(*recorded_ms: int) -> Rows:
    count = len(recorded_ms)
    places = np.arange(count)
    return Rows(
        pl.DataFrame({"recorded_at": recorded_ms}),
        b"x" * count,
        places,
        places + 1,
        np.zeros((2, count), np.int64),
        b"",
    )


def order(flows: dict[str, list[Rows]], window_ms: int = 10) -> list[tuple[int, str, list[int]]]:
    return [
        (start, flow, part.recorded_ms.tolist())
        for start, parts in in_arrival_order(
            {flow: iter(blocks) for flow, blocks in flows.items()}, window_ms
        )
        for flow, part in parts
    ]


def test_a_window_takes_every_block_that_reaches_into_it() -> None:
    """A: |0 3 7 | 9   B: |5     then 10 …"""
    found = order({"a": [rows(0, 3), rows(7), rows(9, 12)], "b": [rows(5, 10)]})

    assert found == [
        (0, "a", [0, 3]),
        (0, "a", [7]),
        (0, "a", [9]),
        (0, "b", [5]),
        (10, "a", [12]),
        (10, "b", [10]),
    ]


def test_empty_windows_are_left_out_and_an_instant_on_the_edge_belongs_to_the_later() -> None:
    assert order({"a": [rows(9, 10, 500)]}) == [(0, "a", [9]), (10, "a", [10]), (500, "a", [500])]


def test_a_record_that_comes_up_too_late_travels_with_the_window_at_hand() -> None:
    found = order({"a": [rows(3, 15), rows(2, 16)]})

    assert sorted(at for _, _, part in found for at in part) == [2, 3, 15, 16]
    assert found[0] == (0, "a", [3])


def test_only_the_blocks_that_a_window_needs_are_read() -> None:
    read = []

    def blocks() -> Iterator[Rows]:
        for start in range(0, 100, 10):
            read.append(start)
            yield rows(start, start + 9)

    next(in_arrival_order({"a": blocks()}, 10))

    assert read == [0, 10]
