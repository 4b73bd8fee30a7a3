"""The bytes of account-day cells."""

from __future__ import annotations

import numpy as np
import pytest

from agents.account_cells import CELL, encode_cells, read_cells
from streams.errors import StateError
from tests.support.cells import region


def test_a_cell_is_small() -> None:
    assert CELL.itemsize <= 120


def test_cells_come_back_from_their_bytes() -> None:
    cells = region(accounts=3)
    assert np.array_equal(read_cells(encode_cells(cells)), cells)
    assert len(read_cells(encode_cells(cells[:0]))) == 0


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"\x00" + bytes(CELL.itemsize), "version 0 is not 1"),
        (b"\x01" + bytes(CELL.itemsize - 1), "whole cells"),
    ],
)
def test_bytes_that_are_no_cells_are_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(StateError, match=reason):
        read_cells(payload)
