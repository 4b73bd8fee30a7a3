"""What the figures of evidence say: of patients, of what makes it worse, and for the record (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from agents.evidence_words import words_of
from agents.signals import Fact
from streams.vocabulary import AUTH_METHODS, LIFECYCLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agents.findings import Figure

_EPOCH: Final = date(1970, 1, 1)
_SHARE_WITHOUT_CARE: Final = 0.5
_TIMES_WITHOUT_CARE: Final = 3.0
_LEAST_WITHOUT_CARE: Final = 8

_KNOWN_UNITS: Final = ("_ms", "_ratio", "_log10", "_days", "_count", "_share", "_per_minute", "_s")
_ODDS: Final = ("odds", "log10_odds")
_SYMBOLS: Final = {
    "auth_method": AUTH_METHODS,
    "usual_auth_method": AUTH_METHODS,
    "service_lifecycle": LIFECYCLES,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One detector's evidence as an incident keeps it."""

    detector: str
    score: float
    figures: Mapping[str, Figure]


def patients_beyond(detector: str, figures: Mapping[str, Figure]) -> int | None:
    """Patients beyond the usual that the figures tell of; `None` if they tell of none at all."""
    found = [
        number(figures.get(observed)) - (number(figures.get(expected)) if expected else 0.0)
        for observed, expected in words_of(detector).touched
        if observed in figures
    ]
    return max(0, round(max(found))) if found else None


def covers_all_days(detector: str) -> bool:
    """Whether the figures cover everything since a change began, not one day."""
    return words_of(detector).since


def facts_of(detector: str, figures: Mapping[str, Figure]) -> frozenset[Fact]:
    """What in the evidence makes an incident worse."""
    words = words_of(detector)
    facts = set(words.facts) | {fact for name, fact in words.flags.items() if figures.get(name)}
    unexplained = number(figures.get("unexplained"))
    if (
        unexplained >= _LEAST_WITHOUT_CARE
        and unexplained >= _SHARE_WITHOUT_CARE * number(figures.get("patients"))
        and unexplained >= _TIMES_WITHOUT_CARE * number(figures.get("unexplained_expected"))
    ):
        facts.add(Fact.WITHOUT_CARE)
    return frozenset(facts)


def evidence_of(told: Iterable[Told]) -> dict[str, Figure]:
    """The figures of all detectors under flat names with their units, ready for the record.

    `odds` becomes `<detector>_odds_log10`, days become ISO dates, bare counts end in `_count`.
    """
    found: dict[str, Figure] = {}
    for one in told:
        found[f"{one.detector}_score_log10"] = round(one.score, 3)
        units = words_of(one.detector).units
        for name, value in one.figures.items():
            unit_name, shown = _with_unit(name, value, units)
            found[f"{one.detector}_{unit_name}"] = shown
    return found


def number(value: Figure) -> float:
    """A figure as a number; 0 for what is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _with_unit(name: str, value: Figure, units: Mapping[str, str]) -> tuple[str, Figure]:
    if name.endswith("_day") and isinstance(value, int):
        return f"{name.removesuffix('_day')}_date", _iso(value) if value > 0 else None
    if name in _SYMBOLS and isinstance(value, int):
        symbols = _SYMBOLS[name]
        return name, symbols[value] if 0 <= value < len(symbols) else symbols[0]
    is_bare = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, float):
        # Not a number has no place in a map that tools compare.
        value = round(value, 3) if math.isfinite(value) else None
    if name in units:
        return units[name], value
    if name in _ODDS:
        return "odds_log10", value
    if is_bare and name != "days" and not name.endswith(_KNOWN_UNITS):
        return f"{name}_count", value
    return name, value


def _iso(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()
