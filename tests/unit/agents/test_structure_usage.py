from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from agents.region_usage import RegionUsage
from agents.series import SeriesCodes
from agents.shard import USAGE_EVENTS, USAGE_STEP_MS, Shard
from agents.structure_usage import MONTHS_KEPT
from streams.errors import StateError
from streams.event_time import PARIS, month_of_day, paris_day
from streams.topics import DMP_DEPOSITS, EPRESCRIPTIONS, FLOWS, INSI_CALLS
from tests.support.frames import NOON_MS, PARAMS, Event, slice_of

if TYPE_CHECKING:
    from agents.region_usage import UsagePart
    from agents.usages import UsageRow

CODES = SeriesCodes(PARAMS.departments)
DOCTOR = Event(couloir="MEDECINE_VILLE", department="59")


def new_shard() -> Shard:
    return Shard(PARAMS, CODES, 4)


def paris_ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=PARIS).timestamp()) * 1000  # type: ignore[misc, arg-type]  # year, month, day, …


def month(year: int, number: int) -> int:
    return year * 12 + number - 1


def apply(shard: Shard, *events: Event, flow: str = INSI_CALLS) -> list[UsagePart]:
    first = shard.next_offset(flow)
    return shard.apply(slice_of(list(events), first_offset=first, flow=flow)).told.usage


def calls(rows: tuple[UsageRow, ...], usage: str = "INSI_CALL") -> list[tuple[str, str, int, int]]:
    return [tuple(row[1:]) for row in rows if row.usage == usage]


def rows_now(shard: Shard, of_month: int = month(2025, 9)) -> tuple[UsageRow, ...]:
    return shard.usage.rows(of_month)


def test_structures_are_counted_once_and_their_events_each() -> None:
    shard = new_shard()
    apply(shard, *(DOCTOR.but(number=n, structure=f"st_{n % 3}") for n in range(7)))
    apply(shard, DOCTOR.but(number=0), DOCTOR.but(number=9, structure="st_2"))

    assert calls(rows_now(shard)) == [("MEDECINE_VILLE", "59", 3, 8)]


def test_a_month_begins_at_midnight_in_paris() -> None:
    midnight_ms = paris_ms(2025, 10, 1)
    shard = new_shard()
    apply(
        shard,
        DOCTOR.but(number=1, at_ms=midnight_ms - 1),
        DOCTOR.but(number=2, at_ms=midnight_ms),
        DOCTOR.but(number=3, at_ms=midnight_ms - 2),
    )

    assert calls(rows_now(shard)) == [("MEDECINE_VILLE", "59", 1, 2)]
    assert calls(rows_now(shard, month(2025, 10))) == [("MEDECINE_VILLE", "59", 1, 1)]


def test_a_structure_stands_where_its_newest_event_puts_it() -> None:
    shard = new_shard()
    apply(
        shard,
        DOCTOR.but(number=1, at_ms=NOON_MS + 5, department="62"),
        DOCTOR.but(number=2, at_ms=NOON_MS + 9, department="NR", sector="NR", couloir="INCONNU"),
        DOCTOR.but(number=3, at_ms=NOON_MS),
    )
    assert calls(rows_now(shard)) == [("MEDECINE_VILLE", "62", 1, 3)]

    apply(shard, Event(number=4, at_ms=NOON_MS + 6, couloir="OFFICINE"), flow=EPRESCRIPTIONS)
    assert calls(rows_now(shard)) == [("OFFICINE", "59", 1, 3)]


def test_a_structure_of_which_nothing_is_known_stands_in_a_cell_too() -> None:
    shard = new_shard()
    apply(shard, Event(sector="NR", couloir="INCONNU", department="75"))

    assert calls(rows_now(shard)) == [("INCONNU", "HORS_REGION", 1, 1)]


def test_a_structure_that_only_fails_has_no_cell() -> None:
    shard = new_shard()
    apply(shard, DOCTOR.but(outcome="FAILURE"), flow=EPRESCRIPTIONS)

    assert rows_now(shard) == ()


def test_old_months_are_told_whole_before_they_are_forgotten() -> None:
    shard, region = new_shard(), RegionUsage()
    first = 8
    for number in range(first, first + MONTHS_KEPT + 2):
        at_ms = paris_ms(2025, number, 3)
        for part in apply(shard, DOCTOR.but(number=number, at_ms=at_ms)):
            region.take_part(part)

    kept = [n for n in range(first, 13) if rows_now(shard, month(2025, n))]
    assert kept == [10, 11, 12]
    for forgotten in (8, 9):
        assert calls(region.rows(month(2025, forgotten))) == [("MEDECINE_VILLE", "59", 1, 1)]


