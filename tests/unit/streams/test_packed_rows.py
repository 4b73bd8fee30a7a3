"""Rows that are moved as bytes are the rows that numpy would have moved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.packed_rows import joined_rows, rows_at, set_rows_at

KINDS = [
    np.dtype([("due_ms", "<i8"), ("pair", "<u8"), ("day", "<u2"), ("is_access", "?")]),
    np.dtype([("day", "<u2"), ("slots", "<f4", (3,)), ("key", "<u8")], align=True),
]


def numbered(kind: np.dtype[np.void], count: int) -> np.ndarray:
    octets = np.arange(count * kind.itemsize, dtype=np.uint8)
    rows = np.zeros(count, kind)
    for name in kind.names or ():
        column = np.resize(octets, (count, *kind[name].shape))
        rows[name] = column
    return rows


def values_of(rows: np.ndarray) -> list[list[object]]:
    return [rows[name].tolist() for name in rows.dtype.names or ()]


@pytest.mark.parametrize("kind", KINDS)
@given(places=st.lists(st.integers(0, 19), max_size=30))
def test_rows_are_gathered_as_by_an_index(kind: np.dtype[np.void], places: list[int]) -> None:
    rows, at = numbered(kind, 20), np.array(places, np.int64)

    assert values_of(rows_at(rows, at)) == values_of(rows[at])
    assert values_of(rows_at(rows[::-1], at)) == values_of(rows[::-1][at])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_written_where_they_belong_and_one_row_to_many_places(
    kind: np.dtype[np.void],
) -> None:
    rows, values = numbered(kind, 20), numbered(kind, 23)[20:]
    expected = rows.copy()
    expected[[4, 1, 9]] = values
    set_rows_at(rows, np.array([4, 1, 9]), values)
    assert values_of(rows) == values_of(expected)

    set_rows_at(rows, np.array([7, 8]), np.broadcast_to(values[0], 2))
    expected[[7, 8]] = values[0]
    assert values_of(rows) == values_of(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_joined_in_their_order(kind: np.dtype[np.void]) -> None:
    rows = numbered(kind, 20)

    joined = joined_rows([rows[:3], rows[3:], rows[5:9]], kind)
    assert values_of(joined) == values_of(rows[[*range(20), *range(5, 9)]])
    assert joined_rows([rows], kind) is rows
    assert joined_rows([], kind).dtype == kind


def test_a_place_outside_of_the_rows_is_an_error() -> None:
    with pytest.raises(IndexError):
        rows_at(numbered(KINDS[0], 3), np.array([3]))
