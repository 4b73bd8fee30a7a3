"""A few days of a small region as columns in the order of arrival, with an attack in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import orjson
import polars as pl

from simulators.attacks.catalogue import wanted
from simulators.attacks.scenario import Scenario
from simulators.evaluation.frames import Framer
from simulators.traffic import RegionTraffic
from streams.event_time import HOUR_MS
from streams.schemas import Schemas
from streams.topics import FLOWS

START = date(2025, 9, 8)


@dataclass(frozen=True)
class SmallRegion:
    """Events per flow, ordered by `recorded_at`, and the accounts of its incidents."""

    frames: dict[str, pl.DataFrame]
    actors: frozenset[str]

    def windows(self, window_ms: int = HOUR_MS) -> list[tuple[int, list[tuple[str, pl.DataFrame]]]]:
        """The events cut by the time of their arrival: the end of each window, and what came in it."""
        times = {flow: frame["recorded_at"].to_numpy() for flow, frame in self.frames.items()}
        first = min(int(own[0]) for own in times.values()) // window_ms
        last = max(int(own[-1]) for own in times.values()) // window_ms
        cut = []
        for number in range(first, last + 1):
            parts = []
            for flow, own in times.items():
                start, end = np.searchsorted(own, [number * window_ms, (number + 1) * window_ms])
                if start < end:
                    parts.append((flow, self.frames[flow][int(start) : int(end)]))
            cut.append(((number + 1) * window_ms, parts))
        return cut


@cache
def small_region(
    *attacks: str, days: int = 3, seed: int = 5, scale: float = 0.02, start: date = START
) -> SmallRegion:
    """Simulate a small region; the same arguments give the same one."""
    traffic = RegionTraffic(seed, scale)
    scenario = Scenario([wanted(text) for text in attacks], traffic, start, days)
    framer = Framer(Schemas.load(), seed)
    found: dict[str, list[pl.DataFrame]] = {flow: [] for flow in FLOWS}
    for tables in traffic.recorded(start, days, rewrite=scenario.rewrite):
        for flow, events in tables.items():
            if len(events):
                found[flow].append(framer.frame(events))
    frames = {flow: pl.concat(parts).sort("recorded_at") for flow, parts in found.items() if parts}
    labels = [orjson.loads(line) for line in scenario.labels().splitlines()]
    return SmallRegion(frames, frozenset(pid for one in labels for pid in one["actor_pids"]))
