"""How well the account detectors find stolen accounts: the feasibility study's table, measured anew.

    python tests/benchmarks/accounts.py [--seeds 2] [--unexplained 0.15] [--day-size 5]

Every row attacks 300 of 4,000 accounts of a seeded population (tests/support/account_population.py)
after 200 days, with frozen settings, on seeds from 101; the calibration's knots come from seeds
1 to 3 and from 201 on.
An attack's day is looked at in sixteenths, so that the identities lost before the alert are told to a
sixteenth of a day; slow evidence is told at the day's end.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.baselines import BaselineParams, Baselines, ClosedDays, Expected
from agents.detectors import slow_change, tail
from agents.detectors.calibration import BUDGET, SUSPICION, calibrated
from agents.peer_groups import GroupParams, PeerGroups
from tests.support.account_population import AccountPopulation, Day, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

START: Final = 200
ATTACKED: Final = 300
PARTS: Final = 16
QUIET_GAP_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table.

    Attributes:
        wanted: extra identities of each account on a day, which is the n-th of the attack.
    """

    name: str
    days: int
    wanted: Callable[[AccountPopulation, Day, int], FloatArray]


def _steady(per_day: float, *, working: bool) -> Callable[..., FloatArray]:
    def extra(population: AccountPopulation, day: Day, _number: int) -> FloatArray:
        return np.full(len(population.level), per_day * (day.is_working or not working))

    return extra


def _ratio(ratio: float) -> Callable[..., FloatArray]:
    def extra(population: AccountPopulation, day: Day, _number: int) -> FloatArray:
        return np.where(day.patients > 0, ratio * population.level, 0.0)

    return extra


def _ramp(population: AccountPopulation, day: Day, number: int) -> FloatArray:
    return np.where(day.patients > 0, 2.0 * number / 90.0 * population.level, 0.0)


