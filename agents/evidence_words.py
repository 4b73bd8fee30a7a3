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
        weight: how much a line without comparison says, against the ratios of others.
        either: what is below the usual is told too.
        when: a field and the value that it must have.
    """

    observed: str
    expected: str | None
    fr: str
    en: str
    fr_tail: str = ""
    en_tail: str = ""
    weight: float = 1.05
    either: bool = False
    when: tuple[str, str] | None = None


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
        units: names under which fields stand in a record, where the rule (`_count` for bare numbers)
            would mislead.
    """

    name_fr: str
    name_en: str
    lines: tuple[Line, ...] = ()
    touched: tuple[tuple[str, str | None], ...] = ()
    since: bool = False
    facts: frozenset[Fact] = frozenset()
    flags: Mapping[str, Fact] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


_IN_A_DAY: Final = ("en 24 h", "in 24 hours")
_WITHOUT_CARE: Final = (
    "patient sans relation de soins connue|patients sans relation de soins connue",
    "patient without a known care relation|patients without a known care relation",
)
_COUNTS: Final = ("compte|comptes", "account|accounts")
_PATIENTS: Final = ("patient distinct|patients distincts", "distinct patient|distinct patients")

_FLOW_LINES: Final = (
    Line(
        *("observed", "expected", "événement|événements", "event|events"),
        either=True,
        when=("measure", "rate"),
    ),
    Line(
        *("observed", "expected", "échec|échecs", "failure|failures"),
        either=True,
        when=("measure", "failures"),
    ),
)


def _of_flow(name_fr: str, name_en: str) -> Words:
    # Flows tell their odds as one in how many days.
    return Words(name_fr, name_en, _FLOW_LINES, units={"odds": "once_in_days"})


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
    "takeover": Words(
        "compte qui semble en d'autres mains",
        "an account that seems to be in other hands",
        lines=(
            Line(
                *("is_service_closing", None),
                "service {lifecycle} encore utilisé",
                "use of a service that is {lifecycle}",
                weight=20.0,
            ),
            Line(
                *("is_auth_weaker", None),
                "{auth} au lieu de {usual_auth}",
                "{auth} instead of {usual_auth}",
                weight=10.0,
            ),
            Line(
                *("unexplained", "unexplained_expected", *_WITHOUT_CARE),
                *("dans un contexte inconnu du compte", "in a context unknown to the account"),
            ),
            Line(
                *("identities", "identities_expected"),
                "patient dont l'identité fut lue d'abord|patients dont l'identité fut lue d'abord",
                "patient whose identity was read first|patients whose identity was read first",
                *("dans un contexte inconnu du compte", "in a context unknown to the account"),
            ),
            Line(
                *("patients", None, *_PATIENTS),
                *("dans un contexte inconnu du compte", "in a context unknown to the account"),
                weight=1.5,
            ),
        ),
        touched=(("patients", None),),
        since=True,
        facts=frozenset({Fact.TAKEOVER}),
        flags={
            "is_auth_weaker": Fact.WEAKER_AUTHENTICATION,
            "is_service_closing": Fact.CLOSED_SERVICE,
        },
        units={
            name: f"{name}_surprise_log10"
            for name in ("network", "client", "net_class", "auth", "hour", "lifecycle")
        },
    ),
    "decoys": Words(
        "identité-leurre lue",
        "a decoy identity was read",
        lines=(
            Line(
                *("decoys", "decoys_expected"),
                "identité-leurre lue, que personne n'a de raison de lire"
                "|identités-leurres lues, que personne n'a de raison de lire",
                "decoy identity read that nobody has a reason to read"
                "|decoy identities read that nobody has a reason to read",
            ),
        ),
        facts=frozenset({Fact.DECOY}),
    ),
    "collusion": Words(
        "comptes qui semblent agir ensemble",
        "accounts that seem to act together",
        lines=(
            Line(
                *("observed_patients", "expected_patients", *_WITHOUT_CARE),
                *("dans la journée, tous comptes réunis", "within the day, all accounts together"),
            ),
            Line(
                *("in_step", "expected_in_step"),
                "compte qui agit de concert|comptes qui agissent de concert",
                "account acting in step|accounts acting in step",
            ),
            Line(
                *("members", None, *_COUNTS, "au même réseau", "on the same network"),
                weight=3.0,
                when=("share", "network"),
            ),
            Line(
                *("members", None, *_COUNTS, "au même poste", "at the same client"),
                weight=3.0,
                when=("share", "client"),
            ),
            Line(
                *("members", None, *_COUNTS, "aux mêmes minutes", "in the same minutes"),
                weight=3.0,
                when=("share", "rhythm"),
            ),
            Line(
                *("members", None, *_COUNTS),
                *("qui se partagent l'annuaire", "dividing the directory among them"),
                weight=3.0,
                when=("share", "order"),
            ),
        ),
        touched=(("observed_patients", "expected_patients"),),
        facts=frozenset({Fact.COLLUSION}),
    ),
    "outage": _of_flow("flux interrompu", "the flow has stopped"),
    "drop": _of_flow("chute du flux", "the flow has dropped"),
    "spike": _of_flow("pic du flux", "the flow has a spike"),
    "level_shift": _of_flow("changement de niveau", "a new level"),
    "flooding": _of_flow("embouteillage de boîtes aux lettres", "mailboxes are flooded"),
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
