"""Why a finding is one: sentences in French and English, and the figures behind them (pure).

A sentence says what was observed, what is usual, how rarely an ordinary account or series goes as far,
and on what the usual rests. It names no pseudonym: who it is about stands in fields of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from agents.evidence_words import words_of
from agents.signals import Fact, SubjectKind
from agents.wording import (
    date_en,
    date_fr,
    french,
    number_en,
    number_fr,
    power_en,
    power_fr,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agents.evidence_words import Line
    from agents.findings import Figure

MOST: Final = 3
"""Reasons that a finding gives."""

_EPOCH: Final = date(1970, 1, 1)
_EVEN: Final = 1.05
_MANY_TIMES: Final = 2.0
_PLURAL_FR: Final = 2.0
_SHARE_WITHOUT_CARE: Final = 0.5
_TIMES_WITHOUT_CARE: Final = 3.0
_LEAST_WITHOUT_CARE: Final = 8

_KNOWN_UNITS: Final = ("_ms", "_ratio", "_log10", "_days", "_count", "_share", "_per_minute", "_s")


@dataclass(frozen=True, slots=True)
class Told:
    """One detector's evidence as an incident keeps it."""

    detector: str
    score: float
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in both languages."""

    fr: str
    en: str


def reasons_of(kind: SubjectKind, told: Sequence[Told]) -> tuple[Reason, ...]:
    """The strongest three, the leading detector's first, no detector twice before all were heard.

    Args:
        kind: what the incident is about.
        told: the detectors' evidence, the leading one first; at least one.
    """
    each = [_sentences(kind, one) for one in told]
    in_turn = [reason for turn in zip_longest(*each) for reason in turn if reason is not None]
    return tuple(in_turn[:MOST])


def patients_beyond(detector: str, figures: Mapping[str, Figure]) -> int | None:
    """Patients beyond the usual that the figures tell of; `None` if they tell of none at all."""
    found = [
        _number(figures.get(observed)) - (_number(figures.get(expected)) if expected else 0.0)
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
    unexplained = _number(figures.get("unexplained"))
    if (
        unexplained >= _LEAST_WITHOUT_CARE
        and unexplained >= _SHARE_WITHOUT_CARE * _number(figures.get("patients"))
        and unexplained >= _TIMES_WITHOUT_CARE * _number(figures.get("unexplained_expected"))
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
        for name, value in one.figures.items():
            unit_name, shown = _with_unit(name, value)
            found[f"{one.detector}_{unit_name}"] = shown
    return found


def _with_unit(name: str, value: Figure) -> tuple[str, Figure]:
    if name.endswith("_day") and isinstance(value, int):
        return f"{name.removesuffix('_day')}_date", _iso(value) if value > 0 else None
    if isinstance(value, float):
        # Not a number has no place in a map that tools compare.
        value = round(value, 3) if math.isfinite(value) else None
    if name == "odds":
        return "odds_log10", value
    is_bare = isinstance(value, int | float) and not isinstance(value, bool)
    if is_bare and name != "days" and not name.endswith(_KNOWN_UNITS):
        return f"{name}_count", value
    return name, value


def _iso(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


def _sentences(kind: SubjectKind, told: Told) -> list[Reason]:
    """A detector's sentences, the most telling first; that one carries odds and baseline."""
    words = words_of(told.detector)
    lines = [(_contrast(line, told.figures), line) for line in words.lines]
    spoken = [one for one in lines if one[0] > 0]
    spoken.sort(key=lambda one: -one[0])
    bodies = [_body(line, told.figures) for _, line in spoken] or [
        Reason(words.name_fr, words.name_en)
    ]
    fr_since, en_since = _since(told.figures)
    fr_more, en_more = _rarity(kind, told.score)
    fr_base, en_base = _baseline(told.figures)
    first, *rest = bodies
    whole = Reason(
        f"{fr_since}{first.fr}{fr_more}{fr_base}", f"{en_since}{first.en}{en_more}{en_base}"
    )
    return [Reason(_sentence(french(one.fr)), _sentence(one.en)) for one in (whole, *rest)]


