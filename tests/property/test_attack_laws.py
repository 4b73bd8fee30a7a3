"""Laws of all attacks and look-alikes: ground truth, repeatability, and nobody else disturbed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import pseudonyms
from simulators.attacks.catalogue import ATTACKS, LOOKALIKES, STORIES, wanted
from simulators.attacks.incident import ATTACK, LOOKALIKE
from simulators.events import NULL
from simulators.patients import directory_position
from simulators.recording import LABELS_FILE, recording_file, simulate_to_directory
from streams.topics import FLOWS, PLATFORM_ACCESSES
from tests.support.incidents import START, Run, run

if TYPE_CHECKING:
    from pathlib import Path

# Where an attack has dates of its own, or begins so gently that a few days of it hold nothing.
ASKED = {"predice": "predice@2025-09-03:identities=60", "ramp": "ramp:growth=3,accounts=3"}


def asked(name: str) -> str:
    return ASKED.get(name, name)


@pytest.fixture(scope="module")
def peace() -> Run:
    return run([])


@pytest.fixture(scope="module", params=STORIES)
def told(request: pytest.FixtureRequest) -> Run:
    return run([asked(request.param)])


def test_nobody_elses_events_change(told: Run, peace: Run) -> None:
    concerned = {int(actor) for truth in told.truths for actor in truth.incident.actors}
    # Twins of an epidemic read beside everybody's own patients.
    concerned |= set(told.own()["actor_pid"].to_list())
    for flow in FLOWS:
        others = told.frames[flow].filter(~pl.col("is_own"))
        before = peace.frames[flow]
        if flow == PLATFORM_ACCESSES:
            mine = pl.col("actor_pid").is_in(sorted(concerned))
            steps = others.filter(mine).drop("directory_step")
            assert steps.join(before.drop("directory_step"), on=steps.columns).height == len(steps)
            others, before = others.filter(~mine), before.filter(~mine)
        assert others.equals(before)


def test_the_ground_truth_is_what_the_events_come_to(told: Run) -> None:
    events = pl.concat(
        [
            told.own(flow).select("actor_pid", "structure_pid", "patient_pid", "day", "occurred_at")
            for flow in FLOWS
        ]
    )
    assert sum(truth.events for truth in told.truths) == events.height
    met = events.filter(pl.col("patient_pid") >= 0).with_columns(
        user=pl.when(pl.col("actor_pid") >= 0)
        .then("actor_pid")
        .otherwise(-1 - pl.col("structure_pid"))
    )
    expected = {
        (day, user): count
        for day, user, count in met.group_by("day", "user")
        .agg(pl.col("patient_pid").n_unique())
        .iter_rows()
    }
    counted = {
        (day.toordinal(), user): count
        for truth in told.truths
        for day, users in truth.by_day.items()
        for user, count in users.items()
    }
    assert counted == expected
    if met.height:
        cut_ms = int(met["occurred_at"].max())
        before = met.filter(pl.col("occurred_at") < cut_ms)["patient_pid"].n_unique()
        assert sum(truth.patients(before_ms=cut_ms) for truth in told.truths) == before
    for truth in told.truths:
        users = {user for of_day in truth.by_day.values() for user in of_day}
        assert sum(truth.patients(user=user) for user in users) >= truth.patients()
        assert truth.patients(before_ms=truth.first_ms) == 0
        assert truth.patients(before_ms=truth.last_ms + 1) == truth.patients()
    assert sum(truth.patients() for truth in told.truths) == met["patient_pid"].n_unique()


def test_every_label_names_its_incident_and_adds_up(told: Run) -> None:
    lines = [orjson.loads(line) for line in told.labels.splitlines()]

    assert len(lines) == len(told.truths) > 0
    for line, truth in zip(lines, told.truths, strict=True):
        assert line["attack"] == truth.incident.name
        assert line["kind"] == (ATTACK if line["attack"] in ATTACKS else LOOKALIKE)
        assert line["start"].endswith("Z")
        assert line["start"] <= line["end"]
        assert len(line["actor_pids"]) == len(truth.incident.actors)
        assert all(pid.startswith(pseudonyms.ACCOUNT) for pid in line["actor_pids"])
        by_day = line["identities_by_day"]
        assert line["identities"] <= sum(by_day.values())
        if line["actor_pids"]:
            split = line["identities_by_actor_day"]
            assert {day: sum(users.values()) for day, users in split.items()} == by_day


def test_every_event_has_a_number_of_its_own_and_lies_in_its_day(told: Run) -> None:
    for flow in FLOWS:
        frame = told.frames[flow]
        assert frame["event_id"].n_unique() == frame.height
        assert (frame["recorded_at"] > frame["occurred_at"]).all()
        assert frame["day"].is_between(START.toordinal(), START.toordinal() + 11).all()


def test_an_accounts_steps_are_those_between_all_its_records_of_the_day(told: Run) -> None:
    position = directory_position(told.accesses["patient_pid"].to_numpy())
    reads = (
        told.accesses.with_columns(at=pl.Series(position))
        .filter(pl.col("patient_pid") >= 0)
        .join(told.own().select("actor_pid", "day").unique(), on=["actor_pid", "day"])
        .sort("actor_pid", "day", "occurred_at", "directory_step")
        .with_columns(expected=pl.col("at").diff().over("actor_pid", "day").fill_null(NULL))
    )
    # Reads of one instant have no order of their own.
    alone = reads.filter(~pl.struct("actor_pid", "occurred_at").is_duplicated())
    agrees = alone["directory_step"] == alone["expected"]
    assert agrees.sum() >= alone.height - 2 * (reads.height - alone.height)


def test_a_lookalikes_readers_mostly_know_their_patients() -> None:
    for name in LOOKALIKES:
        looks = run([name]).looks()
        if name == "epidemic" or not looks.height:
            continue
        assert (looks["care_context"] == 0).mean() < 0.15, name


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    names=st.lists(st.sampled_from(sorted(STORIES)), min_size=1, max_size=3),
)
def test_any_incidents_of_any_seed_repeat_and_keep_apart(seed: int, names: list[str]) -> None:
    attacks = [asked(name) for name in names]
    first, again = (run(attacks, seed=seed, days=6, scale=0.03) for _ in range(2))

    assert first.labels == again.labels
    for flow in FLOWS:
        assert first.frames[flow].equals(again.frames[flow])
        assert first.frames[flow]["event_id"].n_unique() == first.frames[flow].height


def test_the_same_arguments_give_the_same_bytes_and_no_attack_changes_none(tmp_path: Path) -> None:
    def simulate(name: str, *attacks: str) -> Path:
        simulate_to_directory(
            directory=tmp_path / name,
            start=START,
            days=2,
            seed=1,
            scale=0.02,
            attacks=[wanted(text) for text in attacks],
        )
        return tmp_path / name

    plain, one, same = simulate("plain"), simulate("one", "takeover"), simulate("same", "takeover")

    assert (plain / LABELS_FILE).read_bytes() == b""
    assert (one / LABELS_FILE).read_bytes() == (same / LABELS_FILE).read_bytes() != b""
    for flow in FLOWS:
        assert recording_file(one, flow).read_bytes() == recording_file(same, flow).read_bytes()


def test_an_attack_does_not_depend_on_where_the_simulation_starts() -> None:
    text = "fast-harvest@2025-09-08"
    whole = run([text], days=10)
    late = run([text], start=date(2025, 9, 8), days=3)

    days = pl.col("day") >= date(2025, 9, 8).toordinal()
    assert late.own().equals(whole.own().filter(days))
