from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.duplicates import GENERATIONS, DuplicateIndex, hex_ids, parse_ids
from streams.lockstep import PADDING, words_of

ALWAYS = np.zeros(10_000, np.int64)


def ids_of(numbers: list[int]) -> np.ndarray:
    return parse_ids([str(uuid.UUID(int=n)) for n in numbers])


def take(index: DuplicateIndex, numbers: list[int], at_ms: int = 1) -> list[bool]:
    """Feed ids as a shard does: by rooms; say which were fresh."""
    fresh: list[bool] = []
    rest = numbers
    while rest:
        chunk, rest = rest[: index.room], rest[index.room :]
        ids = ids_of(chunk)
        new = index.fresh(ids, ALWAYS[: len(chunk)])
        index.add(ids[new], np.full(int(new.sum()), at_ms))
        fresh += new.tolist()
    return fresh


def test_uuid_text_of_either_case_is_the_same_id() -> None:
    lower = str(uuid.UUID(int=0xABCDEF0123456789ABCDEF0123456789))

    assert (parse_ids([lower]) == parse_ids([lower.upper()])).all()


def test_an_id_that_is_no_uuid_is_still_an_id() -> None:
    texts = [
        "",
        "x",
        "é" * 18,
        "z" * 36,
        "0" * 36,
        str(uuid.UUID(int=5)),
        "12345678-1234-1234-1234-12345678901g",
    ]

    ids = parse_ids(texts)

    assert len({row.tobytes() for row in ids}) == len(texts)
    assert [row.tobytes() for row in ids] == [parse_ids([t])[0].tobytes() for t in texts]


@given(
    st.lists(st.text(alphabet="0123456789abcdefABCDEF-_ +é", min_size=36, max_size=36), max_size=5)
)
def test_reading_ids_together_or_alone_gives_the_same(texts: list[str]) -> None:
    assert [r.tobytes() for r in parse_ids(texts)] == [parse_ids([t])[0].tobytes() for t in texts]


def in_a_buffer(texts: list[bytes]) -> np.ndarray | None:
    sizes = np.array([len(text) for text in texts], np.int64)
    return hex_ids(words_of(b"".join(texts) + PADDING), sizes.cumsum() - sizes, sizes)


@given(st.lists(st.uuids().map(str), min_size=1, max_size=5), st.booleans())
def test_uuid_text_in_a_buffer_is_read_as_a_string_is(texts: list[str], is_upper: bool) -> None:
    told = [text.upper() if is_upper else text for text in texts]
    ids = in_a_buffer([text.encode() for text in told])
    assert ids is not None
    assert ids.tolist() == parse_ids(texts).tolist()


def test_any_other_byte_in_uuid_text_is_noticed_wherever_it_stands() -> None:
    good = str(uuid.UUID(int=0x0123456789ABCDEF0123456789ABCDEF)).encode()
    for at in range(len(good)):
        wanted = b"-" if good[at : at + 1] == b"-" else b"0123456789abcdefABCDEF"
        for octet in range(256):
            text = good[:at] + bytes([octet]) + good[at + 1 :]
            assert (in_a_buffer([good, text]) is not None) == (octet in wanted)
    assert in_a_buffer([good, good[:-1]]) is None


def test_a_repeated_id_is_fresh_once_within_and_across_slices() -> None:
    index = DuplicateIndex(4096)

    assert take(index, [1, 2, 1, 3]) == [True, True, False, True]
    assert take(index, [3, 4, 0, 0]) == [False, True, True, False]


def test_ids_that_share_their_place_in_the_table_are_told_apart() -> None:
    index = DuplicateIndex(4096)
    numbers = [n << 64 for n in range(1500)] + list(range(1, 1500))

    assert all(take(index, numbers))
    assert not any(take(index, numbers))


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 60), max_size=30), max_size=12),
    st.sampled_from([8, 16, 64, 1024]),
)
def test_the_index_knows_what_a_set_over_the_same_generations_knows(
    slices: list[list[int]], ids_max: int
) -> None:
    index = DuplicateIndex(ids_max)
    size = ids_max // GENERATIONS
    arrived: list[int] = []
    for numbers in slices:
        expected = []
        for n in numbers:
            first_kept = max(0, len(arrived) // size - GENERATIONS + 1) * size
            known = n in arrived[first_kept:]
            expected.append(not known)
            if not known:
                arrived.append(n)

        assert take(index, numbers) == expected


def test_a_full_index_raises_the_floor_over_what_it_forgets() -> None:
    index = DuplicateIndex(GENERATIONS * 2)
    floors = []
    for n in range(GENERATIONS * 2):
        ids = ids_of([n])
        floors.append(index.add(ids, np.array([100 + n])))

    # The last id fills the fourth generation: the first, with times 100 and 101, leaves.
    assert floors == [0] * (GENERATIONS * 2 - 1) + [102]


def test_a_generation_below_the_watermark_no_longer_speaks_whether_or_not_its_memory_is_gone() -> (
    None
):
    kept, expired = DuplicateIndex(8), DuplicateIndex(8)
    for index in (kept, expired):
        take(index, [1, 2, 3], at_ms=50)
    expired.expire(51)

    for index in (kept, expired):
        assert index.fresh(ids_of([1]), np.array([51])).tolist() == [True]
    assert kept.fresh(ids_of([1]), np.array([50])).tolist() == [False]


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 200), max_size=20), max_size=10), st.sampled_from([16, 256])
)
def test_a_recovered_index_answers_as_the_one_that_was_written(
    slices: list[list[int]], ids_max: int
) -> None:
    index, copy = DuplicateIndex(ids_max), DuplicateIndex(ids_max)
    keys: set[int] = set()
    payloads = []
    for numbers in slices:
        take(index, numbers)
        payload, kept = index.encode(index.drain())
        payloads.append(payload)
        keys |= kept
    merged, _ = index.encode(keys)
    for payload in (*payloads, merged):
        copy.load(payload)
    copy.recovered(0)

    assert len(copy) == len(index)
    assert copy.room == index.room
    everything = list(range(201))[: index.room]
    assert take(copy, everything) == take(index, everything)


@pytest.mark.parametrize("n", [0, 1, 1023, 1024, 1025, 5000])
def test_the_table_grows_with_its_ids(n: int) -> None:
    index = DuplicateIndex(1 << 16)

    assert all(take(index, list(range(n))))
    assert len(index) == n
    assert not any(take(index, list(range(n))))
