"""Hostile records, made from what a valid record is: every kind by name.

Mutations know the structure: a record is written field by field as Avro has it, and one field is written
as nobody would. Blind ones (bit flips, cuts) stand beside them. Coverage guidance would see nothing of
what reads a slice: numpy, polars and fastavro are compiled, and the Python around them has few branches,
each of which has a kind here. What guides instead is the outcome (`tests.fuzz.feedback`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from simulators.encode import varint
from streams.codec import MAX_RECORD_BYTES
from streams.layout import Kind
from streams.validity import LATEST_TIME_MS
from streams.wire import CONFLUENT_MARKER, SINGLE_OBJECT_BYTES, SINGLE_OBJECT_MARKER

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from streams.layout import Column, Layout

LIMITS: Final = (
    *(0, -1, 1, 2, -2, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**42, 2**53),
    *(2**62, 2**63 - 1, -(2**63), LATEST_TIME_MS, LATEST_TIME_MS + 1, -(2**42)),
)
TEXTS: Final = (
    "\0",
    "a\0b",
    "\u202e\u2066ab\u2069",
    "\ufeff",
    "\u2028",
    "\x1b[2J",
    "\U0010ffff",
    "é" * 33,
    "'; --",
    "{{7*7}}<script>",
    "..%2f..%2f",
    "=1+1",
)
"""NULs, direction marks, line separators, terminal codes, the last code point, what others would run."""
NOT_UTF8: Final = (
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\x80",
    b"\xe2\x82",
)
"""Also a lone surrogate, a code point beyond the last, an overlong NUL and a cut one."""
COLOSSAL: Final = 900_000


def pieces_of(layout: Layout, event: Mapping[str, Any]) -> list[bytes]:
    """An event's fields as Avro writes them, one by one."""
    return [_written(column, event[column.name]) for column in layout]


def _written(column: Column, value: Any) -> bytes:
    if column.null_branch is None:
        return _plain(column, value)
    if value is None:
        return varint(column.null_branch)
    return varint(1 - column.null_branch) + _plain(column, value)


def _plain(column: Column, value: Any) -> bytes:
    match column.kind:
        case Kind.STRING:
            text = value.encode()
            return varint(len(text)) + text
        case Kind.BOOLEAN:
            return bytes([value])
        case Kind.ENUM:
            return varint(column.symbols.index(value))
        case _:
            return varint(value)


def hostile_field(column: Column, dice: random.Random) -> bytes:
    """One field as nobody would write it; some are valid all the same."""
    branch = b"" if column.null_branch is None else varint(1 - column.null_branch)
    strange = [
        lambda: b"\xff" * dice.randrange(1, 12),
        lambda: b"\xff" * 9 + b"\x01",
        lambda: b"\x80" * dice.randrange(1, 6) + b"\x00",
        lambda: dice.randbytes(dice.randrange(6)),
        lambda: b"",
    ]
    if column.null_branch is not None:
        strange.append(lambda: varint(dice.choice((2, 3, -1, -2, 63, 2**31, 2**62))))
    if column.kind is Kind.STRING:
        strange += [
            lambda: branch + varint(dice.choice(LIMITS)),
            lambda: branch + varint(dice.choice((64, 2_000, 65_536, 2**30))) + b"x" * 9,
            lambda: branch + _text(dice.choice(NOT_UTF8)),
            lambda: branch + _text(dice.choice(TEXTS).encode()),
            lambda: branch + _text(b"n" * dice.choice((0, 127, 128, 8_192, 65_000))),
        ]
    elif column.kind is Kind.BOOLEAN:
        strange.append(lambda: branch + bytes([dice.choice((2, 3, 0x7F, 0x80, 0xFF))]))
    else:
        strange.append(lambda: branch + varint(dice.choice(LIMITS)))
        strange.append(lambda: branch + varint(dice.choice((len(column.symbols), -1, 64))))
    made: bytes = dice.choice(strange)()
    return made


def _text(octets: bytes) -> bytes:
    return varint(len(octets)) + octets


