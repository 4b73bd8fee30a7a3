import io

import fastavro
import pytest

from streams.recordwise import BadRecordError, RejectReason, StrictReader
from streams.topics import INSI_CALLS, MSS_MESSAGES
from streams.writers import Writers
from tests.support.avro_events import SCHEMAS, some_events


def strict_reader(flow: str) -> StrictReader:
    return Writers(SCHEMAS, None).known(flow)[SCHEMAS.of_flow(flow).fingerprint].strict


def body_of(flow: str, **change: object) -> bytes:
    stream = io.BytesIO()
    event = some_events(flow, 1, seed=3, edges=0.0)[0] | change
    fastavro.schemaless_writer(stream, SCHEMAS.of_flow(flow).plain, event)
    return stream.getvalue()


BODY = body_of(INSI_CALLS, sector="NR", couloir="INCONNU", actor_pid=None, latency_ms=None)
# Where the sector stands is seen by writing another one.
OTHER = body_of(INSI_CALLS, sector="ES", couloir="INCONNU", actor_pid=None, latency_ms=None)
SECTOR_AT = next(n for n, pair in enumerate(zip(BODY, OTHER, strict=True)) if pair[0] != pair[1])


def reason_of(body: bytes, flow: str = INSI_CALLS) -> RejectReason:
    with pytest.raises(BadRecordError) as caught:
        strict_reader(flow).read(body)
    return caught.value.reason


def with_sector(octets: bytes) -> bytes:
    return BODY[:SECTOR_AT] + octets + BODY[SECTOR_AT + 1 :]


def test_a_body_is_read_as_it_was_written() -> None:
    event = some_events(INSI_CALLS, 1, seed=3, edges=0.0)[0]
    assert strict_reader(INSI_CALLS).read(body_of(INSI_CALLS)) == event


def test_a_body_cut_anywhere_is_truncated() -> None:
    for kept in range(len(BODY)):
        assert reason_of(BODY[:kept]) is RejectReason.TRUNCATED, kept


def test_a_byte_too_many_is_trailing() -> None:
    assert reason_of(BODY + b"\0") is RejectReason.TRAILING_BYTES


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\x01", id="negative symbol, which fastavro takes from the list's end"),
        pytest.param(b"\x0a", id="symbol behind the last"),
        pytest.param(b"\x80\x00", id="zero in two bytes"),
        pytest.param(b"\x80" * 9 + b"\x00", id="zero in ten bytes"),
    ],
)
def test_a_symbol_that_is_not_plainly_one_is_malformed(octets: bytes) -> None:
    assert with_sector(b"\x00") == BODY
    assert reason_of(with_sector(octets)) is RejectReason.MALFORMED


def test_a_union_branch_that_does_not_exist_is_malformed() -> None:
    last = BODY[:-1]
    assert BODY[-1:] == b"\x00"
    for branch in (b"\x03", b"\x04"):
        assert reason_of(last + branch) is RejectReason.MALFORMED


def test_a_boolean_is_zero_or_one() -> None:
    no, yes = (body_of(MSS_MESSAGES, has_xdm=value) for value in (False, True))
    at = next(n for n, pair in enumerate(zip(no, yes, strict=True)) if pair[0] != pair[1])
    assert reason_of(no[:at] + b"\x02" + no[at + 1 :], MSS_MESSAGES) is RejectReason.MALFORMED


def test_an_int_has_32_bits() -> None:
    wide = body_of(INSI_CALLS, batch_size=2**31)
    assert reason_of(wide) is RejectReason.MALFORMED
    assert strict_reader(INSI_CALLS).read(body_of(INSI_CALLS, batch_size=2**31 - 1))


def test_a_text_that_is_not_utf_8_is_malformed() -> None:
    assert reason_of(BODY[:5] + b"\xff" + BODY[6:]) is RejectReason.MALFORMED


def test_a_length_beyond_every_memory_is_truncated_and_allocates_nothing() -> None:
    huge = b"\xfe" + b"\xff" * 7 + b"\x7f"
    assert reason_of(huge + BODY[1:]) in (RejectReason.TRUNCATED, RejectReason.MALFORMED)


def test_a_value_out_of_its_range_is_named_by_its_field() -> None:
    with pytest.raises(BadRecordError, match="occurred_at") as caught:
        strict_reader(INSI_CALLS).read(body_of(INSI_CALLS, occurred_at=0))
    assert caught.value.reason is RejectReason.INVALID_VALUE


def test_no_content_of_the_record_stands_in_the_error() -> None:
    marker = b"SECRETSECRETSECRET"
    for broken in (marker * 10, BODY[:1] + marker + b"\xff" * 30, BODY + marker):
        with pytest.raises(BadRecordError) as caught:
            strict_reader(INSI_CALLS).read(broken)
        assert "SECRET" not in f"{caught.value}{caught.value.detail}"
        assert caught.value.__cause__ is None
