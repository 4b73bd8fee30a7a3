import pytest

from streams.wire import (
    Confluent,
    SingleObject,
    confluent_header,
    framing_of,
    single_object_header,
)


def test_each_header_that_is_written_is_recognised() -> None:
    mark = bytes(range(8))
    assert framing_of(single_object_header(mark) + b"body") == SingleObject(mark, body_at=10)
    assert framing_of(confluent_header(4_000_000_000) + b"body") == Confluent(
        4_000_000_000, body_at=5
    )


def test_headers_are_the_published_bytes() -> None:
    assert single_object_header(b"ABCDEFGH") == b"\xc3\x01ABCDEFGH"
    assert confluent_header(258) == b"\x00\x00\x00\x01\x02"


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"\x00", b"\x00\x00\x00\x01", b"\xc3", b"\xc3\x01", b"\xc3\x01ABCDEFG"),
        *(b"\xc3\x02" * 8, b'{"event_id": 1}', b"\x01\x00\x00\x00\x01"),
    ],
)
def test_a_header_that_is_cut_or_strange_is_no_framing(value: bytes) -> None:
    assert framing_of(value) is None


def test_an_empty_body_still_has_its_framing() -> None:
    assert framing_of(confluent_header(1)) == Confluent(1)
    assert framing_of(single_object_header(b"ABCDEFGH")) == SingleObject(b"ABCDEFGH")
