"""Why a finding is one: sentences in French and English, and the figures behind them (pure).

A sentence says what was observed, what is usual, how rarely an ordinary account or series goes as far,
and on what the usual rests. It names no pseudonym: who it is about stands in fields of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from agents.evidence_figures import number
from agents.evidence_words import words_of
from agents.place_words import auth_words, lifecycle_words, place_of
from agents.signals import PAST_DAY, SubjectKind
from agents.wording import (
    date_en,
    date_fr,
    french,
    number_en,
    number_fr,
    power_en,
    power_fr,
)
from streams.event_time import paris_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.evidence_figures import Told
    from agents.evidence_words import Line
    from agents.findings import Figure

MOST: Final = 3
"""Reasons that a finding gives."""

_EVEN: Final = 1.05
_MANY_TIMES: Final = 2.0
_PLURAL_FR: Final = 2.0


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


def _sentences(kind: SubjectKind, told: Told) -> list[Reason]:
    """A detector's sentences: first a comparison, with odds and baseline, then the most telling."""
    words = words_of(told.detector)
    lines = [(_contrast(line, told.figures), line) for line in words.lines]
    spoken = [one for one in lines if one[0] > 0]
    spoken.sort(key=lambda one: -one[0])
    compared = next((one for one in spoken if one[1].expected is not None), None)
    if compared is not None:
        spoken.remove(compared)
        spoken.insert(0, compared)
    bodies = [_body(line, told.figures) for _, line in spoken] or [
        Reason(words.name_fr, words.name_en)
    ]
    opening = place_of(told.figures) if kind is SubjectKind.FLOW else None
    fr_since, en_since = (
        _since(told.figures) if opening is None else _each("{} : ", "{}: ", opening)
    )
    fr_more, en_more = _rarity(kind, told.score)
    fr_base, en_base = _baseline(told.figures)
    first, *rest = bodies
    whole = Reason(
        f"{fr_since}{first.fr}{fr_more}{fr_base}", f"{en_since}{first.en}{en_more}{en_base}"
    )
    past = told.figures.get(PAST_DAY)
    if isinstance(past, int):
        again = Reason(
            f"compte déjà suspecté le {date_fr(past)}",
            f"the account was suspected before, on {date_en(past)}",
        )
        rest = [again, *rest]
    return [Reason(_sentence(french(one.fr)), _sentence(one.en)) for one in (whole, *rest)]


def _each(fr: str, en: str, words: tuple[str, str]) -> tuple[str, str]:
    return fr.format(words[0]), en.format(words[1])


def _contrast(line: Line, figures: Mapping[str, Figure]) -> float:
    """How much a line says; 0 for what must not be told."""
    if line.when is not None and figures.get(line.when[0]) != line.when[1]:
        return 0.0
    observed = figures.get(line.observed)
    if isinstance(observed, bool):
        return line.weight if observed else 0.0
    if not isinstance(observed, int | float) or not math.isfinite(observed):
        return 0.0
    if line.expected is None:
        return line.weight if observed > 0 else 0.0
    ratio = (observed + 0.5) / (number(figures.get(line.expected)) + 0.5)
    if line.either:
        return max(ratio, 1 / ratio)
    return ratio if ratio >= _EVEN else 0.0


def _body(line: Line, figures: Mapping[str, Figure]) -> Reason:
    observed = figures.get(line.observed)
    if isinstance(observed, bool):
        auth, usual = (
            auth_words(figures.get("auth_method")),
            auth_words(figures.get("usual_auth_method")),
        )
        state = lifecycle_words(figures.get("service_lifecycle"))
        return Reason(
            line.fr.format(auth=auth[0], usual_auth=usual[0], lifecycle=state[0]),
            line.en.format(auth=auth[1], usual_auth=usual[1], lifecycle=state[1]),
        )
    value = number(observed)
    fr_count, en_count = ("aucun", "no") if value == 0 else (number_fr(value), number_en(value))
    fr = f"{fr_count} {_noun(line.fr, value >= _PLURAL_FR)}{_after(line.fr_tail)}"
    en = f"{en_count} {_noun(line.en, value != 1)}{_after(line.en_tail)}"
    if line.expected is None:
        return Reason(fr, en)
    expected = number(figures.get(line.expected))
    fr += f", contre {number_fr(expected)} d'ordinaire"
    en += f", where {number_en(expected)} {'is' if expected == 1 else 'are'} usual"
    if expected > 0 and value / expected >= _MANY_TIMES:
        fr += f" ({number_fr(value / expected)} fois plus)"
        en += f" ({number_en(value / expected)} times as many)"
    elif 0 < value <= expected / _MANY_TIMES:
        fr += f" ({number_fr(expected / value)} fois moins)"
        en += f" ({number_en(expected / value)} times fewer)"
    return Reason(fr, en)


def _noun(forms: str, plural: bool) -> str:
    one, _, many = forms.partition("|")
    return many if plural and many else one


def _after(tail: str) -> str:
    return f" {tail}" if tail else ""


def _since(figures: Mapping[str, Figure]) -> tuple[str, str]:
    since, days = figures.get("since_day", figures.get("first_day")), figures.get("days")
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
    begin_ms, end_ms = figures.get("baseline_from_ms"), figures.get("baseline_until_ms")
    if isinstance(begin_ms, int) and isinstance(end_ms, int):
        begin, end = paris_day(begin_ms), paris_day(end_ms)
        return (
            f" ; référence : du {date_fr(begin)} au {date_fr(end)}",
            f"; compared with {date_en(begin)} to {date_en(end)}",
        )
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
