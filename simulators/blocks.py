"""Container blocks -> columns and single bodies, for any container of a flow's record.

A container knows no record boundaries. Its block is read into columns in Rust, and the length that
every value takes in Avro's shortest form gives the boundaries. No value can be shorter than that, so
if the lengths add up to the block's, they are right; if they do not, fastavro reads the block record
by record, and what it cannot read either is a broken block.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import fastavro
import numpy as np
import numpy.typing as npt
import polars as pl

from simulators.container import NULL_CODEC, SYNC_BYTES, Block, Container, header_bytes
from simulators.encode import varint, varint_sizes
from streams.errors import InputError, SchemaError
from streams.layout import Column, Kind, Layout, layout_of
from streams.schemas import SchemaVersion, fingerprint_of, parse_plain
from streams.wire import single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterator

Int64Array = npt.NDArray[np.int64]

_SYNC: Final = bytes(SYNC_BYTES)
_NUMBERS: Final = (Kind.INT, Kind.LONG, Kind.ENUM)
_TIMES: Final = ("occurred_at", "recorded_at")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n records of one block.

    Attributes:
        frame: n rows with the reader's columns and types.
        payload: the block's bytes.
        starts: shape (n,); where each body begins in `payload`.
        ends: shape (n,); where it ends.
        times_at: where `occurred_at` and `recorded_at` begin in `payload`, shape (2, n).
        header: the wire header of the bodies' schema.
    """

    frame: pl.DataFrame
    payload: bytes
    starts: Int64Array
    ends: Int64Array
    times_at: Int64Array
    header: bytes

    @property
    def recorded_ms(self) -> Int64Array:
        """When each record was recorded, shape (n,)."""
        return self.frame["recorded_at"].to_numpy()

    def pick(self, rows: npt.NDArray[np.intp]) -> Rows:
        """The given rows."""
        return Rows(
            self.frame[rows],
            self.payload,
            self.starts[rows],
            self.ends[rows],
            self.times_at[:, rows],
            self.header,
        )

    def values(self, shift_ms: int = 0) -> list[bytes]:
        """The records as Kafka values, their two times moved by `shift_ms`."""
        payload, header = self.payload, self.header
        bounds = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        if not shift_ms:
            return [header + payload[start:end] for start, end in bounds]
        moved = [self.frame[name] + shift_ms for name in _TIMES]
        places = zip(*self.times_at.tolist(), *(m.to_list() for m in moved), strict=True)
        values = []
        for (start, end), (first_at, second_at, first, second) in zip(bounds, places, strict=True):
            values.append(
                b"".join(
                    (
                        header,
                        payload[start:first_at],
                        varint(first),
                        payload[_after_varint(payload, first_at) : second_at],
                        varint(second),
                        payload[_after_varint(payload, second_at) : end],
                    )
                )
            )
        return values


class BlockReader:
    """Reads a container's blocks into the columns of a flow.

    Args:
        container: the file.
        version: the record version that readers know.

    Raises:
        InputError: the file holds another record, or one that cannot be read as this version.
    """

    def __init__(self, container: Container, version: SchemaVersion) -> None:
        name = str(container.schema.get("name", "")).rpartition(".")[2]
        if name != version.record:
            raise InputError(f"{container.path}: holds records {name}, not {version.record}")
        self._container = container
        self._version = version
        try:
            self._writer = parse_plain(container.schema)
            self._header = single_object_header(fingerprint_of(container.schema))
        except SchemaError as error:
            raise InputError(f"{container.path}: {error}") from None
        self._layout = layout_of(container.schema)
        self._reader_layout = version.layout or ()
        if self._layout is not None:
            self._flat_header = header_bytes(_flat(version.record, self._layout), NULL_CODEC, _SYNC)

    def rows(self) -> Iterator[Rows]:
        """The blocks' records, in file order.

        Raises:
            InputError: a block is broken; the text names the file, the block and its position.
        """
        for block, payload in self._container.payloads():
            if block.count:
                rows = self._by_columns(block, payload)
                yield self._by_record(block, payload) if rows is None else rows

    def _by_columns(self, block: Block, payload: bytes) -> Rows | None:
        if self._layout is None or not _resolves(self._layout, self._reader_layout):
            return None
        parts = (varint(block.count), varint(len(payload)), payload, _SYNC)
        try:
            raw = pl.read_avro(io.BytesIO(b"".join((self._flat_header, *parts))))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None
        if raw.height != block.count:
            return None
        before: dict[str, Int64Array] = {}
        at = np.zeros(block.count, np.int64)
        for column in self._layout:
            before[column.name] = at
            at = at + _sizes(raw[column.name], column)
        if int(at.sum()) != len(payload):
            return None
        frame = _resolved(raw, self._layout, self._reader_layout)
        if frame is None:
            return None
        ends = np.cumsum(at)
        starts = ends - at
        times_at = np.stack([starts + before[name] for name in _TIMES])
        return Rows(frame, payload, starts, ends, times_at, self._header)

    def _by_record(self, block: Block, payload: bytes) -> Rows:
        stream = io.BytesIO(payload)
        reader = self._version.plain
        ends, records, times_at = [], [], []
        time_fields = self._time_prefixes()
        for _ in range(block.count):
            start = stream.tell()
            try:
                records.append(fastavro.schemaless_reader(stream, self._writer, reader))
                ends.append(stream.tell())
                times_at.append([_end_of(payload, start, prefix) for prefix in time_fields])
            except Exception:  # noqa: BLE001 (fastavro raises whatever a broken body leads it to)
                break
        if len(ends) < block.count or ends[-1] != len(payload):
            raise self._container.broken(
                block.number, block.position, f"has a broken record (number {len(ends) + 1})"
            )
        schema = {column.name: column.dtype for column in self._reader_layout}
        try:
            frame = pl.DataFrame(records, schema=schema, orient="row")
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            raise self._container.broken(
                block.number, block.position, f"does not fit {self._version.record}"
            ) from None
        ends_at = np.array(ends, np.int64)
        return Rows(
            frame,
            payload,
            np.concatenate([[0], ends_at[:-1]]),
            ends_at,
            np.array(times_at, np.int64).T,
            self._header,
        )

    def _time_prefixes(self) -> list[Any]:
        """For each time, a record schema of the fields before it: reading it finds the time's place."""
        fields = self._container.schema["fields"]
        names = [field["name"] for field in fields]
        if not set(_TIMES) <= set(names):
            raise InputError(f"{self._container.path}: records lack occurred_at or recorded_at")
        return [
            parse_plain({**self._container.schema, "fields": fields[: names.index(name)]})
            for name in _TIMES
        ]


