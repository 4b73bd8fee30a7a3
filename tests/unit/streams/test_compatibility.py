import json
from pathlib import Path
from typing import Any

import pytest

from streams.compatibility import check_folder, violations
from tests.support.avro_events import SCHEMAS, next_version

ENUM = {"type": "enum", "name": "E", "symbols": ["U", "A"], "default": "U"}
HARD_ENUM = {"type": "enum", "name": "E", "symbols": ["U", "A"]}
LATER_ENUM = {"type": "enum", "name": "E", "symbols": ["U", "A", "B"]}
NODE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "next", "type": ["null", "Node"], "default": None}],
}


def record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def one(kind: Any, **more: Any) -> dict[str, Any]:
    return record({"name": "f", "type": kind, **more})


def sentences(reader: dict[str, Any], writer: dict[str, Any]) -> list[str]:
    return violations(reader=reader, writer=writer)


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        (one("int"), one("int")),
        (one("long"), one("int")),
        (one("double"), one("long")),
        (one("bytes"), one("string")),
        (one(["null", "int"]), one("int")),
        (one(["int", "null"]), one(["null", "int"])),
        (one(["null", "long"]), one(["null", "int"])),
        (one(ENUM), one(LATER_ENUM)),
        (one(LATER_ENUM), one(HARD_ENUM)),
        (one("int", default=0), record()),
        (record(), one("int")),
        (one({"type": "array", "items": "long"}), one({"type": "array", "items": "int"})),
        (one({"type": "map", "values": "int"}), one({"type": "map", "values": "int"})),
        (one({"type": "string"}), one("string")),
        (one("string"), one({"type": "string", "avro.java.string": "String"}, order="ignore")),
        (one({"type": ENUM}), one(ENUM)),
        (NODE, NODE),
        (
            record({"name": "a", "type": ENUM}, {"name": "b", "type": "E"}),
            record({"name": "b", "type": LATER_ENUM}, {"name": "a", "type": "E"}),
        ),
    ],
)
def test_what_avro_resolves_is_no_violation(reader: dict[str, Any], writer: dict[str, Any]) -> None:
    assert sentences(reader, writer) == []


@pytest.mark.parametrize(
    ("reader", "writer", "said"),
    [
        (one("int"), one("long"), "R.f: long cannot be read as int"),
        (one("string"), one("int"), "R.f: int cannot be read as string"),
        (one("int"), one(["null", "int"]), "R.f: null cannot be read as int"),
        (one(["null", "int"]), one("string"), "R.f: no branch of the reader's union reads string"),
        (one("int"), record(), "R.f: the writer lacks it and the reader has no default"),
        (one(HARD_ENUM), one(LATER_ENUM), "R.f: E lacks B and has no default symbol"),
        (
            one(dict(ENUM, default="X")),
            one(ENUM),
            "R.f: default X is no symbol of E",
        ),
        (one(dict(ENUM, name="F")), one(ENUM), "R.f: enum E is renamed F"),
        (
            one({"type": "fixed", "name": "X", "size": 4}),
            one({"type": "fixed", "name": "X", "size": 8}),
            "R.f: the size of fixed X changes",
        ),
        (
            one({"type": "array", "items": "int"}),
            one({"type": "array", "items": "string"}),
            "R.f[]: string cannot be read as int",
        ),
        (
            one({"type": "map", "values": "int"}),
            one({"type": "map", "values": "string"}),
            "R.f{}: string cannot be read as int",
        ),
        (
            one({"type": "long", "logicalType": "timestamp-millis"}),
            one("long"),
            "R.f: the logical type changes",
        ),
        (one("int", aliases=["g"]), one("int"), "R.f: aliases is not understood by this check"),
        (one("int", order="ignore"), one("int"), "R.f: order is not understood by this check"),
        (
            one({"type": "string", "avro.java.string": "String"}),
            one("string"),
            "R.f: avro.java.string is not understood by this check",
        ),
        (one("strnig"), one("string"), "R.f: type strnig is not understood by this check"),
        (record(name="S"), record(name="R"), "schema: record R is renamed S"),
        (
            one(record({"name": "g", "type": "int"}, name="Inner")),
            one(record({"name": "g", "type": "string"}, name="Inner")),
            "Inner.g: string cannot be read as int",
        ),
    ],
)
def test_each_violation_is_a_sentence_that_names_the_field(
    reader: dict[str, Any], writer: dict[str, Any], said: str
) -> None:
    assert sentences(reader, writer) == [said]


@pytest.mark.parametrize("record_name", SCHEMAS.records()[1:3])
def test_a_careful_next_version_goes_both_ways(record_name: str) -> None:
    first = SCHEMAS.latest(record_name)
    second = next_version(first)
    assert sentences(first.schema, second.schema) == []
    assert sentences(second.schema, first.schema) == []


def keep(folder: Path, *schemas: dict[str, Any]) -> None:
    (folder / "R").mkdir()
    for number, schema in enumerate(schemas, start=1):
        (folder / "R" / f"v{number}.avsc").write_text(json.dumps(schema), encoding="utf-8")


def test_versions_are_held_against_all_others_and_not_only_the_last(tmp_path: Path) -> None:
    # Each step goes both ways; from the first to the third the field changes its type.
    keep(tmp_path, one("int", default=0), record(), one("string", default=""))
    assert check_folder(tmp_path) == [
        "v1 cannot read v3: R.f: string cannot be read as int",
        "v3 cannot read v1: R.f: int cannot be read as string",
    ]


def test_a_field_that_comes_or_goes_without_default_is_said_in_its_direction(
    tmp_path: Path,
) -> None:
    keep(tmp_path, record(), one("int"))
    assert check_folder(tmp_path) == [
        "v2 cannot read v1: R.f: the writer lacks it and the reader has no default"
    ]


def test_a_first_version_is_checked_for_what_the_check_does_not_know(tmp_path: Path) -> None:
    keep(tmp_path, one("int", aliases=["g"]))
    assert check_folder(tmp_path) == ["R.f: aliases is not understood by this check"]


def test_folders_in_order_say_nothing(tmp_path: Path) -> None:
    keep(tmp_path, one("int", default=0), record(), one("int", default=1))
    assert check_folder(tmp_path) == []
