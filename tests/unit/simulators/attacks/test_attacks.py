from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from simulators.attacks.accesses import OWN_NUMBERS
from simulators.attacks.catalogue import wanted
from simulators.attacks.incident import is_working_day
from simulators.attacks.predice import WAVES
from simulators.attacks.scenario import Scenario
from simulators.events import AUTH_METHODS, NULL
from simulators.patients import directory_position
from simulators.traffic import RegionTraffic
from streams.event_time import HOUR_MS
from streams.topics import FLOWS, INSI_CALLS, PLATFORM_ACCESSES
from tests.support.incidents import START, Run, run, words


def per_day(found: Run) -> dict[tuple[int, int], int]:
    """Distinct patients of each account and day."""
    rows = found.looks().group_by("actor_pid", "day").agg(pl.col("patient_pid").n_unique())
    return {(actor, day): count for actor, day, count in rows.iter_rows()}


def owners(found: Run) -> pl.DataFrame:
    """What the accounts concerned do themselves: distinct patients per account and day."""
    actors = [int(actor) for truth in found.truths for actor in truth.incident.actors]
    mine = pl.col("actor_pid").is_in(actors) & (pl.col("patient_pid") >= 0) & ~pl.col("is_own")
    return (
        found.accesses.filter(mine)
        .group_by("actor_pid", "day")
        .agg(pl.col("patient_pid").n_unique().alias("own"))
    )


def auth(frame: pl.DataFrame) -> set[str]:
    return {AUTH_METHODS.words[code] for code in frame["auth_method"]}


@pytest.mark.parametrize("identities", [60, 74, 735, 7353])
def test_predice_takes_just_so_many_identities_per_account_and_day(identities: int) -> None:
    found = run([f"predice@2025-09-01:identities={identities}"], days=3)

    assert set(per_day(found).values()) == {identities}
    assert len(per_day(found)) == 2 * 3


