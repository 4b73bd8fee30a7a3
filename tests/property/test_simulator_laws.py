"""Laws of the simulated region, in small regions of many seeds."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.allocation import allocate
from simulators.calendar import LocalDay, days_of_month, midnight_ms
from simulators.events import FIELDS, NULL, Events, Words
from simulators.traffic import RegionTraffic
from simulators.volumes import INSI_SEPTEMBER_2025, insi_quota
from streams.errors import VigieError
from streams.event_time import HOUR_MS, paris_days
from streams.topics import DMP_DEPOSITS, FLOWS, INSI_CALLS, PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS, SECTORS

SMALL = 0.004
SEPTEMBER = date(2025, 9, 1)


def month_of(seed: int, month: int, scale: float = SMALL) -> dict[str, list[Events]]:
    days = days_of_month(month)
    found: dict[str, list[Events]] = {flow: [] for flow in FLOWS}
    for tables in RegionTraffic(seed, scale).recorded(days[0], len(days)):
        for flow, events in tables.items():
            found[flow].append(events)
    return found


def joined(tables: list[Events], name: str) -> np.ndarray:
    return np.concatenate([table.columns[name] for table in tables])


@settings(max_examples=60, deadline=None)
@given(
    total=st.integers(0, 5_000),
    actors=st.integers(1, 40),
    days=st.integers(1, 31),
    at_least_one=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_an_allocation_sums_to_its_total_and_reaches_whom_it_must(
    total: int, actors: int, days: int, at_least_one: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights, day_weights = rng.lognormal(0, 2, actors), rng.random((actors, days)) + 0.01
    if at_least_one and actors > total:
        with pytest.raises(VigieError, match="cannot reach"):
            allocate(
                rng,
                total=total,
                weights=weights,
                day_weights=day_weights,
                dispersion=2.0,
                at_least_one=True,
            )
        return
    counts = allocate(
        rng,
        total=total,
        weights=weights,
        day_weights=day_weights,
        dispersion=2.0,
        at_least_one=at_least_one,
    )

    assert counts.shape == (actors, days)
    assert counts.min() >= 0
    assert counts.sum() == total
    assert not at_least_one or counts.sum(axis=1).min() >= 1


@pytest.mark.parametrize("month", [2025 * 12 + 8, 2025 * 12 + 7, 2025 * 12 + 9])
@pytest.mark.parametrize("seed", [1, 2])
def test_insi_calls_and_users_of_a_month_are_exactly_the_quota(seed: int, month: int) -> None:
    calls = month_of(seed, month)[INSI_CALLS]
    sector, actor, structure = (
        joined(calls, name) for name in ("sector", "actor_pid", "structure_pid")
    )
    days = paris_days(joined(calls, "occurred_at"))

    assert {(date(1970, 1, 1) + timedelta(days=int(d))).month for d in np.unique(days)} == {
        month % 12 + 1
    }
    for name in INSI_SEPTEMBER_2025:
        rows = sector == SECTORS.index(name)
        users = set(np.where(actor >= 0, actor, -1 - structure)[rows].tolist())
        quota = insi_quota(name, month, SMALL)
        assert (int(rows.sum()), len(users)) == (quota.calls, quota.users)


def test_every_event_lies_in_its_day_and_is_recorded_after_it_occurred() -> None:
    for tables in month_of(5, 2025 * 12 + 9).values():
        occurred, recorded = joined(tables, "occurred_at"), joined(tables, "recorded_at")
        delay = recorded - occurred

        assert delay.min() > 0
        assert delay.max() <= 20 * HOUR_MS
        assert np.median(delay) < 5_000
        assert (delay > HOUR_MS).mean() > 0.001


def test_records_come_in_the_order_in_which_they_are_recorded() -> None:
    for tables in month_of(6, 2025 * 12 + 8).values():
        assert np.all(np.diff(joined(tables, "recorded_at")) >= 0)


def test_a_recording_holds_all_that_occurred_and_ends_for_all_flows_as_its_last_day_ends() -> None:
    days = list(RegionTraffic(7, 0.1).recorded(SEPTEMBER, 2))
    ends_ms = [midnight_ms(SEPTEMBER + timedelta(days=n)) for n in (1, 2)]
    newest = [
        max(int(table.columns["recorded_at"][-1]) for table in tables.values()) for tables in days
    ]
    occurring = list(RegionTraffic(7, 0.1).occurring(SEPTEMBER, 2))
    later = [table.columns["recorded_at"] >= ends_ms[1] for table in occurring[1].values()]

    assert sum(int(rows.sum()) for rows in later) > 0
    assert all(0 < end - at < HOUR_MS for end, at in zip(ends_ms, newest, strict=True))
    counts = [sum(len(one) for day in two for one in day.values()) for two in (days, occurring)]
    assert counts[0] == counts[1]


def test_every_word_is_a_word_of_its_field_and_every_id_its_own() -> None:
    for flow, tables in month_of(7, 2025 * 12 + 8).items():
        for name, kind in FIELDS[flow].items():
            column = joined(tables, name)
            if isinstance(kind, Words):
                assert column.max() < len(kind.words)
        ids = joined(tables, "event_id")
        assert len(np.unique(ids)) == len(ids)


def test_the_long_night_has_events_in_each_of_its_hours_and_no_hour_twice_over() -> None:
    day = date(2025, 10, 26)
    local = LocalDay.of(day)
    tables = next(iter(RegionTraffic(3, 0.05).occurring(day, 1)))
    occurred = np.concatenate([events.columns["occurred_at"] for events in tables.values()])
    hours = np.bincount((occurred - local.start_ms) // HOUR_MS, minlength=25)

    assert len(hours) == 25
    assert hours.min() > 0
    # Both passes of 02:00 are night hours: neither holds two hours' worth.
    assert hours[2] < 2 * hours[3] < 4 * hours[2]


def test_a_days_events_do_not_depend_on_where_the_simulation_starts() -> None:
    day = SEPTEMBER + timedelta(days=12)
    alone = next(iter(RegionTraffic(4, 0.02).occurring(day, 1)))
    *_, after_others = RegionTraffic(4, 0.02).occurring(day - timedelta(days=12), 13)

    for flow in FLOWS:
        for name, column in alone[flow].columns.items():
            assert np.array_equal(column, after_others[flow].columns[name]), (flow, name)


def test_extra_traffic_joins_the_regions_and_travels_in_order() -> None:
    donor = next(iter(RegionTraffic(9, 0.02).occurring(SEPTEMBER, 1)))[PLATFORM_ACCESSES]
    plain = list(RegionTraffic(4, 0.02).recorded(SEPTEMBER, 2))
    mixed = list(
        RegionTraffic(4, 0.02).recorded(
            SEPTEMBER, 2, lambda day: [donor] if day == SEPTEMBER else []
        )
    )
    totals = [
        sum(len(tables[PLATFORM_ACCESSES]) for tables in run if PLATFORM_ACCESSES in tables)
        for run in (plain, mixed)
    ]

    assert totals[1] == totals[0] + len(donor)
    for tables in mixed:
        assert np.all(np.diff(tables[PLATFORM_ACCESSES].columns["recorded_at"]) >= 0)


def week_of(seed: int, start: date, days: int, scale: float) -> dict[str, pl.DataFrame]:
    found: dict[str, list[pl.DataFrame]] = {flow: [] for flow in FLOWS}
    for tables in RegionTraffic(seed, scale).occurring(start, days):
        for flow, events in tables.items():
            found[flow].append(pl.DataFrame(dict(events.columns)))
    return {flow: pl.concat(frames) for flow, frames in found.items()}


def test_about_85_percent_of_looks_concern_a_patient_whom_the_structure_has_met() -> None:
    flows = week_of(2, SEPTEMBER, 25, 0.15)
    touched = (
        pl.concat(
            [
                frame.select(
                    "occurred_at",
                    "structure_pid",
                    "patient_pid",
                    pl.lit(flow == PLATFORM_ACCESSES).alias("is_access"),
                )
                for flow, frame in flows.items()
            ]
        )
        .filter(pl.col("patient_pid") >= 0)
        .sort("occurred_at")
        .with_columns(
            (
                pl.col("occurred_at")
                - pl.col("occurred_at").shift(1).over("structure_pid", "patient_pid")
            ).alias("since")
        )
    )
    settled = LocalDay.of(SEPTEMBER + timedelta(days=14)).start_ms
    looks = touched.filter(
        pl.col("is_access")
        & (pl.col("occurred_at") >= settled)
        & (pl.col("since").is_null() | (pl.col("since") > 600_000))
    )

    assert looks.height > 1_000
    assert 0.80 < looks["since"].is_not_null().mean() < 0.90


def test_a_patient_is_met_by_one_structure_in_several_flows() -> None:
    flows = week_of(3, SEPTEMBER, 1, 0.05)
    town = COULOIRS.index("MEDECINE_VILLE")
    pairs = {
        flow: set(
            frame.filter((pl.col("couloir") == town) & (pl.col("patient_pid") >= 0))
            .select("structure_pid", "patient_pid")
            .iter_rows()
        )
        for flow, frame in flows.items()
    }

    deposited_for = pairs[DMP_DEPOSITS]
    assert len(pairs[INSI_CALLS] & deposited_for) > 0.3 * len(deposited_for)


def test_an_account_on_the_platforms_looks_at_about_twelve_patients_a_day() -> None:
    accesses = week_of(2, SEPTEMBER, 21, 0.15)[PLATFORM_ACCESSES]
    daily = (
        accesses.filter(pl.col("patient_pid") >= 0)
        .group_by("actor_pid", pl.col("occurred_at") // 86_400_000)
        .agg(pl.col("patient_pid").n_unique().alias("patients"))["patients"]
        .to_numpy()
    )

    assert 10 <= np.median(daily) <= 14
    assert 55 <= np.percentile(daily, 99) <= 110


def test_a_small_step_in_the_directory_is_rare() -> None:
    accesses = week_of(2, SEPTEMBER, 21, 0.15)[PLATFORM_ACCESSES]
    steps = accesses.filter((pl.col("directory_step") != NULL) & (pl.col("directory_step") != 0))

    assert steps.height > 1_000
    assert (steps["directory_step"].abs() <= 8).mean() < 0.01


def test_a_session_moves_forward_and_belongs_to_one_account_and_network() -> None:
    accesses = week_of(2, SEPTEMBER, 2, 0.15)[PLATFORM_ACCESSES]
    sessions = accesses.group_by("session_pid", maintain_order=True).agg(
        pl.col("actor_pid").n_unique(),
        pl.col("net_pid").n_unique(),
        pl.col("occurred_at").diff().min().alias("least_gap_ms"),
    )

    assert sessions.height > 50
    assert sessions["actor_pid"].max() == 1
    assert sessions["net_pid"].max() == 1


def test_a_dispensed_prescription_was_written_before_for_the_same_patient() -> None:
    steps = week_of(2, SEPTEMBER, 9, 0.1)["eprescriptions"]
    words = FIELDS["eprescriptions"]["event"]
    assert isinstance(words, Words)
    written = steps.filter(pl.col("event") == words.code("CREATED"))
    filled = steps.filter(
        pl.col("event").is_in([words.code("DISPENSED_FULL"), words.code("DISPENSED_PARTIAL")])
        & (pl.col("occurred_at") > LocalDay.of(SEPTEMBER + timedelta(days=6)).start_ms)
    ).join(written, on="prescription_pid", suffix="_written", how="left")

    assert filled.height > 100
    assert filled["patient_pid_written"].null_count() == 0
    assert (filled["patient_pid"] == filled["patient_pid_written"]).all()
    assert (filled["occurred_at"] > filled["occurred_at_written"]).all()
    assert (filled["line_count"] == filled["line_count_written"]).all()
