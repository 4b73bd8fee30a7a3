import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest

from streams.codec import LOCKSTEP_FROM, MAX_RECORD_BYTES, RejectReason, SliceCodec
from streams.errors import EncodeError, SchemaError, TransientError
from streams.topics import FLOWS, INSI_CALLS, MSS_MESSAGES
from streams.wire import confluent_header, single_object_header
from tests.support.avro_events import SCHEMAS, next_version, some_events, with_versions

MANY = 2 * LOCKSTEP_FROM
CODEC = SliceCodec(SCHEMAS)


class FakeRegistry:
    """A registry that counts what it is asked."""

    def __init__(self, schemas: dict[int, dict[str, Any]], *, silent: bool = False) -> None:
        self.schemas = schemas
        self.silent = silent
        self.asked: list[int] = []
        self.subjects: list[str] = []

    def schema(self, schema_id: int) -> dict[str, Any] | None:
        self.asked.append(schema_id)
        if self.silent:
            raise TransientError("schema registry: no answer")
        return self.schemas.get(schema_id)

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        self.subjects.append(subject)
        self.schemas[7] = schema
        return 7


def with_registry(registry: FakeRegistry) -> SliceCodec:
    return SliceCodec(SCHEMAS, registry)  # type: ignore[arg-type]  # the fake has both its methods


def reasons(codec: SliceCodec, *values: bytes | None) -> list[RejectReason]:
    return [reject.reason for reject in codec.decode(INSI_CALLS, values).rejects]


@pytest.mark.parametrize("flow", FLOWS)
def test_an_empty_slice_has_all_the_columns_and_no_row(flow: str) -> None:
    decoded = CODEC.decode(flow, [])
    assert decoded.frame.schema == pl.Schema(SCHEMAS.frame_schema(flow))
    assert len(decoded.frame) == len(decoded.rows) == len(decoded.rejects) == 0
    assert decoded.rows.dtype == np.int64


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("count", [1, LOCKSTEP_FROM - 1, LOCKSTEP_FROM, MANY])
def test_a_slice_of_any_size_comes_back_as_it_was_written(flow: str, count: int) -> None:
    events = some_events(flow, count, seed=count)
    decoded = CODEC.decode(flow, CODEC.encode(flow, events))
    assert decoded.frame.to_dicts() == events
    assert decoded.rows.tolist() == list(range(count))
    assert decoded.frame.schema == pl.Schema(SCHEMAS.frame_schema(flow))


@pytest.mark.parametrize("flow", FLOWS)
def test_a_slice_of_poison_alone_has_the_columns_of_an_empty_one(flow: str) -> None:
    decoded = CODEC.decode(flow, [b"junk"] * MANY)
    assert decoded.frame.schema == pl.Schema(SCHEMAS.frame_schema(flow))
    assert len(decoded.rejects) == MANY


def test_each_kind_of_poison_has_its_reason_and_its_place() -> None:
    sound = CODEC.encode(INSI_CALLS, some_events(INSI_CALLS, MANY, seed=5, edges=0.0))
    invalid = SliceCodec(SCHEMAS).encode(
        INSI_CALLS, [some_events(INSI_CALLS, 1, seed=1)[0] | {"occurred_at": -1}]
    )
    poison: dict[int, tuple[bytes | None, RejectReason]] = {
        0: (None, RejectReason.EMPTY),
        3: (b"", RejectReason.EMPTY),
        9: (b"{}", RejectReason.UNKNOWN_FRAMING),
        10: (b"\xc3\x01short", RejectReason.UNKNOWN_FRAMING),
        20: (single_object_header(b"ABCDEFGH") + sound[20][10:], RejectReason.UNKNOWN_SCHEMA),
        21: (confluent_header(1) + sound[21][10:], RejectReason.UNKNOWN_SCHEMA),
        30: (sound[30][:-2], RejectReason.TRUNCATED),
        31: (sound[31] + b"\0", RejectReason.TRAILING_BYTES),
        32: (sound[32] + bytes(900_000), RejectReason.TOO_LARGE),
        33: (sound[33][:12] + b"\xff\xff" + sound[33][14:], RejectReason.MALFORMED),
        50: (invalid[0], RejectReason.INVALID_VALUE),
        MANY - 1: (sound[0][:10], RejectReason.TRUNCATED),
    }
    values: list[bytes | None] = list(sound)
    for row, (value, _) in poison.items():
        values[row] = value

    decoded = CODEC.decode(INSI_CALLS, values)

    assert {reject.index: reject.reason for reject in decoded.rejects} == {
        row: reason for row, (_, reason) in poison.items()
    }
    assert [reject.index for reject in decoded.rejects] == sorted(poison)
    assert decoded.rows.tolist() == [row for row in range(MANY) if row not in poison]
    events = some_events(INSI_CALLS, MANY, seed=5, edges=0.0)
    assert decoded.frame.to_dicts() == [events[row] for row in decoded.rows]


