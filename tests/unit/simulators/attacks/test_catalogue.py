from datetime import date

import pytest

from simulators.attacks.catalogue import ATTACKS, LOOKALIKES, STORIES, wanted
from simulators.attacks.scenario import Scenario
from simulators.attacks.volume import OwnShare
from simulators.traffic import RegionTraffic
from streams.errors import InputError

REGION = RegionTraffic(1, 0.02)
START = date(2025, 9, 1)


def test_a_request_names_a_story_a_day_and_parameters() -> None:
    one = wanted("plus-50@2025-09-10:days=14,accounts=3,share=0.4")

    assert (one.name, one.start) == ("plus-50", date(2025, 9, 10))
    assert one.story == OwnShare(share=0.4, days=14, accounts=3)
    assert wanted("plus-50").story == ATTACKS["plus-50"]


def test_no_name_stands_for_an_attack_and_a_lookalike() -> None:
    assert not ATTACKS.keys() & LOOKALIKES.keys()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("predic", "no attack 'predic'; there are: predice, fast-harvest"),
        ("", "no attack ''"),
        ("predice@today", r"predice: not a day \(YYYY-MM-DD\): today"),
        ("predice@2025-02-30", "predice: not a day"),
        (
            "predice:wave=1",
            "predice: no parameter 'wave'; it has: accounts, identities, net_class, waves",
        ),
        ("predice:identities", "predice: not PARAM=VALUE: 'identities'"),
        ("predice:", "predice: not PARAM=VALUE: ''"),
        ("predice:identities=many", "predice: identities: not a whole number: many"),
        ("predice:identities=0", "predice: identities: must lie between 1 and 50000"),
        ("plus-50:share=nan", "plus-50: share: must lie between"),
        ("collusion:share=all", "collusion: share: must be one of network, client, rhythm, order"),
        ("poisoning:schedule=0.1+x", "poisoning: schedule: not a number: x"),
        ("august-september:x=1", "august-september: no parameter 'x'; it has: days"),
    ],
)
def test_a_request_that_cannot_be_met_is_named(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=f"--attack:? {complaint}"):
        wanted(text)


@pytest.mark.parametrize("text", ["predice", "takeover@2025-10-30", "takeover@2024-01-01"])
def test_an_attack_outside_of_the_simulated_days_is_named(text: str) -> None:
    with pytest.raises(InputError, match=f"--attack {text}: outside of the simulated days"):
        Scenario([wanted(text)], REGION, START, 30)


def test_too_many_incidents_are_refused() -> None:
    with pytest.raises(InputError, match="at most 200 incidents"):
        Scenario([wanted("epidemic")] * 201, REGION, START, 3)


@pytest.mark.parametrize("name", sorted(STORIES.keys() - {"predice"}))
def test_every_story_that_has_no_dates_of_its_own_finds_its_days_in_a_month_without_being_told(
    name: str,
) -> None:
    scenario = Scenario([wanted(name)], REGION, START, 30)

    for truth in scenario.truths:
        assert truth.incident.start <= date(2025, 9, 30)
        assert truth.incident.end > START


def test_two_attacks_do_not_take_the_same_account() -> None:
    scenario = Scenario(
        [wanted("takeover:accounts=5"), wanted("takeover:accounts=5")], REGION, START, 9
    )
    first, second = (set(truth.incident.actors.tolist()) for truth in scenario.truths)

    assert len(first | second) == 10
