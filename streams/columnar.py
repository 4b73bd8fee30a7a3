"""Avro bodies of one writer's schema -> a frame of the reader's columns (pure).

Only what is certain is accepted here: a record is good if each field is written in its shortest form
and in range, the last field ends exactly where the record ends, its texts are UTF-8, and
`streams.validity` finds no fault. Whatever is flagged, the strict record-by-record reader
(`streams.recordwise`) judges.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from streams.errors import SchemaError
from streams.layout import Column, Kind, Layout
from streams.lockstep import Bools, Int64s, Joined, Lockstep, Scanned
from streams.texts import EventTexts, TextsWithin, are_ascii
from streams.validity import faults_of

_RECORD: Final = "@record"
_LENGTH: Final = "@length"
_PRESENT: Final = "@present"


class ColumnarReader:
    """Reads bodies of one writer's layout into frames of a reader's.

    Args:
        writer: layout in which the bodies are written.
        reader: layout of the frames; it must be able to read `writer` (`streams.compatibility`).

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
        self._texts_apart = [c.name for c in self._kept if c.kind is Kind.STRING]
        self._numbers = [column for column in self._kept if column.kind is not Kind.STRING]

    def decode(self, joined: Joined, rows: Int64s, body_at: int) -> tuple[pl.DataFrame, Bools]:
        """Decode the records that are certainly good.

        Args:
            joined: the slice.
            rows: ascending indices of the records to read, each of at least `body_at` bytes.
            body_at: bytes of framing before each body.

        Returns:
            A frame with the reader's columns, and which of `rows` its rows are (flags).
        """
        scanned, starts, rows, good = self._scan(joined, rows, body_at)
        return self._whole(joined, scanned, starts, rows, good)

    def decode_apart(
        self, joined: Joined, rows: Int64s, body_at: int
    ) -> tuple[pl.DataFrame, EventTexts, Bools]:
        """As `decode`, but texts that are ASCII stay where they lie and out of the frame."""
        scanned, starts, rows, good = self._scan(joined, rows, body_at)
        texts = self._texts_within(joined, scanned) if self._numbers else None
        if texts is None:
            frame, good = self._whole(joined, scanned, starts, rows, good)
            return frame, EventTexts(frame), good
        frame = self._of_numbers(scanned)
        return frame, EventTexts(frame, texts), good

    def _scan(
        self, joined: Joined, rows: Int64s, body_at: int
    ) -> tuple[dict[str, Scanned], Int64s, Int64s, Bools]:
        """The fields of the records that are good, where they start, which they are, as flags too."""
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
        return scanned, starts, rows, good

    def _texts_within(
        self, joined: Joined, scanned: dict[str, Scanned]
    ) -> dict[str, TextsWithin] | None:
        """The texts where they lie; `None` if one of them is not plain."""
        texts = {}
        for name in self._texts_apart:
            field = scanned[name]
            lengths = field.lengths
            if lengths is None or not are_ascii(joined.buffer, joined.words, field.values, lengths):
                return None
            texts[name] = TextsWithin(joined.buffer, field.values, lengths, field.present)
        return texts

    def _of_numbers(self, scanned: dict[str, Scanned]) -> pl.DataFrame:
        """The reader's columns that are no texts."""
        table: list[pl.Series] = []
        wanted: list[pl.Expr] = []
        for target in self._numbers:
            self._add(table, wanted, target, scanned[target.name])
        raw = pl.DataFrame(table)
        return raw.select(wanted) if not self._filled else raw.select(*wanted, *self._filled)

    def _whole(
        self,
        joined: Joined,
        scanned: dict[str, Scanned],
        starts: Int64s,
        rows: Int64s,
        good: Bools,
    ) -> tuple[pl.DataFrame, Bools]:
        """All columns of the reader, and which records they are."""
        raw = self._raw(joined, scanned, starts, rows)
        frame, not_text = self._with_texts(raw)
        if not_text is not None:
            good[np.flatnonzero(good)[not_text]] = False
        return frame, good

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
            if field.lengths is not None:
                field = Scanned(field.values - starts, field.lengths, field.present)
            self._add(table, wanted, target, field)
        raw = pl.DataFrame(table)
        if not self._filled:
            return raw.select(wanted)
        return raw.with_columns(*wanted, *self._filled).select(self._order)

    def _add(
        self, table: list[pl.Series], wanted: list[pl.Expr], target: Column, field: Scanned
    ) -> None:
        """Add what a column is made of, and how."""
        values = field.values
        if target.kind is Kind.ENUM:
            values = values.astype(np.uint32)
        if field.lengths is not None:
            table.append(pl.Series(target.name + _LENGTH, field.lengths))
        table.append(pl.Series(target.name, values))
        if field.present is not None:
            table.append(pl.Series(target.name + _PRESENT, field.present))
        wanted.append(self._made[target.name][field.present is not None])

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
