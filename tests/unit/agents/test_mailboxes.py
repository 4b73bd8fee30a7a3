"""Boxes that get far more than they are used to."""

from __future__ import annotations

import numpy as np
import pytest

from agents.box_pressure import (
    QUARTER_MS,
    SLOTS,
    BoxCounts,
    BoxPressure,
    encode_boxes,
    read_boxes,
)
from agents.mailboxes import BoxSuspicion, MailboxWatch
from streams.checkpoint import Journal
from streams.errors import StateError

FIRST = 1_900_000
FLOOD = FIRST + 96 * 6
BOX, BUSY, OTHER = 77, 78, 79


def counts(
    quarter: int, *, flood: int = 0, read: int = 0
) -> dict[tuple[int, int], tuple[int, int]]:
    rng = np.random.default_rng(quarter)
    boxes = {(quarter, BUSY): (int(rng.poisson(25)), 2), (quarter, OTHER): (int(rng.poisson(1)), 0)}
    if flood:
        boxes[quarter, BOX] = (flood, read)
    elif quarter % 3 == 0:
        boxes[quarter, BOX] = (1, 0)
    return boxes


def run(watch: MailboxWatch, first: int, last: int, *, read: int = 0) -> list[BoxSuspicion]:
    told: list[BoxSuspicion] = []
    for quarter in range(first, last):
        flood = 40 if FLOOD <= quarter < FLOOD + 8 else 0
        heard = (quarter + 2) * QUARTER_MS
        told += watch.take(BoxCounts(0, heard, counts(quarter, flood=flood, read=read)))
    return told


def test_a_flooded_box_is_told_once_and_its_end() -> None:
    told = run(MailboxWatch(1), FIRST, FLOOD + 40)
    begun, over = told
    assert (begun.box, begun.ended, begun.revision) == (BOX, False, 0)
    assert begun.begin_ms in (
        FLOOD * QUARTER_MS,
        (FLOOD - 1) * QUARTER_MS,
        (FLOOD - 3) * QUARTER_MS,
    )
    assert (over.incident, over.ended) == (begun.incident, True)
    assert over.received >= 320
    assert over.expected < 40


def test_a_box_that_is_read_as_it_fills_is_not_under_pressure() -> None:
    assert not run(MailboxWatch(1), FIRST, FLOOD + 40, read=30)


def test_a_box_that_always_gets_many_is_not_under_pressure() -> None:
    told = run(MailboxWatch(1), FIRST, FLOOD)
    assert not told


def test_partitions_are_added_up_and_repeated_messages_count_once() -> None:
    watch = MailboxWatch(2)
    told: list[BoxSuspicion] = []
    for quarter in range(FIRST, FLOOD + 40):
        heard = (quarter + 2) * QUARTER_MS
        flood = 10 if FLOOD <= quarter < FLOOD + 8 else 0
        for partition in (0, 1, 1, 0):
            own = counts(quarter, flood=flood) if partition == 0 else {(quarter, BOX): (flood, 0)}
            told += watch.take(BoxCounts(partition, heard, own))
    assert [one.box for one in told] == [BOX, BOX]
    assert 160 <= told[-1].received <= 180


def test_a_silent_partition_holds_judgement_back() -> None:
    watch = MailboxWatch(2)
    assert not run(watch, FIRST, FLOOD + 40)


def test_a_restart_changes_nothing() -> None:
    expected = run(MailboxWatch(1), FIRST, FLOOD + 40)
    watch = MailboxWatch(1)
    told = run(watch, FIRST, FLOOD + 3)
    writes = Journal((watch,)).flush(b"{}")
    other = MailboxWatch(1)
    Journal((other,)).recover({key: value for key, value in writes if value is not None})
    told += run(other, FLOOD + 3, FLOOD + 40)
    assert told == expected


def test_state_of_another_number_of_partitions_is_refused() -> None:
    payload, _ = MailboxWatch(2).encode({0})
    with pytest.raises(StateError, match="number of partitions"):
        MailboxWatch(1).load(payload)


def test_a_partition_tells_its_fullest_boxes_in_constant_memory() -> None:
    pressure = BoxPressure()
    rng = np.random.default_rng(1)
    boxes = rng.integers(1, 2000, 4000).astype(np.uint64)
    boxes[::8] = BOX
    pressure.add(np.full(4000, FIRST * QUARTER_MS), boxes, np.zeros(4000, np.bool_))
    told = pressure.message(4, (FIRST + 1) * QUARTER_MS, 9)
    assert len(told.boxes) <= SLOTS
    # Less at most as many as the others of its class get, one in 256 of them.
    assert 500 - 40 <= told.boxes[FIRST, BOX][0] <= 500
    assert not pressure.message(4, (FIRST + 1) * QUARTER_MS, 9).boxes


def test_a_box_that_is_not_given_counts_nowhere() -> None:
    pressure = BoxPressure()
    pressure.add(np.array([0]), np.array([0], np.uint64), np.array([False]))
    assert not pressure.message(0, QUARTER_MS, 0).boxes


def test_a_message_survives_its_bytes_and_others_are_refused() -> None:
    sent = BoxCounts(3, 12, {(FIRST, 2**63 + 5): (9, 1)})
    value = encode_boxes(sent)
    assert read_boxes(value).boxes == sent.boxes
    with pytest.raises(StateError, match="not a list of boxes"):
        read_boxes(b"\x05" + value[1:])
    with pytest.raises(StateError, match="does not hold"):
        read_boxes(value[:-1])


def test_a_partition_restores_its_tables() -> None:
    pressure = BoxPressure()
    boxes = np.array([BOX, BOX, OTHER, OTHER, OTHER], np.uint64)
    is_read = np.array([False, True, False, False, False])
    pressure.add(np.full(5, FIRST * QUARTER_MS), boxes, is_read)
    payload, _ = pressure.encode(pressure.drain())
    other = BoxPressure()
    other.load(payload)
    told = other.message(0, (FIRST + 1) * QUARTER_MS, 0)
    assert told.boxes == {(FIRST, BOX): (1, 1), (FIRST, OTHER): (3, 0)}
