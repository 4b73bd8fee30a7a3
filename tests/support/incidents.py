"""Small regions with an incident in them, as tables of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from simulators.attacks.accesses import OWN_NUMBERS
from simulators.attacks.catalogue import wanted
from simulators.attacks.scenario import Scenario
from simulators.events import Words
from simulators.flows.telling import words_of
from simulators.traffic import RegionTraffic
from streams.event_time import paris_days
from streams.topics import FLOWS, PLATFORM_ACCESSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.attacks.labels import Truth

START = date(2025, 9, 1)
SCALE = 0.05
EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Run:
    """A simulated span: events per flow in no particular order, with `day` and `is_own`."""

    frames: dict[str, pl.DataFrame]
    truths: tuple[Truth, ...]
    labels: bytes
    traffic: RegionTraffic

    @property
    def accesses(self) -> pl.DataFrame:
        return self.frames[PLATFORM_ACCESSES]

    def own(self, flow: str = PLATFORM_ACCESSES) -> pl.DataFrame:
        """The events that incidents added, in the order of their occurrence."""
        return self.frames[flow].filter("is_own").sort("actor_pid", "occurred_at")

    def looks(self) -> pl.DataFrame:
        """Those that read a patient."""
        return self.own().filter(pl.col("patient_pid") >= 0)


def run(
    attacks: Sequence[str],
    *,
    start: date = START,
    days: int = 12,
    seed: int = 3,
    scale: float = SCALE,
) -> Run:
    """Simulate a region with these attacks."""
    traffic = RegionTraffic(seed, scale)
    scenario = Scenario([wanted(text) for text in attacks], traffic, start, days)
    found: dict[str, list[pl.DataFrame]] = {flow: [] for flow in FLOWS}
    for tables in traffic.occurring(start, days, rewrite=scenario.rewrite):
        for flow, events in tables.items():
            found[flow].append(pl.DataFrame(dict(events.columns)))
    frames = {flow: _with_days(pl.concat(parts)) for flow, parts in found.items()}
    return Run(frames, scenario.truths, scenario.labels(), traffic)


def _with_days(frame: pl.DataFrame) -> pl.DataFrame:
    days = paris_days(frame["occurred_at"].to_numpy()) + EPOCH
    return frame.with_columns(
        pl.Series("day", np.asarray(days, np.int64)),
        (pl.col("event_id") >= OWN_NUMBERS).alias("is_own"),
    )


def words(frame: pl.DataFrame, field: str) -> list[str]:
    """A column of codes as words."""
    kind = words_of(PLATFORM_ACCESSES, field)
    assert isinstance(kind, Words)
    return [kind.words[code] for code in frame[field].to_list()]