def _poisoning(population: AccountPopulation, day: Day, number: int) -> FloatArray:
    """Sixty days of 5 % more every ten days, then a harvest of twice the level."""
    lift = 1.05 ** (1 + number // 10) - 1.0 if number < 60 else 2.0
    return np.where(day.patients > 0, lift * population.level, 0.0)


ATTACKS: Final = (
    Attack("500/day, 10 d", 10, _steady(500.0, working=False)),
    Attack("100/working day, 45 d", 45, _steady(100.0, working=True)),
    Attack("Predice 60/day, 45 d", 45, _steady(60.0, working=False)),
    Attack("doubling, 45 d", 45, _ratio(1.0)),
    Attack("+50 %, 45 d", 45, _ratio(0.5)),
    Attack("+25 %, 90 d", 90, _ratio(0.25)),
    Attack("ramp to 3x, 90 d", 90, _ramp),
    Attack("poisoning, 60 d then x3", 90, _poisoning),
)


class Line:
    """Population, baselines and detectors, day after day."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self.population = AccountPopulation(seed, shape)
        self.baselines = Baselines(BaselineParams(), PeerGroups(GroupParams()))
        self.slow = slow_change.SlowChange(slow_change.Params())

    def expected(self, rows: Int64Array, day: Day) -> Expected:
        """What is expected of these accounts on a day."""
        return self.baselines.expected(
            rows, self.population.group[rows], np.full(len(rows), day.day)
        )

    def close(
        self, day: Day, patients: FloatArray, unexplained: FloatArray, peak: FloatArray
    ) -> tuple[Int64Array, FloatArray, FloatArray]:
        """Judge and learn a day: rows, tail and slow change in the common currency."""
        rows = np.flatnonzero(patients > 0)
        expected = self.expected(rows, day)
        closed = ClosedDays(
            account=rows,
            group=self.population.group[rows],
            day=np.full(len(rows), day.day),
            patients=patients[rows],
            known=patients[rows],
            unexplained=unexplained[rows],
            peak=peak[rows],
        )
        seen = tail.Window(patients[rows], patients[rows], unexplained[rows], peak[rows])
        judged = tail.judge(tail.Params(), seen, expected)
        slow = self.slow.close(closed, expected)
        by_tail = calibrated("tail", judged.score)
        self.baselines.learn(closed, suspect=slow.is_suspect | (by_tail >= SUSPICION))
        return rows, by_tail, calibrated("slow_change", slow.score)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Of the attacked accounts: days until found (nan: never) and identities lost until then."""

    delay_days: FloatArray
    lost: FloatArray
    total: FloatArray
    false_incidents: int
    quiet_account_days: int


def attack(seed: int, shape: Shape, kind: Attack) -> Outcome:
    """Attack some accounts of a population and see when each is found."""
    line = Line(seed, shape)
    population = line.population
    rng = np.random.default_rng(seed + 7_000_000)
    target = np.sort(rng.choice(shape.accounts, ATTACKED, replace=False))
    delay = np.full(ATTACKED, np.nan)
    lost, total = np.zeros(ATTACKED), np.zeros(ATTACKED)
    alerted = np.full(shape.accounts, -QUIET_GAP_DAYS - 1)
    false_incidents, quiet_days = 0, 0
    for day in population.days(START + kind.days):
        number = day.day - _first_day()
        patients, unexplained = day.patients.astype(float), day.unexplained.astype(float)
        peak = day.peak.astype(float)
        if number >= START:
            rate = kind.wanted(population, day, number - START)[target]
            extra = rng.poisson(rate).astype(float)
            strangers = rng.binomial(extra.astype(np.int64), 0.95).astype(float)
            found = _same_day(line, day, target, extra, strangers)
            hidden = np.isnan(delay)
            now = hidden & (found <= 1.0)
            delay[now] = number - START + found[now]
            lost += np.where(hidden, extra * np.where(now, found, 1.0), 0.0)
            total += extra
            patients[target] += extra
            unexplained[target] += strangers
            peak[target] += np.ceil(extra / 10.0)
        rows, by_tail, by_slow = line.close(day, patients, unexplained, peak)
        hits = rows[np.maximum(by_tail, by_slow) >= BUDGET]
        if number >= START:
            struck = np.isin(target, hits) & np.isnan(delay)
            delay[struck] = number - START + 1.0
        innocent = ~np.isin(hits, target)
        fresh = hits[innocent & (number - alerted[hits] > QUIET_GAP_DAYS)]
        if number >= START // 2:
            false_incidents += len(fresh)
            quiet_days += shape.accounts - ATTACKED
        alerted[hits] = number
    return Outcome(delay, lost, total, false_incidents, quiet_days)


def _first_day() -> int:
    return next(AccountPopulation(0, Shape(accounts=6)).days(1)).day


def _same_day(
    line: Line, day: Day, target: Int64Array, extra: FloatArray, strangers: FloatArray
) -> FloatArray:
    """The part of the day after which the same-day tail speaks; above 1 for never."""
    expected = line.expected(target, day)
    found = np.full(len(target), 2.0)
    for part in range(PARTS, 0, -1):
        share = part / PARTS
        own = np.floor(day.patients[target] * share)
        own_unexplained = np.floor(day.unexplained[target] * share)
        patients = own + np.floor(extra * share)
        seen = tail.Window(
            patients=patients,
            known=patients,
            unexplained=own_unexplained + np.floor(strangers * share),
            hour=np.minimum(patients, day.peak[target] + np.ceil(extra / 10.0)),
        )
        score = tail.judge(tail.Params(), seen, expected).score
        found[calibrated("tail", score) >= BUDGET] = share
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--unexplained", type=float, default=0.15)
    parser.add_argument("--day-size", type=float, default=5.0)
    asked = parser.parse_args()
    shape = Shape(unexplained_ratio=asked.unexplained, day_size=asked.day_size)
    false_incidents, quiet_days = 0, 0
    print("attack                    found   median days   p90 days   median lost   median total")
    began = time.perf_counter()
    for kind in ATTACKS:
        outcomes = [attack(101 + seed, shape, kind) for seed in range(asked.seeds)]
        delay = np.concatenate([one.delay_days for one in outcomes])
        total = np.concatenate([one.total for one in outcomes])
        lost = np.concatenate([one.lost for one in outcomes])[~np.isnan(delay)]
        # An account that is never found has no delay: the quantiles are over all the attacked.
        late = np.where(np.isnan(delay), np.inf, delay)
        print(
            f"{kind.name:<24}  {np.mean(~np.isnan(delay)):>5.3f}  {np.quantile(late, 0.5):>11.2f}"
            f"  {np.quantile(late, 0.9, method='higher'):>9.2f}  {np.median(lost):>12.0f}"
            f"  {np.median(total):>13.0f}"
        )
        false_incidents += sum(one.false_incidents for one in outcomes)
        quiet_days += sum(one.quiet_account_days for one in outcomes)
    rate = 1000.0 * false_incidents / quiet_days
    print(
        f"false alerts per 1,000 accounts and day: {rate:.3f} ({false_incidents} of {quiet_days})"
    )
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
