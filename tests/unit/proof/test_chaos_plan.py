"""The schedule of `make chaos` is a pure function, and never does what would prove nothing."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tests.proof.chaos_plan import BESIDE, BROKER_ACTS, BROKERS, MAIN, WORKERS, Kind, plan


def test_the_same_seed_gives_the_same_acts_and_another_seed_others() -> None:
    assert plan(7, minutes=25, kills=50) == plan(7, minutes=25, kills=50)
    assert plan(7, minutes=25, kills=50) != plan(8, minutes=25, kills=50)


@pytest.mark.parametrize("seed", range(20))
def test_a_run_has_the_kills_that_were_asked_for_and_every_other_kind_of_act(seed: int) -> None:
    acts = plan(seed, minutes=25, kills=50)

    kinds = Counter(act.kind for act in acts)
    assert sum(act.is_kill for act in acts) == 50
    assert kinds[Kind.KILL_BROKER] == 20
    assert set(kinds) == set(Kind)
    assert [act.number for act in acts] == list(range(len(acts)))


@pytest.mark.parametrize("seed", range(20))
def test_acts_lie_within_the_run_and_name_what_exists(seed: int) -> None:
    acts = plan(seed, minutes=10, kills=12)

    assert all(before.at_s <= after.at_s for before, after in pairwise(acts))
    assert acts[0].at_s > 0
    assert acts[-1].at_s < 600
    for act in acts:
        assert 0 < act.hold_s <= 20
        assert act.target in range(BROKERS if act.kind in BROKER_ACTS else WORKERS)


@pytest.mark.parametrize("seed", range(20))
def test_no_act_beside_others_touches_a_broker_or_a_worker(seed: int) -> None:
    # The runner lets acts of the main lane recover one by one; so two brokers are never away at once.
    for act in plan(seed, minutes=10, kills=20):
        assert act.is_beside == (act.kind in BESIDE)
        assert not (act.is_beside and (act.kind in BROKER_ACTS or act.is_kill))


def test_a_short_run_can_name_its_kinds() -> None:
    only = (Kind.STOP_WORKER, Kind.REGISTRY_AWAY)

    acts = plan(1, minutes=1, kills=2, only=only)

    assert Counter(act.kind for act in acts) == Counter([Kind.KILL_WORKER, Kind.KILL_BROKER, *only])
    assert set(MAIN).isdisjoint(BESIDE)
