"""Counts per minute that a source partition tells."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from agents.flow_minutes import (
    MINUTES_TOLD,
    FlowMinutes,
    MinuteCells,
    encode_minutes,
    read_minutes,
)
from agents.flow_series import ALL_CELLS, CELLS, WIDTH
from agents.series import PAIRS, SeriesCodes
from streams.errors import StateError
from streams.event_time import HOUR_MS, MINUTE_MS
from streams.topics import FLOWS, INSI_CALLS
from streams.vocabulary import AUTH_METHODS, COULOIRS, OUTCOMES, SECTORS

CODES = SeriesCodes(("59", "62"))
CELL = FLOWS.index(INSI_CALLS) * len(PAIRS) + PAIRS.index(("PSL", "OFFICINE"))
START = 29_000_000 * MINUTE_MS


def coded(outcomes: list[str], sector: str = "PSL", couloir: str = "OFFICINE"):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a test's own shorthand
    count = len(outcomes)
    return CODES.of(
        INSI_CALLS,
        pl.DataFrame(
            {
                "sector": [sector] * count,
                "couloir": [couloir] * count,
                "department": ["59", "62", "75"][:count] + ["59"] * max(0, count - 3),
                "outcome": outcomes,
                "auth_method": ["CPS_CARD"] * count,
                "outcome_code": ["R00"] * count,
            },
            # As the codec gives them.
            schema_overrides={
                "sector": pl.Enum(SECTORS),
                "couloir": pl.Enum(COULOIRS),
                "outcome": pl.Enum(OUTCOMES),
                "auth_method": pl.Enum(AUTH_METHODS),
            },
        ),
    )


def test_events_are_counted_by_minute_and_cell_whatever_their_department() -> None:
    cells = MinuteCells(CODES)
    times = np.array([START, START + 59_999, START + MINUTE_MS])
    cells.add(times, coded(["SUCCESS", "FAILURE", "FAILURE"]))
    told = cells.message(3, START + 2 * MINUTE_MS, START + 2 * MINUTE_MS)
    first, second = (told.minutes[29_000_000 + n] for n in range(2))
    assert (first[CELL], first[ALL_CELLS + CELL]) == (2, 1)
    assert (second[CELL], second[ALL_CELLS + CELL]) == (1, 1)
    assert first.sum() == 3
    assert told.partition == 3


def test_seconds_in_which_a_cell_was_heard_are_told_before_its_minute_is_over() -> None:
    cells = MinuteCells(CODES)
    cells.add(np.array([START, START + 2_999, START + MINUTE_MS + 7_000]), coded(["SUCCESS"] * 3))
    early = cells.message(0, START + 3_000, START + 3_000)
    assert not early.minutes
    assert int(early.seconds[29_000_000][CELL]) == 0b101
    assert early.seconds.keys() == {29_000_000}
    told = read_minutes(encode_minutes(cells.message(0, START + 2 * MINUTE_MS, 0)))
    assert int(told.seconds[29_000_001][CELL]) == 1 << 7
    assert int(told.seconds[29_000_000].sum()) == 0b101
    payload, _ = cells.encode(cells.drain())
    other = MinuteCells(CODES)
    other.load(payload)
    again = other.message(0, START + 2 * MINUTE_MS, 0)
    assert all((again.seconds[one] == told.seconds[one]).all() for one in told.seconds)


def test_seconds_of_cells_that_do_not_exist_are_refused() -> None:
    heard = np.zeros(CELLS, np.uint64)
    heard[CELL] = 1
    value = encode_minutes(FlowMinutes(0, 0, {}, {1: heard}))
    with pytest.raises(StateError, match="cell or second"):
        read_minutes(value[:-1] + b"\xff")
    with pytest.raises(StateError, match="cut short"):
        read_minutes(value[:-1])


def test_a_minute_is_told_once_over_and_again_when_it_changed() -> None:
    cells = MinuteCells(CODES)
    cells.add(np.array([START, START + MINUTE_MS]), coded(["SUCCESS"] * 2))
    assert set(cells.message(0, START + MINUTE_MS, 0).minutes) == {29_000_000}
    assert not cells.message(0, START + MINUTE_MS, 0).minutes
    cells.add(np.array([START]), coded(["SUCCESS"]))
    told = cells.message(0, START + MINUTE_MS, 0)
    assert told.minutes[29_000_000][CELL] == 2


def test_boxes_are_counted_by_class() -> None:
    cells = MinuteCells(CODES)
    cells.add_boxes(np.array([START] * 3), np.array([1, 1, 5]), np.array([0, 1, 0]))
    counts = cells.message(0, START + MINUTE_MS, 0).minutes[29_000_000]
    assert counts[CELLS + 1] == 2
    assert counts[CELLS + 5] == 1
    assert counts[ALL_CELLS + CELLS + 1] == 1


def test_a_message_survives_its_bytes() -> None:
    counts = np.zeros(WIDTH, np.uint32)
    counts[[0, 7, WIDTH - 1]] = 5, 1, 70_000
    sent = FlowMinutes(11, START, {3: counts, 2: counts * 0})
    got = read_minutes(encode_minutes(sent))
    assert (got.partition, got.heard_ms, sorted(got.minutes)) == (11, START, [2, 3])
    assert np.array_equal(got.minutes[3], counts)


@pytest.mark.parametrize("cut", [0, 5, 14, -1])
def test_a_cut_message_is_refused(cut: int) -> None:
    counts = np.ones(WIDTH, np.uint32)
    with pytest.raises(StateError, match="region-cells"):
        read_minutes(encode_minutes(FlowMinutes(0, 0, {1: counts}))[:cut])


def test_a_message_of_another_version_or_of_unknown_cells_is_refused() -> None:
    value = encode_minutes(FlowMinutes(0, 0, {1: np.ones(WIDTH, np.uint32)}))
    with pytest.raises(StateError, match="not a list"):
        read_minutes(b"\x07" + value[1:])
    places = value.index(np.arange(WIDTH, dtype="<u2").tobytes())
    broken = value[:places] + b"\xff\xff" + value[places + 2 :]
    with pytest.raises(StateError, match="cell that does not exist"):
        read_minutes(broken)


def test_restored_minutes_are_told_again_with_the_same_counts() -> None:
    cells = MinuteCells(CODES)
    cells.add(np.array([START, START]), coded(["SUCCESS", "FAILURE"]))
    payload, keys = cells.encode(cells.drain())
    other = MinuteCells(CODES)
    assert other.load(payload) == keys == {29_000_000}
    other.add(np.array([START]), coded(["SUCCESS"]))
    assert other.message(0, START + MINUTE_MS, 0).minutes[29_000_000][CELL] == 3
    with pytest.raises(StateError, match="another version"):
        other.load(b"\x09" + payload[1:])


def test_minutes_are_forgotten_after_two_hours() -> None:
    cells = MinuteCells(CODES)
    cells.add(np.array([START]), coded(["SUCCESS"]))
    cells.message(0, START + MINUTE_MS, 0)
    assert cells.encode({29_000_000})[1]
    cells.message(0, START + 3 * HOUR_MS, 0)
    assert not cells.encode({29_000_000})[1]


def test_a_backlog_is_told_in_parts_that_each_know_how_far_they_go() -> None:
    cells = MinuteCells(CODES)
    minutes = np.arange(MINUTES_TOLD * 2 + 7)
    log_ms = minutes * MINUTE_MS
    cells.add(log_ms, coded(["SUCCESS"] * len(minutes)))
    end_ms = int(log_ms[-1]) + MINUTE_MS
    told = list(cells.messages(3, end_ms, end_ms))

    assert [len(one.minutes) for one in told] == [MINUTES_TOLD, MINUTES_TOLD, 7]
    assert [one.heard_ms for one in told] == [
        MINUTES_TOLD * MINUTE_MS,
        2 * MINUTES_TOLD * MINUTE_MS,
        end_ms,
    ]
    assert [one.heard_ms for one in cells.messages(3, end_ms, end_ms)] == [end_ms]


def test_a_backlog_gives_its_memory_back_and_counts_go_on() -> None:
    cells = MinuteCells(CODES)
    minutes = 3_000
    cells.add(START + MINUTE_MS * np.arange(minutes), coded(["SUCCESS"] * minutes))
    backlog_rows = len(cells._table)
    end = START + minutes * MINUTE_MS
    assert len(cells.message(0, end, end).minutes) == minutes
    assert len(cells._table) < backlog_rows // 8
    cells.add(np.array([end - MINUTE_MS, end]), coded(["SUCCESS", "FAILURE"]))
    told = cells.message(0, end + MINUTE_MS, end + MINUTE_MS)
    assert [told.minutes[minute][CELL] for minute in sorted(told.minutes)] == [2, 1]
