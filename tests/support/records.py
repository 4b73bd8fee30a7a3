"""A Kafka record as the processors see it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.frames import NOON_MS


@dataclass(frozen=True)
class FakeRecord:
    """Offset, time, key and value; nothing else is read."""

    offset: int
    value: bytes | None
    timestamp: int = NOON_MS
    key: bytes | None = b"st_1"
