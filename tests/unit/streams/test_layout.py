from typing import Any

import pytest

from streams.layout import Kind, layout_of


def record(*kinds: Any, **field: Any) -> dict[str, Any]:
    fields = [{"name": f"f{n}", "type": kind, **field} for n, kind in enumerate(kinds)]
    return {"type": "record", "name": "R", "namespace": "fr.vigie", "fields": fields}


ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"}


def test_every_flat_type_becomes_a_column() -> None:
    layout = layout_of(record("string", "int", "long", "boolean", ENUM))
    assert layout is not None
    assert [column.kind for column in layout] == list(Kind)


def test_null_may_stand_on_either_side() -> None:
    layout = layout_of(record(["null", "int"], ["string", "null"], "int"))
    assert layout is not None
    assert [column.null_branch for column in layout] == [0, 1, None]


def test_a_named_type_may_be_used_again_by_its_name() -> None:
    layout = layout_of(record(ENUM, "E", ["null", "fr.vigie.E"]))
    assert layout is not None
    assert {column.symbols for column in layout} == {("A", "B")}
    assert {column.enum_name for column in layout} == {"fr.vigie.E"}


def test_a_default_of_null_is_a_default() -> None:
    with_default = layout_of(record(["null", "int"], default=None))
    without = layout_of(record(["null", "int"]))
    assert with_default is not None
    assert without is not None
    assert with_default[0].has_default
    assert not without[0].has_default


def test_only_a_long_of_milliseconds_is_a_time() -> None:
    layout = layout_of(
        record(
            {"type": "long", "logicalType": "timestamp-millis"},
            {"type": "long", "logicalType": "timestamp-micros"},
            "long",
        )
    )
    assert layout is not None
    assert [column.is_time for column in layout] == [True, False, False]


@pytest.mark.parametrize(
    "kind",
    [
        "bytes",
        "double",
        ["null", "int", "string"],
        ["int"],
        {"type": "array", "items": "int"},
        {"type": "map", "values": "int"},
        {"type": "fixed", "name": "F", "size": 4},
        ["null", {"type": "array", "items": "int"}],
        record("int"),
    ],
)
def test_what_is_not_flat_is_left_to_the_other_reader(kind: Any) -> None:
    assert layout_of(record("int", kind)) is None
