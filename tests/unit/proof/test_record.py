"""A proof's table replaces its own section of the page, and no other."""

from __future__ import annotations

import pytest

from tests.proof.record import PAGE, PROOFS, machine, section, with_section

TWO = (
    "# Proof\n<!-- chaos -->\nold\n<!-- /chaos -->\nbetween\n<!-- fuzz -->\nkept\n<!-- /fuzz -->\n"
)


def test_a_table_replaces_its_own_section_alone() -> None:
    assert with_section(TWO, "chaos", "new\n") == TWO.replace("old", "new")


def test_writing_a_section_again_changes_nothing() -> None:
    once = with_section(TWO, "fuzz", "table")

    assert with_section(once, "fuzz", "table") == once


@pytest.mark.parametrize("page", ["", "<!-- soak -->", TWO + "<!-- soak --><!-- /soak -->" * 2])
def test_a_page_without_the_marks_is_refused_by_their_name(page: str) -> None:
    with pytest.raises(ValueError, match="<!-- soak --> and <!-- /soak -->"):
        with_section(page, "soak", "table")


def test_a_section_says_which_command_on_which_machine() -> None:
    text = section(
        "| a |", command="make soak", origin=f"2026-11-22 10:00 UTC, exit 0; {machine()}"
    )

    assert text.startswith("`make soak`: 2026-11-22 10:00 UTC, exit 0; ")
    assert "GiB" in text
    assert text.endswith("```text\n| a |\n```")


def test_a_table_loses_the_blanks_that_fill_its_lines() -> None:
    text = section("\n| a |  \n  b\n\n", command="make fuzz", origin="today")

    assert text.endswith("```text\n| a |\n  b\n```")


def test_the_page_has_a_section_for_every_proof() -> None:
    page = PAGE.read_text(encoding="utf-8")

    for name in PROOFS:
        assert with_section(page, name, "table") != page
