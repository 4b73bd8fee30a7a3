import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streams.errors import SchemaError
from streams.schemas import Schemas, fingerprint_of
from streams.topics import INSI_CALLS
from tests.support.avro_events import SCHEMAS

TINY = {
    "type": "record",
    "name": "Tiny",
    "namespace": "fr.vigie",
    "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}],
}


def write(folder: Path, name: str, schema: Any, record: str = "Tiny") -> None:
    (folder / record).mkdir(exist_ok=True)
    text = schema if isinstance(schema, str) else json.dumps(schema)
    (folder / record / name).write_text(text, encoding="utf-8")


def test_the_fingerprint_is_the_crc_64_of_the_avro_specification() -> None:
    # Published check value of the schema "int": 0x7275d51a3f395c8f, sent little-endian.
    assert fingerprint_of("int") == bytes.fromhex("7275d51a3f395c8f")[::-1]  # type: ignore[arg-type]  # a bare type


def test_a_version_is_found_by_its_fingerprint_and_only_in_its_record() -> None:
    version = SCHEMAS.of_flow(INSI_CALLS)
    assert SCHEMAS.by_fingerprint("InsiCall", version.fingerprint) is version
    assert SCHEMAS.by_fingerprint("DmpDeposit", version.fingerprint) is None


def test_columns_have_the_types_that_the_core_counts_on() -> None:
    columns = SCHEMAS.frame_schema(INSI_CALLS)
    assert columns["occurred_at"] == pl.Int64
    assert columns["sector"] == pl.Enum(["NR", "ES", "ESMS", "PSL", "SOCIAL"])
    assert columns["batch_size"] == columns["latency_ms"] == pl.Int32
    assert columns["actor_pid"] == pl.String
    assert SCHEMAS.frame_schema("platform-accesses")["directory_step"] == pl.Int64
    assert SCHEMAS.frame_schema("mss-messages")["ins_qualified"] == pl.Boolean


def test_times_are_read_as_numbers() -> None:
    version = SCHEMAS.of_flow(INSI_CALLS)
    assert "logicalType" not in json.dumps(version.plain)
    assert "logicalType" in json.dumps(version.schema)


def test_the_newest_version_reads_and_older_ones_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "v1.avsc", TINY)
    newer = dict(TINY, fields=[*TINY["fields"], {"name": "n", "type": "int", "default": 0}])
    write(tmp_path, "v2.avsc", newer)
    schemas = Schemas.load(tmp_path)
    assert [version.version for version in schemas.versions("Tiny")] == [1, 2]
    assert schemas.latest("Tiny").version == 2


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "versions must run from 1"),
        ({"v2.avsc": TINY}, "versions must run from 1"),
        ({"v1.avsc": TINY, "v3.avsc": TINY}, "versions must run from 1"),
        ({"v1.json": TINY}, "expected v1.avsc"),
        ({"v1.avsc": "{"}, "not JSON"),
        ({"v1.avsc": ["null"]}, "must be one Avro record"),
        ({"v1.avsc": dict(TINY, name="Other")}, "must be named Tiny"),
        ({"v1.avsc": dict(TINY, fields=[{"name": "a", "type": "strnig"}])}, "malformed"),
    ],
)
def test_a_folder_that_is_not_in_order_is_named(
    tmp_path: Path, files: dict[str, Any], sentence: str
) -> None:
    (tmp_path / "Tiny").mkdir()
    for name, schema in files.items():
        write(tmp_path, name, schema)
    with pytest.raises(SchemaError, match=sentence) as caught:
        Schemas.load(tmp_path)
    assert "Tiny" in str(caught.value)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="holds no record"):
        Schemas.load(tmp_path)
    with pytest.raises(SchemaError, match="no such folder"):
        Schemas.load(tmp_path / "nowhere")


def test_unknown_names_are_refused_by_name() -> None:
    with pytest.raises(SchemaError, match="insi-call: no such flow"):
        SCHEMAS.of_flow("insi-call")
    with pytest.raises(SchemaError, match="Nothing: no such record"):
        SCHEMAS.latest("Nothing")
