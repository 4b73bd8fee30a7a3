"""How well takeovers at normal volume are found, what stays silent, and what quiet days cost.

    python tests/benchmarks/takeover.py [--seeds 2] [--scale 0.1] [--attack takeover:unexplained=0.5]

A simulated region per seed goes through care relations and all account detectors, as a worker's
partition would take it. Two weeks before its end 150 of the 400 busiest accounts (times scale) are taken
over; look-alikes happen beside them. Settings are frozen; seeds are from 101, the calibration's knots
come from seeds 1 to 3. An account that does not look at anybody within the seven days counts as not
found.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.account_watch import WatchParams
from agents.detectors.calibration import BUDGET
from agents.partition_watch import PartitionWatch, PartitionWatchParams
from simulators.attacks.catalogue import wanted
from simulators.attacks.incident import ATTACK
from simulators.attacks.scenario import Scenario
from simulators.evaluation.frames import Framer
from simulators.pseudonyms import ACCOUNT, pseudonym
from simulators.traffic import RegionTraffic
from streams.event_time import DAY_MS, start_of_day_ms
from streams.schemas import Schemas
from streams.topics import FLOWS, VERDICTS

if TYPE_CHECKING:
    from agents.account_watch import AccountWatch, Suspicion
    from agents.detectors.base import Accesses
    from simulators.attacks.incident import Incident

START: Final = date(2025, 9, 1)
QUIET_GAP_DAYS: Final = 14
LOOKALIKES: Final = ("new-hire", "locum", "holiday-return", "night-shift", "night-jobs")
REGION_WIDE: Final = ("software-upgrade",)
EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(slots=True)
class Outcome:
    """What a region came to.

    Attributes:
        delay_days: of each account that was taken over, by detector (`any` for the first of all).
        innocent: highest score of each look-alike.
        quiet: incidents of accounts that nothing happened to, by detector.
        quiet_days: accounts times days.
        seconds: time that the detectors and care relations took.
        events: how many events.
    """

    delay_days: list[dict[str, float]] = field(default_factory=list)
    innocent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    quiet: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    quiet_days: int = 0
    seconds: float = 0.0
    events: int = 0


class Ear:
    """A watch that keeps what it says."""

    def __init__(self, watch: AccountWatch) -> None:
        self._watch = watch
        self.heard: list[Suspicion] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._watch, name)

    def observe(self, accesses: Accesses) -> list[Suspicion]:
        found = self._watch.observe(accesses)
        self.heard += found
        return found

    def pass_time(self, watermark_ms: int) -> list[Suspicion]:
        found = self._watch.pass_time(watermark_ms)
        self.heard += found
        return found


def watched(
    seed: int, scale: float, days: int, attacks: list[str]
) -> tuple[list[Suspicion], PartitionWatch, Scenario, Outcome]:
    """Everything that is concluded of a region."""
    traffic = RegionTraffic(seed, scale)
    scenario = Scenario([wanted(text) for text in attacks], traffic, START, days)
    watch = PartitionWatch(PartitionWatchParams(watch=WatchParams(report_from=3.0)))
    ear = Ear(watch.watch)
    watch.watch = ear  # type: ignore[assignment]  # it listens to what fusion hears
    outcome = Outcome()
    framer = Framer(Schemas.load(), seed)
    for tables in traffic.recorded(START, days, rewrite=scenario.rewrite):
        frames = {flow: framer.frame(table) for flow, table in tables.items()}
        began = time.perf_counter()
        end_ms = 0
        for flow, frame in frames.items():
            if frame.height:
                log_ms = frame["recorded_at"].to_numpy()
                watch.take(flow, frame, log_ms)
                end_ms = max(end_ms, int(log_ms[-1]) + 1)
                outcome.events += frame.height
        watch.pass_time(dict.fromkeys((*FLOWS, VERDICTS), end_ms))
        outcome.seconds += time.perf_counter() - began
    watch.finish()
    return ear.heard, watch, scenario, outcome


def outcome_of(seed: int, scale: float, days: int, attack: str) -> Outcome:
    """One region, told and judged."""
    opening = START + timedelta(days=days - 14)
    opening -= timedelta(days=opening.weekday())  # a Monday
    name, _, given = attack.partition(":")
    count = max(1, round(150 * scale))
    texts = [f"{name}@{opening}:accounts={count}" + (f",{given}" if given else "")]
    texts += [f"{text}@{opening}" for text in (*LOOKALIKES, *REGION_WIDE)]
    found, watch, scenario, outcome = watched(seed, scale, days, texts)
    concerned: dict[str, Incident] = {
        pseudonym(seed, ACCOUNT, account): truth.incident
        for truth in scenario.truths
        for account in truth.incident.actors.tolist()
    }
    by_actor: dict[str, list[Suspicion]] = defaultdict(list)
    incidents: dict[tuple[int, str], int] = {}
    for one in found:
        actor = watch.accounts[one.account].actor_pid or ""
        if actor in concerned:
            by_actor[actor].append(one)
        elif one.score >= BUDGET:
            last = incidents.get((one.account, one.detector), -QUIET_GAP_DAYS - 1)
            outcome.quiet[one.detector] += one.day - last > QUIET_GAP_DAYS
            incidents[one.account, one.detector] = one.day
            last = incidents.get((one.account, "any"), -QUIET_GAP_DAYS - 1)
            outcome.quiet["any"] += one.day - last > QUIET_GAP_DAYS
            incidents[one.account, "any"] = one.day
    for actor, incident in concerned.items():
        first_day = incident.start.toordinal() - EPOCH
        last_day = incident.end.toordinal() - EPOCH
        own = [one for one in by_actor[actor] if first_day <= one.day < last_day]
        if incident.kind != ATTACK:
            best = max((one.score for one in own), default=0.0)
            outcome.innocent[incident.name] = max(outcome.innocent[incident.name], best)
            continue
        delays = {"any": np.inf}
        for one in own:
            if one.score >= BUDGET:
                delay = (one.time_ms - start_of_day_ms(first_day)) / DAY_MS
                delays[one.detector] = min(delays.get(one.detector, np.inf), delay)
                delays["any"] = min(delays["any"], delay)
        outcome.delay_days.append(delays)
    outcome.quiet_days = (len(watch.accounts) - len(concerned)) * days
    return outcome


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=101)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--days", type=int, default=75)
    parser.add_argument("--attack", default="takeover")
    asked = parser.parse_args()
    outcomes = [
        outcome_of(asked.first_seed + number, asked.scale, asked.days, asked.attack)
        for number in range(asked.seeds)
    ]
    delays = [one for outcome in outcomes for one in outcome.delay_days]
    print(f"{asked.attack}: {len(delays)} accounts")
    for name in ("any", "takeover", "tail", "slow_change", "identity_only"):
        delay = np.array([one.get(name, np.inf) for one in delays])
        print(
            f"  by {name:<14} in 7 days {np.mean(delay <= 7):.3f}, in 14 {np.mean(delay <= 14):.3f},"
            f" median {np.quantile(delay, 0.5, method='higher'):.1f} days"
        )
    quiet_days = sum(outcome.quiet_days for outcome in outcomes)
    for name in ("any", "takeover", "tail", "slow_change", "identity_only", "enumeration"):
        count = sum(outcome.quiet[name] for outcome in outcomes)
        rate = 1000.0 * count / quiet_days
        print(f"false alerts by {name}: {count}, {rate:.4f} per 1,000 accounts and day")
    for name in LOOKALIKES:
        best = max(outcome.innocent.get(name, 0.0) for outcome in outcomes)
        print(f"highest score of {name}: {best:.1f}" if best else f"{name}: silent")
    seconds = sum(outcome.seconds for outcome in outcomes)
    events = sum(outcome.events for outcome in outcomes)
    print(f"{events} events in {seconds:.0f} s")


if __name__ == "__main__":
    main()
