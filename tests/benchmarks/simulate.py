"""A month of the region in full: speed, the INSi table, and the shapes that the model promises.

    python tests/benchmarks/simulate.py [--start 2025-09-01] [--days 30] [--seed 1] [--keep DIR]

Prints events per second into files and out of them, the INSi calls and unique users per sector, and
what can be compared with the domain reference §12. Exits with 1 if September's table is not exact.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from simulators.recording import Recording, simulate_to_directory
from simulators.volumes import INSI_SEPTEMBER_2025
from streams.topics import FLOWS, INSI_CALLS, PLATFORM_ACCESSES

_RELATION_DAYS = 30
_WARM_UP_DAYS = 14
_DAY_MS = 86_400_000
_SAME_LOOK_MS = 600_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=date.fromisoformat, default=date(2025, 9, 1))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the recording in this new folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        directory = options.keep or Path(passing) / "recording"
        started = time.perf_counter()
        summary = simulate_to_directory(
            directory=directory, start=options.start, days=options.days, seed=options.seed
        )
        seconds = time.perf_counter() - started
        print(
            f"simulate: {summary.total:,} events in {seconds:.1f} s = {summary.total / seconds:,.0f}/s"
        )
        for flow, count in summary.events.items():
            size = (directory / f"{flow}.avro").stat().st_size
            print(f"  {flow:18} {count:>10,} events {size / count:6.1f} B/event")
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"  peak memory {peak_kb / 1024:.0f} MiB")
        return _read(
            directory, is_september=options.start == date(2025, 9, 1) and options.days == 30
        )


def _read(directory: Path, *, is_september: bool) -> int:
    recording = Recording(directory)
    started = time.perf_counter()
    rows = 0
    parts: dict[str, list[pl.DataFrame]] = {flow: [] for flow in FLOWS}
    for flow, frame in recording.merged_frames():
        rows += frame.height
        keep = ["occurred_at", "sector", "structure_pid", "actor_pid", "patient_pid"]
        if flow == PLATFORM_ACCESSES:
            keep += ["platform", "auth_method", "action", "directory_step"]
        parts[flow].append(frame.select(pl.col(keep)))
    seconds = time.perf_counter() - started
    print(f"merged frames: {rows:,} rows in {seconds:.1f} s = {rows / seconds:,.0f}/s")
    started = time.perf_counter()
    records = sum(len(batch) for batch in recording.batches())
    seconds = time.perf_counter() - started
    print(f"Kafka values: {records:,} in {seconds:.1f} s = {records / seconds:,.0f}/s")
    flows = {flow: pl.concat(frames) for flow, frames in parts.items()}
    _platform(flows[PLATFORM_ACCESSES])
    _care_relation(flows)
    return _insi(flows[INSI_CALLS], is_september=is_september)


def _insi(calls: pl.DataFrame, *, is_september: bool) -> int:
    user = pl.coalesce("actor_pid", "structure_pid")
    table = calls.group_by("sector").agg(pl.len().alias("calls"), user.n_unique().alias("users"))
    print("INSi:")
    wrong = 0
    for sector, count, users in table.sort("calls", descending=True).iter_rows():
        quota = INSI_SEPTEMBER_2025[sector]
        is_equal = (count, users) == (quota.calls, quota.users)
        wrong += is_september and not is_equal
        note = f"table {quota.calls:>9,} {quota.users:>6,} {'equal' if is_equal else 'NOT EQUAL'}"
        print(f"  {sector:6} {count:>9,} calls {users:>6,} users   {note if is_september else ''}")
    return 1 if wrong else 0


def _platform(accesses: pl.DataFrame) -> None:
    day = (pl.col("occurred_at") // _DAY_MS).alias("day")
    daily = (
        accesses.filter(pl.col("patient_pid").is_not_null())
        .group_by("actor_pid", day)
        .agg(pl.col("patient_pid").n_unique().alias("patients"))["patients"]
        .to_numpy()
    )
    median, p99 = np.percentile(daily, [50, 99])
    accounts = accesses["actor_pid"].n_unique()
    print(f"platform: {accounts:,} accounts, {len(daily):,} account-days")
    print(f"  distinct patients on an account-day: p50 {median:.0f}, p99 {p99:.0f}")
    steps = accesses["directory_step"].drop_nulls().abs()
    print(f"  directory steps of 1 to 8: {((steps > 0) & (steps <= 8)).mean():.4f}")
    for name in ("platform", "auth_method", "action"):
        shares = accesses[name].cast(pl.String).value_counts(normalize=True, sort=True)
        print(
            f"  {name}: " + ", ".join(f"{word} {share:.3f}" for word, share in shares.iter_rows())
        )


def _care_relation(flows: dict[str, pl.DataFrame]) -> None:
    """Share of accesses to a patient whom the structure had met in any flow within 30 days before."""
    touched = pl.concat(
        [
            frame.select("occurred_at", "structure_pid", "patient_pid").with_columns(
                pl.lit(flow == PLATFORM_ACCESSES).alias("is_access")
            )
            for flow, frame in flows.items()
        ]
    ).filter(pl.col("patient_pid").is_not_null())
    touched = touched.sort("occurred_at").with_columns(
        (
            pl.col("occurred_at")
            - pl.col("occurred_at").shift(1).over("structure_pid", "patient_pid")
        ).alias("since_ms")
    )
    start = touched["occurred_at"].min() + _WARM_UP_DAYS * _DAY_MS
    # One look counts once: a second read minutes later proves nothing.
    looks = touched.filter(
        pl.col("is_access")
        & (pl.col("occurred_at") >= start)
        & (pl.col("since_ms").is_null() | (pl.col("since_ms") > _SAME_LOOK_MS))
    )
    related = looks["since_ms"].is_not_null() & (looks["since_ms"] < _RELATION_DAYS * _DAY_MS)
    print(f"care relation: {related.mean():.3f} of {looks.height:,} looks had an earlier event")


if __name__ == "__main__":
    sys.exit(main())
