"""Reference tables: how many there are of what an objective counts (pure).

`references.toml` describes the tables, one sheet each:

    [[table]]
    id = "esms"
    fichier = "esms.csv"
    lignes = "departement"        # what a line is: departement, territoire, categorie, couloir or groupe
    total = "REGION"              # the line that states the sums of all others; left out: none does
    sommes = ["TOTAL = PA + PH"]  # columns that state a sum of others, line by line
    libelle = "…"                 # what is counted, in French
    label = "…"                   # and in English
    date = 2024-12-31             # day that the figures describe
    citation = "…"

A table that contradicts a sum that it states itself is refused: a denominator is not guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from agents.objectives.sheets import read_open_sheet, read_tables
from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agents.objectives.sheets import Line, Table

LINE_KINDS: Final = ("departement", "territoire", "categorie", "couloir", "groupe")
_REQUIRED: Final = ("id", "fichier", "lignes", "libelle", "label", "date", "citation")
_OPTIONAL: Final = ("total", "sommes")
_SUM: Final = re.compile(r"\s*(\w+)\s*=\s*(\w+(?:\s*\+\s*\w+)*)\s*")


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """One table of whole numbers.

    Attributes:
        id: of the table.
        lines_are: one of `LINE_KINDS`.
        columns: in the sheet's order.
        cells: number by line and column; without the line of totals.
        label_fr: what is counted.
        label_en: the same.
        as_of: day that the figures describe.
        citation: where they come from.
    """

    id: str
    lines_are: str
    columns: tuple[str, ...]
    cells: Mapping[str, Mapping[str, int]]
    label_fr: str
    label_en: str
    as_of: date
    citation: str

    def by_line(self, columns: Sequence[str]) -> dict[str, int]:
        """Sum of some columns, for each line."""
        return {name: sum(row[c] for c in columns) for name, row in self.cells.items()}

    def by_column(self, line: str | None = None) -> dict[str, int]:
        """Each column's sum over all lines, or its number in one line."""
        rows = list(self.cells.values()) if line is None else [self.cells[line]]
        return {column: sum(row[column] for row in rows) for column in self.columns}

    def total(self, columns: Sequence[str]) -> int:
        """Sum of some columns over all lines."""
        return sum(self.by_line(columns).values())


def read_references(text: str, name: str, sheet: Callable[[str], str]) -> dict[str, ReferenceTable]:
    """Read and check every table.

    Args:
        text: content of the file that describes them.
        name: how it is called in error texts.
        sheet: gives the content of a sheet by its file name; may raise `OSError`.

    Raises:
        InputError: naming file, line and column or field.
    """
    tables: dict[str, ReferenceTable] = {}
    for table in read_tables(text, name, ("table",))["table"]:
        one = _read(table, sheet)
        if one.id in tables:
            raise table.error("id", f"{one.id} stands twice")
        tables[one.id] = one
    return tables


def _read(table: Table, sheet: Callable[[str], str]) -> ReferenceTable:
    _known_fields(table)
    lines_are = _text(table, "lignes")
    if lines_are not in LINE_KINDS:
        raise table.error("lignes", f"must be one of {', '.join(LINE_KINDS)}")
    file_name = _text(table, "fichier")
    try:
        content = sheet(file_name)
    except OSError as error:
        raise table.error("fichier", f"{file_name}: {error.strerror}") from None
    head, lines = read_open_sheet(content, file_name)
    if len(head) < 2 or head[0] != lines_are:  # noqa: PLR2004  names and numbers
        raise InputError(f"{file_name}: its first column must be {lines_are}, then the numbers")
    columns = head[1:]
    rows = _rows(lines, lines_are, columns)
    _check_sums(table, lines, rows, columns)
    total = table.values.get("total")
    if total is not None:
        _check_total(table, str(total), lines, rows, columns)
        del rows[str(total)]
    if not rows:
        raise InputError(f"{file_name}: has no line")
    when = table.values["date"]
    if not isinstance(when, date) or isinstance(when, datetime):
        raise table.error("date", "must be a day such as 2024-12-31")
    return ReferenceTable(
        id=_text(table, "id"),
        lines_are=lines_are,
        columns=columns,
        cells=rows,
        label_fr=_text(table, "libelle"),
        label_en=_text(table, "label"),
        as_of=when,
        citation=_text(table, "citation"),
    )


def _known_fields(table: Table) -> None:
    for key in table.values:
        if key not in (*_REQUIRED, *_OPTIONAL):
            known = ", ".join((*_REQUIRED, *_OPTIONAL))
            raise table.error(key, f"no such field; known are {known}")
    for key in _REQUIRED:
        if key not in table.values:
            raise table.error(key, "is missing")


def _text(table: Table, key: str) -> str:
    value: Any = table.values[key]
    if not isinstance(value, str) or not value.strip():
        raise table.error(key, "must be a text")
    return value.strip()


def _rows(
    lines: Sequence[Line], lines_are: str, columns: Sequence[str]
) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for line in lines:
        name = line.text(lines_are)
        if name in rows:
            raise line.error(lines_are, f"{name} stands twice")
        row = {column: line.count(column) for column in columns}
        # A dash or nothing would be a guess: none is written as 0.
        empty = next((column for column, value in row.items() if value is None), None)
        if empty is not None:
            raise line.error(empty, "is empty; none is written as 0")
        rows[name] = {column: value for column, value in row.items() if value is not None}
    return rows


def _check_sums(
    table: Table,
    lines: Sequence[Line],
    rows: Mapping[str, Mapping[str, int]],
    columns: Sequence[str],
) -> None:
    sums = table.values.get("sommes", [])
    if not isinstance(sums, list):
        raise table.error("sommes", 'must be a list such as ["TOTAL = PA + PH"]')
    for text in sums:
        match = _SUM.fullmatch(str(text))
        if match is None:
            raise table.error("sommes", f"{text!r} is no sum such as TOTAL = PA + PH")
        stated, parts = match[1], [part.strip() for part in match[2].split("+")]
        for column in (stated, *parts):
            if column not in columns:
                raise table.error("sommes", f"{column}: no such column")
        for line, row in zip(lines, rows.values(), strict=True):
            found = sum(row[part] for part in parts)
            if row[stated] != found:
                raise line.error(stated, f"{row[stated]} is stated, {match[2].strip()} is {found}")


def _check_total(
    table: Table,
    total: str,
    lines: Sequence[Line],
    rows: Mapping[str, Mapping[str, int]],
    columns: Sequence[str],
) -> None:
    if total not in rows:
        raise table.error("total", f"{total}: no such line")
    [line] = [line for line, name in zip(lines, rows, strict=True) if name == total]
    for column in columns:
        found = sum(row[column] for name, row in rows.items() if name != total)
        if rows[total][column] != found:
            raise line.error(column, f"{rows[total][column]} is stated, the lines come to {found}")
