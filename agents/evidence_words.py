"""What each detector's evidence means: for patients, for severity and in words (pure data).

A detector is one entry: its `Line`s say which figures are compared and how they are called, `touched`
which of them count patients beyond the usual, `facts` which of them make an incident worse. A new
detector needs no more than an entry here; one without an entry is told by its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agents.signals import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of a detector's evidence.

    Attributes:
        observed: field that is told; the line is left out where it is missing, zero or false.
        expected: field of what is usual; `None` if nothing is compared.
        fr: after the number, `singular|plural`; the whole sentence where `observed` is a yes or no.
        en: the same in English.
        fr_tail: rest of the French sentence.
        en_tail: rest of the English one.
        unit: factor from the field to what is told (100 for a percentage).
    """

    observed: str
    expected: str | None
    fr: str
    en: str
    fr_tail: str = ""
    en_tail: str = ""
    unit: float = 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """All that is known of a detector's evidence.

    Attributes:
        name_fr: what it finds, for a finding whose figures say nothing.
        name_en: the same in English.
        lines: candidates, in the order of their weight where figures do not decide.
        touched: pairs of fields, observed and expected (or `None`): patients beyond the usual are the
            largest difference.
        since: the figures cover everything since the change began, not one day.
        facts: what the detector itself stands for.
        flags: fields that, if true, stand for a fact.
    """

    name_fr: str
    name_en: str
    lines: tuple[Line, ...] = ()
    touched: tuple[tuple[str, str | None], ...] = ()
    since: bool = False
    facts: frozenset[Fact] = frozenset()
    flags: Mapping[str, Fact] = field(default_factory=dict)


_IN_A_DAY: Final = ("en 24 h", "in 24 hours")
_WITHOUT_CARE: Final = (
    "patient sans relation de soins connue|patients sans relation de soins connue",
    "patient without a known care relation|patients without a known care relation",
)
_PATIENTS: Final = ("patient distinct|patients distincts", "distinct patient|distinct patients")

WORDS: Final[Mapping[str, Words]] = {
    "tail": Words(
        "volume inhabituel de patients dans la journée",
        "an unusual number of patients within a day",
        lines=(
            Line("unexplained", "unexplained_expected", *_WITHOUT_CARE, *_IN_A_DAY),
            Line("patients", "patients_expected", *_PATIENTS, *_IN_A_DAY),
            Line("hour", "hour_expected", *_PATIENTS, "en une heure", "within an hour"),
        ),
        touched=(("patients", "patients_expected"), ("unexplained", "unexplained_expected")),
    ),
    "slow_change": Words(
        "hausse lente et durable",
        "a slow and lasting rise",
        lines=(
            Line("unexplained", "unexplained_expected", *_WITHOUT_CARE, "au total", "in all"),
            Line("patients", "patients_expected", *_PATIENTS, "au total", "in all"),
        ),
        touched=(("patients", "patients_expected"), ("unexplained", "unexplained_expected")),
        since=True,
    ),
    "enumeration": Words(
        "parcours de l'annuaire fiche après fiche",
        "a walk along the directory, record after record",
        lines=(
            Line(
                "hits",
                "hits_expected",
                "fiche voisine de la précédente dans l'annuaire"
                "|fiches voisines de la précédente dans l'annuaire",
                "record next to an earlier one in the directory"
                "|records next to an earlier one in the directory",
                "dans la journée",
                "within the day",
            ),
        ),
        touched=(("hits", "hits_expected"),),
        facts=frozenset({Fact.ENUMERATION}),
    ),
    "identity_only": Words(
        "identités lues sans le soin",
        "identities read without the care",
        lines=(
            Line(
                "identities",
                "identities_expected",
                "fiche d'identité lue sans donnée de soins|fiches d'identité lues sans donnée de soins",
                "identity sheet read without any care data"
                "|identity sheets read without any care data",
                "dans la journée",
                "within the day",
            ),
        ),
        touched=(("identities", "identities_expected"),),
        facts=frozenset({Fact.IDENTITY_ONLY}),
    ),
}

GENERIC: Final = Words(
    "comportement inhabituel",
    "unusual behaviour",
    lines=(
        Line("observed", "expected", "observé|observés", "observed"),
        Line("patients", "patients_expected", *_PATIENTS),
    ),
    touched=(("patients", "patients_expected"),),
)


def words_of(detector: str) -> Words:
    """The entry of a detector, or the generic one."""
    return WORDS.get(detector, GENERIC)
