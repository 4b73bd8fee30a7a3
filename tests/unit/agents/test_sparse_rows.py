"""Rows of mostly zeros as bytes."""

from __future__ import annotations

import numpy as np

from agents.sparse_rows import HEAD, packed_rows


def test_each_row_holds_its_key_and_what_is_not_zero() -> None:
    rows = np.array([[0, 7, 0, 300], [0, 0, 0, 0], [1, 0, 0, 0]], np.uint32)
    assert packed_rows([5, -1, 9], rows, "<u2", "<u4") == [
        HEAD.pack(5, 2) + np.array([1, 3], "<u2").tobytes() + np.array([7, 300], "<u4").tobytes(),
        HEAD.pack(-1, 0),
        HEAD.pack(9, 1) + np.array([0], "<u2").tobytes() + np.array([1], "<u4").tobytes(),
    ]


def test_rows_may_come_one_by_one() -> None:
    rows = np.array([[0, 1 << 40], [3, 0]], np.uint64)
    assert packed_rows([1, 2], list(rows), "u1", "<u8") == packed_rows([1, 2], rows, "u1", "<u8")


def test_no_rows_are_no_bytes() -> None:
    assert packed_rows([], [], "u1", "<u8") == []
