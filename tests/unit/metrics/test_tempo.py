from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson

from metrics.tempo import Grain, tempo
from streams.event_time import HOUR_MS, MINUTE_MS
from streams.topics import FLOWS, INSI_CALLS
from streams.vocabulary import SECTORS
from tests.support.fake_region import NOW_MS, FakeRegion

if TYPE_CHECKING:
    from collections.abc import Sequence

MIDNIGHT_MS = 1_757_368_800_000  # 9 September 2025 in Paris
STEP_MS = 5 * MINUTE_MS


class _Region(FakeRegion):
    def __init__(self, day: Grain) -> None:
        super().__init__()
        self.day = day

    def tempo(self, now_ms: int) -> Sequence[Grain]:
        return [*super().tempo(now_ms)[:2], self.day]


def _day(end_ms: int) -> Grain:
    counts = np.zeros((288, len(FLOWS), len(SECTORS)), np.int64)
    counts[:, FLOWS.index(INSI_CALLS), SECTORS.index("PSL")] = 2
    return Grain(end_ms - 288 * STEP_MS, STEP_MS, counts)


def test_today_begins_at_midnight_in_paris() -> None:
    for hours in (1, 9.5, 24):
        region = _Region(_day(MIDNIGHT_MS + int(hours * HOUR_MS)))
        today = tempo(region, NOW_MS)["today"]
        assert today[INSI_CALLS] == 2 * 12 * hours
        assert today["dmp-deposits"] == 0


def test_a_sector_without_events_is_left_out_of_its_grain() -> None:
    found = tempo(_Region(_day(NOW_MS)), NOW_MS)["grains"][2]
    assert found["flows"][INSI_CALLS] == {"PSL": [2] * 288}
    assert found["flows"]["dmp-deposits"] == {}
    assert (found["start_ms"], found["step_ms"]) == (NOW_MS - 288 * STEP_MS, STEP_MS)


def test_without_a_partition_today_is_not_known() -> None:
    nothing = Grain(0, 0, np.zeros((0, len(FLOWS), len(SECTORS)), np.int64))
    assert set(tempo(_Region(nothing), NOW_MS)["today"].values()) == {None}


def test_the_recent_past_is_json_without_more_ado() -> None:
    found = tempo(FakeRegion(), NOW_MS)
    assert orjson.loads(orjson.dumps(found)) == found
