"""Bodies of a flat record <-> columns: read in Rust, measured, resolved to the reader (pure).

What is read here has no names: an enum travels as the int that it is on the wire, so that neither a
type used twice nor an enum that may be null stands in the decoder's way.
"""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from simulators.container import NULL_CODEC, SYNC_BYTES, header_bytes
from simulators.encode import varint, varint_sizes
from streams.layout import Column, Kind, Layout

Int64Array = npt.NDArray[np.int64]

_SYNC: Final = bytes(SYNC_BYTES)


class FlatReader:
    """Reads bodies of a writer's layout.

    Args:
        writer: layout in which the bodies are written.
        reader: layout of the frames given back.
    """

    def __init__(self, writer: Layout, reader: Layout) -> None:
        self._writer = writer
        self._reader = reader
        self._header = header_bytes(_nameless(writer), NULL_CODEC, _SYNC)
        self.is_possible = _resolves(writer, reader)

    def read(self, count: int, payload: bytes) -> tuple[pl.DataFrame, dict[str, Int64Array]] | None:
        """Read `count` bodies that lie one after the other.

        Returns:
            The reader's columns, and where each field of each body begins in `payload` by the writer's
            names, with `""` for the bodies' ends; `None` if anything about the bytes is unusual.
        """
        parts = (self._header, varint(count), varint(len(payload)), payload, _SYNC)
        try:
            raw = pl.read_avro(io.BytesIO(b"".join(parts)))
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None
        if raw.height != count:
            return None
        within: dict[str, Int64Array] = {}
        size = np.zeros(count, np.int64)
        for name, sizes in _sizes(raw, self._writer).items():
            within[name] = size
            size = size + sizes
        if int(size.sum()) != len(payload):
            return None
        frame = _resolved(raw, self._writer, self._reader)
        if frame is None:
            return None
        ends = np.cumsum(size)
        starts = ends - size
        return frame, {**{name: starts + at for name, at in within.items()}, "": ends}


def _nameless(layout: Layout) -> dict[str, Any]:
    """The same bytes under a schema without names: an enum travels as an int."""
    fields = []
    for column in layout:
        kind: Any = "int" if column.kind is Kind.ENUM else column.kind.value
        if column.null_branch is not None:
            kind = ["null", kind] if column.null_branch == 0 else [kind, "null"]
        fields.append({"name": column.name, "type": kind})
    return {"type": "record", "name": "Row", "fields": fields}


def _sizes(raw: pl.DataFrame, layout: Layout) -> dict[str, Int64Array | int]:
    """Bytes of each column's values in Avro's shortest form: one number if all are equal, else (n,)."""
    # Two queries for all columns: a query costs more than the few thousand values of a block.
    numbers = raw.select(
        pl.col(c.name).str.len_bytes() if c.kind is Kind.STRING else pl.col(c.name)
        for c in layout
        if c.kind is not Kind.BOOLEAN
    )
    lows, highs = numbers.min().row(0, named=True), numbers.max().row(0, named=True)
    return {
        c.name: _with_branch(
            raw[c.name],
            c,
            1
            if c.kind is Kind.BOOLEAN or lows[c.name] is None
            else _number_sizes(numbers[c.name], c, lows[c.name], highs[c.name]),
        )
        for c in layout
    }


def _number_sizes(numbers: pl.Series, column: Column, low: int, high: int) -> Int64Array | int:
    shortest, longest = varint_sizes(np.array([low, high], np.int64)).tolist()
    is_text = column.kind is Kind.STRING
    # Of numbers on both sides of zero, those in the middle are shorter than either end.
    if shortest == longest and not low < 0 < high and (low == high or not is_text):
        return int(shortest + low if is_text else shortest)
    filled = numbers.fill_null(0).to_numpy().astype(np.int64)
    sizes = varint_sizes(filled)
    return sizes + filled if is_text else sizes


def _with_branch(values: pl.Series, column: Column, sizes: Int64Array | int) -> Int64Array | int:
    if column.null_branch is None:
        return sizes
    if values.null_count():
        sizes = np.where(values.is_null().to_numpy(), 0, sizes)
    return sizes + 1


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
    return True


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
