import io
from typing import Any

import fastavro
import numpy as np
import pytest

from simulators.encode import EventEncoder, varint, varint_sizes, varints
from simulators.events import (
    FIELDS,
    NO_ENTITY,
    NULL,
    NULL_FLAG,
    Entity,
    EventNumber,
    Events,
    Flag,
    Words,
)
from simulators.pseudonyms import pseudonym
from streams.errors import SchemaError, VigieError
from streams.schemas import Schemas
from streams.topics import FLOWS, INSI_CALLS, MSS_MESSAGES

SCHEMAS = Schemas.load()
SEED = 3


def some_events(flow: str, count: int, rng: np.random.Generator) -> Events:
    """Random events with every null that the schema allows."""
    nullable = {
        field["name"]
        for field in SCHEMAS.of_flow(flow).schema["fields"]
        if isinstance(field["type"], list)
    }
    columns: dict[str, Any] = {}
    for name, kind in FIELDS[flow].items():
        is_null = (rng.random(count) < 0.3) & (name in nullable)
        if isinstance(kind, Words):
            columns[name] = rng.integers(0, len(kind.words), count).astype(np.uint8)
        elif isinstance(kind, EventNumber):
            columns[name] = np.arange(count)
        elif isinstance(kind, Entity):
            columns[name] = np.where(is_null, NO_ENTITY, rng.integers(0, 1 << 40, count))
        elif isinstance(kind, Flag):
            columns[name] = np.where(is_null, NULL_FLAG, rng.integers(0, 2, count))
        else:
            wide = rng.integers(-(1 << 31), 1 << 31, count) >> rng.integers(0, 31, count)
            columns[name] = np.where(is_null, NULL, wide)
    return Events(flow, columns)


def expected(events: Events, row: int) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, kind in FIELDS[events.flow].items():
        value = events.columns[name][row].item()
        if isinstance(kind, Words):
            record[name] = kind.words[value]
        elif isinstance(kind, Entity):
            record[name] = None if value == NO_ENTITY else pseudonym(SEED, kind.kind, value)
        elif isinstance(kind, Flag):
            record[name] = None if value == NULL_FLAG else bool(value)
        elif not isinstance(kind, EventNumber):
            record[name] = None if value == NULL else value
    return record


@pytest.mark.parametrize("flow", FLOWS)
def test_fastavro_decodes_every_record_to_the_columns_values(flow: str) -> None:
    events = some_events(flow, 300, np.random.default_rng(1))
    version = SCHEMAS.of_flow(flow)
    bodies = EventEncoder(flow, version.schema, SEED).encode(events).bodies()

    for row, body in enumerate(bodies):
        stream = io.BytesIO(body)
        record = fastavro.schemaless_reader(stream, version.plain, None)
        assert stream.tell() == len(body)
        assert len(record.pop("event_id")) == 36
        assert record == expected(events, row)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_body_is_byte_for_byte_what_fastavro_writes(flow: str) -> None:
    events = some_events(flow, 50, np.random.default_rng(2))
    version = SCHEMAS.of_flow(flow)

    for body in EventEncoder(flow, version.schema, SEED).encode(events).bodies():
        out = io.BytesIO()
        record = fastavro.schemaless_reader(io.BytesIO(body), version.plain, None)
        fastavro.schemaless_writer(out, version.plain, record)
        assert out.getvalue() == body


def test_the_prefix_stands_before_every_body() -> None:
    events = some_events(INSI_CALLS, 20, np.random.default_rng(3))
    encoder = EventEncoder(INSI_CALLS, SCHEMAS.of_flow(INSI_CALLS).schema, SEED)

    plain = encoder.encode(events).bodies()
    assert encoder.encode(events, b"\xc3\x01head").bodies() == [b"\xc3\x01head" + b for b in plain]


def test_another_run_has_other_event_ids_and_the_same_pseudonyms() -> None:
    events = some_events(INSI_CALLS, 20, np.random.default_rng(3))
    schema = SCHEMAS.of_flow(INSI_CALLS).schema
    one, other = (
        EventEncoder(INSI_CALLS, schema, SEED, run).encode(events).bodies() for run in (0, 1)
    )

    assert all(a[:37] != b[:37] and a[37:] == b[37:] for a, b in zip(one, other, strict=True))


def test_no_events_give_no_bytes() -> None:
    events = some_events(INSI_CALLS, 3, np.random.default_rng(3)).pick(slice(0, 0))

    encoded = EventEncoder(INSI_CALLS, SCHEMAS.of_flow(INSI_CALLS).schema, SEED).encode(events)
    assert encoded.bodies() == []


@pytest.mark.parametrize("value", [0, -1, 1, 63, 64, -64, -65, 8191, 8192, 2**31, -(2**63)])
def test_numbers_take_avros_shortest_form(value: int) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    matrix, sizes = varints(np.array([value, 0], np.int64))

    assert varint(value) == out.getvalue()
    assert bytes(matrix[0, : sizes[0]]) == out.getvalue()
    assert varint_sizes(np.array([value, 0], np.int64)).tolist() == [len(out.getvalue()), 1]


def changed(flow: str, name: str, declared: object) -> dict[str, Any]:
    schema = SCHEMAS.of_flow(flow).schema
    fields = [{**f, "type": declared} if f["name"] == name else f for f in schema["fields"]]
    return {**schema, "fields": fields}


def test_a_schema_without_a_symbol_that_occurs_is_refused_by_name() -> None:
    schema = changed(INSI_CALLS, "call_mode", {"type": "enum", "name": "M", "symbols": ["MANU"]})

    with pytest.raises(SchemaError, match=r"InsiCall\.call_mode: enum lacks AUTO"):
        EventEncoder(INSI_CALLS, schema, SEED)


def test_a_schema_with_a_type_that_is_not_written_is_refused_by_name() -> None:
    with pytest.raises(SchemaError, match=r"MssMessage\.has_xdm"):
        EventEncoder(MSS_MESSAGES, changed(MSS_MESSAGES, "has_xdm", "double"), SEED)


def test_a_schema_with_another_field_is_refused_by_name() -> None:
    schema = SCHEMAS.of_flow(INSI_CALLS).schema
    longer = {**schema, "fields": [*schema["fields"], {"name": "surprise", "type": "int"}]}

    with pytest.raises(SchemaError, match="surprise"):
        EventEncoder(INSI_CALLS, longer, SEED)


def test_a_null_where_the_schema_has_none_is_refused_by_name() -> None:
    events = some_events(INSI_CALLS, 5, np.random.default_rng(3))
    events.columns["structure_pid"][2] = NO_ENTITY

    with pytest.raises(SchemaError, match=r"InsiCall\.structure_pid"):
        EventEncoder(INSI_CALLS, SCHEMAS.of_flow(INSI_CALLS).schema, SEED).encode(events)


def test_columns_that_do_not_belong_together_are_refused() -> None:
    events = some_events(INSI_CALLS, 5, np.random.default_rng(3))

    with pytest.raises(VigieError, match="different lengths"):
        Events(INSI_CALLS, {**events.columns, "latency_ms": np.zeros(4, np.int64)})
    with pytest.raises(VigieError, match="surprise"):
        Events(INSI_CALLS, {**events.columns, "surprise": np.zeros(5, np.int64)})
