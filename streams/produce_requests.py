"""Produce requests as bytes in one copy.

aiokafka writes a request from the inside out and joins its bytes anew on each of six levels. A request
holds up to a checkpoint of every partition, some ten megabytes behind a backlog: what was copied there
took a twentieth of a worker's time. Here the pieces are listed first and joined once.
"""

from __future__ import annotations

from typing import Any

from aiokafka.protocol import produce
from aiokafka.protocol.types import Array, Bytes, Int32, Schema


def encoded(schema: Schema, values: Any) -> bytes:
    """What `schema.encode(values)` gives.

    Raises:
        ValueError: there are more or fewer values than fields.
    """
    pieces: list[bytes] = []
    _note(schema, values, pieces)
    return b"".join(pieces)


def _note(kind: Any, value: Any, pieces: list[bytes]) -> None:
    if isinstance(kind, Schema):
        for field, own in zip(kind.fields, value, strict=True):
            _note(field, own, pieces)
    elif type(kind) is Array and value is not None:
        pieces.append(Int32.encode(len(value)))
        for one in value:
            _note(kind.array_of, one, pieces)
    elif kind is Bytes and value is not None:
        pieces += (Int32.encode(len(value)), value)
    else:
        pieces.append(kind.encode(value))


def _encode(request: Any) -> bytes:
    schema = request.SCHEMA
    return encoded(schema, [getattr(request, name) for name in schema.names])


def install_flat_requests() -> None:
    """Let producers of this process write their requests so; aiokafka offers no seam for it."""
    for version in produce.ProduceRequest._CLASSES:  # noqa: SLF001  # the versions that it may choose
        version.encode = _encode
