"""Events as columns -> Avro bytes, all rows at once.

Every field gets a slot as wide as its longest value; a table of n rows becomes a byte matrix plus a
mask of the bytes that count, and taking the masked bytes row by row gives the bodies one after the
other. About 30 times faster than a writer that takes records.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from simulators.events import (
    FIELDS,
    NO_ENTITY,
    NULL,
    NULL_FLAG,
    Column,
    Entity,
    EventNumber,
    Events,
    Flag,
    Kind,
    Number,
    Words,
)
from simulators.pseudonyms import (
    EVENT_ID_BYTES,
    PSEUDONYM_BYTES,
    event_ids,
    mix,
    pseudonyms,
    salt_of,
)
from streams.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

ByteMatrix = npt.NDArray[np.uint8]
BoolMatrix = npt.NDArray[np.bool_]
Int64Array = npt.NDArray[np.int64]

_VARINT_STEPS: Final = np.array([1 << (7 * n) for n in range(1, 10)], np.uint64)


_LARGEST: Final = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """n bodies one after the other.

    Attributes:
        data: all bytes.
        ends: shape (n,); where each body ends in `data`.
    """

    data: ByteMatrix
    ends: Int64Array

    def bodies(self) -> list[bytes]:
        """Each body by itself."""
        blob = self.data.tobytes()
        ends = self.ends.tolist()
        return [blob[start:end] for start, end in pairwise([0, *ends])]


@dataclass(frozen=True, slots=True, eq=False)
class _Slot:
    """A field's bytes for n rows, left-aligned, and how many of them count (all if `None`)."""

    data: ByteMatrix
    lengths: npt.NDArray[Any] | None


