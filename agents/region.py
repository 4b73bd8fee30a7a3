"""Unique accounts and structures of the whole region: marks counted, totals put together (pure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from agents.activity import ActivityCells, read_marks
from agents.source import dead_letter
from streams.checkpoint import Journal, damage_named
from streams.errors import StateError
from streams.processing import Checkpoint, Outgoing
from streams.topics import ACTIVITY_COUNTS, ACTIVITY_MARKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.processing import Record

NOT_A_MARK: Final = "NOT_A_MARK"
"""Dead-letter reason: a message on the marks' topic that Vigie did not write."""

_FORMAT: Final = 1
_PUBLISHED_DAYS: Final = 3
_KEY: Final = re.compile(rb"[0-9]{1,5}")


class ActivityProcessor:
    """One partition of the marks; see `streams.processing.Processor`.

    Every change of its counts is published as this partition's part of the region's totals.
    """

    def __init__(self, *, partition: int, months_kept: int | None = 1) -> None:
        self.partition = partition
        self.cells = ActivityCells(months_kept)
        self._journal = Journal((self.cells,))
        self._next_offset = 0

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        """See `streams.processing.Processor.recover`."""
        with damage_named():
            header_bytes = self._journal.recover(entries, owner=owner)
            if header_bytes is not None:
                header = orjson.loads(header_bytes)
                if header["format"] != _FORMAT:
                    raise StateError(f"changelog: state format {header['format']} is not {_FORMAT}")
                self._next_offset = header["next"]
            self.cells.recovered()

    def process(self, topic: str, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Take marks; give back this partition's counts if they changed."""
        outgoing = []
        changed = False
        for record in records:
            if record.offset < self._next_offset:
                continue
            self._next_offset = record.offset + 1
            try:
                marks = read_marks(record.value or b"")
            except StateError as error:
                outgoing.append(
                    dead_letter(
                        topic,
                        self.partition,
                        record,
                        NOT_A_MARK,
                        str(error),
                        refuser="agents.activity",
                    )
                )
                continue
            changed |= self.cells.add(marks)
        if changed:
            outgoing.append(self._counts())
        return outgoing

    def pass_time(self, read_ms: Mapping[str, int]) -> Sequence[Outgoing]:
        """Marks mean the same whenever they are read."""
        del read_ms
        return ()

    def checkpoint(self) -> Checkpoint:
        """Freeze the cells."""
        header = orjson.dumps({"format": _FORMAT, "next": self._next_offset})
        return Checkpoint(self._journal.flush(header), None)

    def confirm(self, token: object) -> None:
        """Nothing waits for durability here: counts are published as they change."""

    def applied(self, topic: str) -> int:
        """The next offset of the marks that is not applied yet."""
        return self._next_offset if topic == ACTIVITY_MARKS else 0

    def pending_bytes(self) -> int:
        """About how much a checkpoint would write now."""
        return self._journal.pending_bytes()

    def _counts(self) -> Outgoing:
        days = sorted({day for _, day in self.cells.day_counts})[-_PUBLISHED_DAYS:]
        value = {
            "format": _FORMAT,
            "months": [[*key, n] for key, n in self.cells.month_counts.items()],
            "days": [[*key, n] for key, n in self.cells.day_counts.items() if key[1] in days],
        }
        return Outgoing(
            topic=ACTIVITY_COUNTS,
            key=str(self.partition).encode(),
            value=orjson.dumps(value),
            partition=0,
        )


class RegionCounts:
    """The region's totals: the last counts of every mark partition, added up."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[str, dict[tuple[int, int], int]]] = {}

    def clear(self) -> None:
        """Forget everything: the counts' topic will be read again from its start, or elsewhere."""
        self._parts.clear()

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message of the counts' topic; one that is not ours is passed over."""
        if key is None or not _KEY.fullmatch(key):
            return  # `agents.region_usage` has keys of its own there
        part = _read_counts(value)
        if part is not None:
            self._parts[int(key)] = part

    def month(self, code: int, month: int) -> int:
        """Distinct subjects of a code in a calendar month (`year * 12 + month - 1`)."""
        return self._sum("months", (code, month))

    def day(self, code: int, day: int) -> int:
        """Distinct subjects of a code on a local day."""
        return self._sum("days", (code, day))

    def _sum(self, kind: str, key: tuple[int, int]) -> int:
        return sum(part[kind].get(key, 0) for part in self._parts.values())


def _read_counts(value: bytes | None) -> dict[str, dict[tuple[int, int], int]] | None:
    try:
        message: Any = orjson.loads(value or b"")
        if message["format"] != _FORMAT:
            return None
        return {
            kind: {(int(code), int(at)): int(n) for code, at, n in message[kind]}
            for kind in ("months", "days")
        }
    except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
        return None
