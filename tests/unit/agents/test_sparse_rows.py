"""Rows of mostly zeros as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from agents.sparse_rows import HEAD, packed_rows, unpacked_rows


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


def test_what_was_packed_comes_back_row_by_row() -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 1 << 60, (50, 65)).astype(np.uint64) * (rng.random((50, 65)) < 0.2)
    rows[7] = 0
    payload = b"".join(packed_rows(range(-10, 40), rows, "u1", "<u8"))
    found = unpacked_rows(payload, 65, "u1", "<u8")
    assert found is not None
    assert list(found) == list(range(-10, 40))
    assert np.array_equal(np.stack(list(found.values())), rows)


@pytest.mark.parametrize("cut", [1, 9, 10, 12, 21])
def test_a_row_that_is_cut_short_is_refused(cut: int) -> None:
    (row,) = packed_rows([3], np.array([[0, 5, 6]], np.uint32), "<u2", "<u4")
    assert len(row) == HEAD.size + 12
    assert unpacked_rows(row, 3, "<u2", "<u4") is not None
    assert unpacked_rows(row[:cut], 3, "<u2", "<u4") is None


def test_a_place_or_a_value_that_cannot_be_is_refused() -> None:
    (row,) = packed_rows([3], np.array([[0, 5, 6]], np.uint32), "<u2", "<u4")
    assert unpacked_rows(row, 2, "<u2", "<u4") is None
    assert unpacked_rows(row, 3, "<u2", "<u4", most=5) is None
    assert unpacked_rows(row, 3, "<u2", "<u4", most=6) is not None
