"""Laws of what is remembered of accounts: exact windows, free cuts, exact recovery."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.account_rows import AccountRows
from agents.account_watch import AccountWatch, WatchParams
from agents.detectors import decoys, takeover
from agents.detectors.base import EXPLAINED, UNEXPLAINED, UNKNOWN, Accesses, Act, Runs
from agents.detectors.context_habits import HabitParams
from agents.patient_windows import PatientWindows
from streams.checkpoint import Journal
from streams.event_time import DAY_MS, HOUR_MS, paris_day, paris_days
from streams.vocabulary import AUTH_METHODS, LIFECYCLES, NET_CLASSES
from tests.support.accesses import Access, accesses_of, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.account_watch import Suspicion

times = st.one_of(
    st.integers(0, 60 * 3600),
    # The same hours again, as an account's days are, so that contexts come back.
    st.builds(
        lambda day, hour, second: (24 * day + hour) * 3600 + second,
        st.integers(0, 5),
        st.sampled_from([0, 0, 0, 9]),
        st.integers(0, 3599),
    ),
)
told_accesses = st.lists(
    st.builds(
        Access,
        at_s=times,
        patient=st.integers(1, 12),
        account=st.integers(0, 2),
        explained=st.sampled_from([EXPLAINED, UNEXPLAINED, UNKNOWN]),
        act=st.sampled_from([Act.IDENTITY, Act.CLINICAL]),
        step=st.integers(-4, 4),
        network=st.sampled_from([1, 1, 2, 3]),
        client=st.integers(1, 2),
        auth_method=st.sampled_from([AUTH_METHODS.index(m) for m in ("CPS_CARD", "PWD_ONLY")]),
        net_class=st.sampled_from([NET_CLASSES.index(c) for c in ("INTERNAL", "FOREIGN")]),
        lifecycle=st.sampled_from([LIFECYCLES.index(s) for s in ("ACTIVE", "WINDING_DOWN")]),
        first_seen=st.booleans(),
    ),
    max_size=60,
).map(lambda told: sorted(told, key=lambda one: one.at_s))

cuts = st.lists(st.integers(0, 60), max_size=4)


def counted_by_hand(told: Sequence[Access], at: int) -> tuple[int, int, int, int]:
    """Patients, unexplained ones, those of the hour and the day's new one at one access, slowly."""
    now = accesses_of(told).time_ms
    own = [i for i in range(at + 1) if told[i].account == told[at].account]

    def live(span_ms: int) -> set[int]:
        return {told[i].patient for i in own if now[i] > now[at] - span_ms}

    unexplained = 0
    for patient in live(DAY_MS):
        # From the last gap of a day on: was any access unexplained?
        before, found = None, False
        for i in own:
            if told[i].patient == patient:
                if before is not None and now[i] - before >= DAY_MS:
                    found = False
                found |= told[i].explained == UNEXPLAINED
                before = now[i]
        unexplained += found
    today = [i for i in own if paris_day(int(now[i])) == paris_day(int(now[at]))]
    is_new = all(told[i].patient != told[at].patient for i in today[:-1])
    return len(live(DAY_MS)), unexplained, len(live(HOUR_MS)), int(is_new)


def slices_of(accesses: Accesses, cut_at: Sequence[int]) -> list[Accesses]:
    bounds = sorted({0, len(accesses), *(min(cut, len(accesses)) for cut in cut_at)})
    return [accesses[low:high] for low, high in pairwise(bounds)]


@given(told_accesses, cuts)
@settings(max_examples=150, deadline=None)
def test_windows_hold_exactly_the_patients_of_their_span_however_the_stream_is_cut(
    told: list[Access], cut_at: list[int]
) -> None:
    windows = PatientWindows()
    seen: list[tuple[int, int, int, int]] = [(0, 0, 0, 0)] * len(told)
    first = 0
    for part in slices_of(accesses_of(told), cut_at):
        order = part.by_account()
        ordered = part[order]
        counted = windows.observe(ordered, Runs.of_accounts(ordered.account))
        for place, at in enumerate((order + first).tolist()):
            seen[at] = (
                int(counted.patients[place]),
                int(counted.unexplained[place]),
                int(counted.hour[place]),
                int(counted.new_today[place]),
            )
        first += len(part)
    assert seen == [counted_by_hand(told, at) for at in range(len(told))]


