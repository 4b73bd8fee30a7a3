from __future__ import annotations

import pytest

from agents.wording import date_en, date_fr, french, number_en, number_fr, power_en, power_fr

FIRST_OF_MARCH = 20_148  # 2025-03-01


@pytest.mark.parametrize(
    ("value", "fr", "en"),
    [
        (0, "0", "0"),
        (412, "412", "412"),
        (12_345, "12\u202f345", "12,345"),
        (1_234_567.8, "1\u202f234\u202f568", "1,234,568"),
        (13.5, "13,5", "13.5"),
        (4.0, "4", "4"),
        (99.96, "100", "100"),
        (0.02, "0,1", "0.1"),
    ],
)
def test_numbers_are_written_as_each_language_does(value: float, fr: str, en: str) -> None:
    assert (number_fr(value), number_en(value)) == (fr, en)


def test_dates_are_those_of_the_local_day() -> None:
    assert date_fr(FIRST_OF_MARCH) == "1er\u00a0mars 2025"
    assert date_fr(FIRST_OF_MARCH + 1) == "2\u00a0mars 2025"
    assert date_en(FIRST_OF_MARCH) == "1 March 2025"


@pytest.mark.parametrize(
    ("log10", "fr", "en"),
    [
        (1.9, None, None),
        (2.0, "100", "100"),
        (4.99, "10\u202f000", "10,000"),
        (6.0, "un million", "a million"),
        (7.3, "10 millions", "10 million"),
        (9.0, "un milliard", "a billion"),
        (60.0, "un milliard", "a billion"),
    ],
)
def test_odds_are_the_power_of_ten_below(log10: float, fr: str | None, en: str | None) -> None:
    assert (power_fr(log10), power_en(log10)) == (fr, en)


def test_french_has_its_spaces_and_apostrophes() -> None:
    plain = "l'heure : 24 h ; 5 % « sûr » (3 fois) !"
    wanted = "l\u2019heure\u00a0: 24\u00a0h\u202f; 5\u00a0% «\u00a0sûr\u00a0» (3\u00a0fois)\u202f!"
    assert french(plain) == wanted
