from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, get_args

import pytest

from agents.account_watch import Suspicion
from agents.detectors import decoys, enumeration, identity_only, slow_change, tail, takeover
from agents.detectors.recurrence import Past
from agents.detectors.registry import ACCOUNT_DETECTORS
from agents.evidence_figures import Told, evidence_of, facts_of, patients_beyond
from agents.evidence_words import WORDS, words_of
from agents.flow_suspicion import FlowEvidence, Kind
from agents.group_suspicion import GroupEvidence, Share
from agents.reasons import MOST, reasons_of
from agents.signals import (
    Fact,
    SubjectKind,
    account_signal,
    account_subject,
    figures_of,
    group_subject,
)
from streams.vocabulary import AUTH_METHODS, LIFECYCLES

if TYPE_CHECKING:
    from agents.detectors.registry import Evidence
    from agents.findings import Figure

DAY = 20_150  # 3 March 2025
TAIL = tail.Evidence(412, 13.5, 120, 4.0, 398, 2.1, 30.0, 120, DAY)
TAKEOVER = takeover.Evidence(
    since_day=DAY,
    patients=40,
    unexplained=35,
    unexplained_expected=3.2,
    identities=38,
    identities_expected=5.0,
    network=4.0,
    client=4.0,
    net_class=1.0,
    auth=2.0,
    hour=0.0,
    lifecycle=1.0,
    auth_method=AUTH_METHODS.index("PWD_ONLY"),
    usual_auth_method=AUTH_METHODS.index("PSC_CPS"),
    is_auth_weaker=True,
    service_lifecycle=LIFECYCLES.index("DECOMMISSIONED"),
    is_service_closing=True,
    odds=9.0,
    baseline_days=100,
    baseline_first_day=DAY - 140,
)
EXAMPLES: dict[str, Evidence] = {
    "tail": TAIL,
    "slow_change": slow_change.Evidence(DAY, 12, 200, 100.2, 80, 12.1, 3.0),
    "enumeration": enumeration.Evidence(50, 40, 0.4, 9.0),
    "identity_only": identity_only.Evidence(60, 58, 12.0, 9.0, 80),
    "takeover": TAKEOVER,
    "decoys": decoys.Evidence(2, 0.0, 3, DAY, 2.0),
}


