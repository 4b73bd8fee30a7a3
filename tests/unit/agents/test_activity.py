from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.activity import (
    CODES,
    KINDS,
    ActivityCells,
    ActivityMarker,
    MarkArray,
    code_of,
    first_day_of_month,
    labels_of,
    read_marks,
    split_marks,
)
from agents.region import ActivityProcessor, RegionCounts
from agents.series import SeriesCodes
from streams.errors import StateError
from streams.event_time import DAY_MS, month_of_day, paris_day
from streams.topics import ACTIVITY_MARKS, FLOWS, INSI_CALLS
from tests.support.frames import NOON_MS, PARAMS, Event, frame_of
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    import polars as pl

CODES_OF = SeriesCodes(PARAMS.departments)
TODAY = paris_day(NOON_MS)
PSL = code_of("account", INSI_CALLS, "PSL")
PSL_STRUCTURES = code_of("structure", INSI_CALLS, "PSL")


def marks_of(marker: ActivityMarker, frame: pl.DataFrame, flow: str = INSI_CALLS) -> MarkArray:
    return marker.marks(flow, frame, CODES_OF.of(flow, frame).sector)


def mark(
    cells: ActivityCells, marker: ActivityMarker, *events: Event, flow: str = INSI_CALLS
) -> None:
    for _, value in split_marks(marks_of(marker, frame_of(list(events)), flow), 4):
        cells.add(read_marks(value))


def test_marks_are_in_the_order_of_their_codes_days_and_subjects() -> None:
    later = NOON_MS + 24 * 3_600_000
    events = [
        Event(
            number=n,
            structure=f"st_{n % 5}",
            actor=f"ac_{n % 7}",
            at_ms=later if n % 2 else NOON_MS,
        )
        for n in range(40)
    ]
    marker = ActivityMarker()
    marks = marks_of(marker, frame_of(events))
    assert marks.tolist() == sorted(marks.tolist())
    assert len(marks) == 2 * (5 + 7)
    assert not len(marks_of(marker, frame_of(events)))


def test_subjects_have_the_same_names_however_many_were_forgotten() -> None:
    told = [Event(number=n, structure=f"st_{n}", actor=f"ac_{n}") for n in range(30)]
    forgetful = ActivityMarker(subjects_kept=20)
    found = [marks_of(forgetful, frame_of(told[at : at + 3])) for at in range(0, 30, 3)]
    whole = marks_of(ActivityMarker(), frame_of(told))
    assert sorted(np.concatenate(found).tolist()) == whole.tolist()


def test_codes_and_labels_are_each_other_s_inverse() -> None:
    assert [code_of(*labels_of(code)) for code in range(CODES)] == list(range(CODES))


def test_an_account_of_several_structures_and_partitions_counts_once() -> None:
    cells = ActivityCells()
    for structure in ("st_1", "st_2", "st_3"):
        # A marker of its own per structure: they lie in different partitions.
        mark(cells, ActivityMarker(), Event(structure=structure, actor="ac_1"))

    month = month_of_day(TODAY)
    assert cells.month_counts == {(PSL, month): 1, (PSL_STRUCTURES, month): 3}
    assert cells.day_counts == {(PSL, TODAY): 1, (PSL_STRUCTURES, TODAY): 3}


def test_a_certificate_s_user_is_its_structure() -> None:
    cells = ActivityCells()
    mark(cells, ActivityMarker(), Event(sector="ES", structure="st_1", actor=None))

    assert cells.month_counts[code_of("account", INSI_CALLS, "ES"), month_of_day(TODAY)] == 1


def test_an_account_counts_in_each_sector_and_flow_that_it_acts_in() -> None:
    cells, marker = ActivityCells(), ActivityMarker()
    mark(cells, marker, Event(sector="PSL"), Event(sector="ES"))
    mark(cells, marker, Event(sector="PSL"), flow=FLOWS[0])

    assert len([key for key in cells.month_counts if labels_of(key[0])[0] == KINDS[0]]) == 3


def test_a_mark_is_sent_once_a_day() -> None:
    marker = ActivityMarker()
    frame = frame_of([Event(number=n) for n in range(50)])

    assert len(marks_of(marker, frame)) == 2  # the account and the structure
    assert len(marks_of(marker, frame)) == 0
    assert len(marks_of(marker, frame_of([Event(at_ms=NOON_MS + DAY_MS)]))) == 2


def test_marks_that_come_twice_change_nothing() -> None:
    cells = ActivityCells()
    for _ in range(3):
        mark(cells, ActivityMarker(), Event())

    assert cells.month_counts[PSL, month_of_day(TODAY)] == 1


