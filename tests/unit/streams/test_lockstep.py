import io
from typing import Any

import fastavro
import numpy as np
import pytest

from streams.layout import Column, Kind
from streams.lockstep import MAX_FIELDS, Joined, Lockstep, Scanned

NUMBERS = [0, -1, 1, 63, -64, 64, -65, 8191, 8192, 2**20, 2**27, -(2**27), 2**31 - 1, -(2**31)]
NUMBERS += [2**35 - 1, 2**41, 1_758_013_200_000, 2**48, 2**55 - 1, -(2**55)]


def octets_of(kind: Any, value: object) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, kind, value)
    return stream.getvalue()


def scan(column: Column, values: list[bytes]) -> tuple[Scanned, list[bool]]:
    state = Lockstep(Joined(values), np.arange(len(values)), 0)
    scanned = state.read(column)
    state.finish()
    return scanned, state.bad.tolist()


def test_numbers_up_to_eight_bytes_are_read_as_written() -> None:
    scanned, bad = scan(Column("n", Kind.LONG), [octets_of("long", n) for n in NUMBERS])
    assert scanned.values.tolist() == NUMBERS
    assert not any(bad)


@pytest.mark.parametrize("octets", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_number_with_a_byte_too_many_is_flagged(octets: int) -> None:
    longest = 2 ** (7 * octets - 1) - 1
    shortest_form = octets_of("long", longest)
    assert len(shortest_form) == octets
    padded = shortest_form[:-1] + bytes([shortest_form[-1] | 0x80, 0])
    _, bad = scan(Column("n", Kind.LONG), [shortest_form, padded])
    assert bad == [False, True]


@pytest.mark.parametrize("number", [2**55, -(2**55) - 1, 2**62, 2**63 - 1, -(2**63)])
def test_numbers_beyond_eight_bytes_are_left_to_the_other_reader(number: int) -> None:
    octets = octets_of("long", number)
    assert len(octets) > 8
    _, bad = scan(Column("n", Kind.LONG), [octets_of("long", 5), octets])
    assert bad == [False, True]


def test_a_number_cut_after_eight_bytes_is_not_completed_by_the_next_field() -> None:
    state = Lockstep(Joined([b"\x81" * 8 + b"\x01"]), np.arange(1), 0)
    for _ in range(2):
        state.read(Column("n", Kind.LONG))
    state.finish()
    assert state.bad.tolist() == [True]


def test_an_int_of_33_bits_is_flagged() -> None:
    values = [octets_of("long", n) for n in (2**31 - 1, 2**31, -(2**31), -(2**31) - 1)]
    assert scan(Column("n", Kind.INT), values)[1] == [False, True, False, True]


def test_only_the_symbols_of_an_enum_are_taken() -> None:
    column = Column("e", Kind.ENUM, symbols=("A", "B"))
    values = [octets_of("int", n) for n in (0, 1, 2, -1)] + [b"\x80\x00"]
    assert scan(column, values)[1] == [False, False, True, True, True]


def test_only_zero_and_one_are_booleans() -> None:
    _, bad = scan(Column("b", Kind.BOOLEAN), [b"\0", b"\1", b"\2", b"\x80", b"\xff"])
    assert bad == [False, False, True, True, True]


@pytest.mark.parametrize("null_branch", [0, 1])
def test_only_the_two_branches_of_a_union_are_taken(null_branch: int) -> None:
    column = Column("n", Kind.INT, null_branch=null_branch)
    null, value = (b"\0", b"\2") if null_branch == 0 else (b"\2", b"\0")
    values = [null, value + b"\x0a", b"\1", b"\3", b"\4", b"\x80\0", value, null + b"\x0a"]
    scanned, bad = scan(column, values)
    assert bad == [False, False, True, True, True, True, True, True]
    assert scanned.present is not None
    assert scanned.present.tolist()[:2] == [False, True]
    assert scanned.values[1] == 5


def test_a_text_may_end_with_its_record_and_not_a_byte_later() -> None:
    values = [b"\x04ab", b"\x06ab", b"\x02ab", b"\x01ab", b"\x00", octets_of("long", 2**54) + b"x"]
    scanned, bad = scan(Column("t", Kind.STRING), values)
    assert bad == [False, True, True, True, False, True]
    assert scanned.lengths is not None
    assert scanned.lengths[0] == 2
    assert scanned.lengths.max() == 2


def test_records_that_never_end_stay_inside_the_buffer() -> None:
    columns = [Column("n", Kind.LONG, null_branch=0)] * MAX_FIELDS
    state = Lockstep(Joined([b"\x02" + b"\xff" * 40, b"\x02", b""]), np.arange(3), 0)
    for column in columns:
        state.read(column)
    state.finish()
    assert state.bad.all()


def test_headers_are_found_where_they_are_whole() -> None:
    header = b"\xc3\x01ABCDEFGH"
    values = [header, header + b"x", header[:9], b"\xc3\x02ABCDEFGH", header[:2] + b"ABCDEFGX"]
    values += [header[:5], b""]
    # The short ones lie before bytes that would complete them.
    assert Joined([*values, b"FGHABCDEFGH"]).starting_with(header).tolist() == [
        *(True, True, False, False, False, False, False),
        False,
    ]
    assert Joined([header[:4], header[4:]]).starting_with(header).tolist() == [False, False]


def test_a_tombstone_stands_as_no_bytes() -> None:
    joined = Joined([b"ab", None, b"c"])
    assert joined.starts.tolist() == [0, 2, 2]
    assert joined.ends.tolist() == [2, 2, 3]
    assert joined.records.to_list() == [b"ab", b"", b"c"]
