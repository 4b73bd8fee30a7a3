from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.hash_table import ABSENT, KeyRows, PositionTable, came_before

words = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(0, 40), st.integers(0, 40).map(lambda n: n << 58)
)


@pytest.mark.parametrize("width", [1, 2])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_every_inserted_key_is_found_at_its_position_and_no_other_key_is(
    data: st.DataObject, width: int
) -> None:
    kept = data.draw(st.lists(st.tuples(*[words] * width), unique=True, min_size=1, max_size=80))
    others = data.draw(st.lists(st.tuples(*[words] * width), max_size=20))
    keys = np.array(kept, np.uint64)[:, 0 if width == 1 else slice(None)]
    wanted = np.array([*others, *kept], np.uint64)[:, 0 if width == 1 else slice(None)]
    table = PositionTable(len(kept) * 3 // 2 + 1)
    cut = data.draw(st.integers(0, len(kept)))
    table.insert(keys[:cut], np.arange(cut))
    absent, places = table.locate(keys, keys[cut:])
    assert (absent == ABSENT).all()
    told_where = data.draw(st.booleans())
    table.insert(keys[cut:], np.arange(cut, len(kept)), places if told_where else None)

    found = table.find(keys, wanted)

    assert found.tolist() == [
        kept.index(key) if key in kept else ABSENT for key in [*others, *kept]
    ]


def test_a_cleared_table_finds_nothing() -> None:
    table = PositionTable(8)
    keys = np.array([1, 2, 3], np.uint64)
    table.insert(keys, np.arange(3))

    table.clear()

    assert table.find(keys, keys).tolist() == [ABSENT] * 3


def test_keys_that_were_counted_up_do_not_pile_up_in_one_place() -> None:
    table = PositionTable(3000)
    keys = np.arange(2000, dtype=np.uint64) << np.uint64(20)
    table.insert(keys, np.arange(2000))

    used = np.flatnonzero(table._places >= 0)
    longest = np.diff(np.flatnonzero(np.diff(used, prepend=-9, append=9**9) > 1)).max()

    assert longest < 300


def test_nothing_is_found_where_no_key_is_stored() -> None:
    table = PositionTable(8)
    assert table.find(np.zeros(0, np.uint64), np.array([5], np.uint64)).tolist() == [ABSENT]


def first_places(keys: list[tuple[int, ...]]) -> list[bool]:
    return [key in keys[:row] for row, key in enumerate(keys)]


@pytest.mark.parametrize("width", [1, 2])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_key_that_came_before_is_told_from_one_that_did_not(
    data: st.DataObject, width: int
) -> None:
    some = data.draw(st.lists(st.tuples(*[words] * width), min_size=1, max_size=12))
    chosen = data.draw(st.lists(st.sampled_from(some), max_size=60))
    keys = np.array(chosen, np.uint64).reshape(-1, width)[:, 0 if width == 1 else slice(None)]
    assert came_before(keys).tolist() == first_places(chosen)


def test_keys_that_differ_in_their_highest_bits_alone_are_told_apart() -> None:
    keys = np.arange(16, dtype=np.uint64) << np.uint64(60)
    both = np.concatenate([keys, keys])
    assert came_before(both).tolist() == [False] * 16 + [True] * 16


@settings(max_examples=80, deadline=None)
@given(slices=st.lists(st.lists(words, max_size=40), max_size=8), known=st.sets(words))
def test_keys_are_numbered_as_they_first_come(slices: list[list[int]], known: set[int]) -> None:
    expected = {key: row for row, key in enumerate(sorted(known))}
    rows_of = KeyRows(np.array(sorted(known), np.uint64))
    for keys in slices:
        new = [at for at, key in enumerate(keys) if key not in expected and key not in keys[:at]]
        for key in keys:
            expected.setdefault(key, len(expected))
        rows, told = rows_of.rows_of(np.array(keys, np.uint64))
        assert rows.tolist() == [expected[key] for key in keys]
        assert told.tolist() == new
        assert len(rows_of) == len(expected)