def spoken(
    *told: Told, kind: SubjectKind = SubjectKind.ACCOUNT
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """French with plain spaces, and English."""
    why = reasons_of(kind, told)
    plain = [one.fr.replace("\u00a0", " ").replace("\u202f", " ") for one in why]
    return tuple(plain), tuple(one.en for one in why)


def of(detector: str, score: float = 6.2, **more: Figure) -> Told:
    return Told(detector, score, figures_of(EXAMPLES[detector]) | more)


def test_every_account_detector_has_its_words_and_an_example_here() -> None:
    assert set(ACCOUNT_DETECTORS) == set(EXAMPLES) <= set(WORDS)


def test_every_kind_of_flow_incident_has_its_words() -> None:
    assert set(get_args(Kind)) <= set(WORDS)


@pytest.mark.parametrize(
    ("detector", "evidence", "more"),
    [
        *((name, type(one), ()) for name, one in EXAMPLES.items()),
        *((kind, FlowEvidence, ("measure",)) for kind in get_args(Kind)),
        ("collusion", GroupEvidence, ("share",)),
    ],
)
def test_words_name_fields_that_the_evidence_has(
    detector: str, evidence: type, more: tuple[str, ...]
) -> None:
    words = words_of(detector)
    named = {name for line in words.lines for name in (line.observed, line.expected)}
    named |= {name for pair in words.touched for name in pair}
    named |= (
        {line.when[0] for line in words.lines if line.when} | set(words.flags) | set(words.units)
    )
    assert named - {None} <= {one.name for one in fields(evidence)} | set(more)


def test_a_tail_says_observed_usual_odds_and_baseline() -> None:
    fr, en = spoken(of("tail"))
    first = (
        "398 patients sans relation de soins connue en 24 h, contre 2,1 d\u2019ordinaire"
        " (190 fois plus) ; moins d\u2019un compte ordinaire sur un million par jour en montre"
        " autant ; référence : 120 jours d\u2019activité depuis le 3 mars 2025"
    )
    assert fr == (
        first,
        "412 patients distincts en 24 h, contre 13,5 d\u2019ordinaire (30,5 fois plus)",
        "120 patients distincts en une heure, contre 4 d\u2019ordinaire (30 fois plus)",
    )
    assert en[0] == (
        "398 patients without a known care relation in 24 hours, where 2.1 are usual (190 times as"
        " many); less than one ordinary account in a million a day shows as much; compared with 120"
        " days of activity since 3 March 2025"
    )


@pytest.mark.parametrize("detector", sorted(EXAMPLES))
def test_every_detector_gives_reasons_in_both_languages(detector: str) -> None:
    fr, en = spoken(of(detector))
    assert len(fr) == len(en) >= 1
    assert all(one[0].isupper() or one[0].isdigit() for one in (*fr, *en))
    assert "d\u2019ordinaire" in fr[0]
    assert "usual" in en[0]
    assert "un million par jour" in fr[0]


def test_no_detector_speaks_twice_before_all_were_heard() -> None:
    fr, _ = spoken(of("tail", 9.0), of("decoys", 8.0), of("enumeration", 7.0))
    assert len(fr) == MOST
    assert "patients" in fr[0]
    assert "leurres" in fr[1]
    assert "annuaire" in fr[2]


def test_a_takeover_names_the_weaker_means_and_the_closed_service() -> None:
    fr, en = spoken(of("takeover"))
    assert fr[0].startswith("Depuis le 3 mars 2025, 35 patients sans relation de soins connue")
    assert fr[1] == "Service arrêté encore utilisé"
    assert en[2] == "Password alone instead of Pro Santé Connect by card"


def test_who_was_suspected_before_is_told_so() -> None:
    suspicion = Suspicion("tail", 0, 1_741_000_000_000, DAY, 5.0, TAIL, Past(DAY - 100, 0.6))
    signal = account_signal(suspicion, account_subject("a", "b"))
    assert signal.facts == {Fact.RECURRENCE}
    fr, en = spoken(Told("tail", 5.0, signal.figures))
    assert fr[1] == "Compte déjà suspecté le 23 novembre 2024"
    assert en[1] == "The account was suspected before, on 23 November 2024"


def test_a_silent_flow_says_where_and_that_nothing_came() -> None:
    evidence = FlowEvidence(0, 1234.5, 1e6, 1_735_689_600_000, 1_738_368_000_000)
    place = {"flow": "mss-messages", "sector": "ES", "couloir": "HOPITAL", "measure": "rate"}
    told = Told("outage", 6.0, figures_of(evidence) | place)
    fr, en = spoken(told, kind=SubjectKind.FLOW)
    assert fr[0] == (
        "Messages MSSanté, hôpital, secteur ES : aucun événement, contre 1 234 d\u2019ordinaire ;"
        " cela arrive moins d\u2019un jour sur un million sur une série ordinaire ; référence :"
        " du 1er janvier 2025 au 1er février 2025"
    )
    assert en[0].startswith(
        "MSSanté messages, hospitals, sector ES: no events, where 1,234 are usual;"
    )


def test_failures_that_are_too_few_or_too_many_are_told_alike() -> None:
    place = {"flow": "*", "sector": "*", "couloir": "*", "measure": "failures"}
    for observed, words in ((200.0, "2 fois plus"), (10.0, "10 fois moins")):
        told = Told("level_shift", 6.0, {"observed": observed, "expected": 100.0, **place})
        fr, _ = spoken(told, kind=SubjectKind.FLOW)
        assert fr[0].startswith("Tous les flux : ")
        assert "échecs" in fr[0]
        assert words in fr[0]


@pytest.mark.parametrize("share", list(Share))
def test_a_group_says_what_its_accounts_share(share: Share) -> None:
    evidence = GroupEvidence(20, 12, 120.0, 30.0, 18, 2.0, 7.0, DAY)
    told = Told("collusion", 6.0, figures_of(evidence) | {"share": str(share)})
    fr, en = spoken(told, kind=SubjectKind.GROUP)
    assert any(one.startswith("20 comptes") for one in fr)
    assert any(one.startswith("20 accounts") for one in en)


def test_a_detector_that_is_not_in_the_table_is_told_by_what_it_gives() -> None:
    fr, en = spoken(Told("new", 5.0, {"observed": 5, "expected": 1.0, "baseline_days": 0}))
    assert fr[0].startswith("5 observés, contre 1 d\u2019ordinaire (5 fois plus)")
    assert "les comptes du même métier" in fr[0]
    assert en[0].startswith("5 observed, where 1 is usual")
    assert spoken(Told("new", 1.0, {}))[1] == ("Unusual behaviour",)


def test_what_is_below_the_usual_is_no_reason_for_an_account() -> None:
    fr, _ = spoken(of("tail", patients=5, hour=1))
    assert len(fr) == 1


def test_figures_of_no_number_are_not_told() -> None:
    fr, _ = spoken(of("tail", patients=float("nan"), unexplained=float("inf")))
    assert "120 patients distincts en une heure" in fr[0]


def test_evidence_has_flat_names_with_units() -> None:
    found = evidence_of([of("tail"), of("takeover", suspected_before_day=DAY)])
    assert found["tail_patients_count"] == 412
    assert found["tail_odds_log10"] == 30.0
    assert found["tail_baseline_days"] == 120
    assert found["tail_baseline_first_date"] == "2025-03-03"
    assert found["takeover_auth_method"] == "PWD_ONLY"
    assert found["takeover_network_surprise_log10"] == 4.0
    assert found["takeover_is_auth_weaker"] is True
    assert found["takeover_suspected_before_date"] == "2025-03-03"
    flow = evidence_of([Told("outage", 6.0, {"odds": 1e6, "observed": float("inf")})])
    assert flow["outage_once_in_days"] == 1e6
    assert flow["outage_observed_count"] is None


def test_patients_beyond_are_the_largest_difference_of_what_is_compared() -> None:
    def beyond(told: Told) -> int | None:
        return patients_beyond(told.detector, told.figures)

    assert beyond(of("tail")) == 398
    assert beyond(of("slow_change")) == 100
    assert beyond(of("takeover")) == 40
    assert beyond(of("decoys")) is None
    assert beyond(of("tail", patients=1, unexplained=0)) == 0


def test_facts_come_of_the_detector_and_of_its_figures() -> None:
    def facts(told: Told) -> set[Fact]:
        return set(facts_of(told.detector, told.figures))

    assert facts(of("enumeration")) == {Fact.ENUMERATION}
    assert facts(of("tail")) == {Fact.WITHOUT_CARE}
    assert facts(of("tail", unexplained=100)) == set()
    assert facts(of("takeover")) == {
        Fact.TAKEOVER,
        Fact.WEAKER_AUTHENTICATION,
        Fact.CLOSED_SERVICE,
        Fact.WITHOUT_CARE,
    }
    kept = of("takeover", is_auth_weaker=False, is_service_closing=False, unexplained=3)
    assert facts(kept) == {Fact.TAKEOVER}


def test_a_signal_covers_all_since_the_change_began() -> None:
    slow = Suspicion("slow_change", 0, 1_742_000_000_000, DAY, 5.0, EXAMPLES["slow_change"])
    assert account_signal(slow, account_subject("a", "b")).begin_ms == 1_740_956_400_000
    same_day = Suspicion("tail", 0, 1_742_000_000_000, DAY, 5.0, TAIL)
    assert (
        account_signal(same_day, account_subject("a", "b")).begin_ms
        == 1_742_000_000_000 - 86_400_000
    )


def test_a_group_is_named_by_its_members_in_any_order() -> None:
    assert group_subject(("b", "a", "b")) == group_subject(("a", "b"))
    assert group_subject(("a",)).key != group_subject(("a", "b")).key
