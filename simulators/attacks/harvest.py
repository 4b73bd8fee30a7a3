"""Stolen accounts that look patients up: the engine of most attacks (pure).

An attack says how many look-ups an account makes on a day, at whom, when and in what guise. The owner
goes on working beside it, unless the attack says that the account is taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.attacks.accesses import OWN_NUMBERS, Looks, told_as_accesses, word
from simulators.attacks.incident import ATTACK, UNCHANGED, Change, Incident, Plan
from simulators.attacks.rhythm import Rhythm, as_owner
from simulators.attacks.whom import Whom, strangers
from simulators.equipment import equip
from simulators.events import AUTH_METHODS
from simulators.flows.telling import Draw, habits, words_of
from streams.topics import PLATFORM_ACCESSES

if TYPE_CHECKING:
    from simulators.population import CodeArray, Int64Array
    from simulators.traffic import RegionDay

HowMany = Callable[[date, int, int, np.random.Generator], int]
"""`(day, member, own, rng)` -> look-ups; `own` are the owner's distinct patients of the day."""

UNEXPLAINED_RATIO: Final = 0.95
"""Look-ups of an attacker without a care relation (detection reference §4.2, assumption)."""

MOSTLY_STRANGERS: Final = strangers(1.0 - UNEXPLAINED_RATIO)

IDENTITY: Final = {"READ_IDENTITY": 1.0}
CLINICAL: Final = {"READ_IDENTITY": 20.0, "READ_RECORD": 55.0, "READ_DOCUMENT": 25.0}


@dataclass(frozen=True, slots=True)
class Guise:
    """How an attacker's accesses look.

    Attributes:
        actions: shares of the reads.
        own_equipment: from the owner's network and client (a machine that is controlled from afar);
            else from a new network and client.
        own_means: authenticated as the owner usually is; else with the password alone.
        channel: `API` for a script, `UI` for a person.
        net_class: of a new network.
        shared: which of a new `network` and `client` the accounts have in common.
        searched_ratio: reads that a search comes before.
    """

    actions: tuple[tuple[str, float], ...] = tuple(IDENTITY.items())
    own_equipment: bool = False
    own_means: bool = False
    channel: str = "UI"
    net_class: str = "FR_OTHER"
    shared: frozenset[str] = frozenset()
    searched_ratio: float = 0.6


AS_OWNER: Final = Guise(actions=tuple(CLINICAL.items()), own_equipment=True, own_means=True)
"""What the owner's own session looks like from outside."""


@dataclass(frozen=True, slots=True, eq=False)
class Harvest:
    """Look-ups of some accounts.

    Attributes:
        plan: where and when.
        members: shape (n,), positions in the platform accounts.
        how_many: look-ups of an account on a day.
        whom: at whom.
        rhythm: when.
        guise: in what guise.
        platform: code of the platform; `None` for each account's usual one.
        silences: the owners do not act any more.
    """

    plan: Plan
    members: Int64Array
    how_many: HowMany
    whom: Whom = MOSTLY_STRANGERS
    rhythm: Rhythm = as_owner
    guise: Guise = AS_OWNER
    platform: int | None = None
    silences: bool = False

    def incident(self, start: date, days: int) -> Incident:
        """The incident that goes on for some days."""
        accounts, population = self.plan.accounts, self.plan.population
        actors = accounts.account[self.members]
        return Incident(
            name=self.plan.name,
            kind=ATTACK,
            start=start,
            end=start + timedelta(days=days),
            actors=actors,
            structures=np.unique(population.home[actors]),
            change=self.change,
        )

    def change(self, today: RegionDay) -> Change:
        """The look-ups of a day."""
        if self.plan.begin_ms >= today.care.local.end_ms:
            return UNCHANGED
        parts = []
        for member, position in enumerate(self.members.tolist()):
            part = self._looks(today, member, position)
            if part is not None:
                parts.append(part)
        actors = self.plan.accounts.account[self.members]
        silenced = actors if self.silences else UNCHANGED.silenced
        if not parts:
            return Change(silenced=silenced)
        rng = self.plan.rng("telling", today.care.ordinal)
        return Change((told_as_accesses(today, _join(parts), rng),), silenced)

    def _looks(self, today: RegionDay, member: int, position: int) -> Looks | None:
        plan, population = self.plan, self.plan.population
        account = int(plan.accounts.account[position])
        structure = int(population.home[account])
        rng = plan.rng(f"member {member}", today.care.ordinal)
        own_ms, own = _own_reads(today, account)
        count = self.how_many(today.care.local.day, member, own, rng)
        if count <= 0:
            return None
        patient, is_known = self.whom(today, member, structure, count, rng)
        at_ms = self.rhythm(today, plan.begin_ms, own_ms, count, rng)
        actions = Draw(words_of(PLATFORM_ACCESSES, "action"), dict(self.guise.actions))
        platform = plan.accounts.main[position] if self.platform is None else self.platform
        looks = Looks(
            account=np.full(count, account, np.int64),
            structure=np.full(count, structure, np.int64),
            patient=patient,
            at_ms=at_ms,
            action=actions(rng.random(count)),
            is_known=is_known,
            auth=_codes(count, AUTH_METHODS.code("PWD_ONLY")),
            network=np.full(count, self._new("network", member), np.int64),
            net_class=_codes(count, word("net_class", self.guise.net_class)),
            client=np.full(count, self._new("client", member), np.int64),
            channel=_codes(count, word("access_channel", self.guise.channel)),
            platform=_codes(count, int(platform)),
            searched=rng.random(count) < self.guise.searched_ratio,
        )
        if self.guise.own_equipment:
            looks = with_own_equipment(today, looks, rng)
        return with_own_means(today, looks, rng) if self.guise.own_means else looks

    def _new(self, kind: str, member: int) -> int:
        place = 0 if kind in self.guise.shared else member
        return OWN_NUMBERS + (self.plan.number << 16) + place


