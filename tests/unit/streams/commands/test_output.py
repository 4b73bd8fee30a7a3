from __future__ import annotations

from typing import TYPE_CHECKING

from streams.commands.output import figure, print_counts, print_table

if TYPE_CHECKING:
    import pytest


def test_figures_are_grouped_in_threes() -> None:
    assert figure(1_456_744) == "1 456 744"
    assert figure(999.6) == "1 000"


def test_counts_end_in_their_sum(capsys: pytest.CaptureFixture[str]) -> None:
    print_counts({"insi-calls": 1_000, "dmp-deposits": 2_500})
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split(maxsplit=1) == ["total", "3 500"]


def test_what_looks_like_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [("[bold]x[/]",)])
    assert "[bold]x[/]" in capsys.readouterr().out


def test_figures_never_push_the_names_of_their_rows_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    figures = ["1.00  12345"] * 6
    print_table(("attack", *(f"judge {n}" for n in range(6))), [("doubling", *figures)], numbers=6)
    assert "doubling" in capsys.readouterr().out