def test_what_comes_for_a_forgotten_month_does_not_replace_it() -> None:
    shard = new_shard()
    apply(shard, DOCTOR.but(at_ms=paris_ms(2025, 11, 30)))
    apply(shard, DOCTOR.but(at_ms=paris_ms(2025, 8, 30)), flow=DMP_DEPOSITS)
    apply(shard, DOCTOR.but(at_ms=paris_ms(2025, 9, 30)), flow=EPRESCRIPTIONS)

    told = {part.month for part in shard.finish().usage}
    assert told == {month(2025, 9), month(2025, 11)}


def test_parts_are_told_by_the_log_s_clock_and_only_when_they_changed() -> None:
    shard = new_shard()
    apply(shard, DOCTOR)
    (part,) = shard.pass_time({INSI_CALLS: NOON_MS}).usage
    assert (part.partition, part.month) == (4, month(2025, 9))
    apply(shard, DOCTOR.but(number=1))
    assert not shard.pass_time({INSI_CALLS: NOON_MS + USAGE_STEP_MS - 1}).usage
    assert shard.pass_time({INSI_CALLS: NOON_MS + USAGE_STEP_MS}).usage
    assert not shard.pass_time({INSI_CALLS: NOON_MS + 9 * USAGE_STEP_MS}).usage


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    shard = new_shard()
    shard.pass_time({INSI_CALLS: NOON_MS + 10**9})
    apply(shard, DOCTOR)

    assert shard.pass_time({INSI_CALLS: NOON_MS}).usage


def test_a_reader_who_never_catches_up_tells_from_time_to_time() -> None:
    shard = new_shard()
    shard._untold_events = USAGE_EVENTS - 2

    assert apply(shard, DOCTOR.but(number=1)) == []
    assert len(apply(shard, DOCTOR.but(number=2))) == 1
    assert apply(shard, DOCTOR.but(number=3)) == []


def test_an_heir_tells_everything_again_though_nothing_happens() -> None:
    shard, heir = new_shard(), new_shard()
    apply(shard, DOCTOR)
    apply(shard, DOCTOR.but(number=1, at_ms=paris_ms(2025, 10, 2)))
    told = shard.pass_time({INSI_CALLS: NOON_MS}).usage
    heir.recover({key: value for key, value in shard.flush() if value is not None})

    assert heir.pass_time({INSI_CALLS: NOON_MS + 1}).usage == told
    assert len(told) == 2


def test_a_flush_writes_only_the_structures_that_changed() -> None:
    shard = new_shard()
    apply(shard, *(DOCTOR.but(number=n, structure=f"st_{n}") for n in range(500)))
    first = shard.usage.pending_bytes()
    shard.flush()
    assert shard.usage.pending_bytes() == 0
    apply(shard, DOCTOR.but(number=1000, structure="st_7"))

    assert 0 < shard.usage.pending_bytes() < first / 400


def test_a_guess_of_the_bytes_is_near_what_is_written() -> None:
    shard = new_shard()
    for flow in FLOWS:
        events = [Event(number=n, structure=f"st_{n}") for n in range(800)]
        apply(shard, *events, flow=flow)
    guess = shard.usage.pending_bytes()
    written, _ = shard.usage.encode(shard.usage.drain())

    assert 0.5 < len(written) / guess < 2


def test_state_of_another_version_and_cut_state_are_refused() -> None:
    shard = new_shard()
    apply(shard, *(DOCTOR.but(number=n, structure=f"st_{n}") for n in range(5)))
    payload, _ = shard.usage.encode(shard.usage.drain())

    with pytest.raises(StateError, match="structure usage: state of another version"):
        new_shard().usage.load(b"\x63" + payload[1:])
    with pytest.raises(StateError, match="structure usage: a payload is cut short"):
        new_shard().usage.load(payload[:-3])


def test_a_missing_row_is_noticed() -> None:
    shard, heir = new_shard(), new_shard()
    apply(shard, *(DOCTOR.but(number=n, structure=f"st_{n}") for n in range(5)))
    keys = sorted(shard.usage.drain())
    payload, _ = shard.usage.encode({*keys[:2], *keys[3:]})
    heir.usage.load(payload)

    with pytest.raises(StateError, match="a structure's month is missing"):
        heir.usage.recovered()


def test_an_expired_month_leaves_the_state() -> None:
    shard = new_shard()
    apply(shard, DOCTOR.but(at_ms=paris_ms(2025, 8, 3)))
    keys = shard.usage.drain()
    apply(shard, DOCTOR.but(number=1, at_ms=paris_ms(2025, 12, 3)))

    assert shard.usage.encode(keys)[1] == set()
    assert month_of_day(paris_day(NOON_MS)) == month(2025, 9)
