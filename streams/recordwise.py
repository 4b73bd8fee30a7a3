"""One Avro record at a time, strictly: the judge of every record that the columns do not take (pure).

A record is good if fastavro decodes it, writes the decoded value back as exactly the same bytes,
resolves it to the reader's schema, and `streams.validity` finds no fault. Writing back is what makes
the rule strict: fastavro alone takes overlong varints, negative enum and union indices (they index a
Python list from its end), booleans of any byte, and bytes after the end.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import fastavro

from streams.layout import Kind, Layout
from streams.validity import fault_of


class RejectReason(StrEnum):
    """Why a record is set aside: a closed list, fit for a metric label."""

    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    UNKNOWN_FRAMING = "UNKNOWN_FRAMING"
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
    INCOMPATIBLE_SCHEMA = "INCOMPATIBLE_SCHEMA"
    TRUNCATED = "TRUNCATED"
    TRAILING_BYTES = "TRAILING_BYTES"
    MALFORMED = "MALFORMED"
    INVALID_VALUE = "INVALID_VALUE"


class BadRecordError(Exception):
    """A record that must be set aside; `detail` holds none of its content."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


_RANGES: Final = {Kind.INT: 2**31, Kind.LONG: 2**63}


@dataclass(frozen=True, slots=True)
class StrictReader:
    """Reads bodies of one writer schema into events of the reader's schema.

    Attributes:
        writer: fastavro schema without logical types.
        reader: the same of the reader; the same object where no resolution is needed.
        writer_layout: the writer's flat layout; `None` if it has none.
        reader_layout: layout of the events given back.
    """

    writer: Any
    reader: Any
    writer_layout: Layout | None
    reader_layout: Layout

    def read(self, body: bytes) -> dict[str, Any]:
        """Decode one body.

        Raises:
            BadRecordError: it is not good in the sense of this module.
        """
        datum = self._decode(body)
        for column in self.writer_layout or ():
            value = datum[column.name]
            limit = _RANGES.get(column.kind)
            if limit is not None and value is not None and not -limit <= value < limit:
                raise BadRecordError(RejectReason.MALFORMED, f"{column.name}: too many bits")
        if self._encode(datum) != body:
            raise BadRecordError(RejectReason.MALFORMED, "not in the shortest form that Avro has")
        if self.reader is not self.writer:
            datum = self._resolve(body)
        if fault := fault_of(self.reader_layout, datum):
            raise BadRecordError(RejectReason.INVALID_VALUE, fault)
        return datum

    def _decode(self, body: bytes) -> dict[str, Any]:
        stream = io.BytesIO(body)
        try:
            datum: dict[str, Any] = fastavro.schemaless_reader(stream, self.writer)
        except Exception as error:  # noqa: BLE001  whatever fastavro stumbles over, the record is bad
            if isinstance(error, EOFError) or self._wants_more(body):
                raise BadRecordError(RejectReason.TRUNCATED, "ends within a field") from None
            raise BadRecordError(RejectReason.MALFORMED, _kind_of(error)) from None
        if trailing := len(body) - stream.tell():
            raise BadRecordError(RejectReason.TRAILING_BYTES, f"{trailing} bytes after the end")
        return datum

    def _wants_more(self, body: bytes) -> bool:
        """Whether a body that cannot be read would be read on beyond its end.

        At the end of its bytes fastavro raises `IndexError`, as it does for a symbol out of range.
        """
        stream = io.BytesIO(body + b"\0")
        with contextlib.suppress(Exception):
            fastavro.schemaless_reader(stream, self.writer)
        return stream.tell() > len(body)

    def _encode(self, datum: dict[str, Any]) -> bytes | None:
        stream = io.BytesIO()
        try:
            fastavro.schemaless_writer(stream, self.writer, datum)
        except Exception:  # noqa: BLE001  a value that cannot be written was not written so either
            return None
        return stream.getvalue()

    def _resolve(self, body: bytes) -> dict[str, Any]:
        try:
            datum: dict[str, Any] = fastavro.schemaless_reader(
                io.BytesIO(body), self.writer, self.reader
            )
        except Exception as error:  # noqa: BLE001  whatever the reason, the reader cannot take it
            raise BadRecordError(RejectReason.INCOMPATIBLE_SCHEMA, _kind_of(error)) from None
        return datum


def _kind_of(error: Exception) -> str:
    """An error's kind alone: its text may quote the record."""
    return f"the reader stopped with {type(error).__name__}"