def test_a_day_and_a_month_end_at_midnight_in_paris() -> None:
    cells = ActivityCells()
    last_of_september = first_day_of_month(2025 * 12 + 9) - 1
    before_midnight_ms = 1_759_269_599_999  # 2025-09-30 23:59:59.999 in Paris, 21:59 UTC
    marker = ActivityMarker()
    mark(cells, marker, Event(at_ms=before_midnight_ms, actor="ac_1"))
    mark(cells, marker, Event(at_ms=before_midnight_ms + 1, actor="ac_2"))
    mark(cells, marker, Event(at_ms=before_midnight_ms + 1, actor="ac_1"))

    assert cells.day_counts[PSL, last_of_september] == 1
    assert cells.day_counts[PSL, last_of_september + 1] == 2
    assert cells.month_counts[PSL, 2025 * 12 + 8] == 1
    assert cells.month_counts[PSL, 2025 * 12 + 9] == 2


def test_months_before_the_last_are_forgotten_unless_all_are_kept() -> None:
    live, whole = ActivityCells(months_kept=1), ActivityCells(months_kept=None)
    for cells in (live, whole):
        marker = ActivityMarker()
        for months in (0, 31, 62):
            mark(cells, marker, Event(at_ms=NOON_MS + months * DAY_MS))

    assert len(whole.subjects(PSL)) == 1
    assert len({month for _, month in whole.month_counts}) == 3
    assert len({month for _, month in live.month_counts}) == 2


def test_a_recovered_partition_counts_as_before() -> None:
    partition, copy = (ActivityProcessor(partition=0) for _ in range(2))
    log = []
    for day in range(40):
        frame = frame_of([Event(actor=f"ac_{n}", at_ms=NOON_MS + day * DAY_MS) for n in range(day)])
        values = [v for _, v in split_marks(marks_of(ActivityMarker(), frame), 1)]
        partition.process(ACTIVITY_MARKS, [FakeRecord(offset=day, value=v) for v in values])
        log.extend(partition.checkpoint().writes)
    copy.recover({key: value for key, value in log if value is not None})

    assert copy.cells.month_counts == partition.cells.month_counts
    assert copy.cells.day_counts == partition.cells.day_counts
    assert copy.applied(ACTIVITY_MARKS) == partition.applied(ACTIVITY_MARKS) == 40


def test_the_region_adds_up_its_partitions() -> None:
    region = RegionCounts()
    frame = frame_of([Event(actor=f"ac_{n}", structure="st_1") for n in range(100)])
    for number, value in split_marks(marks_of(ActivityMarker(), frame), 4):
        sent = ActivityProcessor(partition=number).process(
            ACTIVITY_MARKS, [FakeRecord(offset=0, value=value)]
        )
        for message in sent:
            region.take(message.key, message.value)

    month = month_of_day(TODAY)
    assert (region.month(PSL, month), region.day(PSL, TODAY)) == (100, 100)
    assert region.month(PSL_STRUCTURES, month) == 1
    assert region.day(PSL, TODAY + 1) == 0


def test_a_foreign_message_on_the_marks_topic_is_a_dead_letter_and_loses_no_neighbour() -> None:
    processor = ActivityProcessor(partition=3)
    ((_, good),) = split_marks(marks_of(ActivityMarker(), frame_of([Event()])), 1)
    sent = processor.process(
        ACTIVITY_MARKS,
        [
            FakeRecord(offset=0, value=b"{}"),
            FakeRecord(offset=1, value=None),
            FakeRecord(offset=2, value=good),
        ],
    )

    assert [message.topic for message in sent] == [
        "dead-letters",
        "dead-letters",
        "activity-counts",
    ]
    assert (b"NOT_A_MARK") in dict(sent[0].headers).values()
    assert processor.cells.month_counts[PSL, month_of_day(TODAY)] == 1


@pytest.mark.parametrize(("code", "day"), [(CODES, 20_000), (0, -1), (0, 10**8)])
def test_a_mark_of_a_code_or_day_that_does_not_exist_is_refused(code: int, day: int) -> None:
    mark = struct.pack("<BHi16s", 1, code, day, b"x" * 16)

    with pytest.raises(StateError, match="does not exist"):
        read_marks(mark)


def test_a_key_of_thousands_of_digits_counts_nowhere() -> None:
    counts = RegionCounts()

    counts.take(b"9" * 5000, b'{"format":1,"months":[[0,1,5]],"days":[]}')

    assert counts.month(0, 1) == 0
