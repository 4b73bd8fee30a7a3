"""The columns of decoded events, each made only when somebody asks for it (pure).

Of thirty columns a worker reads a dozen, most of them as numbers and none as a table; a query to polars
costs 0.1 ms, whatever the number of its rows. So decoded events are what the decoder has at hand, and
the frame of all columns is for those who want one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from streams.layout import Kind
from streams.texts import TextsWithin, WrittenTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.layout import Column
    from streams.lockstep import Int64s, Scanned
    from streams.texts import Texts


class EventColumns(ABC):
    """n events, in the order in which they came."""

    @staticmethod
    def of(events: EventColumns | pl.DataFrame) -> EventColumns:
        """The columns of events that may be a frame."""
        return FrameColumns(events) if isinstance(events, pl.DataFrame) else events

    @property
    @abstractmethod
    def frame(self) -> pl.DataFrame:
        """All columns of `Schemas.frame_schema`, as a frame."""

    @property
    @abstractmethod
    def height(self) -> int:
        """How many events there are."""

    @abstractmethod
    def texts(self, name: str) -> Texts:
        """A column of texts."""

    @abstractmethod
    def numbers(self, name: str, null: int = 0) -> Int64s:
        """A column of numbers, of flags as 0 and 1, or of an enum as positions of its symbols.

        Args:
            name: the column.
            null: stands for what is null.
        """

    @abstractmethod
    def symbols(self, name: str) -> tuple[str, ...]:
        """The symbols of an enum column."""

    @abstractmethod
    def take(self, rows: Int64s) -> EventColumns:
        """Some of the events."""


class FrameColumns(EventColumns):
    """Events that are a frame already.

    Args:
        frame: the events.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._numbers: dict[str, tuple[Int64s, Int64s | None]] = {}
        self._texts: dict[str, WrittenTexts] = {}

    @property
    def frame(self) -> pl.DataFrame:
        """See `EventColumns`."""
        return self._frame

    @property
    def height(self) -> int:
        """See `EventColumns`."""
        return self._frame.height

    def texts(self, name: str) -> Texts:
        """See `EventColumns`."""
        if name not in self._texts:
            self._texts[name] = WrittenTexts(self._frame[name])
        return self._texts[name]

    def numbers(self, name: str, null: int = 0) -> Int64s:
        """See `EventColumns`."""
        if name not in self._numbers:
            column = self._frame[name]
            if isinstance(column.dtype, pl.Enum):
                column = column.to_physical()
            absent: Int64s | None = None
            if column.null_count():
                absent = np.flatnonzero(column.is_null().to_numpy())
                column = column.cast(pl.Int64).fill_null(0)
            # By numpy, because every query to polars costs 0.1 ms.
            self._numbers[name] = column.to_numpy().astype(np.int64, copy=False), absent
        values, absent = self._numbers[name]
        if absent is not None and null:
            values = values.copy()
            values[absent] = null
        return values

    def symbols(self, name: str) -> tuple[str, ...]:
        """See `EventColumns`."""
        words: list[str] = self._frame[name].dtype.categories.to_list()  # type: ignore[attr-defined]  # an enum's dtype
        return tuple(words)

    def take(self, rows: Int64s) -> FrameColumns:
        """See `EventColumns`."""
        return FrameColumns(self._frame[rows])


class ScannedColumns(EventColumns):
    """Events as the decoder read them, with texts where they lie.

    Args:
        buffer: in which the texts lie, all of them sound UTF-8; ends with `streams.lockstep.PADDING`.
        columns: those of the reader that were read, by name.
        scanned: what was read.
        height: how many events there are.
        whole: makes the frame.
        rows: those of the events that are meant; `None` for all.
    """

    def __init__(
        self,
        buffer: bytes,
        columns: Mapping[str, Column],
        scanned: Mapping[str, Scanned],
        *,
        height: int,
        whole: Callable[[], pl.DataFrame],
        rows: Int64s | None = None,
    ) -> None:
        self._buffer = buffer
        self._columns, self._scanned = columns, scanned
        self._height = height
        self._whole = whole
        self._rows = rows
        self._texts: dict[str, Texts] = {}

    @cached_property
    def frame(self) -> pl.DataFrame:
        """See `EventColumns`."""
        return self._whole() if self._rows is None else self._whole()[self._rows]

    @property
    def height(self) -> int:
        """See `EventColumns`."""
        return self._height if self._rows is None else len(self._rows)

    def texts(self, name: str) -> Texts:
        """See `EventColumns`."""
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = self._found_texts(name)
        return found

    def _found_texts(self, name: str) -> Texts:
        field = self._scanned.get(name)
        if field is None or field.lengths is None:
            return WrittenTexts(self.frame[name])
        texts = TextsWithin(self._buffer, field.values, field.lengths, field.present)
        return texts if self._rows is None else texts.take(self._rows)

    def numbers(self, name: str, null: int = 0) -> Int64s:
        """See `EventColumns`."""
        field = self._scanned.get(name)
        if field is None:
            return FrameColumns(self.frame).numbers(name, null)
        values = field.values
        if field.present is not None:
            values = np.where(field.present, values, null)
        return values if self._rows is None else values[self._rows]

    def symbols(self, name: str) -> tuple[str, ...]:
        """See `EventColumns`."""
        column = self._columns.get(name)
        if column is None or column.kind is not Kind.ENUM:
            return FrameColumns(self.frame).symbols(name)
        return column.symbols

    def take(self, rows: Int64s) -> ScannedColumns:
        """See `EventColumns`."""
        own = rows if self._rows is None else self._rows[rows]
        taken = ScannedColumns(
            self._buffer,
            self._columns,
            self._scanned,
            height=self._height,
            whole=self._whole,
            rows=own,
        )
        taken._texts = {name: texts.take(rows) for name, texts in self._texts.items()}
        return taken
