"""The calendar file of changes known in advance."""

from __future__ import annotations

import pytest

from agents.declared_changes import read_declared_changes
from streams.errors import ConfigError
from streams.event_time import DAY_MS, HOUR_MS

GOOD = """
# Changements annoncés
[[changement]]
debut = 2026-01-15
fin = 2026-03-01
flux = "dmp-deposits"
secteur = "PSL"
couloir = "OFFICINE"
facteur = 2.0
motif = "Nouveau type de document"

[[changement]]
debut = 2026-05-04T08:00:00
flux = "*"
facteur = "inconnu"
motif = "Migration de la plateforme"
"""


def test_a_good_file_gives_its_changes_in_order() -> None:
    passing, lasting = read_declared_changes(GOOD, "calendrier.toml")
    assert passing.start_ms == 1_768_431_600_000  # 15 January 2026, midnight in Paris
    assert passing.end_ms is not None
    assert passing.factor == 2.0
    assert passing.line == 3
    assert lasting.end_ms is None
    assert lasting.factor is None
    assert lasting.reason == "Migration de la plateforme"


def test_a_change_concerns_the_cells_that_it_names() -> None:
    passing, lasting = read_declared_changes(GOOD, "c")
    assert passing.concerns("dmp-deposits", "PSL", "OFFICINE")
    assert not passing.concerns("dmp-deposits", "PSL", "RADIOLOGIE")
    assert not passing.concerns("insi-calls", "PSL", "OFFICINE")
    assert lasting.concerns("insi-calls", "ES", "HOPITAL")


def test_a_change_covers_its_period_half_open() -> None:
    passing, lasting = read_declared_changes(GOOD, "c")
    assert passing.end_ms is not None
    assert passing.covers(passing.start_ms)
    assert not passing.covers(passing.start_ms - HOUR_MS)
    assert not passing.covers(passing.end_ms)
    assert lasting.covers(lasting.start_ms + DAY_MS)
    assert not lasting.covers(lasting.start_ms + 3 * DAY_MS)


def test_an_empty_file_declares_nothing() -> None:
    assert read_declared_changes("", "c") == ()


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('flux = "dmp-deposits"', 'flux = "dmp"', "c, line 3: flux must be one of"),
        ('secteur = "PSL"', 'secteur = "VILLE"', "c, line 3: secteur must be one of"),
        ("facteur = 2.0", 'facteur = "beaucoup"', "c, line 3: facteur must be a number"),
        ("facteur = 2.0", "facteur = -1", "c, line 3: facteur must lie between"),
        ("facteur = 2.0", "", "c, line 3: 'facteur' is missing"),
        ("fin = 2026-03-01", "fin = 2026-01-01", "c, line 3: fin is not after debut"),
        ("08:00:00", "08:30:00", "c, line 12: debut must fall on a whole hour"),
        ("debut = 2026-01-15", 'debut = "demain"', "c, line 3: debut must be a date"),
        ('motif = "Nouveau type de document"', 'motif = ""', "c, line 3: motif must be a text"),
        ("fin =", "jusqu_au =", "c, line 3: 'jusqu_au' is not known"),
        ("debut = 2026-01-15", "debut = 15/01/2026", "line 4"),
        ("[[changement]]\ndebut = 2026-05", "[[change]]\ndebut = 2026-05", "'change' is not known"),
    ],
)
def test_a_bad_line_is_named(old: str, new: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text.replace("(", r"\(")):
        read_declared_changes(GOOD.replace(old, new), "c")
