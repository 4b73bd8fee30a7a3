"""Reads the two kinds of files that objectives are kept in: sheets (CSV) and tables (TOML) (pure).

A sheet is UTF-8 text: `#` begins a line of comment, the first other line is the head, and `;` or `,`
separates, whichever the head uses. Whatever is wrong is told by file, line and column (or field).

Numbers in a sheet are written as French spreadsheets do or as programs do: a count is whole, with spaces
between groups of three or without (`1 234`); a ratio has a comma or a point (`0,7636`) or is a
percentage (`76,36 %`). A count with a comma or point is refused, for nobody knows whether `1.234` is a
thousand.
"""

from __future__ import annotations

import csv
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SPACES: Final = str.maketrans("\u00a0\u202f\u2009", "   ")
# Bounded, because no number of a region has more digits, and Python refuses those of thousands.
_COUNT: Final = re.compile(r"[0-9]{1,20}|[0-9]{1,3}( [0-9]{3}){1,6}")
_RATIO: Final = re.compile(r"([0-9]{1,20})(?:[.,]([0-9]{1,20}))?( ?%)?")
COUNT_MAX: Final = 10**15
"""Beyond any count of a region, and exact as a floating-point number."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet.

    Attributes:
        where: `file, line 3`, for error texts.
        cells: text by column, stripped; empty cells are empty texts.
    """

    where: str
    cells: Mapping[str, str]

    def error(self, column: str, text: str) -> InputError:
        """An error in one cell."""
        return InputError(f"{self.where}: {column}: {text}")

    def text(self, column: str) -> str:
        """A cell that must not be empty."""
        value = self.cells[column]
        if not value:
            raise self.error(column, "is empty")
        return value

    def count(self, column: str) -> int | None:
        """A whole number, or `None` for an empty cell."""
        text = self.cells[column].translate(_SPACES)
        if not text:
            return None
        if not _COUNT.fullmatch(text):
            raise self.error(column, f"{text!r} is no whole number such as 1234 or 1 234")
        value = int(text.replace(" ", ""))
        if value > COUNT_MAX:
            raise self.error(column, f"{text} is beyond any count")
        return value

    def ratio(self, column: str) -> Ratio | None:
        """A ratio from 0 to 1, or `None` for an empty cell."""
        text = self.cells[column].translate(_SPACES)
        if not text:
            return None
        match = _RATIO.fullmatch(text)
        if match is None:
            raise self.error(column, f"{text!r} is no ratio such as 0,7636 or 76,36 %")
        whole, decimals, percent = match[1], match[2] or "", match[3]
        shift = 2 if percent else 0
        value = int(whole + decimals) / 10 ** (len(decimals) + shift)
        if value > 1:
            hint = "" if percent else f"; for a percentage write {text} %"
            raise self.error(column, f"{text} is more than the whole{hint}")
        return Ratio(value, 0.5 / 10 ** (len(decimals) + shift))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio as it was written.

    Attributes:
        value: from 0 to 1.
        rounding: by how much rounding may have moved it.
    """

    value: float
    rounding: float

    def fits(self, numerator: int, denominator: int) -> bool:
        """Whether it can be the rounded quotient."""
        return abs(numerator / denominator - self.value) <= self.rounding * (1 + 1e-9)


def read_sheet(text: str, name: str, columns: Sequence[str]) -> Iterator[Line]:
    """The lines of a sheet below its head.

    Args:
        text: the file's content.
        name: how the file is called in error texts.
        columns: those that the head must have, in any order, and no other.

    Raises:
        InputError: naming line and column.
    """
    return _lines(text, name, columns)


def read_open_sheet(text: str, name: str) -> tuple[tuple[str, ...], list[Line]]:
    """As `read_sheet`, of columns that the head says: the columns in their order, and the lines."""
    lines = list(_lines(text, name, None))
    return (tuple(lines[0].cells) if lines else ()), lines


def _lines(text: str, name: str, columns: Sequence[str] | None) -> Iterator[Line]:
    rows = text.removeprefix("\ufeff").splitlines()
    numbers = [
        number
        for number, row in enumerate(rows, 1)
        if row.strip(" ;,\t") and not row.lstrip().startswith("#")
    ]
    if not numbers:
        raise InputError(f"{name}: is empty; its head must be {';'.join(columns or ())}")
    head_row = rows[numbers[0] - 1]
    separator = ";" if ";" in head_row else ","
    where = f"{name}, line {numbers[0]}"
    head = _split(head_row, separator, where)
    _check_head(head, columns, where)
    for number in numbers[1:]:
        where = f"{name}, line {number}"
        cells = _split(rows[number - 1], separator, where)
        # A spreadsheet may leave separators behind the last column.
        while len(cells) > len(head) and not cells[-1]:
            cells.pop()
        if len(cells) != len(head):
            hint = ""
            if separator == "," and len(cells) > len(head):
                hint = "; with commas between cells, a number with a comma needs quotes"
            raise InputError(f"{where}: has {len(cells)} cells, the head has {len(head)}{hint}")
        yield Line(where, dict(zip(head, cells, strict=True)))


def _split(row: str, separator: str, where: str) -> list[str]:
    try:
        [cells] = csv.reader([row], delimiter=separator, strict=True)
    except (csv.Error, ValueError):
        raise InputError(f"{where}: a quote is not closed") from None
    return [cell.strip() for cell in cells]


def _check_head(head: list[str], columns: Sequence[str] | None, where: str) -> None:
    for column in head:
        if not column:
            raise InputError(f"{where}: a column has no name")
        if head.count(column) > 1:
            raise InputError(f"{where}: {column}: stands twice in the head")
        if columns is not None and column not in columns:
            raise InputError(f"{where}: {column}: no such column; known are {', '.join(columns)}")
    for column in columns or ():
        if column not in head:
            raise InputError(f"{where}: {column}: is missing in the head")


@dataclass(frozen=True, slots=True)
class Table:
    """One `[[…]]` table of a TOML file.

    Attributes:
        name: of the file.
        line: of its header.
        values: as TOML has them.
        field_lines: line of each field.
    """

    name: str
    line: int
    values: Mapping[str, Any]
    field_lines: Mapping[str, int] = field(default_factory=dict)

    def error(self, key: str, text: str) -> InputError:
        """An error in one field, told with the field's own line where it has one."""
        line = self.field_lines.get(key, self.line)
        return InputError(f"{self.name}, line {line}: {key}: {text}")


