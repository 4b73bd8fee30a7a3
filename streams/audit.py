"""Who judged, who saw whom a finding is about: entries of an append-only topic (pure).

An act whose entry Kafka has not confirmed does not take place. What follows an entry may still fail, so
an entry says that somebody was about to; never does one lack. Nothing in Vigie reads the topic back or
takes an entry away: who answers for the audit does, with the rights of `vigie acls --role auditor`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from streams.codec import SliceCodec
    from streams.own_records import RecordReader
    from streams.tokens import Role

AUDIT_ENTRY: Final = "AuditEntry"


class Act(StrEnum):
    """What is about to be done."""

    UNKNOWN = "UNKNOWN"
    VERDICT = "VERDICT"
    UNMASKING = "UNMASKING"
    DECLARATION = "DECLARATION"


class Origin(StrEnum):
    """How it was asked for."""

    UNKNOWN = "UNKNOWN"
    PAGE = "PAGE"
    API = "API"
    COMMAND = "COMMAND"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks.

    Attributes:
        name: of the token or of the command's user; empty where nobody says.
        role: what the token opens; `None` where none was shown.
        origin: how.
    """

    name: str
    role: Role | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit; fields are those of the Avro record, times bear `_ms` here.

    Attributes:
        at_ms: when.
        by: who, with which role, how.
        act: what is about to be done.
        detail: which verdict, which pseudonyms.
        finding_id: whatever its revision; empty where it is about none or several.
        window_start_ms: from when on patients are named.
        window_end_ms: until when, excluded.
        count: of figures declared, or findings shown.
    """

    at_ms: int
    by: Actor
    act: Act
    detail: str = ""
    finding_id: str = ""
    window_start_ms: int | None = None
    window_end_ms: int | None = None
    count: int | None = None

    def to_record(self) -> dict[str, Any]:
        """As the newest Avro `AuditEntry`."""
        own = {
            one.name.removesuffix("_ms"): getattr(self, one.name)
            for one in fields(self)
            if one.name != "by"
        }
        return own | {
            "who": self.by.name,
            "role": "UNKNOWN" if self.by.role is None else self.by.role.name,
            "origin": str(self.by.origin),
            "act": str(self.act),
        }


def entry_bytes(entry: AuditEntry, codec: SliceCodec) -> bytes:
    """The Kafka value of an entry; its key is `entry.finding_id.encode()`.

    Raises:
        EncodeError: a value does not fit the schema.
        TransientError: a registry is used and does not answer.
    """
    return codec.encode(AUDIT_ENTRY, [entry.to_record()])[0]


def read_entry(value: bytes | None, reader: RecordReader) -> dict[str, Any]:
    """An entry from its Kafka value, as its record has it.

    Raises:
        BadRecordError: it is none.
    """
    return reader.read(AUDIT_ENTRY, value)
