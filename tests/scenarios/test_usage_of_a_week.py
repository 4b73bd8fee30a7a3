"""A simulated week over the turn of a month: the back-test against a group-by over the recording."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import polars as pl

from agents.backtest import Backtest
from agents.usages import COUNTED, UsageRow
from simulators.evaluation.frames import Framer
from simulators.publish import partitions_of
from simulators.traffic import RegionTraffic
from streams.event_time import DAY_MS
from streams.schemas import Schemas
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    FLOWS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
)
from tests.support.frames import PARAMS

START, DAYS = date(2025, 9, 28), 7
SEPTEMBER, OCTOBER = 2025 * 12 + 8, 2025 * 12 + 9
# Nothing is late here, so that the recording is what counts.
WEEK = replace(PARAMS, allowed_lateness_ms=DAYS * DAY_MS, duplicate_ids_max=1_000_000)


@cache
def recording() -> dict[str, pl.DataFrame]:
    """Every flow's events in the order of arrival."""
    found: dict[str, list[pl.DataFrame]] = {flow: [] for flow in FLOWS}
    framer = Framer(Schemas.load(), 3)
    for tables in RegionTraffic(3, 0.02).recorded(START, DAYS):
        for flow, events in tables.items():
            if len(events):
                found[flow].append(framer.frame(events))
    return {flow: pl.concat(frames).sort("recorded_at") for flow, frames in found.items()}


@cache
def backtested() -> Backtest:
    core = Backtest(WEEK, 4, lambda keys: partitions_of(keys, 4))
    for flow, frame in recording().items():
        for at in range(0, frame.height, 3000):
            core.take(flow, frame[at : at + 3000])
    core.finish()
    return core


WORKED = pl.col("outcome") != "FAILURE"
SUBMITTED = pl.col("operation").is_in(["SUBMIT", "REPLACE"]) & (
    pl.col("depositor") == "PROFESSIONAL"
)
QUALIFIED = pl.col("ins_status") == "QUAL"
CREATED = WORKED & (pl.col("event") == "CREATED")
STEP = WORKED & (pl.col("direction") != "FAILED") & (pl.col("kind") != "SYSTEM")
PRO = STEP & pl.col("kind").is_in(["PRO_PRO", "APP_PRO"])
ACCESS = WORKED & (pl.col("action") != "LOGIN_FAIL")
ALONE = pl.col("auth_method") == "PWD_ONLY"
LOGIN = pl.col("action") == "LOGIN_OK"


def deposit_of(doc_class: str) -> pl.Expr:
    return SUBMITTED & WORKED & (pl.col("doc_class") == doc_class)


CONDITIONS: dict[str, tuple[str, pl.Expr]] = {
    "DMP_DEPOSIT": (DMP_DEPOSITS, SUBMITTED & WORKED),
    "DMP_DOCUMENT": (DMP_DEPOSITS, SUBMITTED & WORKED & (pl.col("operation") == "SUBMIT")),
    **{
        f"DMP_DEPOSIT_{name.removeprefix('DMP_DEPOSIT_')}": (
            DMP_DEPOSITS,
            deposit_of(name.removeprefix("DMP_DEPOSIT_")),
        )
        for name in COUNTED
        if name.startswith("DMP_DEPOSIT_") and not name.endswith("QUALIFIED")
    },
    "DMP_DEPOSIT_INS_QUALIFIED": (DMP_DEPOSITS, SUBMITTED & WORKED & QUALIFIED),
    "DMP_SUBMISSION": (DMP_DEPOSITS, SUBMITTED),
    "DMP_SUBMISSION_INS_QUALIFIED": (DMP_DEPOSITS, SUBMITTED & QUALIFIED),
    "MSS_ACTIVE": (MSS_MESSAGES, STEP),
    "MSS_SENT": (MSS_MESSAGES, STEP & (pl.col("direction") == "SENT")),
    "MSS_DELIVERED": (MSS_MESSAGES, STEP & pl.col("direction").is_in(["DELIVERED", "READ"])),
    "MSS_PRO": (MSS_MESSAGES, PRO),
    "MSS_PRO_DOCUMENT": (MSS_MESSAGES, PRO & pl.col("has_xdm")),
    "MSS_PATIENT": (MSS_MESSAGES, STEP & (pl.col("kind") == "PRO_PATIENT")),
    "MSS_DOCUMENT": (MSS_MESSAGES, STEP & pl.col("has_xdm")),
    "MSS_DOCUMENT_INS_QUALIFIED": (
        MSS_MESSAGES,
        STEP & pl.col("has_xdm") & pl.col("ins_qualified").fill_null(value=False),
    ),
    "INSI_CALL": (INSI_CALLS, pl.lit(value=True)),
    "INSI_IDENTITY": (INSI_CALLS, WORKED),
    "ERX_CREATED": (EPRESCRIPTIONS, CREATED),
    **{
        f"ERX_CREATED_{origin}": (EPRESCRIPTIONS, CREATED & (pl.col("origin") == origin))
        for origin in ("VILLE", "PHEV", "TELECONSULTATION")
    },
    "ERX_DISPENSED": (
        EPRESCRIPTIONS,
        WORKED & pl.col("event").is_in(["DISPENSED_FULL", "DISPENSED_PARTIAL"]),
    ),
    "ERX_DISPENSED_FULL": (EPRESCRIPTIONS, WORKED & (pl.col("event") == "DISPENSED_FULL")),
    "ACCESS": (PLATFORM_ACCESSES, ACCESS),
    "ACCESS_PASSWORD_ONLY": (PLATFORM_ACCESSES, ACCESS & ALONE),
    "ACCESS_LOGIN": (PLATFORM_ACCESSES, ACCESS & LOGIN),
    "ACCESS_LOGIN_PASSWORD_ONLY": (PLATFORM_ACCESSES, ACCESS & LOGIN & ALONE),
}


