"""The accounts of one partition: a dense row for each, and what a finding must name (pure).

An account is a person's account (or, where an event has none, the structure's certificate) at one
structure on one surface (`agents.access_rows`). Detectors keep their memory in rows; only this table
knows pseudonyms, because a finding names the account that somebody must lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
import polars as pl

from agents.access_rows import account_digests
from streams.digests import text_digests
from streams.errors import StateError
from streams.event_columns import EventColumns
from streams.hash_table import ABSENT, PositionTable

if TYPE_CHECKING:
    from streams.digests import UInt64Array
    from streams.event_time import Int64Array

_FIRST_CAPACITY: Final = 1024
_SLOTS_PER_ROW: Final = 1.75
_NAMED: Final = ("structure_pid", "actor_pid", "department")


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of who an account is.

    Attributes:
        structure_pid: pseudonym of its structure.
        actor_pid: pseudonym of its person; `None` for a structure's certificate.
        surface: flow of its looks.
        sector: administrative sector, as its first look said.
        department: the same.
    """

    structure_pid: str
    actor_pid: str | None
    surface: int
    sector: str
    department: str


class Accounts:
    """The table; a section of the checkpoint whose keys are the rows."""

    def __init__(self) -> None:
        # Row by row: what names it here, its person everywhere, and its structure.
        self._digests, self._actors, self._structures = np.zeros((3, _FIRST_CAPACITY), np.uint64)
        self._table = PositionTable(int(_FIRST_CAPACITY * _SLOTS_PER_ROW))
        self._known: list[Account] = []
        self._row_of: dict[tuple[str, str | None], list[int]] = {}
        self._dirty: set[int] = set()
        self._loaded: dict[int, Account] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __getitem__(self, row: int) -> Account:
        return self._known[row]

    @property
    def actors(self) -> UInt64Array:
        """Digests of the persons' pseudonyms (of the structure's for a certificate), row by row."""
        return self._actors

    @property
    def structures(self) -> UInt64Array:
        """Digests of the structures' pseudonyms, row by row."""
        return self._structures

    def rows_named(self, structure_pid: str, actor_pid: str | None) -> list[int]:
        """The rows of an account on all surfaces; none if it was never seen here."""
        return self._row_of.get((structure_pid, actor_pid), [])

    def rows_of(
        self,
        events: EventColumns | pl.DataFrame,
        places: Int64Array,
        structure: UInt64Array,
        actor: UInt64Array,
        surface: int,
    ) -> Int64Array:
        """The rows of the accounts of n events; those that are new get one.

        Args:
            events: the events, and others.
            places: shape (n,), where they stand among those.
            structure: shape (n,), digests of their structures' pseudonyms.
            actor: shape (n,), digests of their persons' pseudonyms.
            surface: which kind of look they are.
        """
        digests = account_digests(structure, actor, surface)
        rows = self._table.find(self._digests, digests)
        new = np.flatnonzero(rows == ABSENT)
        if new.size:
            # In the order of their first look, so that rows do not depend on digests.
            _, first = np.unique(digests[new], return_index=True)
            first = new[np.sort(first)]
            named = EventColumns.of(events).take(places[first])
            sectors = named.symbols("sector")
            structure_pids, actor_pids, departments = (
                named.texts(name).to_list() for name in _NAMED
            )
            self._enter(
                [
                    Account(
                        structure_pid or "", actor_pid, surface, sectors[sector], department or ""
                    )
                    for structure_pid, actor_pid, sector, department in zip(
                        structure_pids,
                        actor_pids,
                        named.numbers("sector").tolist(),
                        departments,
                        strict=True,
                    )
                ],
                digests[first],
                actor[first],
                structure[first],
            )
            rows = self._table.find(self._digests, digests)
        return rows

    def _enter(
        self,
        accounts: list[Account],
        digests: UInt64Array,
        actors: UInt64Array,
        structures: UInt64Array,
    ) -> None:
        """Give n accounts their rows, in this order."""
        start = len(self._known)
        end = start + len(accounts)
        if end > len(self._digests):
            self._grow(end)
        self._known += accounts
        is_certificate = np.fromiter((a.actor_pid is None for a in accounts), np.bool_)
        self._digests[start:end] = digests
        self._actors[start:end] = np.where(is_certificate, structures, actors)
        self._structures[start:end] = structures
        self._table.insert(digests, np.arange(start, end))
        for row, account in enumerate(accounts, start):
            self._row_of.setdefault((account.structure_pid, account.actor_pid), []).append(row)
        self._dirty.update(range(start, end))

    def _grow(self, needed: int) -> None:
        count = len(self._known)
        grown = np.zeros((3, max(needed, 2 * len(self._digests))), np.uint64)
        for new, old in zip(grown, (self._digests, self._actors, self._structures), strict=True):
            new[:count] = old[:count]
        self._digests, self._actors, self._structures = grown
        self._table = PositionTable(int(len(self._digests) * _SLOTS_PER_ROW))
        self._table.insert(self._digests[:count], np.arange(count))

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The rows entered since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """What the new rows will take, about."""
        return 150 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """These rows, as JSON."""
        rows = [
            [row, a.structure_pid, a.actor_pid, a.surface, a.sector, a.department]
            for row, a in ((row, self._known[row]) for row in sorted(keys))
        ]
        return orjson.dumps(rows), keys

    def load(self, payload: bytes) -> set[int]:
        """Take rows over; they may come in any order until `recovered`.

        Raises:
            StateError: the payload holds no rows of accounts.
        """
        try:
            found = {row: Account(*rest) for row, *rest in orjson.loads(payload)}
        except (orjson.JSONDecodeError, TypeError, ValueError) as error:
            raise StateError("changelog: accounts of another form") from error
        self._loaded.update(found)
        return set(found)

    def recovered(self) -> None:
        """Finish a recovery.

        Raises:
            StateError: a row is missing.
        """
        loaded, self._loaded = self._loaded, {}
        if sorted(loaded) != list(range(len(loaded))):
            raise StateError("changelog: an account is missing")
        accounts = [loaded[row] for row in range(len(loaded))]
        structures, actors = (
            text_digests(pl.Series(names, dtype=pl.String))
            for names in ([a.structure_pid for a in accounts], [a.actor_pid for a in accounts])
        )
        surfaces = np.fromiter((a.surface for a in accounts), np.uint64)
        digests = account_digests(structures, actors, surfaces)
        self._enter(accounts, digests, actors, structures)
        self._dirty.clear()
