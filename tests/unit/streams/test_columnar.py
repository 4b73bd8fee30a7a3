import io
from typing import Any

import fastavro
import numpy as np
import polars as pl
import pytest

from streams.columnar import ColumnarReader
from streams.errors import SchemaError
from streams.layout import Column, Kind, Layout
from streams.lockstep import Joined

TEXT = Column("text", Kind.STRING)
MAYBE_TEXT = Column("text", Kind.STRING, null_branch=0)
COUNT = Column("count", Kind.LONG, has_default=True, default=7)
SIZE = Column("size", Kind.ENUM, symbols=("U", "S", "L"), enum_name="Size", fallback="U")


def text(value: bytes) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, "bytes", value)
    return stream.getvalue()


def decode(writer: Layout, reader: Layout, values: list[bytes]) -> tuple[Any, list[bool]]:
    rows = np.arange(len(values))
    events, good = ColumnarReader(writer, reader).decode(Joined(values), rows, 0)
    return events.frame, good.tolist()


def test_only_the_rows_asked_for_are_read() -> None:
    joined = Joined([b"??", b"!" + text(b"one"), b"!" + text(b"two"), b""])
    events, good = ColumnarReader((TEXT,), (TEXT,)).decode(joined, np.array([1, 2]), 1)
    assert events.frame["text"].to_list() == ["one", "two"]
    assert good.tolist() == [True, True]


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xc3", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80"]
)
@pytest.mark.parametrize("before", [b"", b"a text that is longer than twelve bytes "])
def test_a_text_that_is_not_utf_8_leaves_alone(raw: bytes, before: bytes) -> None:
    values = [text(b"fine"), text(before + raw), text("é漢🩺".encode() * 5)]
    frame, good = decode((TEXT,), (TEXT,), values)
    assert good == [True, False, True]
    assert frame["text"].to_list() == ["fine", "é漢🩺" * 5]


def test_a_character_is_not_completed_by_the_record_that_follows() -> None:
    halves = [text("é".encode()[:1]), text("é".encode()[1:])]
    frame, good = decode((TEXT,), (TEXT,), halves)
    assert good == [False, False]
    assert frame["text"].to_list() == []


def test_nulls_stay_nulls_beside_empty_texts() -> None:
    values = [b"\0", b"\2" + text(b""), b"\2" + text(b"x")]
    frame, good = decode((MAYBE_TEXT,), (MAYBE_TEXT,), values)
    assert frame["text"].to_list() == [None, "", "x"]
    assert good == [True, True, True]
    assert decode((MAYBE_TEXT,), (MAYBE_TEXT,), [b"\0"] * 3)[0]["text"].null_count() == 3


def test_what_the_writer_lacks_is_filled_and_what_the_reader_lacks_is_left_out() -> None:
    frame, _ = decode((SIZE, TEXT), (COUNT, TEXT), [b"\2" + text(b"a"), b"\0" + text(b"b")])
    assert frame.to_dict(as_series=False) == {"count": [7, 7], "text": ["a", "b"]}
    assert frame.schema == pl.Schema({"count": pl.Int64(), "text": pl.String()})


def test_a_reader_that_shares_no_field_still_counts_the_rows() -> None:
    frame, good = decode((TEXT,), (COUNT,), [text(b"a"), b"\xff", text(b"b")])
    assert good == [True, False, True]
    assert frame["count"].to_list() == [7, 7]


def test_symbols_are_translated_by_name() -> None:
    written = Column("size", Kind.ENUM, symbols=("L", "XL", "S"), enum_name="Size")
    frame, _ = decode((written,), (SIZE,), [b"\0", b"\2", b"\4"])
    assert frame["size"].to_list() == ["L", "U", "S"]
    assert frame.schema["size"] == pl.Enum(["U", "S", "L"])


def test_an_enum_that_cannot_take_a_symbol_is_refused_beforehand() -> None:
    strict = Column("size", Kind.ENUM, symbols=("S",), enum_name="Size")
    with pytest.raises(SchemaError, match="size: Size lacks a symbol"):
        ColumnarReader((SIZE,), (strict,))


def test_an_int_may_be_read_as_a_long() -> None:
    frame, _ = decode((Column("n", Kind.INT),), (Column("n", Kind.LONG),), [b"\x02"])
    assert frame.schema["n"] == pl.Int64
    assert frame["n"].to_list() == [1]
