from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from streams.digests import NONE, pair_digests, text_digests

texts = st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=12)


def digests_of(values: list[str | None]) -> list[int]:
    return text_digests(pl.Series(values, dtype=pl.String)).tolist()


@given(values=texts)
def test_a_text_has_the_same_digest_in_any_company(values: list[str | None]) -> None:
    assert digests_of(values) == [digests_of([value])[0] for value in values]


@given(values=texts)
def test_nulls_alone_have_no_digest(values: list[str | None]) -> None:
    assert [digest == NONE for digest in digests_of(values)] == [value is None for value in values]


def test_digests_stay_what_they_are_because_state_is_written_with_them() -> None:
    assert digests_of(["", "pa_0123456789abcdefghijkl", "é"]) == [
        1,
        4652147771653503426,
        17791280711950295356,
    ]


def test_texts_that_differ_little_have_digests_that_differ_in_half_their_bits() -> None:
    names = [f"pa_{n:022d}" for n in range(20_000)]
    digests = np.array(digests_of(names), np.uint64)

    assert len(np.unique(digests)) == len(names)
    flips = np.unpackbits((digests[1:] ^ digests[:-1]).view(np.uint8)).sum() / (len(names) - 1)
    assert 31.5 < flips < 32.5
    # Each of 64 bits is set in half of them, within five standard deviations.
    ones = np.unpackbits(digests.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    assert abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(len(names))


def test_trailing_zero_bytes_are_part_of_a_text() -> None:
    assert len(set(digests_of(["a", "a\0", "a\0\0", "a" + "\0" * 8]))) == 4


def test_a_pair_has_an_order_and_needs_both_sides() -> None:
    one, two = np.array([5], np.uint64), np.array([9], np.uint64)
    none = np.array([NONE], np.uint64)

    assert pair_digests(one, two) != pair_digests(two, one)
    assert pair_digests(one, one) != NONE
    assert pair_digests(one, none) == pair_digests(none, two) == NONE
