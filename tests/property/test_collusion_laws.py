"""Laws of account-day cells and of groups: free cuts, free order, exact recovery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.account_cells import CELL
from agents.account_days import AccountDays, by_local_day
from agents.baselines import BaselineParams, Baselines
from agents.collusion import Collusion, Params
from agents.detectors.base import EXPLAINED, NO_STEP, UNEXPLAINED, UNKNOWN
from agents.peer_groups import GroupParams, PeerGroups
from streams.checkpoint import Journal
from streams.event_time import DAY_MS
from tests.support.accesses import NOON_MS, Access, accesses_of
from tests.support.cells import DAY, region, through

if TYPE_CHECKING:
    from agents.account_cells import CellArray
    from agents.group_suspicion import GroupSuspicion

LOW = Params(report_from=0.0)

told_accesses = st.lists(
    st.builds(
        Access,
        at_s=st.integers(0, 60 * 3600),
        patient=st.integers(0, 12),
        account=st.integers(0, 1),
        explained=st.sampled_from([EXPLAINED, UNEXPLAINED, UNEXPLAINED, UNKNOWN]),
        step=st.one_of(st.integers(-30, 30), st.just(NO_STEP)),
        network=st.integers(0, 6),
        client=st.integers(0, 3),
    ),
    min_size=8,
    max_size=80,
).map(lambda told: sorted(told, key=lambda one: one.at_s))

cuts = st.lists(st.integers(0, 80), max_size=5)


def days() -> AccountDays:
    return AccountDays(Baselines(BaselineParams(), PeerGroups(GroupParams())))


def give(to: AccountDays, told: list[Access]) -> list[CellArray]:
    """As a shard gives them: local day after local day."""
    accesses = accesses_of(told)
    # The first network and client stand for none.
    for digests in (accesses.network, accesses.client):
        digests[digests == accesses_of([Access(0, 1, network=0, client=0)]).network[0]] = 0
    who = accesses.account.astype(np.uint64) + np.uint64(1)
    return [to.observe(accesses[part], who[part], who[part]) for part in by_local_day(accesses)]


def ended(to: AccountDays, parts: list[CellArray]) -> list[bytes]:
    """All cells, in an order that does not depend on when they came."""
    last = to.pass_time(NOON_MS + 5 * DAY_MS)
    cells = np.concatenate([np.zeros(0, CELL), *parts, last])
    return sorted(cell.tobytes() for cell in cells)


@given(told_accesses, cuts)
@settings(max_examples=60, deadline=None)
def test_cells_do_not_depend_on_how_accesses_were_cut(told: list[Access], at: list[int]) -> None:
    whole, cut, parts = days(), days(), []
    for begin, end in zip([0, *sorted(at)], [*sorted(at), len(told)], strict=True):
        parts += give(cut, told[begin:end])
    assert ended(cut, parts) == ended(whole, give(whole, told))


@given(told_accesses, st.integers(0, 80))
@settings(max_examples=40, deadline=None)
def test_open_days_that_recover_give_the_cells_they_would_have_given(
    told: list[Access], cut: int
) -> None:
    steady, before, after = days(), days(), days()
    parts = give(steady, told[:cut])
    give(before, told[:cut])
    entries = {key: value for key, value in Journal(before.sections).flush(b"{}") if value}
    Journal(after.sections).recover(entries)
    after.recovered()
    assert ended(after, parts + give(after, told[cut:])) == ended(
        steady, parts + give(steady, told[cut:])
    )


def week(seed: int) -> list[CellArray]:
    """Days with a gang on some of them, one more trace each."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(7):
        cells = region(DAY + number, accounts=80, seed=seed)
        gang = range(int(rng.integers(0, 5)), 60, 5)
        if number % 2:
            cells = through(cells, "network", 9, gang, unexplained=int(rng.integers(1, 6)))
            cells = through(cells, "client", 8, gang, unexplained=int(rng.integers(1, 6)))
        if number % 3 == 0:
            cells["near"][list(gang)], cells["near_gap"][list(gang)] = 2, 1 << number
            cells["burst"][list(gang)], cells["burst_minute"][list(gang)] = 3, 700 + number
            cells["sequence"][list(gang), 1] = 5
        found.append(cells)
    return found


def concluded(told: list[CellArray]) -> list[GroupSuspicion]:
    watch, found = Collusion(LOW), []
    for number, cells in enumerate(told):
        watch.take(cells)
        found += watch.close(DAY + number)
    return found


@given(st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_conclusions_do_not_depend_on_the_order_of_cells_or_on_repeats(
    seed: int, luck: int
) -> None:
    told, rng = week(seed), np.random.default_rng(luck)
    expected = concluded(told)
    assert expected
    shuffled, found = Collusion(LOW), []
    for number, cells in enumerate(told):
        order = rng.permutation(len(cells))
        half = int(rng.integers(0, len(cells)))
        shuffled.take(cells[order[:half]])
        shuffled.take(cells[order[half // 2 :]])
        if number + 1 < len(told):  # some of tomorrow's come early
            shuffled.take(told[number + 1][: int(rng.integers(0, 80))])
        found += shuffled.close(DAY + number)
    assert found == expected


@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(0, 80))
@settings(max_examples=15, deadline=None)
def test_a_region_that_recovers_concludes_what_it_would_have_concluded(
    seed: int, cut_day: int, cut: int
) -> None:
    told = week(seed)
    watch, entries, found = Collusion(LOW), dict[bytes, bytes](), list[object]()
    journal = Journal(watch.sections)
    for number, cells in enumerate(told):
        watch.take(cells[:cut])
        for key, value in journal.flush(b"{}"):
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
        if number == cut_day:
            watch = Collusion(LOW)
            journal = Journal(watch.sections)
            journal.recover(entries)
            watch.recovered()
        watch.take(cells[cut:])
        found += watch.close(DAY + number)
    assert found == concluded(told)
