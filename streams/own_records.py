"""Reads single records of Vigie's own topics: findings and verdicts (pure but for a registry).

They come one at a time and are not flat, so the columns of `streams.codec` are no help. Whoever writes
them has Vigie's contracts; a schema that is none of the kept versions is refused, whatever it says.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import fastavro

from streams.recordwise import BadRecordError, RejectReason
from streams.schemas import fingerprint_of
from streams.wire import Confluent, SingleObject, framing_of

if TYPE_CHECKING:
    from streams.registry import Registry
    from streams.schemas import Schemas, SchemaVersion

MAX_BYTES = 1_048_576
"""Kafka's default bound on a record."""


class RecordReader:
    """Reads any kept version of a record as its newest one.

    Args:
        schemas: the contracts.
        registry: where Confluent ids are looked up; `None` if there is none.
    """

    def __init__(self, schemas: Schemas, registry: Registry | None = None) -> None:
        self._schemas = schemas
        self._registry = registry

    def read(self, record: str, value: bytes | None) -> dict[str, Any]:
        """One value as a dictionary of the newest version's fields; times are `int` milliseconds.

        Args:
            record: the record's name, such as `Finding`.
            value: what Kafka brought, framing included.

        Raises:
            BadRecordError: the value is not exactly one such record.
            SchemaError: no record has this name.
            TransientError: the registry does not answer.
        """
        if not value:
            raise BadRecordError(RejectReason.EMPTY, "no bytes")
        if len(value) > MAX_BYTES:
            raise BadRecordError(RejectReason.TOO_LARGE, f"{len(value)} bytes")
        framing = framing_of(value)
        if framing is None:
            raise BadRecordError(RejectReason.UNKNOWN_FRAMING, "no known framing")
        writer = self._writer(record, framing)
        stream = io.BytesIO(value[framing.body_at :])
        try:
            row: dict[str, Any] = fastavro.schemaless_reader(
                stream, writer.plain, self._schemas.latest(record).plain
            )
        except Exception as error:  # noqa: BLE001  whatever fastavro stumbles over, the record is bad
            kind = type(error).__name__
            raise BadRecordError(
                RejectReason.MALFORMED, f"the reader stopped with {kind}"
            ) from None
        if stream.read(1):
            raise BadRecordError(RejectReason.TRAILING_BYTES, "bytes after the end")
        return row

    def _writer(self, record: str, framing: SingleObject | Confluent) -> SchemaVersion:
        if isinstance(framing, SingleObject):
            fingerprint: bytes | None = framing.fingerprint
        else:
            schema = self._registry.schema(framing.schema_id) if self._registry else None
            fingerprint = None if schema is None else _fingerprint(schema)
        self._schemas.latest(record)
        version = fingerprint and self._schemas.by_fingerprint(record, fingerprint)
        if not version:
            raise BadRecordError(RejectReason.UNKNOWN_SCHEMA, "none of the kept versions")
        return version


def _fingerprint(schema: dict[str, Any]) -> bytes | None:
    try:
        return fingerprint_of(schema)
    except Exception:  # noqa: BLE001  a made-up schema leads its parser to whatever it raises
        return None
