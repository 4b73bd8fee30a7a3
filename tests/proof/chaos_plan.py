"""What is done to a service under fire, in which order: a pure function of a seed.

    acts = plan(seed=1, minutes=25, kills=50)

Acts of the main lane come one after the other: each begins at its time, or as soon as the service has
recovered from the one before, whichever is later. Acts beside them begin with the act before them in the
list and last their time, whatever else happens. So at most one broker is ever away or slow; a worker can
be killed while Alertmanager or the registry is away and the producers misbehave.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BROKERS: Final = 3
WORKERS: Final = 3
_SETTLE_S: Final = 8.0
"""Peace at the start, in which everything is seen to work."""


class Kind(StrEnum):
    """What is done."""

    KILL_WORKER = "kill -9 of a worker"
    KILL_BROKER = "kill -9 of a broker"
    PAUSE_WORKER = "SIGSTOP of a worker, within its session"
    STOP_WORKER = "SIGSTOP of a worker, beyond its session"
    STOP_BROKER = "SIGSTOP of a broker"
    SLOW_BROKER = "slow broker"
    LEAVE = "worker leaves in order"
    JOIN = "fourth worker joins and leaves"
    DISK_FULL = "full disk of a broker"
    CHANGELOG_BUSY = "changelog refuses for now"
    CHANGELOG_REFUSES = "changelog refuses for good"
    CLOCK_AHEAD = "worker's clock jumps ahead"
    CLOCK_BEHIND = "worker's clock jumps back"
    ALERTMANAGER_AWAY = "Alertmanager away"
    REGISTRY_AWAY = "schema registry away"
    REPEATS = "producers repeat and shuffle"
    WRONG_DATES = "producers with wrong clocks"


KILLS: Final = (Kind.KILL_WORKER, Kind.KILL_BROKER)
BROKER_ACTS: Final = frozenset(
    {Kind.KILL_BROKER, Kind.STOP_BROKER, Kind.SLOW_BROKER, Kind.DISK_FULL}
)
BESIDE: Final = (
    Kind.ALERTMANAGER_AWAY,
    Kind.REGISTRY_AWAY,
    Kind.REPEATS,
    Kind.WRONG_DATES,
)
MAIN: Final = tuple(kind for kind in Kind if kind not in BESIDE and kind not in KILLS)

_HOLD_S: Final[dict[Kind, tuple[float, float]]] = {
    Kind.KILL_WORKER: (0.5, 3.0),
    Kind.KILL_BROKER: (1.0, 6.0),
    Kind.PAUSE_WORKER: (2.0, 5.0),
    Kind.STOP_WORKER: (13.0, 16.0),
    Kind.STOP_BROKER: (3.0, 12.0),
    Kind.SLOW_BROKER: (8.0, 12.0),
    Kind.LEAVE: (1.0, 4.0),
    Kind.JOIN: (8.0, 12.0),
    Kind.DISK_FULL: (3.0, 6.0),
    Kind.CHANGELOG_BUSY: (4.0, 8.0),
    Kind.CHANGELOG_REFUSES: (2.0, 5.0),
    Kind.CLOCK_AHEAD: (6.0, 10.0),
    Kind.CLOCK_BEHIND: (6.0, 10.0),
    Kind.ALERTMANAGER_AWAY: (8.0, 20.0),
    Kind.REGISTRY_AWAY: (5.0, 10.0),
    Kind.REPEATS: (10.0, 20.0),
    Kind.WRONG_DATES: (5.0, 15.0),
}
"""How long each lasts, seconds, least and most: what is killed comes back after so long."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Attributes:
        number: its place in the list.
        at_s: since the start, before which it does not begin.
        kind: what is done.
        target: number of the worker or broker that it is done to; 0 where there is but one.
        hold_s: how long it lasts.
    """

    number: int
    at_s: float
    kind: Kind
    target: int
    hold_s: float

    @property
    def is_kill(self) -> bool:
        """Whether it is one of the kills that were asked for."""
        return self.kind in KILLS

    @property
    def is_beside(self) -> bool:
        """Whether the acts after it begin without waiting for its end."""
        return self.kind in BESIDE


def plan(seed: int, *, minutes: float, kills: int, only: tuple[Kind, ...] = ()) -> tuple[Act, ...]:
    """The acts of a run.

    Args:
        seed: any integer; the same seed gives the same acts.
        minutes: length of the run; acts are spread over it.
        kills: workers and brokers that are killed with -9, two brokers for every three workers.
        only: nothing but these kinds, once each, instead of the mixture; kills still count.
    """
    dice = random.Random(f"vigie chaos {seed}")
    brokers = round(kills * 0.4)
    kinds = [Kind.KILL_BROKER] * brokers + [Kind.KILL_WORKER] * (kills - brokers)
    kinds += [kind for kind in only if kind not in BESIDE] if only else MAIN * max(1, kills // 25)
    dice.shuffle(kinds)
    beside = (
        [kind for kind in only if kind in BESIDE]
        if only
        else [BESIDE[number % len(BESIDE)] for number in range(len(kinds) // 4)]
    )
    # Each beside a main act of its own, at even distances, so that a lasting one has ended.
    places = [(2 * number + 1) * len(kinds) // (2 * len(beside)) for number in range(len(beside))]
    step_s = (minutes * 60 - 2 * _SETTLE_S) / max(1, len(kinds))
    acts: list[Act] = []
    for place, kind in enumerate(kinds):
        at_s = round(_SETTLE_S + place * step_s, 1)
        acts.append(_act(len(acts), at_s, kind, dice))
        acts += [
            _act(len(acts), at_s, besides, dice)
            for besides, where in zip(beside, places, strict=True)
            if where == place
        ]
    return tuple(acts)


def _act(number: int, at_s: float, kind: Kind, dice: random.Random) -> Act:
    count = (
        BROKERS if kind in BROKER_ACTS else 1 if kind in BESIDE or kind is Kind.JOIN else WORKERS
    )
    return Act(number, at_s, kind, dice.randrange(count), round(dice.uniform(*_HOLD_S[kind]), 1))
