from __future__ import annotations

import pytest

from agents.objectives.sheets import Line, read_open_sheet, read_sheet, read_tables
from streams.errors import InputError

COLUMNS = ("nom", "nombre")


def lines(text: str) -> list[dict[str, str]]:
    return [dict(line.cells) for line in read_sheet(text, "f.csv", COLUMNS)]


def cell(text: str) -> Line:
    return Line("f.csv, line 2", {"c": text})


@pytest.mark.parametrize("text", ["nom;nombre\na;1\n", "nom,nombre\na,1\n", "nombre;nom\n1;a"])
def test_the_head_says_what_separates_and_in_which_order(text: str) -> None:
    assert lines(text) == [{"nom": "a", "nombre": "1"}]


def test_comments_empty_lines_and_a_byte_order_mark_are_passed_over() -> None:
    assert lines("\ufeff# un mot\n\nnom;nombre\n;\n# encore\na;1\n") == [
        {"nom": "a", "nombre": "1"}
    ]


def test_separators_behind_the_last_column_are_what_spreadsheets_leave() -> None:
    assert lines("nom;nombre\na;1;;\n") == [{"nom": "a", "nombre": "1"}]


def test_a_quoted_cell_may_hold_the_separator() -> None:
    assert lines('nom,nombre\n"a, b",1\n') == [{"nom": "a, b", "nombre": "1"}]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "f.csv: is empty; its head must be nom;nombre"),
        ("# rien\n", "f.csv: is empty; its head must be nom;nombre"),
        ("nom\na\n", "f.csv, line 1: nombre: is missing in the head"),
        ("nom;nombre;autre\n", "f.csv, line 1: autre: no such column; known are nom, nombre"),
        ("nom;nombre;nom\n", "f.csv, line 1: nom: stands twice in the head"),
        ("nom;nombre;;x\n", "f.csv, line 1: a column has no name"),
        ("nom;nombre\n\na;1;2\n", "f.csv, line 3: has 3 cells, the head has 2"),
        ("nom;nombre\na\n", "f.csv, line 2: has 1 cells, the head has 2"),
        (
            "nom,nombre\na,0,5\n",
            (
                "f.csv, line 2: has 3 cells, the head has 2; "
                "with commas between cells, a number with a comma needs quotes"
            ),
        ),
        ('nom;nombre\n"a;1\n', "f.csv, line 2: a quote is not closed"),
    ],
)
def test_a_wrong_line_is_told_by_its_number(text: str, error: str) -> None:
    with pytest.raises(InputError) as told:
        lines(text)
    assert str(told.value) == error


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("0", 0), ("1234", 1234), ("1 234", 1234), ("1\u202f234\u00a0567", 1_234_567)],
)
def test_a_count_is_whole_with_or_without_spaces(text: str, value: int | None) -> None:
    assert cell(text).count("c") == value


@pytest.mark.parametrize(
    "text", ["1,5", "1.234", "-3", "12 34", "1e3", "1_000", "٣", "²", "1" * 17]
)
def test_anything_else_is_no_count(text: str) -> None:
    with pytest.raises(InputError, match=r"f\.csv, line 2: c: "):
        cell(text).count("c")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,7636", 0.7636),
        ("0.7636", 0.7636),
        ("76,36 %", 0.7636),
        ("76.36%", 0.7636),
        ("66\u202f%", 0.66),
        ("1", 1.0),
        ("100 %", 1.0),
        ("0", 0.0),
    ],
)
def test_a_ratio_has_a_comma_or_a_point_or_is_a_percentage(text: str, value: float) -> None:
    ratio = cell(text).ratio("c")
    assert ratio is not None
    assert ratio.value == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("76,36", "76,36 is more than the whole; for a percentage write 76,36 %"),
        ("101 %", "101 % is more than the whole"),
        ("-0,5", "'-0,5' is no ratio such as 0,7636 or 76,36 %"),
        ("0,5,5", "'0,5,5' is no ratio such as 0,7636 or 76,36 %"),
        (",5", "',5' is no ratio such as 0,7636 or 76,36 %"),
        ("nan", "'nan' is no ratio such as 0,7636 or 76,36 %"),
    ],
)
def test_anything_else_is_no_ratio(text: str, error: str) -> None:
    with pytest.raises(InputError) as told:
        cell(text).ratio("c")
    assert str(told.value) == f"f.csv, line 2: c: {error}"


@pytest.mark.parametrize(
    ("text", "numerator", "fits"),
    [("76,36 %", 197, True), ("76,36 %", 198, False), ("76 %", 197, True), ("0,8", 197, True)],
)
def test_a_printed_ratio_fits_what_it_can_be_the_rounding_of(
    text: str, numerator: int, fits: bool
) -> None:
    ratio = cell(text).ratio("c")
    assert ratio is not None
    assert ratio.fits(numerator, 258) is fits


def test_an_empty_cell_that_is_needed_is_told() -> None:
    with pytest.raises(InputError, match="c: is empty"):
        cell("").text("c")


def test_an_open_sheet_tells_its_columns() -> None:
    columns, rows = read_open_sheet("a;b\n1;2\n", "f.csv")
    assert columns == ("a", "b")
    assert [row.count("b") for row in rows] == [2]


def test_a_field_of_a_table_is_told_with_its_own_line() -> None:
    [table] = read_tables('# mot\n[[sorte]]\nid = "a"\ncible = 3\n', "f.toml", ("sorte",))["sorte"]
    assert str(table.error("cible", "wrong")) == "f.toml, line 4: cible: wrong"
    assert str(table.error("autre", "is missing")) == "f.toml, line 2: autre: is missing"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a = ", "f.toml: "),
        ("[[autre]]\n", "f.toml: 'autre' is not known; all stands under \\[\\[sorte\\]\\]"),
        ("[sorte]\n", "f.toml: sorte: stands under \\[\\[sorte\\]\\]"),
        ("sorte = [{a=1}]\n", "f.toml: each sorte begins with a line \\[\\[sorte\\]\\]"),
    ],
)
def test_a_file_without_its_tables_is_told(text: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        read_tables(text, "f.toml", ("sorte",))
