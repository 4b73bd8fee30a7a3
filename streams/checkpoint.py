"""Checkpoints of one partition's state: a log-structured journal in a compacted changelog (pure).

State is a set of *sections* (rings of counts, duplicate ids, marks), each a mapping of integer keys to
values that it can encode. A flush writes one *delta*: the header (applied offsets, watermarks, totals)
and the present values of every key that changed since the last flush. A delta is the unit of recovery:
state after a crash is the state of the last complete delta, never a mixture of two.

Deltas would pile up, so segments of similar size are merged, as in a log-structured merge tree: when
`FANOUT` segments stand on one level, the values that their keys have *now* are written as one new
segment, and the old ones' changelog keys become free for later flushes. So every byte of state is
written at most once per level, recovery reads at most `FANOUT` times the state, and the changelog has
a bounded number of keys.

Why that is crash-safe: the changelog of a partition is written in order. A merged segment holds values
as of its own flush, whose delta precedes it; and a freed key is written again only in a later flush,
hence after everything that replaces it. Any prefix of the changelog, compacted or not, therefore
recovers to the last delta that it holds in full (a property test cuts it everywhere).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from streams.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FANOUT: Final = 4
PART_BYTES: Final = 786_432
"""Most bytes of one changelog value: below Kafka's default limit of 1 MiB with room for framing."""

_FORMAT: Final = 1
_LEVEL_BASE_BYTES: Final = 256
_KEY: Final = struct.Struct(">IH")
_PART: Final = struct.Struct("<BBQHHI")  # format, kind, sequence, part, parts, crc32 of the rest
_SECTION: Final = struct.Struct("<BI")
_DELTA: Final = 0
_MERGED: Final = 1