def read_tables(text: str, name: str, kinds: Sequence[str]) -> dict[str, list[Table]]:
    """The `[[kind]]` tables of a TOML file, by kind and in order.

    Raises:
        InputError: the file is no TOML, or holds something else.
    """
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is none of tomllib's own
        raise InputError(f"{name}: {error}") from None
    except RecursionError:
        raise InputError(f"{name}: brackets are nested too deeply") from None
    for kind, tables in content.items():
        if kind not in kinds:
            known = " or ".join(f"[[{one}]]" for one in kinds)
            raise InputError(f"{name}: {kind!r} is not known; all stands under {known}")
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise InputError(f"{name}: {kind}: stands under [[{kind}]]")
    places = _places(text, kinds)
    read: dict[str, list[Table]] = {}
    for kind in kinds:
        tables = content.get(kind, [])
        if len(tables) != len(places[kind]):
            raise InputError(f"{name}: each {kind} begins with a line [[{kind}]]")
        read[kind] = [
            Table(name, line, values, fields)
            for values, (line, fields) in zip(tables, places[kind], strict=True)
        ]
    return read


_HEADER: Final = re.compile(r"\s*\[\[\s*([a-z_]+)\s*\]\]\s*(#.*)?")
_FIELD: Final = re.compile(r"([a-z_]+)\s*=")


def _places(text: str, kinds: Sequence[str]) -> dict[str, list[tuple[int, dict[str, int]]]]:
    places: dict[str, list[tuple[int, dict[str, int]]]] = {kind: [] for kind in kinds}
    fields: dict[str, int] = {}
    for number, row in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(row)
        if header is not None and header[1] in places:
            fields = {}
            places[header[1]].append((number, fields))
        elif match := _FIELD.match(row):
            fields.setdefault(match[1], number)
    return places