def grouped(usage: str, month: int) -> set[UsageRow]:
    """A usage's cells by polars; a simulated structure never moves."""
    flow, condition = CONDITIONS[usage]
    local = pl.from_epoch("occurred_at", "ms").dt.replace_time_zone("UTC")
    of_month = local.dt.convert_time_zone("Europe/Paris").dt.month() == month % 12 + 1
    volume = pl.col("doc_count").sum() if usage == "DMP_DOCUMENT" else pl.len()
    cells = (
        recording()[flow]
        .filter(condition & of_month)
        .group_by(pl.col("couloir").cast(pl.String), "department")
        .agg(pl.col("structure_pid").n_unique(), volume.alias("volume"))
    )
    return {UsageRow(usage, *row) for row in cells.iter_rows()}


def test_the_back_test_of_a_week_is_the_group_by_over_its_recording() -> None:
    assert tuple(CONDITIONS) == COUNTED
    for month in (SEPTEMBER, OCTOBER):
        rows = set(backtested().usage_rows(month))
        for usage in COUNTED:
            assert {row for row in rows if row.usage == usage} == grouped(usage, month), usage


def test_the_week_has_something_to_count_in_both_months() -> None:
    assert backtested().usage.months() == [SEPTEMBER, OCTOBER]
    for month in (SEPTEMBER, OCTOBER):
        seen = {row.usage for row in backtested().usage_rows(month)}
        assert seen >= set(COUNTED), set(COUNTED) - seen


def test_structures_seen_at_all_are_those_of_the_recording() -> None:
    everything = pl.concat(
        frame.select("structure_pid", "occurred_at") for frame in recording().values()
    )
    october = everything.filter(pl.col("occurred_at") >= 1_759_269_600_000)  # 0 h in Paris
    active = [row for row in backtested().usage_rows(OCTOBER) if row.usage == "ACTIVE"]

    assert sum(row.structures for row in active) == october["structure_pid"].n_unique()
    widest = ("DMP_SUBMISSION", "MSS_ACTIVE", "INSI_CALL", "ERX_CREATED", "ERX_DISPENSED", "ACCESS")
    counting = sum(row.events for usage in widest for row in grouped(usage, OCTOBER))
    assert sum(row.events for row in active) == counting < october.height


def test_hospitals_reach_objectives_and_nobody_else_does() -> None:
    rows = [row for row in backtested().usage_rows(OCTOBER) if row.usage.startswith("HOPEN2")]
    (anyone,) = {row.couloir for row in rows}
    assert anyone == "HOPITAL"
    reached = {row.usage for row in rows}
    assert {"HOPEN2_INS", "HOPEN2_SORTIE_SEJOUR", "HOPEN2_ANY"} <= reached
    by_usage = dict.fromkeys(reached, 0)
    for row in rows:
        by_usage[row.usage] += row.structures
    objectives = sum(row.events for row in rows if row.usage == "HOPEN2_ANY")
    assert objectives == sum(n for usage, n in by_usage.items() if usage != "HOPEN2_ANY")