def varint(value: int) -> bytes:
    """Avro's zigzag variable-length integer."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def varint_sizes(values: Int64Array) -> Int64Array:
    """Bytes that each of n zigzag integers takes, shape (n,)."""
    zigzag = ((values << 1) ^ (values >> 63)).astype(np.uint64)
    # Most columns hold numbers of one width: two comparisons instead of a search per value.
    ends = np.array([zigzag.min(initial=_LARGEST), zigzag.max(initial=0)], np.uint64)
    low, high = np.searchsorted(_VARINT_STEPS, ends, side="right").tolist()
    if low >= high:
        return np.full(len(values), high + 1, np.int64)
    return np.searchsorted(_VARINT_STEPS, zigzag, side="right").astype(np.int64) + 1


def varints(values: Int64Array) -> tuple[ByteMatrix, Int64Array]:
    """Zigzag integers: bytes of shape (n, widest) and their lengths of shape (n,)."""
    zigzag = ((values << 1) ^ (values >> 63)).astype(np.uint64)
    lengths = varint_sizes(values)
    width = int(lengths.max(initial=1))
    out = np.empty((len(values), width), np.uint8)
    for position in range(width):
        low = (zigzag >> np.uint64(7 * position)).astype(np.uint8) & 0x7F
        out[:, position] = low | ((position + 1 < lengths).astype(np.uint8) << 7)
    return out, lengths


class EventEncoder:
    """Writes a flow's events under its Avro schema.

    Args:
        flow: the flow.
        schema: the record's parsed JSON; every field must be one that the simulator makes.
        seed: the simulation's seed, which pseudonyms and event ids depend on.
        run: event ids depend on it as well, pseudonyms do not.

    Raises:
        SchemaError: the schema has a field, type or symbol that the simulator does not make.
    """

    def __init__(self, flow: str, schema: Mapping[str, Any], seed: int, run: int = 0) -> None:
        self._flow = flow
        self._seed = seed
        self._ids = salt_of(seed, f"event {flow} {run}")
        named: dict[str, tuple[str, ...]] = {}
        kinds = FIELDS[flow]
        names = [field["name"] for field in schema["fields"]]
        if set(names) != kinds.keys():
            odd = ", ".join(sorted(set(names) ^ kinds.keys()))
            raise SchemaError(f"{schema['name']}: fields unlike the simulator's: {odd}")
        self._fields = [
            _FieldEncoder(f"{schema['name']}.{f['name']}", f["name"], kinds[f["name"]])
            for f in schema["fields"]
        ]
        for field, declared in zip(self._fields, schema["fields"], strict=True):
            field.bind(declared["type"], named)

    def encode(self, events: Events, prefix: bytes = b"") -> Encoded:
        """Encode every row, each after `prefix` (a wire header, or nothing)."""
        count = len(events)
        slots = [
            field.slot(events.columns[field.name], self._seed, self._ids) for field in self._fields
        ]
        width = len(prefix) + sum(slot.data.shape[1] for slot in slots)
        matrix = np.empty((count, width), np.uint8)
        mask = np.ones((count, width), np.bool_)
        sizes = np.full(count, len(prefix), np.int64)
        matrix[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
        start = len(prefix)
        for slot in slots:
            end = start + slot.data.shape[1]
            matrix[:, start:end] = slot.data
            if slot.lengths is None:
                sizes += end - start
            else:
                mask[:, start:end] = np.arange(end - start) < slot.lengths[:, None]
                sizes += slot.lengths
            start = end
        return Encoded(matrix[mask], np.cumsum(sizes))


class _FieldEncoder:
    """One field: its column's kind bound to the schema's type."""

    def __init__(self, path: str, name: str, kind: Kind) -> None:
        self.name = name
        self._path = path
        self._kind = kind
        self._null_branch: bytes | None = None
        self._branch = b""
        self._table = np.zeros((0, 0), np.uint8)
        self._table_lengths: Int64Array = np.zeros(0, np.int64)

    def bind(self, declared: Any, named: dict[str, tuple[str, ...]]) -> None:
        """Check the schema's type against the kind and prepare what does not depend on rows."""
        actual = declared
        if isinstance(declared, list):
            if len(declared) != 2 or "null" not in declared:
                raise SchemaError(f"{self._path}: only unions of null and one type are written")
            null_at = declared.index("null")
            self._null_branch, self._branch = varint(null_at), varint(1 - null_at)
            actual = declared[1 - null_at]
        symbols: tuple[str, ...] | None = None
        if isinstance(actual, dict) and actual["type"] == "enum":
            symbols = tuple(actual["symbols"])
            named[actual["name"]] = symbols
            named[f"{actual.get('namespace', 'fr.vigie')}.{actual['name']}"] = symbols
        elif isinstance(actual, str) and actual in named:
            symbols = named[actual]
        base = actual["type"] if isinstance(actual, dict) else actual
        if isinstance(self._kind, Words):
            self._bind_words(self._kind, symbols, base)
        elif base not in _BASE_TYPES[type(self._kind)]:
            raise SchemaError(f"{self._path}: type {base} is not written for this field")

    def _bind_words(self, kind: Words, symbols: tuple[str, ...] | None, base: str) -> None:
        if symbols is not None:
            missing = sorted(set(kind.words) - set(symbols))
            if missing:
                raise SchemaError(f"{self._path}: enum lacks {', '.join(missing)}")
            texts = [varint(symbols.index(word)) for word in kind.words]
        elif base == "string":
            texts = [varint(len(word.encode())) + word.encode() for word in kind.words]
        else:
            raise SchemaError(f"{self._path}: words are written as string or enum, not {base}")
        texts = [self._branch + text for text in texts]
        width = max(map(len, texts))
        self._table = np.array([list(text.ljust(width, b"\0")) for text in texts], np.uint8)
        self._table_lengths = np.array([len(text) for text in texts], np.int64)

    def slot(self, column: Column, seed: int, id_salt: int) -> _Slot:
        """The bytes of n values."""
        kind = self._kind
        if isinstance(kind, Words):
            even = bool((self._table_lengths == self._table_lengths[0]).all())
            return _Slot(self._table[column], None if even else self._table_lengths[column])
        if isinstance(kind, EventNumber):
            text = event_ids(mix(column, id_salt), mix(column, id_salt + 1))
            return self._fixed(_after(varint(EVENT_ID_BYTES), text), None)
        if isinstance(kind, Entity):
            text = pseudonyms(seed, kind.kind, column)
            return self._fixed(_after(varint(PSEUDONYM_BYTES), text), column == NO_ENTITY)
        if isinstance(kind, Flag):
            return self._fixed(column.astype(np.uint8)[:, None], column == NULL_FLAG)
        nulls = column == NULL
        data, lengths = varints(np.where(nulls, 0, column).astype(np.int64))
        if self._null_branch is not None:
            data, lengths = _after(self._branch, data), lengths + len(self._branch)
            lengths = self._with_nulls(data, lengths, nulls)
        elif nulls.any():
            raise SchemaError(f"{self._path}: null in a field that has none")
        return _Slot(data, lengths)

    def _fixed(self, data: ByteMatrix, nulls: BoolMatrix | None) -> _Slot:
        if self._null_branch is None:
            if nulls is not None and nulls.any():
                raise SchemaError(f"{self._path}: null in a field that has none")
            return _Slot(data, None)
        data = _after(self._branch, data)
        if nulls is None or not nulls.any():
            return _Slot(data, None)
        lengths = np.full(len(data), data.shape[1], np.int64)
        return _Slot(data, self._with_nulls(data, lengths, nulls))

    def _with_nulls(self, data: ByteMatrix, lengths: Int64Array, nulls: BoolMatrix) -> Int64Array:
        branch = self._null_branch or b""
        data[nulls, : len(branch)] = np.frombuffer(branch, np.uint8)
        return np.where(nulls, len(branch), lengths)


_BASE_TYPES: Final[dict[type[Any], tuple[str, ...]]] = {
    EventNumber: ("string",),
    Entity: ("string",),
    Number: ("int", "long"),
    Flag: ("boolean",),
}


def _after(prefix: bytes, data: ByteMatrix) -> ByteMatrix:
    out = np.empty((len(data), len(prefix) + data.shape[1]), np.uint8)
    out[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    out[:, len(prefix) :] = data
    return out
