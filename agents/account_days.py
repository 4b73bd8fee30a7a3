"""Open days of the accounts of one partition, and the cells that they close into (pure).

An account's day is held in one record of fixed size. Of its unexplained patients the first sixteen are
kept with their minute and their place in the directory (relative to the day's first record), which is
enough to see a burst, neighbours and an order; whoever reads more of them than that in a day stands out
alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.account_cells import CELL, KEPT, NO_MINUTE, NO_SEQUENCE
from agents.account_rows import AccountRows
from agents.detectors.base import NO_PATIENT, NO_STEP, UNEXPLAINED, UNKNOWN, Runs
from streams.digests import pair_digests
from streams.event_time import DAY_MS, MINUTE_MS, paris_day, paris_days

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from agents.account_cells import CellArray
    from agents.baselines import Baselines
    from agents.detectors.base import Accesses, UInt64Array
    from streams.checkpoint import Section
    from streams.event_time import Int64Array

_VERSION: Final = 1
_SLOTS: Final = 4
_CLAIMED: Final = 0xFFFF
_LOOKS: Final = 16
_BITS: Final = 256
_OCTETS: Final = _BITS // 8
_CHAIN: Final = 1 << 25
"""Between the places of records whose distance is not known: longer than any directory."""

BURST_MINUTES: Final = 5
NEAR: Final = 4096
"""Places of the directory within which two patients are neighbours: among five patients drawn from six
million, two are so once in 70 account-days."""

_RECORD: Final = np.dtype(
    [
        ("day", "<i4"),
        ("group", "<u4"),
        ("account", "<u8"),
        ("structure", "<u8"),
        ("position", "<i8"),
        ("patients", "<u2"),
        ("known", "<u2"),
        ("unexplained", "<u2"),
        ("looks", "<u2"),
        # Linear counting of the day's patients: by eight bits of their digests.
        ("seen", "u1", (_OCTETS,)),
        ("network", "<u8", (_SLOTS,)),
        ("client", "<u8", (_SLOTS,)),
        ("slot_patients", "<u2", (_SLOTS,)),
        ("slot_unexplained", "<u2", (_SLOTS,)),
        ("look_position", "<i8", (_LOOKS,)),
        ("look_minute", "<u2", (_LOOKS,)),
        ("look_patient", "<u8", (_LOOKS,)),
    ]
)


def by_local_day(accesses: Accesses) -> Iterator[Int64Array]:
    """Positions of n accesses, local day after local day.

    `AccountDays` and `AccountWatch` must take a day each in turn: the cells of a day are measured with
    baselines that have learned all days before it and none after.
    """
    days = paris_days(accesses.time_ms)
    cuts = np.flatnonzero(np.diff(days)) + 1
    for part in np.split(np.arange(len(days)), cuts):
        if part.size:
            yield part


class AccountDays:
    """The open days of one partition's accounts.

    Args:
        baselines: what is expected of an account; only read.
    """

    def __init__(self, baselines: Baselines) -> None:
        self._baselines = baselines
        self.rows = AccountRows("account-cells", _VERSION, _RECORD, {})
        self._day = 0

    @property
    def sections(self) -> tuple[Section, ...]:
        """What a checkpoint holds of it."""
        return (self.rows,)

    def recovered(self) -> None:
        """Finish a recovery from a checkpoint."""
        self._day = int(self.rows.table["day"].max())

    def observe(self, accesses: Accesses, actor: UInt64Array, structure: UInt64Array) -> CellArray:
        """Take n accesses of one local day (`by_local_day`), before `AccountWatch` takes them.

        Args:
            accesses: the accesses.
            actor: shape (n,), digests of the accounts, the same for a row in all partitions.
            structure: shape (n,), digests of the structures.

        Returns:
            The cells of the days before, if these accesses open a new one.
        """
        named = np.flatnonzero(accesses.patient != NO_PATIENT)
        if not named.size:
            return np.zeros(0, CELL)
        day = paris_day(int(accesses.time_ms[named[-1]]))
        cells = self._close(day)
        order = named[np.argsort(accesses.account[named], kind="stable")]
        self._count(accesses[order], actor[order], structure[order], day)
        return cells

    def pass_time(self, watermark_ms: int) -> CellArray:
        """The cells of the days that ended before the joint watermark."""
        return self._close(paris_day(watermark_ms))

    def _count(
        self, ordered: Accesses, actor: UInt64Array, structure: UInt64Array, day: int
    ) -> None:
        runs = Runs.of_accounts(ordered.account)
        self.rows.reserve(int(runs.account[-1]) + 1)
        table = self.rows.table
        is_fresh = table["day"][runs.account] != day
        fresh, first = runs.account[is_fresh], runs.start[is_fresh]
        self.rows.clear(fresh)
        table["day"][fresh] = day
        table["group"][fresh] = ordered.group[first]
        table["account"][fresh] = actor[first]
        table["structure"][fresh] = structure[first]
        position = self._positions(ordered, runs)
        new = self._first_of_day(ordered, runs)
        of, ordered, position = runs.of[new], ordered[new], position[new]
        is_known = ordered.explained != UNKNOWN
        is_unexplained = ordered.explained == UNEXPLAINED
        counts = {"patients": of, "known": of[is_known], "unexplained": of[is_unexplained]}
        for name, which in counts.items():
            added = np.bincount(which, minlength=len(runs.account))
            table[name][runs.account] += added.astype(np.uint16)
        is_named = (ordered.network | ordered.client) != 0
        self._count_by_equipment(ordered[is_known & is_named])
        self._keep_looks(ordered[is_unexplained], position[is_unexplained])
        self.rows.touch(runs.account)
        self._day = max(self._day, day)

    def _positions(self, ordered: Accesses, runs: Runs) -> Int64Array:
        """Where each record stands, counted from the account's first one of the day."""
        table = self.rows.table["position"]
        is_unknown = ordered.directory_step == NO_STEP
        step = np.where(is_unknown, _CHAIN, ordered.directory_step)
        total = np.cumsum(step)
        before = (total - step)[runs.start]
        position: Int64Array = table[runs.account][runs.of] + total - before[runs.of]
        last = runs.start + runs.length - 1
        table[runs.account] = position[last]
        return position

    def _first_of_day(self, ordered: Accesses, runs: Runs) -> Int64Array:
        """Positions of accesses whose patient the account has not read before today."""
        bit = (ordered.patient >> np.uint64(56)).astype(np.int64)
        _, first = np.unique(runs.of * _BITS + bit, return_index=True)
        first.sort()
        seen, bit = self.rows.table["seen"], bit[first]
        octet, mask = bit >> 3, 1 << (bit & 7)
        is_new = (seen[ordered.account[first], octet] & mask) == 0
        new: Int64Array = first[is_new]
        # Bits are distinct, so that their sum is their union.
        place = runs.of[new] * _OCTETS + octet[is_new]
        union = np.bincount(place, mask[is_new], len(runs.account) * _OCTETS)
        seen[runs.account] |= union.astype(np.uint8).reshape(-1, _OCTETS)
        return new

    def _count_by_equipment(self, ordered: Accesses) -> None:
        """Count by an account's first networks and clients of the day, as many as have a slot."""
        if not len(ordered):
            return
        table, rows = self.rows.table, ordered.account
        networks, clients = table["network"], table["client"]
        network, client = ordered.network[:, np.newaxis], ordered.client[:, np.newaxis]
        starts_run = np.diff(rows, prepend=-1) != 0
        hits = (networks[rows] == network) & (clients[rows] == client)
        # Slots are given in the order of first use, so that a cut between accesses changes nothing.
        for _ in range(_SLOTS):
            missing = np.flatnonzero(~hits.any(axis=1))
            if not missing.size:
                break
            first = missing[np.flatnonzero(np.diff(rows[missing], prepend=-1))]
            used = (table["slot_patients"][rows[first]] != 0).sum(axis=1)
            first, used = first[used < _SLOTS], used[used < _SLOTS]
            at = (rows[first], used)
            networks[at], clients[at] = ordered.network[first], ordered.client[first]
            table["slot_patients"][at] = _CLAIMED
            own = rows[missing]
            hits[missing] = (networks[own] == network[missing]) & (clients[own] == client[missing])
        at_access, slot = np.nonzero(hits)
        run, owners = np.cumsum(starts_run) - 1, rows[starts_run]
        place = run[at_access] * _SLOTS + slot
        is_unexplained = ordered.explained[at_access] == UNEXPLAINED
        for field, which in (("slot_patients", place), ("slot_unexplained", place[is_unexplained])):
            added = np.bincount(which, minlength=len(owners) * _SLOTS).astype(np.uint16)
            counted = table[field][owners]
            counted[counted == _CLAIMED] = 0
            table[field][owners] = counted + added.reshape(-1, _SLOTS)

    def _keep_looks(self, ordered: Accesses, position: Int64Array) -> None:
        if not len(ordered):
            return
        table, runs = self.rows.table, Runs.of_accounts(ordered.account)
        place = np.arange(len(ordered)) - runs.start[runs.of]
        place += table["looks"][ordered.account].astype(np.int64)
        table["looks"][runs.account] += runs.length.astype(np.uint16)
        kept = np.flatnonzero(place < _LOOKS)
        at = (ordered.account[kept], place[kept])
        table["look_position"][at] = position[kept]
        table["look_minute"][at] = ordered.time_ms[kept] % DAY_MS // MINUTE_MS
        table["look_patient"][at] = ordered.patient[kept]

    def _close(self, day: int) -> CellArray:
        """Close every day before `day`."""
        if self._day == 0 or self._day >= day:
            return np.zeros(0, CELL)
        table = self.rows.table
        rows = np.flatnonzero((table["day"] > 0) & (table["day"] < day))
        own = self.rows.at(rows)
        cells = np.zeros(len(rows), CELL)
        for name in ("account", "structure", "day", "group", "patients", "known", "unexplained"):
            cells[name] = own[name]
        groups, days = own["group"].astype(np.int64), own["day"].astype(np.int64)
        expected = self._baselines.expected(rows, groups, days)
        cells["expected_patients"] = expected.patients
        cells["expected_share"] = expected.unexplained
        for name in ("network", "client"):
            _keep_main(cells, own, name)
        _trace(cells, own)
        table["day"][rows] = 0
        self.rows.touch(rows)
        self._day = 0
        return cells