def _codes(count: int, code: int) -> CodeArray:
    return np.full(count, code, np.uint8)


def own_rows(today: RegionDay, account: int) -> Int64Array:
    """Rows of the day's platform accesses that are an account's own."""
    return np.flatnonzero(today.tables[PLATFORM_ACCESSES].columns["actor_pid"] == account)


def _own_reads(today: RegionDay, account: int) -> tuple[Int64Array, int]:
    """When the owner reads patients today, and how many distinct ones."""
    columns, rows = today.tables[PLATFORM_ACCESSES].columns, own_rows(today, account)
    rows = rows[columns["patient_pid"][rows] >= 0]
    return columns["occurred_at"][rows], len(np.unique(columns["patient_pid"][rows]))


def owner_looks(
    today: RegionDay,
    account: int,
    structure: int,
    patient: Int64Array,
    rng: np.random.Generator,
) -> Looks:
    """More reads of known patients by an account of the platforms, as it always makes them."""
    count, accounts = len(patient), today.accounts
    own_ms, _ = _own_reads(today, account)
    draw = Draw(words_of(PLATFORM_ACCESSES, "action"), CLINICAL)
    main = accounts.main[np.searchsorted(accounts.account, account)]
    looks = Looks(
        account=np.full(count, account, np.int64),
        structure=np.full(count, structure, np.int64),
        patient=patient,
        at_ms=as_owner(today, 0, own_ms, count, rng),
        action=draw(rng.random(count)),
        is_known=np.ones(count, np.bool_),
        auth=_codes(count, 0),
        network=np.zeros(count, np.int64),
        net_class=_codes(count, 0),
        client=np.zeros(count, np.int64),
        channel=_codes(count, 0),
        platform=_codes(count, int(main)),
        searched=rng.random(count) < 0.6,
    )
    return with_own_means(today, with_own_equipment(today, looks, rng), rng)


def with_own_equipment(today: RegionDay, looks: Looks, rng: np.random.Generator) -> Looks:
    """One account's reads from a network and client that its owner uses."""
    count = len(looks.account)
    used = equip(today.population, looks.account[:1], looks.structure[:1], rng)
    return replace(
        looks,
        network=np.repeat(used.network, count),
        net_class=np.repeat(used.net_class, count),
        client=np.repeat(used.client, count),
        channel=np.repeat(used.channel, count),
    )


def with_own_means(today: RegionDay, looks: Looks, rng: np.random.Generator) -> Looks:
    """One account's reads, authenticated as its owner is."""
    means = habits(today.population, PLATFORM_ACCESSES, looks.account[:1], rng)
    return replace(looks, auth=np.repeat(means, len(looks.account)))


def _join(parts: list[Looks]) -> Looks:
    names = Looks.__slots__
    return Looks(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def each_day(count: int) -> HowMany:
    """As many on every day."""

    def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
        del day, member, own, rng
        return count

    return how_many


def shared_out(expected: float, rng: np.random.Generator) -> int:
    """A whole number whose mean is `expected`."""
    return int(np.floor(expected + rng.random()))
