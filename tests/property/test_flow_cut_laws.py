"""What is told of the flows follows from the log alone, however it was cut, up to its last record."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING

import pytest

from agents.backtest import Backtest
from simulators.calendar import midnight_ms
from simulators.partitions import partitions_of
from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from tests.support.frames import WATCHING
from tests.support.small_region import START, small_region

if TYPE_CHECKING:
    import polars as pl

    from agents.findings import Finding

    Recording = dict[str, pl.DataFrame]

PARTITIONS = 3
SILENT = "dmp-deposits"
SILENT_MS = midnight_ms(START) + 3 * DAY_MS + 10 * HOUR_MS
"""Ten o'clock on the fourth day, from when on one flow brings nothing."""
LEARNED_MS = SILENT_MS - SILENT_MS % HOUR_MS


@cache
def recorded() -> Recording:
    """A small region's first days; one of its flows falls silent."""
    frames = dict(small_region(days=4, scale=0.05).frames)
    frames[SILENT] = frames[SILENT].filter(frames[SILENT]["recorded_at"] < SILENT_MS)
    return frames


def read(
    core: Backtest,
    window_ms: int,
    first_ms: int,
    end_ms: int,
    *,
    turn: bool = False,
    frames: Recording | None = None,
) -> None:
    """Take what was recorded from `first_ms` to before `end_ms`, cut into windows."""
    frames = recorded() if frames is None else frames
    times = {flow: frame["recorded_at"].to_numpy() for flow, frame in frames.items()}
    for number in range(first_ms // window_ms, -(-end_ms // window_ms)):
        begin_ms = max(number * window_ms, first_ms)
        core.pass_time(begin_ms)
        edges = [begin_ms, min((number + 1) * window_ms, end_ms)]
        for flow in reversed(times) if turn else times:
            begin, end = times[flow].searchsorted(edges).tolist()
            if begin < end:
                core.take(flow, frames[flow][begin:end])


def blank() -> Backtest:
    return Backtest(WATCHING, PARTITIONS, lambda keys: partitions_of(keys, PARTITIONS))


@cache
def learned() -> Backtest:
    """A reader of everything before the silence, hour by hour."""
    core = blank()
    read(core, HOUR_MS, midnight_ms(START), LEARNED_MS)
    return core


def told(core: Backtest) -> tuple[int, list[Finding]]:
    """How far flows were judged, and everything told of them, in its order."""
    core.finish()
    return core.region.flows.judged_ms, [one for one in core.findings if one.actor_pid is None]


@cache
def by_the_hour(end_ms: int) -> tuple[int, list[Finding]]:
    core = deepcopy(learned())
    read(core, HOUR_MS, LEARNED_MS, end_ms)
    return told(core)


# The last lies in a quiet evening, in which partitions are heard minutes apart.
ENDS = [SILENT_MS + minutes * MINUTE_MS + 17_400 for minutes in (23, 190, 13 * 60 + 52)]


def test_the_silence_is_found_and_lasts_to_the_end() -> None:
    _, found = by_the_hour(ENDS[-1])
    assert {(one.detector, one.flow, str(one.status)) for one in found} == {
        ("outage", SILENT, "OPEN")
    }
    assert len(found) > 1


@pytest.mark.parametrize("end_ms", ENDS)
@pytest.mark.parametrize(
    ("window_ms", "turn"),
    [(7 * MINUTE_MS, True), (6 * HOUR_MS, False), (DAY_MS, True)],
)
def test_cuts_change_nothing_that_is_told_of_the_flows(
    window_ms: int, turn: bool, end_ms: int
) -> None:
    core = deepcopy(learned())
    read(core, window_ms, LEARNED_MS, end_ms, turn=turn)

    assert told(core) == by_the_hour(end_ms)


def test_seconds_change_nothing_either() -> None:
    core = deepcopy(learned())
    read(core, HOUR_MS, LEARNED_MS, ENDS[0] - 5 * MINUTE_MS)
    read(core, 700, ENDS[0] - 5 * MINUTE_MS, ENDS[0])

    assert told(core) == by_the_hour(ENDS[0])


def test_nor_do_days_from_the_beginning_on() -> None:
    core = blank()
    read(core, DAY_MS, midnight_ms(START), ENDS[-1])

    assert told(core) == by_the_hour(ENDS[-1])


def test_a_recording_is_judged_up_to_its_last_record() -> None:
    last_ms = max(
        int(times[times < ENDS[0]][-1])
        for times in (frame["recorded_at"].to_numpy() for frame in recorded().values())
    )
    judged_ms, _ = by_the_hour(ENDS[0])
    assert judged_ms == last_ms // MINUTE_MS * MINUTE_MS
    assert ENDS[0] - last_ms < 30 * SECOND_MS


def test_the_end_of_a_simulated_recording_is_no_fall() -> None:
    frames = small_region(days=4, scale=0.1).frames
    newest_ms = max(int(frame["recorded_at"].to_numpy()[-1]) for frame in frames.values())
    core = blank()
    read(core, HOUR_MS, midnight_ms(START), newest_ms + 1, frames=frames)

    judged_ms, found = told(core)
    assert midnight_ms(START) + 4 * DAY_MS - judged_ms < HOUR_MS
    assert found == []
