"""Avro bodies of one writer's schema -> the reader's columns (pure).

Only what is certain is accepted here: a record is good if each field is written in its shortest form
and in range, the last field ends exactly where the record ends, its texts are UTF-8, and
`streams.validity` finds no fault. Whatever is flagged, the strict record-by-record reader
(`streams.recordwise`) judges.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import polars as pl

from streams.errors import SchemaError
from streams.event_columns import EventColumns, FrameColumns, ScannedColumns
from streams.layout import Column, Kind, Layout
from streams.lockstep import Bools, Int64s, Joined, Lockstep, Scanned
from streams.texts import are_sound
from streams.validity import faults_of

_RECORD: Final = "@record"
_LENGTH: Final = "@length"
_PRESENT: Final = "@present"


class ColumnarReader:
    """Reads bodies of one writer's layout into columns of a reader's.

    Args:
        writer: layout in which the bodies are written.
        reader: layout of the columns; it must be able to read `writer` (`streams.compatibility`).

    Raises:
        SchemaError: an enum of the writer has symbols that the reader cannot take.
    """

    def __init__(self, writer: Layout, reader: Layout) -> None:
        self._writer = writer
        self._reader = reader
        by_name = {column.name: column for column in writer}
        self._tables = {
            target.name: _code_table(by_name[target.name], target)
            for target in reader
            if target.kind is Kind.ENUM and target.name in by_name
        }
        self._kept = [column for column in reader if column.name in by_name]
        self._made = {column.name: _expression(column) for column in self._kept}
        self._filled = [
            pl.lit(column.default, dtype=column.dtype).alias(column.name)
            for column in reader
            if column.name not in by_name
        ]
        self._texts = [
            pl.col(column.name).cast(pl.String)
            for column in self._kept
            if column.kind is Kind.STRING
        ]
        self._order = [column.name for column in reader]
        self._columns = {column.name: column for column in self._kept}

    def decode(self, joined: Joined, rows: Int64s, body_at: int) -> tuple[EventColumns, Bools]:
        """Decode the records that are certainly good.

        Args:
            joined: the slice.
            rows: ascending indices of the records to read, each of at least `body_at` bytes.
            body_at: bytes of framing before each body.

        Returns:
            The reader's columns, and which of `rows` they are of (flags).
        """
        state = Lockstep(joined, rows, body_at)
        scanned = {column.name: state.read(column) for column in self._writer}
        state.finish()
        for target in self._kept:
            self._resolve(state, target, scanned[target.name])
        good = ~state.bad
        starts = state.starts
        if state.bad.any():
            kept = np.flatnonzero(good)
            rows, starts = rows.take(kept), starts.take(kept)
            scanned = {name: _chosen(field, kept) for name, field in scanned.items()}
        if all(_is_plain(joined, scanned[column.name]) for column in self._kept):
            whole = partial(self._whole, joined, scanned, starts, rows)
            columns = ScannedColumns(
                joined.buffer, self._columns, scanned, height=len(rows), whole=whole
            )
            return columns, good
        frame, not_text = self._with_texts(self._raw(joined, scanned, starts, rows))
        if not_text is not None:
            good[np.flatnonzero(good)[not_text]] = False
        return FrameColumns(frame), good

    def _whole(
        self, joined: Joined, scanned: dict[str, Scanned], starts: Int64s, rows: Int64s
    ) -> pl.DataFrame:
        return self._with_texts(self._raw(joined, scanned, starts, rows))[0]

    def _resolve(self, state: Lockstep, target: Column, field: Scanned) -> None:
        """From the writer's codes to the reader's; flag what `streams.validity` refuses."""
        table = self._tables.get(target.name)
        if table is not None:
            field.values = table[np.clip(field.values, 0, len(table) - 1)]
        faults = faults_of(target, field.values, field.lengths, field.present)
        if faults is not None:
            state.bad |= faults

    def _raw(
        self, joined: Joined, scanned: dict[str, Scanned], starts: Int64s, rows: Int64s
    ) -> pl.DataFrame:
        """The reader's columns, with texts as binary still."""
        records = joined.records
        table = [(records if len(rows) == len(records) else records.gather(rows)).alias(_RECORD)]
        wanted: list[pl.Expr] = []
        for target in self._kept:
            field = scanned[target.name]
            values = field.values
            if field.lengths is not None:
                values = values - starts
                table.append(pl.Series(target.name + _LENGTH, field.lengths))
            elif target.kind is Kind.ENUM:
                values = values.astype(np.uint32)
            table.append(pl.Series(target.name, values))
            if field.present is not None:
                table.append(pl.Series(target.name + _PRESENT, field.present))
            wanted.append(self._made[target.name][field.present is not None])
        raw = pl.DataFrame(table)
        if not self._filled:
            return raw.select(wanted)
        return raw.with_columns(*wanted, *self._filled).select(self._order)

    def _with_texts(self, raw: pl.DataFrame) -> tuple[pl.DataFrame, Int64s | None]:
        """Binary as text, and the rows left out because a text of theirs is not UTF-8."""
        try:
            return raw.with_columns(self._texts), None
        except pl.exceptions.ComputeError:
            # Polars refuses a whole column for one text.
            sound = np.ones(len(raw), np.bool_)
            for target in self._kept:
                if target.kind is Kind.STRING:
                    sound &= _are_utf8(raw[target.name])
            return raw.filter(sound).with_columns(self._texts), np.flatnonzero(~sound)


def _is_plain(joined: Joined, field: Scanned) -> bool:
    lengths = field.lengths
    return lengths is None or are_sound(joined.buffer, joined.words, field.values, lengths)


def _chosen(field: Scanned, rows: Int64s) -> Scanned:
    return Scanned(
        field.values.take(rows),
        None if field.lengths is None else field.lengths.take(rows),
        None if field.present is None else field.present.take(rows),
    )


def _expression(column: Column) -> tuple[pl.Expr, pl.Expr]:
    """How the reader's column is made of the scanned one: where all are present, where some are null."""
    made = pl.col(column.name)
    if column.kind is Kind.STRING:
        made = pl.col(_RECORD).bin.slice(column.name, column.name + _LENGTH)
    elif column.kind is Kind.ENUM:
        made = made.cat.to(column.dtype)
    elif column.kind is not Kind.LONG:
        made = made.cast(column.dtype)
    with_nulls = pl.when(column.name + _PRESENT).then(made)
    return made.alias(column.name), with_nulls.alias(column.name)


def _code_table(source: Column, target: Column) -> Int64s | None:
    """Enum codes of the writer -> codes of the reader; `None` if they are the same.

    A symbol that the reader does not know takes the reader's default.

    Raises:
        SchemaError: it has none.
    """
    if source.symbols == target.symbols:
        return None
    code_of = {symbol: code for code, symbol in enumerate(target.symbols)}
    unknown = code_of.get(target.fallback or "", -1)
    table = np.array([code_of.get(symbol, unknown) for symbol in source.symbols], np.int64)
    if table.min(initial=0) < 0:
        raise SchemaError(f"{target.name}: {target.enum_name} lacks a symbol and has no default")
    return table


def _are_utf8(raw: pl.Series) -> Bools:
    try:
        raw.cast(pl.String)
    except pl.exceptions.ComputeError:
        return np.fromiter(map(_is_utf8, raw), np.bool_, len(raw))
    return np.ones(len(raw), np.bool_)


def _is_utf8(raw: bytes | None) -> bool:
    try:
        (raw or b"").decode()
    except UnicodeDecodeError:
        return False
    return True