def test_predice_reads_identity_sheets_as_a_script_with_the_password_alone() -> None:
    looks = run(["predice@2025-09-01:identities=200"], days=7).looks()

    assert set(words(looks, "action")) == {"READ_IDENTITY"}
    assert set(words(looks, "access_channel")) == {"API"}
    assert set(words(looks, "platform")) == {"PREDICE"}
    assert auth(looks) == {"PWD_ONLY"}
    gaps = looks.select(pl.col("occurred_at").diff().over("actor_pid", "day"))["occurred_at"]
    assert gaps.std() / gaps.mean() < 0.2
    # Its hours are not office hours, and it knows no weekend.
    assert looks["day"].n_unique() == 7
    hours = looks.group_by("day", "actor_pid").agg(pl.col("occurred_at").min() % 86_400_000)
    assert (~(hours["occurred_at"] // HOUR_MS).is_between(6, 16)).any()


def test_the_waves_of_predice_keep_their_dates_and_meet_a_platform_that_ends() -> None:
    first, last = WAVES[0][0], WAVES[2][1]
    days = (last - first).days + 1
    found = run(["predice:identities=5"], start=first, days=days, scale=0.004)
    looks = found.looks()

    expected = {
        day.toordinal()
        for begin, end in WAVES
        for day in (begin + timedelta(days=n) for n in range((end - begin).days + 1))
    }
    assert set(looks["day"]) == expected
    assert [truth.patients() for truth in found.truths] == [2 * 5 * 45, 2 * 5 * 11, 2 * 5 * 12]
    lifecycle = dict(zip(looks["day"], words(looks, "service_lifecycle"), strict=True))
    assert lifecycle[first.toordinal()] == "WINDING_DOWN"
    assert lifecycle[last.toordinal()] == "DECOMMISSIONED"
    assert len({int(a) for truth in found.truths for a in truth.incident.actors}) == 2


def test_a_wave_can_take_place_without_the_others() -> None:
    found = run(["predice@2025-09-01:identities=5,waves=3"])

    assert [truth.incident.start for truth in found.truths] == [date(2025, 9, 1)]
    assert found.looks()["day"].n_unique() == 12


def test_the_owners_of_stolen_accounts_go_on_working() -> None:
    assert owners(run(["predice@2025-09-01:identities=5"])).height > 3


def test_a_fast_harvest_takes_500_every_day() -> None:
    found = run(["fast-harvest@2025-09-01"])

    assert set(per_day(found).values()) == {500}
    assert len(per_day(found)) == 10


def test_100_a_day_are_taken_on_working_days() -> None:
    found = run(["per-day-100@2025-09-01"])

    assert set(per_day(found).values()) == {100}
    days = {date.fromordinal(day) for _, day in per_day(found)}
    assert days == {d for n in range(12) if is_working_day(d := START + timedelta(days=n))}


@pytest.mark.parametrize(
    ("name", "share"), [("doubling", 1.0), ("plus-50", 0.5), ("plus-25", 0.25)]
)
def test_a_share_of_the_owners_own_comes_on_top_of_it(name: str, share: float) -> None:
    found = run([f"{name}@2025-09-01:accounts=12"], days=30)
    own = owners(found)

    assert own.height > 80
    taken = sum(per_day(found).values())
    assert taken == pytest.approx(share * own["own"].sum(), rel=0.06)
    for actor, day, count in own.iter_rows():
        assert abs(per_day_of(found, actor, day) - share * count) < 1


def per_day_of(found: Run, actor: int, day: int) -> int:
    users = next(iter(found.truths)).by_day.get(date.fromordinal(day), {})
    return users.get(actor, 0)


def test_a_ramp_grows_by_a_tenth_a_week() -> None:
    found = run(["ramp@2025-09-01:accounts=12"], days=42)
    own = owners(found)

    for week in range(6):
        days = range(START.toordinal() + 7 * week, START.toordinal() + 7 * week + 7)
        taken = sum(count for (_, day), count in per_day(found).items() if day in days)
        usual = own.filter(pl.col("day").is_in(list(days)))["own"].sum()
        assert taken / usual == pytest.approx(1.1 ** (week + 0.4) - 1, abs=0.06)


def test_a_camouflaged_harvest_looks_like_its_owner() -> None:
    found = run(["camouflage@2025-09-01"], days=30)
    looks = found.looks()
    own = found.accesses.filter(
        ~pl.col("is_own") & pl.col("actor_pid").is_in(looks["actor_pid"].unique().to_list())
    )

    assert set(per_day(found).values()) == {40}
    assert (looks["net_pid"] < OWN_NUMBERS).all()
    assert (looks["client_pid"] < OWN_NUMBERS).all()
    nearest = [
        np.abs(own.filter(pl.col("day") == day)["occurred_at"].to_numpy() - at).min()
        for day, at in looks.select("day", "occurred_at").iter_rows()
    ]
    assert np.percentile(nearest, 95) < HOUR_MS / 2


def test_a_takeover_keeps_the_volume_and_changes_the_rest() -> None:
    peace = run([], days=21)
    found = run(["takeover@2025-09-04:accounts=4"], days=21)
    actors = found.truths[0].incident.actors.tolist()
    since = pl.col("day").is_between(date(2025, 9, 4).toordinal(), date(2025, 9, 17).toordinal())
    mine = pl.col("actor_pid").is_in(actors)
    before = peace.accesses.filter(mine & since & (pl.col("patient_pid") >= 0))
    looks = found.looks()

    assert found.accesses.filter(mine & since & ~pl.col("is_own")).height == 0
    assert found.accesses.filter(mine & ~since & ~pl.col("is_own")).height > 0
    assert sum(per_day(found).values()) == sum(
        before.group_by("actor_pid", "day").agg(pl.col("patient_pid").n_unique())["patient_pid"]
    )
    assert auth(looks) == {"PWD_ONLY"}
    assert (looks["net_pid"] >= OWN_NUMBERS).all()
    assert (
        looks.group_by("actor_pid").agg(pl.col("net_pid").n_unique())["net_pid"].to_list()
        == [1] * 4
    )
    assert looks["patient_pid"].is_in(before["patient_pid"].to_list()).mean() < 0.1
    # The owner's other flows need the owner's card and go on.
    for flow in FLOWS[:4]:
        assert found.frames[flow].equals(peace.frames[flow])


def steps(found: Run) -> list[int]:
    """Distances between the attacker's look-ups in their order."""
    looks = found.looks()
    place = directory_position(looks["patient_pid"].to_numpy())
    return np.diff(place)[np.diff(looks["day"].to_numpy()) == 0].tolist()


def test_an_enumeration_goes_from_name_to_name_and_on_the_next_day() -> None:
    found = run(["enumeration@2025-09-01"], days=4)
    place = directory_position(found.looks()["patient_pid"].to_numpy())

    assert set(np.diff(place)) == {1}
    recorded = found.looks()["directory_step"]
    assert (recorded == 1).mean() > 0.8
    assert (recorded == NULL).sum() <= 4


def test_an_interleaved_enumeration_hides_every_other_look_up() -> None:
    found = steps(run(["enumeration-interleaved@2025-09-01:identities=61"], days=4))
    pairs = [a + b for a, b in zip(found[::2], found[1::2], strict=True)]

    assert pairs == [1] * len(pairs)
    assert np.mean(np.abs(found) < 50) < 0.05


def test_a_shuffled_enumeration_takes_whole_blocks_of_50() -> None:
    looks = run(["enumeration-shuffled@2025-09-01:identities=200"], days=2).looks()
    place = directory_position(looks["patient_pid"].to_numpy()).reshape(-1, 50)

    assert (np.ptp(place, axis=1) == 49).all()
    assert np.mean(np.diff(place, axis=1) == 1) < 0.1


@pytest.mark.parametrize(
    ("share", "networks", "clients"),
    [("network", 1, 20), ("client", 20, 1)],
)
def test_colluding_accounts_share_a_network_or_a_client(
    share: str, networks: int, clients: int
) -> None:
    found = run([f"collusion@2025-09-01:share={share}"])
    looks = found.looks()

    assert set(per_day(found).values()) == {5}
    assert len(per_day(found)) == 20 * 8
    assert looks["actor_pid"].n_unique() == 20
    assert looks["net_pid"].n_unique() == networks
    assert looks["client_pid"].n_unique() == clients


def test_colluding_accounts_may_act_in_step() -> None:
    looks = run(["collusion@2025-09-01:share=rhythm"]).looks()
    spread = looks.group_by("day").agg(
        pl.col("occurred_at").max() - pl.col("occurred_at").min(), pl.col("actor_pid").n_unique()
    )

    assert spread["occurred_at"].max() <= 3 * 60_000
    assert set(spread["actor_pid"]) == {20}
    assert (looks["net_pid"] < OWN_NUMBERS).all()


def test_colluding_accounts_may_read_one_list_in_turns() -> None:
    looks = run(["collusion@2025-09-01:share=order"]).looks()
    place = np.sort(directory_position(looks["patient_pid"].to_numpy()))
    day = looks.filter(pl.col("day") == START.toordinal())

    assert day.height == 100
    assert np.ptp(directory_position(day["patient_pid"].to_numpy())) == 99
    of_one = looks.filter(pl.col("actor_pid") == looks["actor_pid"][0])
    assert set(np.diff(directory_position(of_one["patient_pid"].to_numpy())[:5])) == {20}
    assert len(np.unique(place)) == looks.height


def test_poisoning_follows_its_schedule_and_then_harvests() -> None:
    found = run(
        [
            "poisoning@2025-09-01:schedule=0.2+0.6,step_days=10,harvest=2,harvest_days=10,accounts=12"
        ],
        days=32,
    )
    own, looks = owners(found), found.looks()

    for step, share in enumerate([0.2, 0.6, 2.0]):
        days = list(range(START.toordinal() + 10 * step, START.toordinal() + 10 * step + 10))
        taken = sum(count for (_, day), count in per_day(found).items() if day in days)
        assert taken / own.filter(pl.col("day").is_in(days))["own"].sum() == pytest.approx(
            share, rel=0.1
        )
    assert looks["day"].max() < START.toordinal() + 30
    lift = looks.filter(pl.col("day") < START.toordinal() + 20)
    harvest = looks.filter(pl.col("day") >= START.toordinal() + 20)
    assert (lift["care_context"] == 1).mean() > 0.6
    assert (harvest["care_context"] == 1).mean() < 0.4


def test_who_was_opened_for_weeks_is_harvested_once_more_and_nobody_else() -> None:
    found = run(["care-ramp@2025-09-01:accounts=6,days=14,harvest_days=10,again=5"], days=28)
    looks, harvest_from = found.looks(), START.toordinal() + 14
    before = looks.filter(pl.col("day") < harvest_from).group_by("actor_pid").agg("patient_pid")
    after = looks.filter(pl.col("day") >= harvest_from)
    opened = {actor: set(patients) for actor, patients in before.iter_rows()}

    assert len(opened) == 6
    assert {count for (_, day), count in per_day(found).items() if day < harvest_from} == {3}
    for actor, patients in after.group_by("actor_pid").agg("patient_pid").iter_rows():
        # Ten days hold eight working days of five look-ups.
        assert set(patients) <= opened[actor]
        assert len(patients) == len(set(patients)) == min(len(opened[actor]), 8 * 5)
    assert found.truths[0].patients() == len(set().union(*opened.values()))


def test_every_look_of_a_harvest_can_be_searched_for_first_by_the_same_account() -> None:
    traffic = RegionTraffic(1, 0.02)
    scenario = Scenario([wanted("search-first@2025-09-01:accounts=4")], traffic, START, 5)
    (actors,) = (truth.incident.actors for truth in scenario.truths)
    looks: set[tuple[int, int]] = set()
    searches: set[tuple[int, int]] = set()
    for day in traffic.occurring(START, 5, rewrite=scenario.rewrite):
        for flow, pairs in ((PLATFORM_ACCESSES, looks), (INSI_CALLS, searches)):
            columns = day[flow].columns
            mine = (columns["event_id"] >= OWN_NUMBERS) & (columns["patient_pid"] >= 0)
            assert np.isin(columns["actor_pid"][mine], actors).all()
            pairs |= set(
                zip(
                    columns["actor_pid"][mine].tolist(),
                    columns["patient_pid"][mine].tolist(),
                    strict=True,
                )
            )

    assert len(looks) > 20
    assert looks == searches
    assert sum(truth.patients() for truth in scenario.truths) == len({p for _, p in looks})