def concluded(watch: AccountWatch, parts: list[Accesses]) -> dict[tuple[str, int, int], int]:
    """The first time of each detector, account and day; a cut may only tell it more often."""
    found: dict[tuple[str, int, int], int] = {}
    for part in parts:
        _note(found, watch.observe(part))
    return found


def _note(found: dict[tuple[str, int, int], int], suspicions: list[Suspicion]) -> None:
    for one in suspicions:
        found.setdefault((one.detector, one.account, one.day), one.time_ms)


LOW = WatchParams(
    report_from=0.3,
    # A single day is habit enough to be surprised by, so that short streams say something.
    takeover=takeover.Params(
        habits=HabitParams(settled_days=0.5, popular_slots=64), unfamiliar=0.2, least_patients=1
    ),
    decoys=decoys.Params(digests=frozenset({digest(12)})),
)


def assert_same_memory(one: AccountWatch, other: AccountWatch) -> None:
    for left, right in zip(one.sections, other.sections, strict=True):
        if isinstance(left, AccountRows) and left is not one.reported.rows:
            assert isinstance(right, AccountRows)
            width = max(len(left.table), len(right.table))
            left.reserve(width)
            right.reserve(width)
            assert left.encode(set(range(width))) == right.encode(set(range(width)))


@given(told_accesses, cuts)
@settings(max_examples=60, deadline=None)
def test_what_is_concluded_does_not_depend_on_how_the_stream_is_cut(
    told: list[Access], cut_at: list[int]
) -> None:
    accesses = accesses_of(told)
    whole, parts = AccountWatch(LOW), AccountWatch(LOW)
    assert concluded(whole, [accesses]) == concluded(parts, slices_of(accesses, cut_at))
    assert_same_memory(whole, parts)


@pytest.mark.parametrize("seed", range(6))
def test_accounts_that_change_hands_are_judged_alike_however_their_days_are_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    told = []
    for day in range(12):
        for account in range(4):
            moved = day >= 6 and account > 0
            for at_s in np.sort(rng.integers(0, 2 * 3600, 14)).tolist():
                elsewhere = int(moved and rng.random() < 0.8)
                told.append(
                    Access(
                        at_s=day * 24 * 3600 + at_s,
                        patient=int(rng.integers(20, 400)),
                        account=account,
                        explained=int(rng.random() > 0.1 + 0.7 * elsewhere),
                        network=1 + elsewhere * (1 + account % 2),
                        client=1 + elsewhere,
                        first_seen=bool(rng.random() < 0.5),
                    )
                )
    accesses = accesses_of(sorted(told, key=lambda one: one.at_s))
    whole, parts = AccountWatch(LOW), AccountWatch(LOW)
    every = slices_of(accesses, rng.integers(0, len(accesses), 150).tolist())
    found = concluded(whole, [accesses])
    assert sum(detector == "takeover" for detector, _, _ in found) > 4
    assert found == concluded(parts, every)
    assert_same_memory(whole, parts)


@given(told_accesses)
@settings(max_examples=60, deadline=None)
def test_how_accounts_alternate_within_a_day_changes_nothing(told: list[Access]) -> None:
    accesses = accesses_of(told)
    by_day = np.lexsort([accesses.account, paris_days(accesses.time_ms)])
    mixed, sorted_ = AccountWatch(LOW), AccountWatch(LOW)
    assert concluded(mixed, [accesses]) == concluded(sorted_, [accesses[by_day]])
    assert_same_memory(mixed, sorted_)


@given(told_accesses, st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_a_watch_that_recovers_concludes_what_it_would_have_concluded(
    told: list[Access], cut: int
) -> None:
    accesses = accesses_of(told)
    first, rest = accesses[:cut], accesses[cut:]
    steady, before, after = AccountWatch(LOW), AccountWatch(LOW), AccountWatch(LOW)
    steady.observe(first)
    before.observe(first)
    entries = {key: value for key, value in Journal(before.sections).flush(b"{}") if value}
    Journal(after.sections).recover(entries)
    after.recovered()
    assert after.observe(rest) == steady.observe(rest)
    for one, other in zip(steady.sections, after.sections, strict=True):
        keys = one.drain()
        assert other.encode(keys) == one.encode(keys)
