"""What accounts take: one by one in a checkpoint, and many together in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from agents.account_rows import AccountRows
from agents.partition_watch import PartitionWatch
from simulators.evaluation.speed import PARTITIONS, region_frames
from streams.event_time import DAY_MS
from streams.schemas import Schemas
from streams.topics import FLOWS, PLATFORM_ACCESSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.event_time import Int64Array

_START_MS: Final = 1_757_000_000_000
_LOOKS_A_DAY: Final = 12
"""Median distinct patients of a working day (domain reference §12.2)."""
_DAYS: Final = 3
_TOGETHER: Final = 5_000
_SAMPLE: Final = 4_000


@dataclass(frozen=True, slots=True)
class StateSize:
    """What accounts take.

    Attributes:
        accounts: how many were measured one by one.
        median_bytes: of their state in a checkpoint.
        max_bytes: the same of the largest.
        many: accounts of the second measurement.
        many_bytes: by which the process grew for them, everything included; -1 where the machine
            does not tell.
    """

    accounts: int
    median_bytes: float
    max_bytes: float
    many: int
    many_bytes: int


def measure_state(seed: int, days: int, many: int) -> StateSize:
    """Fill a watch with the region's days, then others with many accounts.

    Args:
        seed: of both.
        days: of the region.
        many: accounts.
    """
    sizes = _sizes_bytes(seed, days)
    return StateSize(
        len(sizes), float(np.median(sizes)), float(sizes.max()), many, _growth_bytes(seed, many)
    )


def _sizes_bytes(seed: int, days: int) -> Int64Array:
    watch = PartitionWatch()
    for flow, frame in region_frames(seed, days):
        if flow == PLATFORM_ACCESSES:
            watch.take(flow, frame, frame["recorded_at"].to_numpy())
    watch.finish()
    own = watch.watch
    shared = (own.groups.rows, own.takeover.habits.groups, own.takeover.habits.popular)
    rows = np.arange(min(len(watch.accounts), _SAMPLE)).tolist()
    sizes = np.zeros(len(rows), np.int64)
    for section in (*own.sections, own.history.rows, watch.accounts):
        if any(section is one for one in shared):
            continue
        if isinstance(section, AccountRows):
            sizes += section.record_bytes
        else:
            empty = len(section.encode(set())[0])
            sizes += [len(section.encode({row})[0]) - empty for row in rows]
    return sizes


def _growth_bytes(seed: int, many: int) -> int:
    """By how much this process grows when it watches so many accounts."""
    before = _resident_bytes()
    watches = [PartitionWatch() for _ in range(PARTITIONS)]
    for number, frame in _days_of_many(seed, many):
        watches[number].take(PLATFORM_ACCESSES, frame, frame["recorded_at"].to_numpy())
        watches[number].pass_time(dict.fromkeys(FLOWS, int(frame["recorded_at"].max())))  # type: ignore[arg-type]  # never empty
    after = _resident_bytes()
    return -1 if before < 0 else max(0, after - before)


def _days_of_many(seed: int, many: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Some working days of many accounts, thousands of accounts of one partition at a time."""
    rng = np.random.default_rng(seed)
    schema = Schemas.load().frame_schema(PLATFORM_ACCESSES)
    parts = max(1, many // _TOGETHER)
    for day in range(_DAYS):
        for part in range(parts):
            account = np.arange(part * _TOGETHER, min((part + 1) * _TOGETHER, many))
            account = rng.permutation(np.repeat(account, _LOOKS_A_DAY))
            span_ms = DAY_MS // parts
            begin_ms = _START_MS + day * DAY_MS + part * span_ms
            yield part % PARTITIONS, _frame(schema, account, begin_ms, span_ms, rng)


def _frame(
    schema: dict[str, pl.DataType],
    account: Int64Array,
    begin_ms: int,
    span_ms: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    count = len(account)
    at_ms = pl.Series(begin_ms + np.sort(rng.integers(0, span_ms, count)))
    named = {
        "structure_pid": ("st_", account % 2_000),
        "actor_pid": ("ac_", account),
        "patient_pid": ("pa_", rng.integers(0, 10**7, count)),
        "net_pid": ("ne_", account),
        "client_pid": ("cl_", account),
    }
    words = {"action": "READ_RECORD", "sector": "ES", "couloir": "HOPITAL", "outcome": "SUCCESS"}
    columns = []
    for name, kind in schema.items():
        if name in {"occurred_at", "recorded_at"}:
            columns.append(at_ms.alias(name))
        elif name in named:
            prefix, numbers = named[name]
            texts = pl.Series(name, numbers).cast(pl.String).str.zfill(22)
            columns.append((prefix + texts).alias(name))
        elif isinstance(kind, pl.Enum):
            word = words.get(name, str(kind.categories[0]))
            columns.append(pl.Series(name, [word], dtype=kind).new_from_index(0, count))
        elif kind == pl.String:
            columns.append(pl.Series(name, ["59"]).new_from_index(0, count))
        else:
            columns.append(pl.Series(name, [None], dtype=kind).new_from_index(0, count))
    return pl.DataFrame(columns)


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return -1
    return pages * os.sysconf("SC_PAGE_SIZE")
