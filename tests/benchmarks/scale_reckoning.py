"""From measured costs to what a region, France and Europe need (pure).

Each line of the table is one formula below. Where a figure is not measured but set, its reason stands
beside it; `deploy/CAPACITY.md` says where the volumes come from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.table import Table

from agents.rates import RollingRates
from agents.series import SeriesCodes
from streams.topics import FLOWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.scale import Measured, OfAccounts

MONTH_S: Final = 30 * 86_400
FETCHES_PER_S: Final = 4
"""Of one partition at most: the broker gathers for a quarter of a second (`streams.consumer`)."""
PARTITIONS: Final = 8
"""Of which one was measured (`tests.benchmarks.scale`)."""
CHECKPOINTS_PER_S: Final = 2
"""Of one partition at most (`VIGIE_CHECKPOINT_INTERVAL_MS`)."""
PAIR_BYTES: Final = 30
"""Of a pair of structure and patient, at most (`agents.care_relations`)."""
ID_BYTES: Final = 24
"""Of a remembered event id, with its place in the table (`streams.duplicates`)."""
IDS_PER_FLOW: Final = 262_144
"""`VIGIE_DUPLICATE_IDS_MAX`."""
GENERATION_IDS: Final = IDS_PER_FLOW // 4
"""Remembered ids leave so many at a time."""
HEADROOM: Final = 3.0
"""Highest memory over state while a month is read at once (`tests/benchmarks/sizing.py`: 1.19 GB, less
a bare process and what is fetched, over the state reckoned here)."""
SEGMENTS: Final = 2.5
"""Bytes of a live changelog over the state that it holds, since segments overlap until they are merged:
0.52 GB for a region's month (`tests/benchmarks/sizing.py`) over what is reckoned here."""
FETCHED_BYTES: Final = 4_194_304
"""Of each flow and partition held, while a backlog is read (`VIGIE_FETCH_MAX_BYTES`)."""
WORKER_BYTES: Final = 4e9
CORE_SHARE: Final = 0.5
"""Of a core in the busiest hour; the rest is for catching up."""
CATCH_UP_S: Final = 1_800.0
"""In which a day's backlog is to be read."""
PARTITION_STATE_BYTES: Final = 200e6
"""State of a partition at most: its largest merge holds up the others for a second or so."""
SESSION_S: Final = 45.0
"""Until a dead worker is missed (`deploy/kubernetes`)."""
RECOVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Area:
    """What is watched by one deployment.

    Attributes:
        events_month: of all flows.
        busiest: events a second in the busiest hour, over the mean.
        accounts: that act within 30 days.
        pairs: of structure and patient that meet within 30 days.
        departments: that are told apart.
    """

    name: str
    events_month: float
    busiest: float
    accounts: int
    pairs: float
    departments: int


REGION: Final = Area("a region", 8.84e6, 2.93, 25_000, 2.6e6, 5)
FRANCE_REGIONS: Final = 16
EUROPE_FRANCES: Final = 6.6


def scaled(area: Area, name: str, factor: float, departments: int) -> Area:
    """An area of so many times the size."""
    return Area(
        name,
        area.events_month * factor,
        area.busiest,
        round(area.accounts * factor),
        area.pairs * factor,
        departments,
    )


AREAS: Final = (
    REGION,
    scaled(REGION, "France, one deployment", FRANCE_REGIONS, 101),
    scaled(REGION, "Europe, one deployment", FRANCE_REGIONS * EUROPE_FRANCES, 240),
)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What an area needs; the deciding figure of each is the largest of its reasons."""

    area: Area
    events_s: float
    busiest_s: float
    partitions: int
    workers: int
    cores_busy: float
    catch_up_s: float
    state_bytes: float
    worker_bytes: float
    changelog_bytes: float
    changelog_per_s: float
    recovery_s: float
    region_share: float


def ring_bytes(departments: int) -> float:
    """Memory of one partition's rolling counts, by how many departments are told apart."""
    codes = SeriesCodes(tuple(str(number) for number in range(departments))).size
    return float(sum(ring.size_bytes for ring in RollingRates(codes).rings))


def per_account(measured: Measured, accounts: int) -> OfAccounts:
    """The case measured that is nearest to a number of accounts, on a scale of proportions."""
    return min(measured.accounts, key=lambda one: abs(math.log(one.accounts / accounts)))


def bytes_per_account(measured: Measured) -> float:
    """What an account adds to the memory of its partition: from the smallest case to the largest."""
    few, many = measured.accounts[0], measured.accounts[-1]
    more = (many.accounts - few.accounts) / PARTITIONS
    return (many.grown_bytes - few.grown_bytes) / more