def _end_of(payload: bytes, start: int, prefix: Any) -> int:
    stream = io.BytesIO(payload)
    stream.seek(start)
    fastavro.schemaless_reader(stream, prefix, None)
    return stream.tell()


def _after_varint(payload: bytes, at: int) -> int:
    while payload[at] & 0x80:
        at += 1
    return at + 1


def _flat(record: str, layout: Layout) -> dict[str, Any]:
    """The same bytes under a schema without names: an enum travels as an int."""
    fields = []
    for column in layout:
        kind: Any = "int" if column.kind is Kind.ENUM else column.kind.value
        if column.null_branch is not None:
            kind = ["null", kind] if column.null_branch == 0 else [kind, "null"]
        fields.append({"name": column.name, "type": kind})
    return {"type": "record", "name": record, "fields": fields}


def _sizes(values: pl.Series, column: Column) -> Int64Array:
    """Bytes of each value in Avro's shortest form, shape (n,)."""
    branch = 0 if column.null_branch is None else 1
    nulls = values.is_null().to_numpy() if branch else None
    if column.kind is Kind.STRING:
        lengths = values.str.len_bytes().fill_null(0).to_numpy().astype(np.int64)
        sizes = lengths + varint_sizes(lengths)
    elif column.kind in _NUMBERS:
        sizes = varint_sizes(values.fill_null(0).to_numpy().astype(np.int64))
    else:
        sizes = np.ones(len(values), np.int64)
    if nulls is not None:
        sizes = np.where(nulls, 0, sizes)
    return sizes + branch


def _resolves(writer: Layout, reader: Layout) -> bool:
    """Whether columns of the writer can be taken over by name, kind by kind."""
    by_name = {column.name: column for column in writer}
    for target in reader:
        source = by_name.get(target.name)
        if source is None:
            if not target.has_default:
                return False
        elif source.kind is not target.kind and (source.kind, target.kind) != (
            Kind.INT,
            Kind.LONG,
        ):
            return False
    return set(_TIMES) <= by_name.keys()


def _resolved(raw: pl.DataFrame, writer: Layout, reader: Layout) -> pl.DataFrame | None:
    by_name = {column.name: column for column in writer}
    columns = []
    for target in reader:
        source = by_name.get(target.name)
        if source is None:
            columns.append(_default(target, raw.height))
            continue
        values = raw[target.name]
        if target.kind is Kind.ENUM:
            codes = _reader_codes(values, source, target)
            if codes is None:
                return None
            values = codes.cat.to(target.dtype)
        else:
            values = values.cast(target.dtype)
        if target.null_branch is None and values.null_count():
            return None
        columns.append(values.alias(target.name))
    return pl.DataFrame(columns)


def _reader_codes(codes: pl.Series, source: Column, target: Column) -> pl.Series | None:
    """Enum codes of the writer as codes of the reader; `None` if one has no meaning."""
    low, high = codes.min(), codes.max()
    if low is None:
        return codes.cast(pl.UInt32)
    if not (isinstance(low, int) and isinstance(high, int)):
        return None
    if low < 0 or high >= len(source.symbols):
        return None
    if source.symbols != target.symbols:
        place = {symbol: code for code, symbol in enumerate(target.symbols)}
        unknown = None if target.fallback is None else place[target.fallback]
        table = pl.Series([place.get(s, unknown) for s in source.symbols], dtype=pl.UInt32)
        was_null = codes.null_count()
        codes = table.gather(codes.cast(pl.UInt32))
        if codes.null_count() != was_null:
            return None
    return codes.cast(pl.UInt32)


def _default(column: Column, count: int) -> pl.Series:
    """A column that holds its default in every row."""
    return pl.Series(column.name, [column.default], dtype=column.dtype).new_from_index(0, count)
