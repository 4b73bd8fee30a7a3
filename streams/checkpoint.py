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

Why a crash does no harm: the changelog of a partition is written in order. A merged segment holds
values as of its own flush, whose delta precedes it; and a freed key is written again only in a later
flush, hence after everything that replaces it. Any prefix of the changelog, compacted or not, therefore
recovers to the last delta that it holds in full (a property test cuts it everywhere).

Why a late writer does no harm: a worker that was stopped while its partition moved on may wake up and
deliver one more flush. Every owner of a partition writes under keys of its own *reign* and never
reuses another's; and each segment names, for every earlier reign, the last flush that its owner had
recovered (the *lineage*). What a late writer adds is not in the lineage of the reign that followed, so
nobody reads it, and what it overwrites was free.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from streams.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

FANOUT: Final = 4
PART_BYTES: Final = 786_432
"""Most bytes of one changelog value: below Kafka's default limit of 1 MiB with room for framing."""

DEFLATED_TO_BYTES: Final = 65_536
"""Segments up to here are written compressed. At a live pace they are most of what is written, and half
of them is repetition; behind a backlog segments are larger, and time is dearer than bytes."""

_RAW: Final = 1
_DEFLATED: Final = 2
_FASTEST: Final = 1
_LEVEL_BASE_BYTES: Final = 256
_KEY: Final = struct.Struct(">IIIH")  # epoch, owner, slot, part
_PART: Final = struct.Struct("<BQHHI")  # format, sequence, part, parts, crc32 of the rest
_SECTION: Final = struct.Struct("<BI")
_ANCESTOR: Final = struct.Struct("<IIQ")  # epoch, owner, last sequence
_HEADER_SECTION: Final = 255
_LINEAGE_SECTION: Final = 254

Write = tuple[bytes, bytes | None]
Reign = tuple[int, int]
"""Epoch and owner. An owner's epoch is one more than any that it found in the changelog; should two
find the same, the owner's number (Kafka's group generation) tells who came later."""


