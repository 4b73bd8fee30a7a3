from typing import Any

import pytest

from streams.recordwise import BadRecordError, RejectReason
from streams.topics import FLOWS, INSI_CALLS
from streams.wire import Confluent, SingleObject
from streams.writers import Writers
from tests.support.avro_events import SCHEMAS, next_version, with_versions

INSI = SCHEMAS.of_flow(INSI_CALLS)


class OneSchema:
    """A registry that has the same schema under every id."""

    def __init__(self, schema: dict[str, Any] | None) -> None:
        self._schema = schema
        self.asked = 0

    def schema(self, schema_id: int) -> dict[str, Any] | None:
        del schema_id
        self.asked += 1
        return self._schema


def writers_with(schema: dict[str, Any] | None) -> tuple[Writers, OneSchema]:
    registry = OneSchema(schema)
    return Writers(SCHEMAS, registry), registry  # type: ignore[arg-type]  # all that is called


def nested(depth: int, kind: Any) -> Any:
    for level in range(depth):
        kind = {"type": "record", "name": f"L{level}", "fields": [{"name": "x", "type": kind}]}
    return kind


@pytest.mark.parametrize("flow", FLOWS)
def test_every_kept_version_is_known_and_read_in_columns(flow: str) -> None:
    known = Writers(SCHEMAS, None).known(flow)
    assert list(known) == [SCHEMAS.of_flow(flow).fingerprint]
    assert all(writer.columnar is not None for writer in known.values())


def test_an_older_version_resolves_and_the_newest_needs_not() -> None:
    newer = next_version(INSI)
    known = Writers(with_versions("InsiCall", INSI, newer), None).known(INSI_CALLS)
    old, new = known[INSI.fingerprint].strict, known[newer.fingerprint].strict
    assert new.writer is new.reader
    assert old.writer is not old.reader


def test_a_schema_from_the_registry_is_prepared_once() -> None:
    writers, registry = writers_with(INSI.schema)
    first = writers.find(INSI_CALLS, Confluent(1))
    assert writers.find(INSI_CALLS, Confluent(1)) is first
    assert first.body_at == 5
    assert first.columnar is not None
    assert registry.asked == 1


def test_an_incompatible_schema_is_judged_once_and_refused_every_time() -> None:
    writers, registry = writers_with({"type": "record", "name": "Other", "fields": []})
    for _ in range(2):
        with pytest.raises(BadRecordError) as caught:
            writers.find(INSI_CALLS, Confluent(1))
        assert caught.value.reason is RejectReason.INCOMPATIBLE_SCHEMA
    assert registry.asked == 1


def test_an_id_without_schema_is_left_to_the_registry_to_ask_again() -> None:
    writers, registry = writers_with(None)
    for _ in range(2):
        with pytest.raises(BadRecordError, match="no Avro record with this id"):
            writers.find(INSI_CALLS, Confluent(1))
    assert registry.asked == 2


def test_an_unknown_fingerprint_is_an_unknown_schema() -> None:
    with pytest.raises(BadRecordError) as caught:
        Writers(SCHEMAS, None).find(INSI_CALLS, SingleObject(b"ABCDEFGH"))
    assert caught.value.reason is RejectReason.UNKNOWN_SCHEMA


@pytest.mark.parametrize(
    ("kind", "danger"),
    [
        ({"type": "array", "items": "null"}, "without bytes"),
        ({"type": "array", "items": {"type": "fixed", "name": "Z", "size": 0}}, "without bytes"),
        ({"type": "array", "items": nested(3, "null")}, "without bytes"),
        ({"type": "map", "values": {"type": "array", "items": "null"}}, "without bytes"),
        (["null", {"type": "array", "items": nested(1, "null")}], "without bytes"),
        ({"type": "array", "items": "fr.vigie.InsiCall"}, "inside itself"),
        (["null", "InsiCall"], "inside itself"),
        ({"type": "array", "items": "string"}, None),
        ({"type": "array", "items": nested(3, "int")}, None),
        ({"type": "array", "items": ["null", "int"]}, None),
        ({"type": "array", "items": "Sector"}, None),
        ({"type": "map", "values": "null"}, None),
    ],
)
def test_a_schema_that_turns_few_bytes_into_endless_work_is_refused(
    kind: Any, danger: str | None
) -> None:
    more = {"name": "more", "type": kind}
    schema = INSI.schema | {"fields": [*INSI.schema["fields"], more]}
    writers, _ = writers_with(schema)
    if danger is None:
        assert writers.find(INSI_CALLS, Confluent(1)).columnar is None
        return
    with pytest.raises(BadRecordError, match=danger):
        writers.find(INSI_CALLS, Confluent(1))


def test_a_schema_that_is_not_avro_is_refused() -> None:
    more = {"name": "more", "type": "strnig"}
    writers, _ = writers_with(INSI.schema | {"fields": [*INSI.schema["fields"], more]})
    with pytest.raises(BadRecordError) as caught:
        writers.find(INSI_CALLS, Confluent(1))
    assert caught.value.reason is RejectReason.INCOMPATIBLE_SCHEMA


def test_records_that_double_with_each_name_are_refused_before_anything_is_read() -> None:
    doubling: list[Any] = [{"type": "record", "name": "R0", "fields": []}]
    for n in range(1, 40):
        pair = [{"name": "a", "type": f"R{n - 1}"}, {"name": "b", "type": f"R{n - 1}"}]
        doubling.append({"type": "record", "name": f"R{n}", "fields": pair})
    extra = [{"name": f"r{n}", "type": one} for n, one in enumerate(doubling)]
    writers, _ = writers_with({**INSI.schema, "fields": [*INSI.schema["fields"], *extra]})

    with pytest.raises(BadRecordError, match="many steps for few bytes"):
        writers.find(INSI_CALLS, Confluent(1))


@pytest.mark.parametrize(
    "spoilt", [{"fields": 5}, {"fields": [{}]}, {"fields": [[]]}, {"name": []}]
)
def test_a_schema_that_is_none_is_refused_whatever_its_parser_stumbles_over(
    spoilt: dict[str, Any],
) -> None:
    writers, _ = writers_with({**INSI.schema, **spoilt})

    with pytest.raises(BadRecordError) as caught:
        writers.find(INSI_CALLS, Confluent(1))

    assert caught.value.reason is RejectReason.INCOMPATIBLE_SCHEMA


def test_a_reason_repeats_no_long_or_unprintable_name_of_a_foreign_schema() -> None:
    field = {"name": "\u202e" + "x" * 5000, "type": "nothing"}
    writers, _ = writers_with({**INSI.schema, "fields": [*INSI.schema["fields"], field]})

    with pytest.raises(BadRecordError) as caught:
        writers.find(INSI_CALLS, Confluent(1))

    assert len(caught.value.detail) < 300
    assert caught.value.detail.isprintable()
