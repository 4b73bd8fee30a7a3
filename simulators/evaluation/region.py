"""A span's region: its incidents, who is new in it, its frames in the order of arrival (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators import pseudonyms
from simulators.attacks.catalogue import wanted
from simulators.attacks.scenario import Scenario
from simulators.batches import in_windows
from simulators.calendar import midnight_ms
from simulators.evaluation.frames import Framer
from simulators.events import Events
from simulators.pseudonyms import salt_of, uniform
from simulators.traffic import RegionTraffic
from streams.errors import VigieError
from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS
from streams.topics import PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS, SECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    import polars as pl

    from simulators.attacks.labels import Truth
    from simulators.evaluation.plan import Outage, Span
    from simulators.population import Int64Array
    from simulators.traffic import RegionDay
    from streams.schemas import Schemas

TURN_MS: Final = DAY_MS
"""The flows take turns so often at least. What is concluded does not depend on it, and turns cost."""
NEWCOMER_DAYS: Final = 28
"""Days after the enrolment over which newcomers begin."""
BACKLOG_MS: Final = 10 * MINUTE_MS
"""In so long a source sends what an outage held back, in its order."""


_LARGEST: Final = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Events of one flow that arrive within one turn.

    Attributes:
        flow: the flow.
        events: as numbers.
        frame: as the codec would give them.
    """

    flow: str
    events: Events
    frame: pl.DataFrame


class TrialRegion:
    """A seed's region over a span.

    Args:
        span: when, how large and what happens.
        seed: any integer.
        schemas: the contracts.

    Attributes:
        truths: by position of the span's cases.
        accounts: shape (n,), numbers of the platforms' accounts.
        newcomers: account -> first day on which it acts.
    """

    def __init__(self, span: Span, seed: int, schemas: Schemas) -> None:
        self.span, self.seed = span, seed
        self._traffic = RegionTraffic(seed, span.scale)
        self._scenario = Scenario(
            [wanted(case.text) for case in span.cases], self._traffic, span.start, span.days
        )
        self.truths: tuple[Truth, ...] = self._scenario.truths
        if len(self.truths) != len(span.cases):
            raise VigieError(f"{span.name}: a case must come to one incident")
        self.accounts: Int64Array = self._traffic.accounts.account
        self.newcomers = self._draw_newcomers()
        self._away = np.array(sorted(self.newcomers), np.int64)
        self._since = np.array(
            [self.newcomers[one].toordinal() for one in self._away.tolist()], np.int64
        )
        self._structures = self._concerned()
        self._framer = Framer(schemas, seed)

    @property
    def concerned(self) -> frozenset[int]:
        """Accounts of any incident."""
        return frozenset(n for t in self.truths for n in t.incident.actors.tolist())

    def group_of(self, account: int) -> str:
        """The peer group under which an account is reported: sector and couloir."""
        population = self._traffic.population
        home = int(population.home[account])
        return f"{SECTORS[population.sector[home]]} {COULOIRS[population.couloir[home]]}"

    def names_of_everybody(self) -> tuple[dict[str, int], dict[str, int]]:
        """Numbers of all accounts, strangers of incidents among them, and of all structures."""
        population = self._traffic.population
        strangers = [truth.incident.actors for truth in self.truths]
        accounts = np.unique(np.concatenate([np.arange(len(population.home)), *strangers]))
        structures = np.arange(len(population.size))
        texts = pseudonyms.pseudonyms(self.seed, pseudonyms.STRUCTURE, structures)
        named = [bytes(row).decode() for row in texts]
        return (
            dict(zip(self.names(accounts), accounts.tolist(), strict=True)),
            dict(zip(named, structures.tolist(), strict=True)),
        )

    def names(self, accounts: Int64Array) -> list[str]:
        """Pseudonyms of accounts."""
        text = pseudonyms.pseudonyms(self.seed, pseudonyms.ACCOUNT, np.asarray(accounts, np.int64))
        return [bytes(row).decode() for row in text]

    def turns(self) -> Iterator[tuple[int, tuple[Piece, ...]]]:
        """Everything that arrives: since when all of a turn is (milliseconds UTC), and flow by flow."""
        for tables in self._traffic.recorded(
            self.span.start, self.span.days, rewrite=self._rewrite
        ):
            in_order = in_windows([tables], TURN_MS, most=_LARGEST)
            for number, turn in groupby(in_order, _turn_of):
                pieces = (Piece(one.flow, one, self._framer.frame(one)) for one in turn)
                yield number * TURN_MS, tuple(pieces)

    def _rewrite(self, today: RegionDay) -> Mapping[str, Events]:
        tables = dict(self._scenario.rewrite(today))
        accesses = tables[PLATFORM_ACCESSES]
        place = np.searchsorted(self._away, accesses.columns["actor_pid"])
        place = np.minimum(place, max(len(self._away) - 1, 0))
        if len(self._away):
            is_away = self._away[place] == accesses.columns["actor_pid"]
            is_away &= self._since[place] > today.care.ordinal
            tables[PLATFORM_ACCESSES] = accesses.pick(np.flatnonzero(~is_away))
        for outage in self.span.outages:
            # What happened the day before may still be on its way.
            if abs((outage.day - today.care.local.day).days) <= 1:
                tables[outage.flow] = _silenced(tables[outage.flow], outage)
        if self.span.is_whole:
            return tables
        return {
            flow: table.pick(
                np.flatnonzero(np.isin(table.columns["structure_pid"], self._structures))
            )
            for flow, table in tables.items()
        }

    def _draw_newcomers(self) -> dict[int, date]:
        salt = salt_of(self.seed, "newcomer")
        free = self.accounts[~np.isin(self.accounts, np.array(sorted(self.concerned), np.int64))]
        chosen = free[uniform(free, salt) < self.span.newcomer_ratio]
        most = min(NEWCOMER_DAYS, self.span.test_days // 2)
        later = (uniform(chosen, salt + 1) * most).astype(np.int64)
        return {
            one: self.span.test_start + timedelta(days=days)
            for one, days in zip(chosen.tolist(), later.tolist(), strict=True)
        }

    def _concerned(self) -> Int64Array:
        population = self._traffic.population
        second = population.second[self.accounts]
        own = [truth.incident.structures for truth in self.truths]
        return np.unique(
            np.concatenate([population.home[self.accounts], second[second >= 0], *own])
        )


def _turn_of(events: Events) -> int:
    return int(events.columns["recorded_at"][0]) // TURN_MS


def outage_ms(outage: Outage) -> tuple[int, int]:
    """An outage's first instant and the one after its last, milliseconds UTC."""
    begin_ms = midnight_ms(outage.day) + outage.hour * HOUR_MS
    return begin_ms, begin_ms + outage.hours * HOUR_MS


def _silenced(table: Events, outage: Outage) -> Events:
    """A source that cannot send: nothing of it arrives, whenever it occurred, until it can again."""
    begin_ms, end_ms = outage_ms(outage)
    columns = table.columns
    recorded = columns["recorded_at"]
    held = (recorded >= begin_ms) & (recorded < end_ms)
    held &= columns["sector"] == SECTORS.index(outage.sector)
    if not outage.comes_late:
        return table.pick(np.flatnonzero(~held))
    after = end_ms + (recorded - begin_ms) * BACKLOG_MS // (end_ms - begin_ms)
    return Events(table.flow, {**columns, "recorded_at": np.where(held, after, recorded)})
