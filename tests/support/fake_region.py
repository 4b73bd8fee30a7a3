"""A region with realistic figures for tests of metrics and page; there is no state behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metrics.tempo import Grain
from metrics.views import (
    ActiveRow,
    AuthRow,
    Buckets,
    FailureRow,
    InsRow,
    PartitionView,
    RateRow,
    delay_buckets,
)
from streams.event_time import DAY_MS, FINEST_STEP_MS, HOUR_MS, MINUTE_MS, WINDOWS
from streams.topics import DMP_DEPOSITS, FLOWS, INSI_CALLS, PLATFORM_ACCESSES
from streams.vocabulary import SECTOR_COULOIR_PAIRS, SECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOW_MS = 1_757_412_000_000
DEPARTMENTS = ("02", "59", "60", "62", "80", "HORS_REGION")
_MONTHLY = dict(zip(FLOWS, (3_070_000, 2_460_000, 1_456_744, 640_000, 300_000), strict=True))
_SHARES = (0.22, 0.02, 0.31, 0.08, 0.24, 0.06, 0.04, 0.00001, 0.03)
_WEIGHTS = (0.0874, 0.4365, 0.1386, 0.2434, 0.0841, 0.01)
_WAVES = {"1m": 4.6, "5m": 4.2, "1h": 3.7, "24h": 1.4}


class FakeRegion:
    """`RegionView` with a Tuesday morning's figures."""

    def __init__(self, partitions: int = 8) -> None:
        self.numbers = list(range(partitions))
        self.events = 100_000
        self.duplicates = 12

    def partitions(self) -> Sequence[PartitionView]:
        return [self._partition(number) for number in self.numbers]

    def _partition(self, number: int) -> PartitionView:
        totals = {
            (flow, sector, outcome): int(self.events * share * part * _MONTHLY[flow] / 8e6)
            for flow in FLOWS
            for (sector, _), share in zip(SECTOR_COULOIR_PAIRS, _SHARES, strict=True)
            for outcome, part in (("SUCCESS", 0.93), ("FAILURE", 0.07))
        }
        return PartitionView(
            partition=number,
            totals=totals,
            late={INSI_CALLS: number % 3},
            duplicates={DMP_DEPOSITS: self.duplicates},
            dead_letters={(DMP_DEPOSITS, "TRUNCATED"): 1 if number == 2 else 0},
            newest_ms=dict.fromkeys(FLOWS, NOW_MS - 900 - 700 * number),
            watermark_ms=dict.fromkeys(FLOWS, NOW_MS - 86_400_900 - 700 * number),
            duplicate_horizon_ms=dict.fromkeys(FLOWS, 6 * 3_600_000),
            account_days=14_600,
            verdicts=12,
            stray_verdicts=1,
            expected_false=1.46,
        )

    def rates(self, now_ms: int) -> Sequence[RateRow]:
        del now_ms
        return [
            RateRow(flow, sector, couloir, department, window.name, rate)
            for flow in FLOWS
            for (sector, couloir), share in zip(SECTOR_COULOIR_PAIRS, _SHARES, strict=True)
            for department, weight in zip(DEPARTMENTS, _WEIGHTS, strict=True)
            for window in WINDOWS
            for rate in (_MONTHLY[flow] / 2_592_000 * share * weight * _WAVES[window.name],)
        ]

    def failure_ratios(self, now_ms: int) -> Sequence[FailureRow]:
        del now_ms
        return [
            FailureRow(flow, sector, window.name, 0.02 + 0.01 * FLOWS.index(flow))
            for flow in FLOWS
            for sector in ("ES", "PSL")
            for window in WINDOWS
        ]

    def auth_ratios(self, now_ms: int) -> Sequence[AuthRow]:
        del now_ms
        mix = (("PWD_ONLY", 0.35), ("PSC_CPS", 0.28), ("PWD_OTP_SMS", 0.25), ("PSC_ECPS", 0.12))
        return [
            AuthRow(PLATFORM_ACCESSES, method, window.name, ratio)
            for method, ratio in mix
            for window in WINDOWS
        ]

    def ins_results(self, now_ms: int) -> Sequence[InsRow]:
        del now_ms
        mix = (("R00", 0.88), ("R01", 0.08), ("R02", 0.02), ("FAULT", 0.02))
        return [InsRow(code, window.name, ratio) for code, ratio in mix for window in WINDOWS]

    def ins_statuses(self, now_ms: int) -> Sequence[InsRow]:
        del now_ms
        mix = (("QUAL", 0.81), ("RECUP", 0.11), ("VALI", 0.05), ("PROV", 0.03))
        return [InsRow(code, window.name, ratio) for code, ratio in mix for window in WINDOWS]

    def active(self, now_ms: int) -> Sequence[ActiveRow]:
        del now_ms
        return [
            ActiveRow(INSI_CALLS, "PSL", "day", 6_240, 3_120),
            ActiveRow(INSI_CALLS, "PSL", "month", 9_113, 4_411),
            ActiveRow(INSI_CALLS, "ES", "month", 285, 285),
            ActiveRow(INSI_CALLS, "SOCIAL", "month", None, None),
        ]

    @property
    def departments(self) -> Sequence[str]:
        return DEPARTMENTS

    def tempo(self, now_ms: int) -> Sequence[Grain]:
        spans = ((FINEST_STEP_MS, 5 * MINUTE_MS), (MINUTE_MS, HOUR_MS), (5 * MINUTE_MS, DAY_MS))
        return [_grain(now_ms, step_ms, span_ms) for step_ms, span_ms in spans]

    def delays(self) -> Mapping[str, Buckets]:
        buckets = delay_buckets()
        for delay_s in (0.2, 0.9, 3.0, 40.0):
            buckets.observe(delay_s)
        return {INSI_CALLS: buckets}


def _grain(now_ms: int, step_ms: int, span_ms: int) -> Grain:
    """A working day's rhythm, the same at each look."""
    start_ms = now_ms - now_ms % step_ms + step_ms - span_ms
    starts_ms = start_ms + np.arange(span_ms // step_ms) * step_ms
    hours = (starts_ms % DAY_MS) / HOUR_MS + 2  # September in Paris
    rhythm = (
        0.15 + np.exp(-(((hours - 10.5) / 2.2) ** 2)) + 0.8 * np.exp(-(((hours - 16) / 2) ** 2))
    )
    noise = np.random.default_rng(now_ms // step_ms).normal(1, 0.06, len(starts_ms))
    counts = np.zeros((len(starts_ms), len(FLOWS), len(SECTORS)), np.int64)
    for number, flow in enumerate(FLOWS):
        for (sector, _), share in zip(SECTOR_COULOIR_PAIRS, _SHARES, strict=True):
            mean = _MONTHLY[flow] / 2_592_000 * share * step_ms / 1000
            # Whole events, of which none is lost between two cells.
            whole = np.floor(np.cumsum(3 * mean * rhythm * noise) + share).astype(np.int64)
            counts[:, number, SECTORS.index(sector)] += np.diff(whole, prepend=0)
    return Grain(start_ms, step_ms, counts)