def test_the_longest_record_that_is_taken_is_taken() -> None:
    event = some_events(INSI_CALLS, 1, seed=2)[0]
    bare = len(CODEC.encode(INSI_CALLS, [event | {"outcome_code": ""}])[0])
    filled = event | {"outcome_code": "x" * (MAX_RECORD_BYTES - bare - 2)}
    longest = CODEC.encode(INSI_CALLS, [filled])[0]
    assert len(longest) == MAX_RECORD_BYTES
    assert reasons(CODEC, longest) == []
    assert reasons(CODEC, longest + b"x") == [RejectReason.TOO_LARGE]


def test_a_record_of_another_flow_is_an_unknown_schema() -> None:
    foreign = CODEC.encode(MSS_MESSAGES, some_events(MSS_MESSAGES, MANY, seed=1))
    assert set(reasons(CODEC, *foreign)) == {RejectReason.UNKNOWN_SCHEMA}


def test_no_content_of_a_record_stands_in_a_reject() -> None:
    event = some_events(INSI_CALLS, 1, seed=2)[0] | {"structure_pid": "SECRET" * 8}
    value = CODEC.encode(INSI_CALLS, [event])[0]
    broken = [value[:-n] for n in range(1, len(value))] + [value + b"SECRET", b"SECRET" * 9]
    for reject in CODEC.decode(INSI_CALLS, broken).rejects:
        assert "SECRET" not in reject.detail


def test_a_frame_outlives_the_bytes_that_it_came_from() -> None:
    events = some_events(INSI_CALLS, MANY, seed=8)
    frame = CODEC.decode(INSI_CALLS, CODEC.encode(INSI_CALLS, events)).frame
    assert pickle.loads(pickle.dumps(frame)).to_dicts() == events  # noqa: S301  our own bytes


def test_confluent_framing_is_read_through_the_registry_and_asked_for_once() -> None:
    registry = FakeRegistry({5: SCHEMAS.of_flow(INSI_CALLS).schema})
    codec = with_registry(registry)
    events = some_events(INSI_CALLS, MANY, seed=4)
    values = CODEC.encode(INSI_CALLS, events)
    values[1::2] = [confluent_header(5) + value[10:] for value in values[1::2]]
    for _ in range(2):
        decoded = codec.decode(INSI_CALLS, values)
        assert decoded.rejects == ()
        assert decoded.frame.to_dicts() == events
    assert registry.asked == [5]


def test_confluent_framing_is_written_when_there_is_a_registry() -> None:
    registry = FakeRegistry({})
    codec = with_registry(registry)
    event = some_events(INSI_CALLS, 1, seed=4)
    values = codec.encode(INSI_CALLS, event)
    assert values[0].startswith(confluent_header(7))
    assert registry.subjects == ["insi-calls-value"]
    assert codec.decode(INSI_CALLS, values).frame.to_dicts() == event
    codec.encode("Finding", [])
    assert registry.subjects[-1] == "findings-value"


def test_a_silent_registry_stops_the_slice_and_condemns_no_record() -> None:
    codec = with_registry(FakeRegistry({}, silent=True))
    with pytest.raises(TransientError):
        codec.decode(INSI_CALLS, [confluent_header(5) + b"body"])


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ({"fields": []}, "event_id"),
        ({"name": "Other"}, "renamed"),
        (
            {"fields": [{"name": "deep", "type": ["null", "fr.vigie.InsiCall"]}]},
            "inside itself",
        ),
        (
            {"fields": [{"name": "bomb", "type": {"type": "array", "items": "null"}}]},
            "without bytes",
        ),
    ],
)
def test_a_foreign_schema_that_cannot_be_read_safely_is_incompatible(
    schema: dict[str, Any], sentence: str
) -> None:
    codec = with_registry(FakeRegistry({5: SCHEMAS.of_flow(INSI_CALLS).schema | schema}))
    decoded = codec.decode(INSI_CALLS, [confluent_header(5) + bytes(40)])
    assert [reject.reason for reject in decoded.rejects] == [RejectReason.INCOMPATIBLE_SCHEMA]
    assert sentence in decoded.rejects[0].detail


