"""How a schema is named in front of an Avro body (pure).

* Avro single-object encoding (Avro 1.11 specification): `C3 01`, then the CRC-64-AVRO fingerprint of
  the writer's schema, 8 bytes little-endian. It needs no registry.
* Confluent framing: `00`, then the registry's schema id, 4 bytes big-endian.

The first byte tells them apart.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

SINGLE_OBJECT_MARKER: Final = b"\xc3\x01"
SINGLE_OBJECT_BYTES: Final = 10
CONFLUENT_MARKER: Final = b"\x00"
CONFLUENT_BYTES: Final = 5

_CONFLUENT_HEADER: Final = struct.Struct(">xI")


@dataclass(frozen=True, slots=True)
class SingleObject:
    """A body written with the schema of this fingerprint (8 bytes as they travel)."""

    fingerprint: bytes
    body_at: int = SINGLE_OBJECT_BYTES


@dataclass(frozen=True, slots=True)
class Confluent:
    """A body written with the schema of this registry id."""

    schema_id: int
    body_at: int = CONFLUENT_BYTES


def framing_of(value: bytes) -> SingleObject | Confluent | None:
    """The framing of a whole value; `None` if it has neither, or ends within it."""
    if value.startswith(SINGLE_OBJECT_MARKER) and len(value) >= SINGLE_OBJECT_BYTES:
        return SingleObject(value[len(SINGLE_OBJECT_MARKER) : SINGLE_OBJECT_BYTES])
    if value.startswith(CONFLUENT_MARKER) and len(value) >= CONFLUENT_BYTES:
        return Confluent(_CONFLUENT_HEADER.unpack_from(value)[0])
    return None


def single_object_header(fingerprint: bytes) -> bytes:
    """The ten bytes in front of a body; `fingerprint` is 8 bytes as they travel."""
    return SINGLE_OBJECT_MARKER + fingerprint


def confluent_header(schema_id: int) -> bytes:
    """The five bytes in front of a body; `schema_id` fits 32 bits."""
    return _CONFLUENT_HEADER.pack(schema_id)