def _keep_main(cells: CellArray, own: npt.NDArray[np.void], name: str) -> None:
    """The keys with the most unexplained patients, then the most patients, then used first."""
    keys = own[name]
    is_same = keys[:, :, np.newaxis] == keys[:, np.newaxis, :]
    sums = {
        kind: (is_same * own["slot_" + kind][:, np.newaxis, :].astype(np.int64)).sum(axis=2)
        for kind in ("patients", "unexplained")
    }
    is_named = (keys != 0) & (is_same.argmax(axis=2) == np.arange(_SLOTS))
    weight = np.where(is_named, sums["unexplained"] * (1 << 20) + sums["patients"], -1)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :KEPT]
    is_kept = np.take_along_axis(is_named, order, axis=1)
    cells[name] = np.where(is_kept, np.take_along_axis(keys, order, axis=1), 0)
    for kind, values in sums.items():
        cells[name + "_" + kind] = np.take_along_axis(values, order, axis=1) * is_kept


def _trace(cells: CellArray, own: npt.NDArray[np.void]) -> None:
    """Burst, neighbours and sequences of n days' unexplained patients."""
    count = np.minimum(own["looks"], _LOOKS).astype(np.int64)
    is_look = np.arange(_LOOKS) < count[:, np.newaxis]
    minute = np.where(is_look, own["look_minute"].astype(np.int64), -1)
    since = (minute[:, np.newaxis, :] - minute[:, :, np.newaxis]) % (DAY_MS // MINUTE_MS)
    together = (since < BURST_MINUTES) & is_look[:, np.newaxis, :] & is_look[:, :, np.newaxis]
    in_burst = together.sum(axis=2)
    densest = in_burst.argmax(axis=1)
    each = np.arange(len(own))
    cells["burst"] = in_burst[each, densest]
    cells["burst_minute"] = np.where(count > 0, minute[each, densest], NO_MINUTE)
    far: Any = np.iinfo(np.int64).max // 2
    position = np.sort(np.where(is_look, own["look_position"], far), axis=1)
    gap = np.diff(position, axis=1)
    is_near = (gap > 0) & (gap <= NEAR) & is_look[:, 1:]
    cells["near"] = is_near.sum(axis=1)
    ranked = np.sort(np.where(is_near, gap, NEAR + 1), axis=1)
    middle = (cells["near"].astype(np.int64) - 1) // 2
    cells["near_gap"] = np.where(cells["near"] > 0, ranked[each, middle], 0)
    patient = own["look_patient"]
    pairs = pair_digests(patient[:, :-1].reshape(-1), patient[:, 1:].reshape(-1))
    sequence = pairs.reshape(len(own), _LOOKS - 1)
    none = np.iinfo(np.uint64).max
    least = np.sort(np.where(is_look[:, 1:], sequence, none), axis=1)[:, :2]
    cells["sequence"] = np.where(least == none, NO_SEQUENCE, least)