def test_a_foreign_schema_that_is_not_flat_is_read_one_by_one() -> None:
    version = SCHEMAS.of_flow(INSI_CALLS)
    more = {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}
    schema = version.schema | {"fields": [*version.schema["fields"], more]}
    events = some_events(INSI_CALLS, MANY, seed=6)
    bodies = [value[10:] + b"\x02\x04hi\x00" for value in CODEC.encode(INSI_CALLS, events)]
    codec = with_registry(FakeRegistry({9: schema}))
    decoded = codec.decode(INSI_CALLS, [confluent_header(9) + body for body in bodies])
    assert decoded.rejects == ()
    assert decoded.frame.to_dicts() == events


def test_a_foreign_schema_wider_than_the_lockstep_is_read_one_by_one() -> None:
    version = SCHEMAS.of_flow(INSI_CALLS)
    more = [{"name": f"n{n}", "type": "int", "default": 0} for n in range(600)]
    schema = version.schema | {"fields": [*version.schema["fields"], *more]}
    events = some_events(INSI_CALLS, MANY, seed=6)
    codec = with_registry(FakeRegistry({9: schema}))
    values = [
        confluent_header(9) + value[10:] + bytes(600) for value in CODEC.encode(INSI_CALLS, events)
    ]
    values.append(values[0][:5])
    decoded = codec.decode(INSI_CALLS, values)
    assert [reject.index for reject in decoded.rejects] == [MANY]
    assert decoded.frame.to_dicts() == events


def test_a_symbol_that_the_reader_lacks_becomes_its_default() -> None:
    first = SCHEMAS.of_flow(INSI_CALLS)
    second = next_version(first)
    events = some_events(INSI_CALLS, MANY, seed=1)
    rows = [
        {k: v for k, v in event.items() if k != "department"} | {"outcome": "CANCELLED"}
        for event in events
    ]
    values = SliceCodec(with_versions("InsiCall", second)).encode(INSI_CALLS, rows)
    old = SliceCodec(with_versions("InsiCall", second, first))
    frame = old.decode(INSI_CALLS, values).frame
    assert frame["outcome"].to_list() == ["UNKNOWN"] * MANY
    assert frame["department"].to_list() == ["NR"] * MANY
    assert frame["event_id"].to_list() == [event["event_id"] for event in events]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"batch_size": 2**31}, "batch_size"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"occurred_at": 2**63}, "occurred_at"),
        ({"sector": "SECRET"}, "sector"),
        ({"event_id": None}, "event_id"),
        ({"extra": 1}, "extra"),
        ({"event_id": "SECRET\ud800"}, "InsiCall"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_field_and_never_shown(
    change: dict[str, object], field: str
) -> None:
    event = some_events(INSI_CALLS, 1, seed=2)[0] | change
    with pytest.raises(EncodeError, match=field) as caught:
        CODEC.encode(INSI_CALLS, [event])
    assert "SECRET" not in str(caught.value)


def test_a_type_that_is_named_a_second_time_is_still_told_by_its_field() -> None:
    event = some_events(MSS_MESSAGES, 1, seed=2)[0] | {"recipient_box_type": "SECRET"}
    with pytest.raises(EncodeError, match=r"MssMessage\.recipient_box_type"):
        CODEC.encode(MSS_MESSAGES, [event])


def test_a_field_without_default_may_not_be_left_out() -> None:
    event = some_events(INSI_CALLS, 1, seed=2)[0]
    del event["latency_ms"]
    assert CODEC.encode(INSI_CALLS, [event])
    del event["key_id"]
    with pytest.raises(EncodeError, match=r"InsiCall\.key_id: missing"):
        CODEC.encode(INSI_CALLS, [event])


def test_an_unknown_flow_is_refused_by_name() -> None:
    with pytest.raises(SchemaError, match="nothing"):
        CODEC.decode("nothing", [b"x"])
    with pytest.raises(SchemaError, match="nothing"):
        CODEC.encode("nothing", [])
