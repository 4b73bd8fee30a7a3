from datetime import date, timedelta

import polars as pl
import pytest

from simulators.attacks.seasons import EPIDEMIC_COULOIRS
from simulators.attacks.twins import twin_of
from simulators.events import code
from simulators.patients import department_of
from streams.topics import DMP_DEPOSITS, EPRESCRIPTIONS, INSI_CALLS, PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS
from tests.support.incidents import START, Run, run, words

CARE_FLOWS = (DMP_DEPOSITS, INSI_CALLS, EPRESCRIPTIONS)


def local_hours(frame: pl.DataFrame) -> pl.Series:
    return frame.select(
        pl.from_epoch("occurred_at", "ms")
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone("Europe/Paris")
        .dt.hour()
    ).to_series()


def met(found: Run, structure: int) -> set[int]:
    """Patients with a care event of a structure."""
    return {
        patient
        for flow in CARE_FLOWS
        for patient in found.frames[flow].filter(pl.col("structure_pid") == structure)[
            "patient_pid"
        ]
    }


def test_an_epidemic_brings_more_patients_to_who_treats_them() -> None:
    peace, ill = run([], days=9), run(["epidemic@2025-09-02"], days=9)
    inside = pl.col("day").is_between(START.toordinal() + 1, START.toordinal() + 7)
    treating = pl.col("couloir").is_in([COULOIRS.index(name) for name in EPIDEMIC_COULOIRS])
    for flow in (DMP_DEPOSITS, INSI_CALLS):
        usual = peace.frames[flow].filter(inside & treating & (pl.col("patient_pid") >= 0)).height
        more = ill.own(flow)
        assert more.filter(inside & treating).height == more.height
        assert more.height == pytest.approx(0.4 * usual, rel=0.05)


def test_an_epidemics_patients_are_seen_prescribed_for_and_dispensed_to() -> None:
    own = run(["epidemic@2025-09-01"], days=7).own(EPRESCRIPTIONS)
    created = code(EPRESCRIPTIONS, "event", "CREATED")
    written = own.filter(pl.col("event") == created).select(
        "prescription_pid", "patient_pid", "occurred_at"
    )
    filled = own.filter(pl.col("event") != created).join(written, on="prescription_pid", how="left")

    assert filled.height > 200
    assert filled["patient_pid_right"].null_count() == 0
    assert (filled["patient_pid"] == filled["patient_pid_right"]).all()
    # A minute or two around midnight aside, nothing is dispensed before it is written.
    assert (filled["occurred_at"] >= filled["occurred_at_right"]).mean() > 0.99


def test_a_twin_lives_in_the_same_department_and_is_somebody_else() -> None:
    patients = run([], days=1).frames[INSI_CALLS]["patient_pid"].to_numpy()
    twins = twin_of(patients)

    assert (department_of(twins) == department_of(patients)).all()
    assert (twins != patients).all()


@pytest.mark.parametrize(("name", "mean"), [("new-hire", 18), ("locum", 24)])
def test_a_newcomer_has_no_past_and_meets_the_structures_patients(name: str, mean: int) -> None:
    # Only a region of some size has structures with enough patients.
    found = run([f"{name}@2025-09-11"], days=24, scale=0.1)
    looks = found.looks()
    structure = int(found.truths[0].incident.structures[0])

    assert looks["actor_pid"].n_unique() == 1
    assert found.accesses.filter(
        (pl.col("actor_pid") == looks["actor_pid"][0]) & ~pl.col("is_own")
    ).is_empty()
    assert looks["day"].min() == date(2025, 9, 11).toordinal()
    assert {date.fromordinal(day).weekday() for day in looks["day"]} == {0, 1, 2, 3, 4}
    daily = looks.group_by("day").agg(pl.col("patient_pid").n_unique())["patient_pid"]
    assert daily.mean() == pytest.approx(mean, rel=0.25)
    assert local_hours(looks).is_between(8, 18).all()
    known = looks["patient_pid"].is_in(sorted(met(found, structure)))
    assert known.mean() > 0.6


def test_who_returns_from_holidays_was_away_and_catches_up() -> None:
    found = run(["holiday-return@2025-09-22"], days=26)
    actor = int(found.truths[0].incident.actors[0])
    mine = found.accesses.filter(pl.col("actor_pid") == actor)
    back = date(2025, 9, 22).toordinal()

    assert mine.filter(pl.col("day") < back).is_empty()
    assert set(found.looks()["day"]) == {back, back + 1, back + 2}


def test_a_night_shift_has_the_same_patients_at_other_hours() -> None:
    peace = run([], days=20)
    found = run(["night-shift@2025-09-03:days=14"], days=20)
    actor = int(found.truths[0].incident.actors[0])
    mine = (pl.col("actor_pid") == actor) & (pl.col("patient_pid") >= 0)
    inside = pl.col("day").is_between(START.toordinal() + 2, START.toordinal() + 15)

    assert local_hours(found.looks()).is_in([20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6]).all()
    for column in ("patient_pid", "day"):
        before = peace.accesses.filter(mine & inside)[column].sort()
        assert found.accesses.filter(mine & inside)[column].sort().equals(before)


def test_whoever_is_vaccinated_is_identified_first_and_noted_after() -> None:
    found = run(["vaccination@2025-09-01"], days=7)
    calls, notes = found.own(INSI_CALLS), found.own(DMP_DEPOSITS)
    pairs = calls.join(notes, on=["actor_pid", "patient_pid", "structure_pid", "day"])

    assert notes.height == calls.height > 1_000
    assert pairs.height >= calls.height
    assert set(notes["couloir"]) == {COULOIRS.index("OFFICINE")}
    assert set(notes["day"]) == {START.toordinal() + n for n in range(6)}


def test_an_upgrade_doubles_the_automatic_calls_of_its_structures_alone() -> None:
    found = run(["software-upgrade@2025-09-03"], days=6)
    calls = found.frames[INSI_CALLS]
    auto = pl.col("call_mode") == code(INSI_CALLS, "call_mode", "AUTO")
    upgraded = pl.col("structure_pid").is_in(found.truths[0].incident.structures.tolist())
    since = pl.col("day") >= START.toordinal() + 2
    usual = calls.filter(auto & upgraded & since & ~pl.col("is_own")).height

    assert found.own(INSI_CALLS).height == usual > 100
    assert found.own(INSI_CALLS).filter(auto & upgraded & since).height == usual


def test_night_jobs_run_by_night_for_the_hospitals_own_patients() -> None:
    found = run(["night-jobs@2025-09-02"], days=5, scale=0.1)
    looks = found.looks()

    assert set(words(looks, "access_channel")) == {"BATCH"}
    assert set(local_hours(looks)) == {3}
    assert set(local_hours(found.own(INSI_CALLS))) == {2}
    assert set(looks["day"]) == {START.toordinal() + n for n in range(1, 5)}
    assert (looks["care_context"] == 0).mean() < 0.1


def test_the_jump_to_september_is_the_calendars_own() -> None:
    start = date(2025, 8, 25)
    peace = run([], start=start, days=10)
    found = run(["august-september"], start=start, days=10)

    assert found.accesses.equals(peace.accesses)
    assert [truth.incident.start for truth in found.truths] == [date(2025, 9, 1)]
    assert found.truths[0].incident.end == date(2025, 9, 1) + timedelta(days=14)
    assert PLATFORM_ACCESSES in found.frames
