"""Texts where they lie read as those that were made into strings."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.digests import EMPTY, text_digests
from streams.duplicates import parse_ids
from streams.lockstep import PADDING, words_of
from streams.texts import (
    LONGEST_BYTES,
    Labels,
    TextsWithin,
    WrittenTexts,
    are_ascii,
    are_sound,
)

some_texts = st.lists(
    st.none()
    | st.text(max_size=20)
    | st.text(st.characters(max_codepoint=127), min_size=25, max_size=25),
    max_size=30,
)


def lying(texts: list[str | None], between: bytes = b"\xff") -> TextsWithin:
    """The texts in a buffer, with bytes between them that are no text."""
    octets = [(text or "").encode() for text in texts]
    sizes = np.array([len(one) for one in octets], np.int64)
    starts = np.cumsum(sizes + len(between)) - sizes
    buffer = b"".join(between + one for one in octets) + between + PADDING
    present = np.array([text is not None for text in texts], np.bool_)
    return TextsWithin(buffer, starts, sizes, None if present.all() else present)


def written(texts: list[str | None]) -> WrittenTexts:
    return WrittenTexts(pl.Series(texts, dtype=pl.String))


@given(texts=some_texts)
def test_texts_that_lie_in_a_buffer_have_the_digests_of_strings(texts: list[str | None]) -> None:
    expected = text_digests(pl.Series(texts, dtype=pl.String)).tolist()
    assert lying(texts).digests.tolist() == expected
    assert written(texts).digests.tolist() == expected


@given(texts=some_texts, data=st.data())
def test_some_texts_are_read_as_all_are(texts: list[str | None], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1))) if texts else []
    places = np.array(rows, np.int64)
    for whole in (lying(texts), written(texts)):
        if data.draw(st.booleans()):
            assert len(whole.digests) == len(texts)  # worked out before
        part = whole.take(places)
        assert len(part) == len(rows)
        assert part.to_list() == [texts[row] for row in rows]
        assert part.digests.tolist() == whole.digests[places].tolist()


def test_texts_as_bytes_are_those_that_were_written() -> None:
    texts: list[str | None] = ["", "one", "another that is longer than a word"]
    expected = [(text or "").encode() for text in texts]
    assert lying(texts).octets() == expected == written(texts).octets()


def test_a_text_without_characters_has_a_digest_of_its_own() -> None:
    assert lying(["", None]).digests.tolist() == [EMPTY, 0]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 25, LONGEST_BYTES])
def test_a_byte_that_is_no_ascii_is_found_wherever_it_stands(length: int) -> None:
    for bad in range(length):
        octets = bytearray(b"a" * length)
        octets[bad] = 0xC3
        for others in (b"", b"bc"):
            buffer = bytes(octets) + others + b"\xff" + PADDING
            starts = np.array([0, length][: 1 + bool(others)], np.int64)
            lengths = np.array([length, len(others)][: len(starts)], np.int64)
            assert not are_ascii(buffer, words_of(buffer), starts, lengths)
            assert are_ascii(buffer, words_of(buffer), starts[1:], lengths[1:])


def test_what_is_no_text_beside_one_does_not_count() -> None:
    buffer = b"\xffabc\xffabcdefgh\xff" + PADDING
    starts, lengths = np.array([1, 5]), np.array([3, 8])
    for rows in ([0], [1], [0, 1]):
        assert are_ascii(buffer, words_of(buffer), starts[rows], lengths[rows])


def test_texts_that_are_too_long_to_be_read_in_words_are_left_to_others() -> None:
    buffer = b"a" * (LONGEST_BYTES + 1) + PADDING
    assert not are_ascii(buffer, words_of(buffer), np.array([0]), np.array([LONGEST_BYTES + 1]))


def test_texts_with_accents_are_sound_and_halves_of_characters_are_not() -> None:
    texts = ["plain", "PRÉDICE", "é漢🩺", "PRÉDICE"]
    buffer = "".join(texts).encode() + PADDING
    sizes = np.array([len(text.encode()) for text in texts])
    starts = sizes.cumsum() - sizes
    assert are_sound(buffer, words_of(buffer), starts, sizes)
    assert not are_sound(buffer, words_of(buffer), starts, sizes - np.array([0, 0, 1, 0]))


def test_ids_are_the_same_wherever_they_lie() -> None:
    dashed = "0123abcd-45EF-6789-abcd-ef0123456789"
    for texts in ([dashed] * 3, [dashed, "another"], [dashed, dashed.replace("-", "_")]):
        several: list[str | None] = [*texts]
        assert lying(several).ids().tolist() == parse_ids(texts).tolist()
        assert written(several).ids().tolist() == parse_ids(texts).tolist()


def test_labels_are_found_by_their_texts() -> None:
    labels = Labels(("59", "62", "other"), other=2)
    assert labels.of(lying(["62", "59", "2A", None, ""])).tolist() == [1, 0, 2, 2, 2]
    assert labels.of(written([])).tolist() == []