_DAMAGE: Final = (
    struct.error,
    zlib.error,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What reading bytes that Vigie never wrote may raise."""


@contextmanager
def damage_named() -> Iterator[None]:
    """Reading state within this block fails with `StateError` alone.

    Behind a sound checksum may stand what Vigie never wrote: whoever may write to a changelog can stop a
    worker, and its last words must say why.
    """
    try:
        yield
    except _DAMAGE as error:
        raise StateError(f"changelog: a segment is damaged ({type(error).__name__})") from error


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
    reign: Reign
    slot: int
    parts: int
    sequence: int
    # Of the sections, without the header, which would hide that small segments grow.
    size_bytes: int
    keys: dict[int, set[int]] = field(default_factory=dict)

    @property
    def level(self) -> int:
        level, limit = 0, _LEVEL_BASE_BYTES
        while self.size_bytes > limit:
            level, limit = level + 1, limit * FANOUT
        return level

    def changelog_keys(self) -> Iterator[bytes]:
        for part in range(self.parts):
            yield _KEY.pack(*self.reign, self.slot, part)


class Journal:
    """The changelog of one partition's state.

    Args:
        sections: the state's parts (at most 254); the position of each is its number in the changelog,
            so the order must not change without a new format.
    """

    def __init__(self, sections: tuple[Section, ...]) -> None:
        self._sections = sections
        self._segments: list[_Segment] = []
        self._reign: Reign = (0, 0)
        self._lineage: dict[Reign, int] = {}
        self._free: list[int] = []
        self._slots = 0
        self._sequence = 0
        self._obsolete: list[bytes] = []

    def pending_bytes(self) -> int:
        """About how much the next flush would write as its delta."""
        return sum(section.pending_bytes() for section in self._sections)

    def flush(self, header: bytes) -> tuple[Write, ...]:
        """The changelog writes that make the present state durable, in their order."""
        self._sequence += 1
        reusable, self._free = sorted(self._free, reverse=True), []
        deletable, self._obsolete = self._obsolete, []
        dirty = {i: keys for i, s in enumerate(self._sections) if (keys := s.drain())}
        writes: list[Write] = list(self._write(header, dirty, reusable))
        for level in range(max((s.level for s in self._segments), default=0) + 1):
            full = [s for s in self._segments if s.level == level]
            if len(full) >= FANOUT:
                writes.extend(self._merge(full, header, reusable))
        self._free.extend(reusable)
        writes.extend((key, None) for key in deletable)
        return tuple(writes)

    def recover(
        self,
        entries: Mapping[bytes, bytes],
        check: Callable[[bytes], None] = lambda _header: None,
        *,
        owner: int = 0,
    ) -> bytes | None:
        """Load the sections from a changelog's entries; give back the last delta's header.

        Args:
            entries: the changelog's present keys and values.
            check: sees each segment's header before any of its sections is loaded, and raises
                `StateError` if this program cannot read them.
            owner: grows from owner to owner of the partition, such as Kafka's group generation.

        Returns:
            `None` where the changelog holds no complete delta: a first start.

        Raises:
            StateError: an entry is damaged or of another format.
        """
        with damage_named():
            return self._recover(entries, check, owner)

    def _recover(
        self, entries: Mapping[bytes, bytes], check: Callable[[bytes], None], owner: int
    ) -> bytes | None:
        found = _complete_segments(entries)
        highest = max((_KEY.unpack(key)[0] for key in entries), default=0)
        self._reign = (highest + 1, owner)
        known: set[bytes] = set()
        header = None
        for segment, body in self._in_force(found):
            header, payloads = _unpack(body)
            check(header)
            segment.keys = {i: self._sections[i].load(payload) for i, payload in payloads}
            segment.size_bytes = len(body) - len(header)
            self._segments.append(segment)
            self._sequence = segment.sequence
            self._lineage[segment.reign] = segment.sequence
            known.update(segment.changelog_keys())
        self._obsolete = sorted(entries.keys() - known)
        return header

    def _in_force(self, found: list[tuple[_Segment, bytes]]) -> list[tuple[_Segment, bytes]]:
        """The segments that make up the newest state, oldest first."""
        if not found:
            return []
        newest, newest_body = max(found, key=lambda one: (one[0].reign, one[0].sequence))
        limits = _lineage_of(newest_body) | {newest.reign: newest.sequence}
        chosen = [one for one in found if one[0].sequence <= limits.get(one[0].reign, -1)]
        return sorted(chosen, key=lambda one: (one[0].sequence, one[0].reign, one[0].slot))

    def _merge(self, full: list[_Segment], header: bytes, reusable: list[int]) -> Iterator[Write]:
        keys: dict[int, set[int]] = {}
        for segment in full:
            for number, own in segment.keys.items():
                keys.setdefault(number, set()).update(own)
            self._segments.remove(segment)
            if segment.reign == self._reign:
                self._free.append(segment.slot)
            else:
                self._obsolete.extend(segment.changelog_keys())
        return self._write(header, keys, reusable)

    def _write(
        self, header: bytes, keys: dict[int, set[int]], reusable: list[int]
    ) -> Iterator[Write]:
        if reusable:
            slot = reusable.pop()
        else:
            slot, self._slots = self._slots, self._slots + 1
        body, kept = self._pack(header, keys)
        size_bytes = len(body) - len(header)
        form = _RAW
        if len(body) <= DEFLATED_TO_BYTES:
            form, body = _DEFLATED, zlib.compress(body, _FASTEST)
        whole = memoryview(body)
        parts = [whole[at : at + PART_BYTES] for at in range(0, len(body), PART_BYTES)]
        self._segments.append(
            _Segment(self._reign, slot, len(parts), self._sequence, size_bytes, kept)
        )
        for number, part in enumerate(parts):
            head = _PART.pack(form, self._sequence, number, len(parts), zlib.crc32(part))
            yield _KEY.pack(*self._reign, slot, number), b"".join((head, part))

    def _pack(self, header: bytes, keys: dict[int, set[int]]) -> tuple[bytes, dict[int, set[int]]]:
        lineage = b"".join(_ANCESTOR.pack(*reign, n) for reign, n in self._lineage.items())
        chunks = [_SECTION.pack(_HEADER_SECTION, len(header)), header]
        chunks += [_SECTION.pack(_LINEAGE_SECTION, len(lineage)), lineage]
        kept = {}
        for number, own in keys.items():
            payload, kept_keys = self._sections[number].encode(own)
            if kept_keys:
                kept[number] = kept_keys
                chunks += [_SECTION.pack(number, len(payload)), payload]
        return b"".join(chunks), kept


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    of: int
    sequence: int
    form: int
    body: bytes


def _read_part(number: int, value: bytes) -> _Part:
    if len(value) < _PART.size:
        raise StateError("changelog: an entry is not a checkpoint segment")
    form, sequence, own_number, of, crc = _PART.unpack_from(value)
    body = value[_PART.size :]
    if form not in (_RAW, _DEFLATED):
        raise StateError(f"changelog: segment format {form} is none of {_RAW} and {_DEFLATED}")
    if own_number != number or zlib.crc32(body) != crc:
        raise StateError("changelog: a segment is damaged")
    return _Part(number, of, sequence, form, body)


def _complete_segments(entries: Mapping[bytes, bytes]) -> list[tuple[_Segment, bytes]]:
    places: dict[tuple[Reign, int], list[_Part]] = {}
    for key, value in entries.items():
        if len(key) != _KEY.size:
            raise StateError("changelog: an entry is not a checkpoint segment")
        epoch, owner, slot, number = _KEY.unpack(key)
        places.setdefault(((epoch, owner), slot), []).append(_read_part(number, value))
    found = []
    for (reign, slot), parts in places.items():
        sequence = max(part.sequence for part in parts)
        present = sorted((p for p in parts if p.sequence == sequence), key=lambda p: p.number)
        if len(present) == present[0].of:
            body = b"".join(part.body for part in present)
            if present[0].form == _DEFLATED:
                body = zlib.decompress(body)
            found.append((_Segment(reign, slot, len(present), sequence, 0), body))
    return found


def _sections_of(body: bytes) -> Iterable[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        number, size = _SECTION.unpack_from(body, at)
        at += _SECTION.size
        yield number, body[at : at + size]
        at += size


def _unpack(body: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    header = b""
    payloads = []
    for number, payload in _sections_of(body):
        if number == _HEADER_SECTION:
            header = payload
        elif number != _LINEAGE_SECTION:
            payloads.append((number, payload))
    return header, payloads


def _lineage_of(body: bytes) -> dict[Reign, int]:
    (payload,) = (p for number, p in _sections_of(body) if number == _LINEAGE_SECTION)
    return {(epoch, owner): n for epoch, owner, n in _ANCESTOR.iter_unpack(payload)}