def capacity(measured: Measured, area: Area) -> Capacity:
    """Reckon an area."""
    events_s = area.events_month / MONTH_S
    busiest_s = events_s * area.busiest
    cost = per_account(measured, area.accounts)
    full, thin = measured.slices[0], measured.slices[-1]
    shared_bytes = area.accounts * bytes_per_account(measured) + area.pairs * PAIR_BYTES
    own_bytes = measured.partition_bytes - ring_bytes(REGION.departments)
    own_bytes += ring_bytes(area.departments)
    day_ids = events_s * 86_400 * ID_BYTES
    partitions = max(8, math.ceil((shared_bytes + day_ids) / PARTITION_STATE_BYTES))
    partitions = -(-partitions // 8) * 8
    ids_bytes = partitions * len(FLOWS) * GENERATION_IDS * ID_BYTES + day_ids
    ids_bytes = min(ids_bytes, partitions * len(FLOWS) * IDS_PER_FLOW * ID_BYTES)
    state_bytes = shared_bytes + ids_bytes + partitions * own_bytes
    slices_s = min(busiest_s, partitions * len(FLOWS) * FETCHES_PER_S)
    checkpoints_s = min(slices_s, partitions * CHECKPOINTS_PER_S)
    cores_busy = (
        slices_s * thin.slice_ms / 1e3
        + busiest_s * full.event_us / 1e6
        + checkpoints_s * thin.checkpoint_ms / 1e3
    )
    backlog_s = events_s * 86_400 * cost.event_us / 1e6
    pairs_bytes = area.pairs * PAIR_BYTES / 2
    changelog = area.accounts * cost.changelog_per_account + pairs_bytes + ids_bytes
    changelog *= SEGMENTS
    read_s = changelog / 1e6 / cost.recovery_mb_per_s
    alone_ms, eight_ms = measured.region_ms
    held_bytes = state_bytes * HEADROOM + partitions * len(FLOWS) * FETCHED_BYTES
    workers = max(
        2,
        math.ceil(cores_busy / CORE_SHARE),
        math.ceil(backlog_s / CATCH_UP_S),
        # With one worker gone, the others hold everything.
        1 + math.ceil(held_bytes / (WORKER_BYTES - measured.base_bytes)),
        math.ceil(read_s / RECOVERY_S),
    )
    return Capacity(
        area=area,
        events_s=events_s,
        busiest_s=busiest_s,
        partitions=max(partitions, -(-workers // 8) * 8),
        workers=workers,
        cores_busy=cores_busy,
        catch_up_s=backlog_s / workers,
        state_bytes=state_bytes,
        worker_bytes=measured.base_bytes + held_bytes / (workers - 1),
        changelog_bytes=changelog,
        changelog_per_s=checkpoints_s * thin.checkpoint_bytes,
        recovery_s=SESSION_S + read_s / workers,
        region_share=(alone_ms + (partitions - 1) * (eight_ms - alone_ms) / 7) / 1e3,
    )


def reckoned(measured: Measured) -> Table:
    """The table of capacity."""
    found = [capacity(measured, area) for area in AREAS]
    table = Table("", *(one.area.name for one in found), title="capacity, reckoned")
    lines: tuple[tuple[str, Callable[[Capacity], str]], ...] = (
        ("events a month", lambda c: f"{c.area.events_month / 1e6:,.0f} million"),
        ("events a second, mean; busiest hour", lambda c: f"{c.events_s:,.1f}; {c.busiest_s:,.0f}"),
        ("accounts", lambda c: f"{c.area.accounts:,}"),
        ("pairs of structure and patient", lambda c: f"{c.area.pairs / 1e6:,.1f} million"),
        ("departments", lambda c: f"{c.area.departments}"),
        ("partitions", lambda c: f"{c.partitions}"),
        ("workers", lambda c: f"{c.workers}"),
        ("cores busy in the busiest hour", lambda c: f"{c.cores_busy:.2f}"),
        ("a day's backlog is read in", lambda c: f"{c.catch_up_s:.0f} s"),
        ("state, all partitions", lambda c: f"{c.state_bytes / 1e9:.1f} GB"),
        ("memory of a worker, one being away", lambda c: f"{c.worker_bytes / 1e9:.1f} GB"),
        ("changelogs, live", lambda c: f"{c.changelog_bytes / 1e9:.1f} GB"),
        ("written to changelogs, busiest hour", lambda c: f"{c.changelog_per_s / 1e6:.2f} MB/s"),
        ("a core's share for the watch of the whole", lambda c: f"{c.region_share:.1%}"),
        ("a dead worker's partitions are back in", lambda c: f"{c.recovery_s:.0f} s"),
    )
    for what, tell in lines:
        table.add_row(what, *(tell(one) for one in found))
    return table