class Mutations:
    """Turns valid values of one record into hostile ones.

    Args:
        header: the framing of its newest version.
        layout: of its newest version; `None` where it is not flat.
        events: valid events, where there is a layout.
        values: valid values, framed.
        strangers: framings of other records.
    """

    def __init__(
        self,
        header: bytes,
        layout: Layout | None,
        events: Sequence[Mapping[str, Any]],
        values: Sequence[bytes],
        strangers: Sequence[bytes],
    ) -> None:
        self._header = header
        self._layout = layout
        self._events = events
        self._values = values
        self._strangers = strangers
        kinds: dict[str, tuple[int, Callable[[bytes, random.Random], bytes | None]]] = {
            "bit flips": (12, _flipped),
            "bytes put in or taken out": (8, _shifted),
            "cut short": (6, _cut),
            "bytes behind the end": (4, _lengthened),
            "pieces of two records": (6, self._spliced),
            "numbers in the middle": (8, _numbers),
            "not UTF-8": (3, _not_utf8),
            "wrong fingerprint": (3, self._refingerprinted),
            "a registry's framing": (3, _confluent),
            "no framing": (3, _unframed),
            "nothing": (1, _nothing),
            "too large": (1, self._too_large),
        }
        if layout is not None:
            kinds["a field as nobody writes it"] = (30, self._strange_fields)
        self.kinds = {name: make for name, (_, make) in kinds.items()}
        self._names = list(kinds)
        self._weights = [weight for weight, _ in kinds.values()]

    def make(self, dice: random.Random, seed: bytes | None = None) -> tuple[str, bytes | None]:
        """A hostile value and its kind.

        Args:
            dice: decides.
            seed: what to make it from; a valid value if not given.
        """
        (name,) = dice.choices(self._names, self._weights)
        return name, self.kinds[name](seed or dice.choice(self._values), dice)

    def _strange_fields(self, _: bytes, dice: random.Random) -> bytes:
        layout = self._layout or ()
        pieces = pieces_of(layout, dice.choice(self._events))
        for place in dice.sample(range(len(pieces)), dice.choice((1, 1, 1, 2, 3))):
            pieces[place] = hostile_field(layout[place], dice)
        return self._header + b"".join(pieces)

    def _spliced(self, value: bytes, dice: random.Random) -> bytes:
        other = dice.choice(self._values)
        return value[: dice.randrange(len(value) + 1)] + other[dice.randrange(len(other)) :]

    def _refingerprinted(self, value: bytes, dice: random.Random) -> bytes:
        marks = (*self._strangers, SINGLE_OBJECT_MARKER + dice.randbytes(8))
        return dice.choice(marks) + value[SINGLE_OBJECT_BYTES:]

    def _too_large(self, value: bytes, dice: random.Random) -> bytes:
        size = dice.choice((MAX_RECORD_BYTES + 1, MAX_RECORD_BYTES + 1, 2 * MAX_RECORD_BYTES))
        if dice.random() < 0.01:
            size = COLOSSAL
        return value + dice.randbytes(1) * (size - len(value))


def _flipped(value: bytes, dice: random.Random) -> bytes:
    octets = bytearray(value or b"\0")
    for _ in range(dice.choice((1, 1, 1, 2, 4, 16))):
        octets[dice.randrange(len(octets))] ^= 1 << dice.randrange(8)
    return bytes(octets)


def _shifted(value: bytes, dice: random.Random) -> bytes:
    octets = bytearray(value or b"\0")
    place = dice.randrange(len(octets))
    if dice.random() < 0.5:
        octets[place:place] = dice.randbytes(dice.randrange(1, 5))
    else:
        del octets[place : place + dice.randrange(1, 5)]
    return bytes(octets)


def _cut(value: bytes, dice: random.Random) -> bytes:
    return value[: dice.randrange(len(value) + 1)]


def _lengthened(value: bytes, dice: random.Random) -> bytes:
    return value + dice.choice((b"\0", value, dice.randbytes(dice.randrange(1, 40))))


def _numbers(value: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(value) + 1)
    number = dice.choice(LIMITS)
    written = dice.choice(
        (varint(number), struct.pack("<q", max(-(2**63), min(number, 2**63 - 1))), b"\xff" * 10)
    )
    return value[:place] + written + value[place + dice.randrange(len(written) + 1) :]


def _not_utf8(value: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(value) + 1)
    odd = dice.choice(NOT_UTF8)
    return value[:place] + odd + value[place + len(odd) :]


def _confluent(value: bytes, dice: random.Random) -> bytes:
    number = dice.choice((0, 1, 2, 7, 2**31 - 1, 2**32 - 1, dice.randrange(2**32)))
    return CONFLUENT_MARKER + struct.pack(">I", number) + value[SINGLE_OBJECT_BYTES:]


def _unframed(value: bytes, dice: random.Random) -> bytes:
    del value
    start = dice.choice((b"", b"{", b"\xc3", SINGLE_OBJECT_MARKER, CONFLUENT_MARKER, b"Obj\x01"))
    return start + dice.randbytes(dice.choice((0, 1, 7, 8, 90)))


def _nothing(value: bytes, dice: random.Random) -> bytes | None:
    del value
    return dice.choice((None, b""))
