"""The peers' rules on looks made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.evaluation.looks import Looks
from simulators.evaluation.peers import RULES, Table, incidents, threshold_for

DAYS, ACCOUNTS, ATTACKED, FROM = 60, 40, 0, 50
DAY_MS = 86_400_000


def table() -> Table:
    """Forty accounts with ten patients a day, eight of them shared; one takes 60 strangers more."""
    told = []
    rng = np.random.default_rng(3)
    for account in range(ACCOUNTS):
        for day in range(DAYS):
            usual = int(rng.poisson(10))
            strange = 60 if account == ATTACKED and day >= FROM else 0
            for place in range(usual + strange):
                team = account // 4 * 1000 + int(rng.integers(0, 40))
                is_strange = place >= usual or place == 0
                patient = 10**6 + int(rng.integers(0, 10**9)) if is_strange else team
                told.append((account, day, patient, day * DAY_MS + place * 60_000, is_strange))
    told = sorted({(a, d, p): (a, d, p, t, s) for a, d, p, t, s in told}.values())
    told.sort(key=lambda one: (one[0], one[1], one[3]))
    account, day, patient, time_ms, is_strange = (np.array(one) for one in zip(*told, strict=True))
    fresh = np.append(True, (np.diff(account) != 0) | (np.diff(day) != 0))
    place = np.arange(len(account))
    rank = place - place[fresh][np.cumsum(fresh) - 1] + 1
    looks = Looks(account, day, patient, time_ms, rank, is_strange)
    return Table.of(looks, np.arange(ACCOUNTS) % 2, DAYS)


TABLE = table()
QUIET = np.arange(ACCOUNTS) != ATTACKED


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_sees_sixty_strangers_a_day_and_keeps_to_its_budget(rule: str) -> None:
    score = RULES[rule](TABLE)
    threshold = threshold_for(TABLE, score, QUIET, 40, 1.0)
    alerted = score >= threshold
    looks = TABLE.looks
    days = np.zeros((ACCOUNTS, DAYS), np.bool_)
    later = alerted & (looks.day >= 40) & QUIET[looks.account]
    days[looks.account[later], looks.day[later]] = True
    assert incidents(days) <= 1
    own = alerted & (looks.account == ATTACKED) & (looks.day >= FROM)
    assert own.any()


def test_a_longer_budget_never_raises_a_threshold() -> None:
    score = RULES["peer z"](TABLE)
    thresholds = [threshold_for(TABLE, score, QUIET, 40, allowed) for allowed in (0, 2, 8, 40)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]


def test_the_same_trouble_within_a_fortnight_is_one_incident() -> None:
    days = np.zeros((2, 40), np.bool_)
    days[0, [3, 5, 18]] = True
    days[1, [3, 19]] = True
    assert incidents(days) == 3


def test_a_score_knows_only_the_days_before() -> None:
    score = RULES["30-day z (SecOps)"](TABLE)
    first = TABLE.looks.day < 3
    assert (score[first] == 0).all()
