"""Which box of each class a partition counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.box_pressure import QUARTER_MS, SLOTS, TOLD_FROM, BoxPressure, read_boxes

FIRST = 1_900_000
Message = tuple[int, int, bool]
Told = dict[tuple[int, int], tuple[int, int]]


def one_by_one(messages: list[Message]) -> Told:
    """Boyer and Moore's majority within each quarter and class, as it is written down."""
    held: dict[tuple[int, int], list[int]] = {}
    for quarter, box, is_read in messages:
        if not box:
            continue
        own = held.setdefault((quarter, box % SLOTS), [box, 0, 0])
        if own[0] == box:
            own[2 if is_read else 1] += 1
        elif not is_read and own[1]:
            own[1] -= 1
        elif not is_read:
            own[:] = box, 1, 0
    return {
        (quarter, box): (received, read)
        for (quarter, _), (box, received, read) in held.items()
        if received >= TOLD_FROM or read
    }


def add(pressure: BoxPressure, messages: list[Message]) -> None:
    quarters, boxes, reads = zip(*messages, strict=True)
    pressure.add(
        np.array(quarters, np.int64) * QUARTER_MS + 1,
        np.array(boxes, np.uint64),
        np.array(reads, np.bool_),
    )


def told(pressure: BoxPressure) -> Told:
    return pressure.message(0, (FIRST + 9) * QUARTER_MS, 0).boxes


MESSAGES = st.lists(
    st.tuples(
        st.integers(FIRST, FIRST + 2),
        # Few classes with several boxes each, and boxes without rivals; box 0 is none.
        st.integers(0, 3 * SLOTS).map(lambda n: n if n < 24 else (n % 3 + 1) * SLOTS + n % 5),
        st.booleans(),
    ),
    max_size=300,
    min_size=1,
)


@settings(max_examples=200, deadline=None)
@given(messages=MESSAGES, cut=st.integers(0, 300))
def test_a_class_keeps_its_majority_however_slices_are_cut(
    messages: list[Message], cut: int
) -> None:
    pressure = BoxPressure()
    for part in (messages[:cut], messages[cut:]):
        if part:
            add(pressure, part)
    assert told(pressure) == one_by_one(messages)


@pytest.mark.parametrize("others", [0, 100])
def test_a_flood_is_counted_less_as_many_as_the_others_of_its_class(others: int) -> None:
    flood, other = 7, 7 + SLOTS
    messages = [(FIRST, flood, False)] * 500 + [(FIRST, other, False)] * others
    messages += [(FIRST, flood, True)] * 20
    # Neighbours of other classes, so that places are taken together, too.
    messages += [(FIRST, box, False) for box in range(20, 60)] * 2
    pressure = BoxPressure()
    add(pressure, messages)
    assert told(pressure) == {(FIRST, flood): (500 - others, 20)}


def test_a_quarter_is_written_again_when_it_changes_and_only_then() -> None:
    pressure = BoxPressure()
    add(pressure, [(FIRST, 5, False)] * 3)
    assert pressure.drain() == {FIRST}
    add(pressure, [(FIRST + 1, 6, False)] * 2)
    assert pressure.drain() == set()
    add(pressure, [(FIRST, 5 + SLOTS, True), (FIRST + 1, 0, False)])
    payload, kept = pressure.encode({FIRST, FIRST + 1})
    assert kept == {FIRST, FIRST + 1}
    assert read_boxes(payload).boxes == {(FIRST, 5): (3, 0)}
    again = BoxPressure()
    again.load(payload)
    add(again, [(FIRST, 5, True)])
    assert told(again) == {(FIRST, 5): (3, 1)}
