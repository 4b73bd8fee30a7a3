"""The Avro contracts of `schemas/avro/`, loaded once and handed around.

Nothing is read at import: the composition root calls `Schemas.load()`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import fastavro
import fastavro.schema

from streams.errors import SchemaError
from streams.layout import Layout, layout_of
from streams.topics import RECORD_OF_FLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

AVRO_FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas" / "avro"
"""Where the contracts lie: beside the packages, in the checkout and in an installed wheel."""

EXAMPLES: Final = "examples"
_VERSION_FILE: Final = re.compile(r"v([1-9][0-9]*)\.avsc")


@dataclass(frozen=True)
class SchemaVersion:
    """One kept version of one record.

    Attributes:
        record: name of the record, without namespace.
        version: 1, 2, …
        schema: the file's content.
    """

    record: str
    version: int
    schema: dict[str, Any]

    @cached_property
    def plain(self) -> Any:
        """The schema parsed for fastavro without logical types: times stay `int` milliseconds."""
        return parse_plain(self.schema)

    @cached_property
    def fingerprint(self) -> bytes:
        """CRC-64-AVRO of the parsing canonical form: 8 bytes as they travel, little-endian."""
        return fingerprint_of(self.schema)

    @cached_property
    def layout(self) -> Layout | None:
        """The flat layout that the columnar decoder reads; `None` if a field is not flat."""
        return layout_of(self.schema)


class Schemas:
    """Every version of every record.

    Args:
        versions: the versions of each record, oldest first.
    """

    def __init__(self, versions: dict[str, tuple[SchemaVersion, ...]]) -> None:
        self._versions = versions
        self._by_fingerprint: dict[str, dict[bytes, SchemaVersion]] = {
            record: {one.fingerprint: one for one in several}
            for record, several in versions.items()
        }

    @classmethod
    def load(cls, folder: Path = AVRO_FOLDER) -> Schemas:
        """Read `<folder>/<Record>/v<N>.avsc`.

        Raises:
            SchemaError: a folder without versions, a gap in the numbers, malformed Avro, or a record
                that does not bear its folder's name.
        """
        if not folder.is_dir():
            raise SchemaError(f"{folder}: no such folder of Avro schemas")
        names = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name != EXAMPLES)
        if not names:
            raise SchemaError(f"{folder}: holds no record")
        return cls({name: tuple(_read_versions(folder / name)) for name in names})

    def records(self) -> tuple[str, ...]:
        """Names of all records, in alphabetical order."""
        return tuple(self._versions)

    def versions(self, record: str) -> tuple[SchemaVersion, ...]:
        """All kept versions of a record, oldest first.

        Raises:
            SchemaError: no such record.
        """
        try:
            return self._versions[record]
        except KeyError:
            raise SchemaError(f"{record}: no such record in the Avro schemas") from None

    def latest(self, record: str) -> SchemaVersion:
        """The newest version of a record: the reader's schema, and the one that is written.

        Raises:
            SchemaError: no such record.
        """
        return self.versions(record)[-1]

    def of_flow(self, flow: str) -> SchemaVersion:
        """The newest version of a flow's record.

        Raises:
            SchemaError: no such flow.
        """
        return self.latest(record_of(flow))

    def by_fingerprint(self, record: str, fingerprint: bytes) -> SchemaVersion | None:
        """The version of `record` with this CRC-64-AVRO fingerprint (8 bytes as they travel)."""
        return self._by_fingerprint[record].get(fingerprint)

    def frame_schema(self, flow: str) -> dict[str, pl.DataType]:
        """Columns of a decoded slice of `flow`, in the reader schema's order.

        `timestamp-millis` and `long` are `Int64`, `int` is `Int32`, enums are `pl.Enum` with the
        reader's symbols, `string` is `String`, `boolean` is `Boolean`; nullable fields allow nulls.

        Raises:
            SchemaError: no such flow, or its record is not flat.
        """
        return {column.name: column.dtype for column in self.flow_layout(flow)}

    def flow_layout(self, flow: str) -> Layout:
        """The reader layout of a flow.

        Raises:
            SchemaError: no such flow, or its record is not flat.
        """
        version = self.of_flow(flow)
        if version.layout is None:
            raise SchemaError(f"{version.record}: an event record must be flat")
        return version.layout


def record_of(flow: str) -> str:
    """The record that travels in a flow.

    Raises:
        SchemaError: no such flow.
    """
    try:
        return RECORD_OF_FLOW[flow]
    except KeyError:
        raise SchemaError(f"{flow}: no such flow") from None


def fingerprint_of(schema: dict[str, Any]) -> bytes:
    """CRC-64-AVRO of a schema's parsing canonical form, 8 bytes little-endian (Avro 1.11 spec)."""
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


def parse_plain(schema: Any) -> Any:
    """Parse a schema for fastavro without its logical types.

    Raises:
        SchemaError: it is not Avro.
    """
    try:
        return fastavro.parse_schema(_without_logical_types(schema))
    except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
        raise SchemaError(f"malformed Avro schema: {error}") from None


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: value if key in ("default", "doc") else _without_logical_types(value)
            for key, value in node.items()
            if key != "logicalType"
        }
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node


def _read_versions(folder: Path) -> Iterator[SchemaVersion]:
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match = _VERSION_FILE.fullmatch(path.name)
        if match is None:
            raise SchemaError(f"{folder.name}/{path.name}: expected v1.avsc, v2.avsc, …")
        found[int(match[1])] = path
    if sorted(found) != list(range(1, len(found) + 1)) or not found:
        raise SchemaError(f"{folder.name}: versions must run from 1 without a gap")
    for number in sorted(found):
        path = found[number]
        label = f"{folder.name}/{path.name}"
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SchemaError(f"{label}: not JSON: {error}") from None
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise SchemaError(f"{label}: must be one Avro record")
        if schema.get("name") != folder.name:
            raise SchemaError(f"{label}: the record must be named {folder.name}")
        version = SchemaVersion(folder.name, number, schema)
        try:
            version.plain  # noqa: B018  parsing is the check
        except SchemaError as error:
            raise SchemaError(f"{label}: {error}") from None
        yield version
