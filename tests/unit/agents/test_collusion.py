"""Which groups of accounts are suspected, and which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.collusion import BUDGET, Collusion, Params
from agents.group_suspicion import GroupSuspicion, Share
from streams.event_time import start_of_day_ms
from tests.support.cells import DAY, region, through

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.account_cells import CellArray

GANG = range(0, 100, 5)  # one account in each of twenty structures
WARD = range(100, 120)
NEW = 77_777


def play(
    change: Callable[[CellArray, int], CellArray], *, quiet_days: int = 30, days: int = 3
) -> list[GroupSuspicion]:
    """Some quiet days and some changed ones; what was suspected on the changed ones."""
    watch, found = Collusion(), []
    for number in range(quiet_days + days):
        cells = region(DAY + number)
        if number >= quiet_days:
            cells = change(cells, number - quiet_days)
        watch.take(cells)
        suspicions = watch.close(DAY + number)
        if number < quiet_days:
            assert suspicions == []
        found += suspicions
    return found


def accounts(rows: range) -> set[int]:
    return {1_000 + row for row in rows}


@pytest.mark.parametrize("name", ["network", "client"])
def test_twenty_accounts_that_read_strangers_through_one_new_key_are_found_on_the_first_day(
    name: str,
) -> None:
    found = play(lambda cells, _: through(cells, name, NEW, GANG), days=1)
    (one,) = found
    assert (one.kind, one.key_hint, one.day) == (Share(name), NEW, DAY + 30)
    assert set(one.members) == accounts(GANG)
    assert one.score >= BUDGET
    evidence = one.evidence
    assert (evidence.members, evidence.structures, evidence.since_day) == (20, 20, DAY + 30)
    assert evidence.observed_patients == 100
    assert evidence.expected_patients == pytest.approx(10, rel=0.3)
    assert evidence.in_step == 0


def test_five_accounts_through_one_new_network_are_found_within_three_days() -> None:
    found = play(lambda cells, _: through(cells, "network", NEW, range(0, 25, 5)))
    assert found
    assert set(found[0].members) == accounts(range(0, 25, 5))


def test_a_gang_within_one_large_structure_is_found_by_its_network() -> None:
    def change(cells: CellArray, _: int) -> CellArray:
        cells["structure"][:200] = 1
        cells["network"][:200, 0] = 5_001
        return through(cells, "network", NEW, range(20))

    watch, found = Collusion(), []
    for number in range(33):
        cells = region(DAY + number)
        cells["structure"][:200] = 1
        cells["network"][:200, 0] = 5_001
        watch.take(change(cells, 0) if number >= 30 else cells)
        found += watch.close(DAY + number)
    assert {one.key_hint for one in found} == {NEW}


def burst(cells: CellArray, rows: range, minute: int) -> CellArray:
    at = np.array(rows)
    cells["burst"][at], cells["burst_minute"][at] = 4, minute
    cells["unexplained"][at] += 4
    return cells


def test_accounts_that_burst_in_the_same_minutes_are_found() -> None:
    found = play(lambda cells, _: burst(cells, GANG, 683), days=1)
    (one,) = found
    assert one.kind is Share.RHYTHM
    assert one.key_hint in (675, 680)
    assert accounts(GANG) <= set(one.members)
    assert one.evidence.in_step == len(one.members)
    assert one.evidence.expected_in_step < 1
    assert one.evidence.observed_patients > one.evidence.expected_patients


def test_a_gang_is_told_once_under_one_key_whatever_else_it_shares() -> None:
    def change(cells: CellArray, number: int) -> CellArray:
        cells = through(cells, "network", NEW, GANG)
        # From the second day on they burst on the border of two windows, and share a client.
        return cells if number == 0 else through(burst(cells, GANG, 684), "client", 8, GANG)

    found = play(change)
    assert [(one.kind, one.key_hint) for one in found] == [(Share.NETWORK, NEW)] * 3


def test_a_gang_in_step_is_told_once_a_day_under_one_key() -> None:
    found = play(lambda cells, number: burst(cells, GANG, (682, 684, 683)[number]), days=3)
    assert len({(one.kind, one.key_hint) for one in found}) == 1
    assert len(found) == 3


def test_a_wards_meeting_at_the_same_minute_every_day_is_not_found() -> None:
    assert play(lambda cells, _: burst(cells, range(100, 105), 480), days=10) == []


def listed(cells: CellArray, rows: range, gap: int) -> CellArray:
    at = np.array(rows)
    cells["near"][at], cells["near_gap"][at] = 3, gap
    cells["unexplained"][at] += 4
    return cells


def test_accounts_that_take_turns_in_the_directory_are_found() -> None:
    found = play(lambda cells, _: listed(cells, GANG, 20), days=1)
    (one,) = found
    assert (one.kind, one.key_hint) == (Share.ORDER, 4)
    assert set(one.members) == accounts(GANG)


def test_accounts_of_several_structures_that_repeat_each_others_list_are_found() -> None:
    def repeat(cells: CellArray, _: int) -> CellArray:
        cells["sequence"][list(GANG), 0] = 123
        return cells

    found = play(repeat, days=2)
    assert {(one.kind, one.key_hint) for one in found} == {(Share.ORDER, 13)}


def test_colleagues_who_read_the_same_new_patients_are_not_found() -> None:
    def repeat(cells: CellArray, _: int) -> CellArray:
        cells["sequence"][:, 0] = cells["structure"]
        return cells

    assert play(repeat) == []


def test_a_new_client_at_normal_volume_is_an_upgrade() -> None:
    def upgrade(cells: CellArray, _: int) -> CellArray:
        cells["client"][:150, 0] = NEW
        return cells

    assert play(upgrade, days=5) == []


def test_a_centre_that_reads_strangers_as_a_whole_is_not_a_gang() -> None:
    def campaign(cells: CellArray, _: int) -> CellArray:
        cells["structure"][:20], cells["network"][:20, 0] = 1, 5_001
        cells["patients"][:20] = cells["known"][:20] = 40
        cells["unexplained"][:20] = 30
        for name in ("network", "client"):
            cells[name + "_patients"][:20, 0] = 40
            cells[name + "_unexplained"][:20, 0] = 30
        return cells

    assert play(campaign, days=10) == []


def test_a_week_with_more_patients_of_all_kinds_is_not_a_gang() -> None:
    def epidemic(cells: CellArray, _: int) -> CellArray:
        for name in ("", "network_", "client_"):
            for kind in ("patients", "unexplained"):
                cells[name + kind] = (cells[name + kind] * 1.6).astype(np.uint16)
        cells["known"] = cells["patients"]
        return cells

    assert play(epidemic, days=7) == []


def test_one_account_alone_does_not_make_a_group_suspect() -> None:
    def harvest(cells: CellArray, _: int) -> CellArray:
        cells = through(cells, "network", NEW, range(5), unexplained=0)
        return through(cells, "network", NEW, range(1), looks=200, unexplained=200)

    assert play(harvest) == []


def test_what_a_network_always_shows_is_usual_for_it() -> None:
    watch, found = Collusion(), []
    for number in range(90):
        # A network of twenty accounts on call: twice as many strangers as at their desks.
        cells = through(
            region(DAY + number), "network", NEW, GANG, looks=5, unexplained=int(number % 5 > 0)
        )
        watch.take(cells)
        found += watch.close(DAY + number)
    assert found == []
    watch.take(through(region(DAY + 90), "network", NEW, GANG))
    assert [one.key_hint for one in watch.close(DAY + 90)] == [NEW]


def test_a_cell_that_comes_again_replaces_the_first() -> None:
    once, twice = Collusion(), Collusion()
    cells = through(region(), "network", NEW, GANG)
    once.take(cells)
    twice.take(region())
    twice.take(cells)
    assert once.close(DAY) == twice.close(DAY) != []


def test_cells_of_closed_days_are_left_out() -> None:
    watch = Collusion()
    watch.take(region())
    watch.close(DAY)
    watch.take(through(region(), "network", NEW, GANG))
    assert watch.late_cells == 300
    assert watch.close(DAY) == watch.close(DAY + 1) == []
    assert watch.closed_day == DAY + 1


def test_a_gang_that_stops_is_not_reported_any_more() -> None:
    watch = Collusion()
    for number in range(10):
        watch.take(through(region(DAY + number), "network", NEW, GANG))
        assert watch.close(DAY + number)
    watch.take(region(DAY + 10))
    assert watch.close(DAY + 10) == []


def test_a_key_that_is_used_as_usual_again_is_not_reported_any_more() -> None:
    def change(cells: CellArray, number: int) -> CellArray:
        return through(cells, "network", NEW, GANG, unexplained=5 if number < 3 else 0)

    assert {one.day for one in play(change, days=5)} == {DAY + 30, DAY + 31, DAY + 32}


def test_groups_below_the_alarm_are_given_to_who_asks_for_them() -> None:
    watch = Collusion(Params(report_from=2.0))
    watch.take(through(region(), "network", NEW, range(0, 25, 5), looks=5, unexplained=3))
    scores = [one.score for one in watch.close(DAY)]
    assert scores
    assert 2.0 <= max(scores) < BUDGET


@pytest.mark.parametrize("name", ["network", "client"])
def test_a_group_shows_its_days_since_evidence_began_to_gather(name: str) -> None:
    found = play(lambda cells, _: through(cells, name, NEW, GANG))
    last = found[-1]
    assert last.history is not None
    assert last.history.starts_ms() == [start_of_day_ms(DAY + 30 + day) for day in range(3)]
    for one, place in zip(found, range(3), strict=True):
        assert one.history is not None
        assert len(one.history.observed) == place + 1
        assert one.history.observed[place] == round(one.evidence.observed_patients)
        assert one.history.expected[place] == pytest.approx(one.evidence.expected_patients, rel=0.3)


def test_quiet_groups_leave_no_days() -> None:
    watch = Collusion()
    for number in range(5):
        watch.take(region(DAY + number))
        watch.close(DAY + number)
    days = watch.sections[-1]
    assert not days.drain()