def _contrast(line: Line, figures: Mapping[str, Figure]) -> float:
    """How much a line says; 0 for what must not be told."""
    observed = figures.get(line.observed)
    if isinstance(observed, bool):
        return 1.0 if observed else 0.0
    if not isinstance(observed, int | float) or not math.isfinite(observed) or observed <= 0:
        return 0.0
    if line.expected is None:
        return _EVEN
    expected = _number(figures.get(line.expected))
    # Only what is above the usual is a reason; what is below needs a line of its own.
    ratio = (observed + 0.5) / (expected + 0.5)
    return ratio if ratio >= _EVEN else 0.0


def _body(line: Line, figures: Mapping[str, Figure]) -> Reason:
    observed = figures.get(line.observed)
    if isinstance(observed, bool):
        return Reason(line.fr, line.en)
    value = _number(observed) * line.unit
    fr = f"{number_fr(value)} {_noun(line.fr, value >= _PLURAL_FR)}{_after(line.fr_tail)}"
    en = f"{number_en(value)} {_noun(line.en, value != 1)}{_after(line.en_tail)}"
    if line.expected is None:
        return Reason(fr, en)
    expected = _number(figures.get(line.expected)) * line.unit
    fr += f", contre {number_fr(expected)} d'ordinaire"
    en += f", where {number_en(expected)} {'is' if expected == 1 else 'are'} usual"
    if expected > 0 and value / expected >= _MANY_TIMES:
        fr += f" ({number_fr(value / expected)} fois plus)"
        en += f" ({number_en(value / expected)} times as many)"
    return Reason(fr, en)


def _noun(forms: str, plural: bool) -> str:
    one, _, many = forms.partition("|")
    return many if plural and many else one


def _after(tail: str) -> str:
    return f" {tail}" if tail else ""


def _since(figures: Mapping[str, Figure]) -> tuple[str, str]:
    since, days = figures.get("since_day"), figures.get("days")
    if not isinstance(since, int) or since <= 0:
        return "", ""
    fr, en = f"depuis le {date_fr(since)}", f"since {date_en(since)}"
    if isinstance(days, int) and days > 0:
        fr += f" ({days} {'jours' if days > 1 else 'jour'} de travail)"
        en += f" ({days} working {'days' if days > 1 else 'day'})"
    return f"{fr}, ", f"{en}, "


def _rarity(kind: SubjectKind, score: float) -> tuple[str, str]:
    fr, en = power_fr(score), power_en(score)
    if fr is None or en is None:
        return "", ""
    if kind is SubjectKind.FLOW:
        return (
            f" ; cela arrive moins d'un jour sur {fr} sur une série ordinaire",
            f"; less than one day in {en} of an ordinary series shows it",
        )
    if kind is SubjectKind.GROUP:
        return (
            f" ; moins d'un groupe ordinaire sur {fr} par jour en montre autant",
            f"; less than one ordinary group in {en} a day shows as much",
        )
    return (
        f" ; moins d'un compte ordinaire sur {fr} par jour en montre autant",
        f"; less than one ordinary account in {en} a day shows as much",
    )


def _baseline(figures: Mapping[str, Figure]) -> tuple[str, str]:
    days, first = figures.get("baseline_days"), figures.get("baseline_first_day")
    if not isinstance(days, int):
        return "", ""
    if days <= 0:
        return (
            " ; référence : les comptes du même métier",
            "; compared with accounts of the same trade",
        )
    fr = f" ; référence : {days} {'jours' if days > 1 else 'jour'} d'activité"
    en = f"; compared with {days} {'days' if days > 1 else 'day'} of activity"
    if isinstance(first, int) and first > 0:
        return f"{fr} depuis le {date_fr(first)}", f"{en} since {date_en(first)}"
    return fr, en


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: Figure) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0
