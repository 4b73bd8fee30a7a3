from __future__ import annotations

import pytest

from agents.left_out import LeftOutAccount, parse_left_out
from streams.errors import InputError


def test_a_line_names_structure_person_and_day() -> None:
    text = "# known since the audit\nst_1 ac_1 1970-01-11\n\nst_2 -  1970-01-02  # certificate\n"

    assert parse_left_out(text, "out.txt") == (
        LeftOutAccount("st_1", "ac_1", 10),
        LeftOutAccount("st_2", None, 1),
    )


@pytest.mark.parametrize("line", ["st_1 ac_1", "st_1 ac_1 1970-13-01", "a b c d"])
def test_a_bad_line_is_named_by_its_number_and_not_by_what_it_says(line: str) -> None:
    with pytest.raises(InputError, match=r"^out.txt:2: ") as caught:
        parse_left_out(f"#\n{line}\n", "out.txt")

    assert "st_1" not in str(caught.value)