class Section(Protocol):
    """A part of the state that knows which of its keys changed, and can write and read them."""

    def drain(self) -> set[int]:
        """The keys that changed since the last drain."""

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present values of these keys, and the keys that the payload really holds.

        Keys whose values expired are left out; keys may be put together under fewer new ones.
        """

    def load(self, payload: bytes) -> set[int]:
        """Take over values, older payloads first; give back their keys."""

    def pending_bytes(self) -> int:
        """About how much the next drain would encode."""


@dataclass(slots=True)
class _Segment:
    slot: int
    # Of the sections, without the header, which would hide that small segments grow.
    size_bytes: int
    keys: dict[int, set[int]] = field(default_factory=dict)

    @property
    def level(self) -> int:
        level, limit = 0, _LEVEL_BASE_BYTES
        while self.size_bytes > limit:
            level, limit = level + 1, limit * FANOUT
        return level


Write = tuple[bytes, bytes | None]


class Journal:
    """The changelog of one partition's state.

    Args:
        sections: the state's parts; the position of each is its number in the changelog, so the order
            must not change without a new format.
    """

    def __init__(self, sections: tuple[Section, ...]) -> None:
        self._sections = sections
        self._segments: list[_Segment] = []
        self._free: list[int] = []
        self._slots = 0
        self._sequence = 0

    def pending_bytes(self) -> int:
        """About how much the next flush would write as its delta."""
        return sum(section.pending_bytes() for section in self._sections)

    def flush(self, header: bytes) -> tuple[Write, ...]:
        """The changelog writes that make the present state durable, in their order."""
        self._sequence += 1
        reusable, self._free = sorted(self._free, reverse=True), []
        dirty = {i: keys for i, s in enumerate(self._sections) if (keys := s.drain())}
        writes = list(self._write(_DELTA, header, dirty, reusable))
        for level in range(max((s.level for s in self._segments), default=0) + 1):
            full = [s for s in self._segments if s.level == level]
            if len(full) >= FANOUT:
                writes.extend(self._merge(full, header, reusable))
        self._free.extend(reusable)
        return tuple(writes)

    def recover(
        self, entries: Mapping[bytes, bytes], check: Callable[[bytes], None] = lambda _header: None
    ) -> bytes | None:
        """Load the sections from a changelog's entries; give back the last delta's header.

        Args:
            entries: the changelog's present keys and values.
            check: sees each segment's header before any of its sections is loaded, and raises
                `StateError` if this program cannot read them.

        Returns:
            `None` where the changelog holds no complete delta: a first start.

        Raises:
            StateError: an entry is damaged or of another format.
        """
        groups: dict[int, list[_Part]] = {}
        for key, value in entries.items():
            part = _Part.read(key, value)
            groups.setdefault(part.slot, []).append(part)
            self._slots = max(self._slots, part.slot + 1)
            self._sequence = max(self._sequence, part.sequence)
        complete: list[tuple[int, int, int, bytes]] = []
        for slot, parts in groups.items():
            newest = max(part.sequence for part in parts)
            present = sorted((p for p in parts if p.sequence == newest), key=lambda p: p.number)
            if len(present) == present[0].of:
                body = b"".join(part.body for part in present)
                complete.append((newest, present[0].kind, slot, body))
        self._free = sorted(set(range(self._slots)) - {slot for _, _, slot, _ in complete})
        header = None
        # A merged segment carries its flush's header too: it may outlive the delta of that flush.
        for _, _, slot, body in sorted(complete):
            header, payloads = _unpack(body)
            check(header)
            keys = {i: self._sections[i].load(payload) for i, payload in payloads}
            self._segments.append(_Segment(slot, len(body) - len(header), keys))
        return header

    def _merge(self, full: list[_Segment], header: bytes, reusable: list[int]) -> Iterator[Write]:
        keys: dict[int, set[int]] = {}
        for segment in full:
            for number, own in segment.keys.items():
                keys.setdefault(number, set()).update(own)
            self._segments.remove(segment)
            self._free.append(segment.slot)
        return self._write(_MERGED, header, keys, reusable)

    def _write(
        self, kind: int, header: bytes, keys: dict[int, set[int]], reusable: list[int]
    ) -> Iterator[Write]:
        if reusable:
            slot = reusable.pop()
        else:
            slot, self._slots = self._slots, self._slots + 1
        body, kept = self._pack(header, keys)
        self._segments.append(_Segment(slot, len(body) - len(header), kept))
        parts = [body[at : at + PART_BYTES] for at in range(0, len(body), PART_BYTES)]
        for number, part in enumerate(parts):
            crc = zlib.crc32(part)
            head = _PART.pack(_FORMAT, kind, self._sequence, number, len(parts), crc)
            yield _KEY.pack(slot, number), head + part

    def _pack(self, header: bytes, keys: dict[int, set[int]]) -> tuple[bytes, dict[int, set[int]]]:
        chunks = [_SECTION.pack(0, len(header)), header]
        kept = {}
        for number, own in keys.items():
            payload, kept_keys = self._sections[number].encode(own)
            if kept_keys:
                kept[number] = kept_keys
                chunks += [_SECTION.pack(number + 1, len(payload)), payload]
        return b"".join(chunks), kept


@dataclass(frozen=True, slots=True)
class _Part:
    slot: int
    number: int
    of: int
    kind: int
    sequence: int
    body: bytes

    @classmethod
    def read(cls, key: bytes, value: bytes) -> _Part:
        if len(key) != _KEY.size or len(value) < _PART.size:
            raise StateError("changelog: an entry is not a checkpoint segment")
        slot, key_number = _KEY.unpack(key)
        form, kind, sequence, number, of, crc = _PART.unpack_from(value)
        body = value[_PART.size :]
        if form != _FORMAT:
            raise StateError(f"changelog: segment format {form} is not {_FORMAT}")
        if number != key_number or zlib.crc32(body) != crc:
            raise StateError(f"changelog: segment {slot} part {key_number} is damaged")
        return cls(slot, number, of, kind, sequence, body)


def _unpack(body: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    header = b""
    payloads = []
    at = 0
    while at < len(body):
        number, size = _SECTION.unpack_from(body, at)
        at += _SECTION.size
        payload = body[at : at + size]
        at += size
        if number:
            payloads.append((number - 1, payload))
        else:
            header = payload
    return header, payloads
