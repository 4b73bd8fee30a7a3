"""Walks `schemas/avro/`: what every contract must have, whoever adds it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from streams.compatibility import check_folder
from streams.layout import Kind
from streams.schemas import AVRO_FOLDER, EXAMPLES, Schemas, SchemaVersion
from streams.topics import FLOWS, PLATFORM_ACCESSES, TOPICS
from streams.vocabulary import AUTH_METHODS, LIFECYCLES, NET_CLASSES
from tests.support.avro_events import SCHEMAS

VERSIONS = [version for record in SCHEMAS.records() for version in SCHEMAS.versions(record)]
EXAMPLE_FILES = sorted((AVRO_FOLDER / EXAMPLES).rglob("*.json"))
WANTED_EXAMPLES = {"typical", "minimal", "extreme"}
DEFAULT_SYMBOLS = {"UNKNOWN", "INCONNU", "NR"}

DESIGN_COMMON = [
    *("event_id", "occurred_at", "recorded_at", "source_system", "sector", "couloir"),
    *("department", "structure_pid", "actor_pid", "patient_pid", "auth_method"),
    *("outcome", "outcome_code", "key_id"),
]


def label(value: object) -> str:
    if isinstance(value, SchemaVersion):
        return f"{value.record}-v{value.version}"
    return "/".join(value.parts[-3:]) if isinstance(value, Path) else str(value)


def enums_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = [field["type"] for field in schema["fields"]]
    return [kind for kind in kinds if isinstance(kind, dict) and kind["type"] == "enum"]


def load_example(path: Path, version: SchemaVersion) -> dict[str, Any]:
    """An example file; bytes stand in it as Avro's JSON has them, a character per byte."""
    row: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for field in version.schema["fields"]:
        if "bytes" in field["type"] and row.get(field["name"]) is not None:
            row[field["name"]] = row[field["name"]].encode("latin-1")
    return row


def test_every_avro_topic_has_a_record_and_every_record_a_topic() -> None:
    wanted = {topic.record for topic in TOPICS.values() if topic.record is not None}
    assert set(SCHEMAS.records()) == wanted


def test_every_kept_version_can_read_every_other() -> None:
    assert check_folder() == []


@pytest.mark.parametrize("version", VERSIONS, ids=label)
def test_every_record_every_field_and_every_enum_has_a_doc(version: SchemaVersion) -> None:
    schema = version.schema
    for node in (schema, *schema["fields"], *enums_of(schema)):
        assert len(node.get("doc", "")) > 5, node["name"]
        assert node["doc"].endswith("."), node["name"]
    assert schema["namespace"] == "fr.vigie"


@pytest.mark.parametrize("version", VERSIONS, ids=label)
def test_every_enum_begins_with_the_symbol_that_stands_for_the_unknown(
    version: SchemaVersion,
) -> None:
    for enum in enums_of(version.schema):
        assert enum["default"] == enum["symbols"][0]
        assert enum["default"] in DEFAULT_SYMBOLS


@pytest.mark.parametrize("flow", FLOWS)
def test_an_event_record_is_flat_and_begins_with_the_common_fields(flow: str) -> None:
    layout = SCHEMAS.flow_layout(flow)
    assert [column.name for column in layout[: len(DESIGN_COMMON)]] == DESIGN_COMMON


@pytest.mark.parametrize("flow", FLOWS)
def test_only_what_identifies_an_event_has_no_default(flow: str) -> None:
    bare = {column.name for column in SCHEMAS.flow_layout(flow) if not column.has_default}
    common = {"event_id", "occurred_at", "recorded_at", "source_system", "structure_pid", "key_id"}
    assert bare - {"prescription_pid"} == common


def test_a_type_of_one_name_is_the_same_in_every_flow() -> None:
    seen: dict[str, tuple[str, ...]] = {}
    for flow in FLOWS:
        for column in SCHEMAS.flow_layout(flow):
            if column.kind is Kind.ENUM:
                assert seen.setdefault(column.enum_name, column.symbols) == column.symbols


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("auth_method", AUTH_METHODS),
        ("net_class", NET_CLASSES),
        ("service_lifecycle", LIFECYCLES),
    ],
)
def test_the_words_that_detectors_number_stand_in_the_schemas_order(
    column: str, words: tuple[str, ...]
) -> None:
    layout = {one.name: one for one in SCHEMAS.flow_layout(PLATFORM_ACCESSES)}
    assert layout[column].symbols == words


def test_every_version_has_its_examples_and_no_example_is_orphaned() -> None:
    folder = AVRO_FOLDER / EXAMPLES
    there: dict[tuple[str, ...], set[str]] = {}
    for path in EXAMPLE_FILES:
        there.setdefault(path.parent.relative_to(folder).parts, set()).add(path.stem)
    wanted = {(version.record, f"v{version.version}") for version in VERSIONS}
    assert set(there) == wanted
    assert all(names >= WANTED_EXAMPLES for names in there.values())


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=label)
def test_every_example_is_written_by_its_version_and_read_by_every_version(path: Path) -> None:
    record, number = path.parts[-3], int(path.parts[-2].removeprefix("v"))
    writer = SCHEMAS.versions(record)[number - 1]
    row = load_example(path, writer)
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, writer.plain, row, strict_allow_default=True)
    for reader in SCHEMAS.versions(record):
        stream.seek(0)
        read = fastavro.schemaless_reader(stream, writer.plain, reader.plain)
        kept = {name: value for name, value in row.items() if name in read}
        assert {name: read[name] for name in kept} == kept
        assert not stream.read()


@pytest.mark.parametrize("record", SCHEMAS.records())
def test_the_minimal_example_leaves_out_everything_that_has_a_default(record: str) -> None:
    version = SCHEMAS.latest(record)
    path = AVRO_FOLDER / EXAMPLES / record / f"v{version.version}" / "minimal.json"
    bare = {field["name"] for field in version.schema["fields"] if "default" not in field}
    assert set(load_example(path, version)) == bare


def test_loading_reads_the_same_folder_twice_alike() -> None:
    again = Schemas.load()
    assert [again.latest(name).fingerprint for name in again.records()] == [
        SCHEMAS.latest(name).fingerprint for name in SCHEMAS.records()
    ]
