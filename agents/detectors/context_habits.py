"""From where, with what and when accounts usually work (pure).

Per account, how many of its latest working days, older ones counting less, saw each network, client,
means of authentication, class of network, state of the service and hour of the week. Rates are shrunk
to those of the peer group, so that a short history claims nothing; and a network or client that is new
to an account but not to its colleagues surprises the less the more of them use it, so that an upgrade,
a move or a shared ward is nobody's takeover.

A surprise is the decimal logarithm of how much likelier a value is for a stranger than for the owner
(Freeman et al., NDSS 2016; Wiefling et al., ACM TOPS 2022), never below 0: what fits the owner proves
nothing, for a thief may sit at the owner's desk.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from streams.event_time import HOUR_MS, PARIS
from streams.vocabulary import AUTH_METHODS, LIFECYCLES, NET_CLASSES

if TYPE_CHECKING:
    import numpy.typing as npt

    from agents.detectors.base import UInt64Array
    from agents.distributions import BoolArray, FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 1
KNOWN: Final = 6
"""Networks, and as many clients, that are remembered of an account."""
OF_DAY: Final = 4
"""Those of a single day that are noted, the first ones."""
HOURS: Final = 48
"""Hours of a working day, then those of a Saturday or Sunday."""
_SECOND_SLOT: Final = np.uint64(32)
_GRAIN: Final = 2.0**-20
"""Surprises are rounded to this, so that they are the same in memory and in a checkpoint."""

STRENGTH: Final = np.array([2, 4, 4, 4, 3, 2, 1, 0, 4], np.int64)
"""How hard to steal each means of `AUTH_METHODS` is (ranks; the palier of the PGSSI-S orders them:
password alone, with a code by SMS, an attested or local means, card and e-CPS or a certificate)."""

# What a stranger's network and the state of the service he goes for are like (assumptions): where the
# owner's own lines are rare, a stranger's are not.
_STRANGER_CLASS: Final = np.array([0.02, 0.2, 0.35, 0.15, 0.25, 0.03])
_STRANGER_LIFECYCLE: Final = np.array([0.05, 0.5, 0.5, 0.5])
_STRANGER_HOUR: Final = 0.3
_STRANGER_MEANS: Final = 0.5

_HABITS: Final = np.dtype(
    [
        ("days", "<f4"),
        ("first_day", "<i4"),
        ("novel_network", "<f4"),
        ("novel_client", "<f4"),
        ("network", "<u8", (KNOWN,)),
        ("network_days", "<f4", (KNOWN,)),
        ("client", "<u8", (KNOWN,)),
        ("client_days", "<f4", (KNOWN,)),
        ("auth", "<f2", (len(AUTH_METHODS),)),
        ("net_class", "<f2", (len(NET_CLASSES),)),
        ("lifecycle", "<f2", (len(LIFECYCLES),)),
        ("hour", "<f2", (HOURS,)),
        # Of the open day.
        ("network_now", "<u8", (OF_DAY,)),
        ("client_now", "<u8", (OF_DAY,)),
        ("auth_now", "<u2"),
        ("net_class_now", "<u2"),
        ("lifecycle_now", "<u2"),
        ("hour_now", "<u8"),
    ]
)
_GROUP: Final = np.dtype(
    [
        ("days", "<f4"),
        ("novel_network", "<f4"),
        ("novel_client", "<f4"),
        ("auth", "<f4", (len(AUTH_METHODS),)),
        ("net_class", "<f4", (len(NET_CLASSES),)),
        ("lifecycle", "<f4", (len(LIFECYCLES),)),
        ("hour", "<f4", (HOURS,)),
    ]
)
_CHOICES: Final = (("auth", 9), ("net_class", 6), ("lifecycle", 4), ("hour", HOURS))
_POPULAR: Final = np.dtype([("accounts", "<f4"), ("day", "<i4")])


@dataclass(frozen=True, slots=True)
class HabitParams:
    """How habits form, and how much each surprise may weigh (decimal logarithms; assumptions).

    Attributes:
        memory_days: working days after which an old one weighs 1/e.
        settled_days: working days with which surprises count half.
        peer_days: working days that the group's rates weigh.
        novelty: prior share of days with a new network, and of those with a new client.
        popular_slots: places in the table of who uses what; two values share one by chance.
        popular_days: days after which a colleague's use of a value weighs 1/e.
        known_ratio: how likely a stranger comes by a network or client that the owner has used.
        second_weight: of the lesser of the surprises of network and client, which change together.
        class_most: of the network's class.
        hour_most: of the hour.
        auth_most: of weaker means.
        lifecycle_most: of a service that is winding down or closed.
        most: of all together.
    """

    memory_days: float = 60.0
    settled_days: float = 8.0
    peer_days: float = 6.0
    novelty: float = 0.04
    popular_slots: int = 65_536
    popular_days: float = 45.0
    known_ratio: float = 0.05
    second_weight: float = 0.5
    class_most: float = 1.0
    hour_most: float = 1.0
    auth_most: float = 1.5
    lifecycle_most: float = 0.7
    most: float = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What n accesses came with, each of shape (n,); `hour` counts in `[0, HOURS)`."""

    account: Int64Array
    group: Int64Array
    network: UInt64Array
    client: UInt64Array
    net_class: npt.NDArray[np.uint8]
    auth_method: npt.NDArray[np.uint8]
    lifecycle: npt.NDArray[np.uint8]
    hour: Int64Array

    def at(self, places: Int64Array) -> Context:
        """Some of them."""
        return Context(*(getattr(self, field.name)[places] for field in fields(self)))


PARTS: Final = ("network", "client", "net_class", "auth", "hour", "lifecycle")
"""The columns of a surprise's parts."""


class ContextHabits:
    """The habits of all accounts of one partition, of their groups, and who else uses what."""

    def __init__(self, params: HabitParams) -> None:
        self.params = params
        self.rows = AccountRows("context-habits", _VERSION, _HABITS, {})
        self.groups = AccountRows("context-groups", _VERSION, _GROUP, {})
        self.popular = AccountRows("context-popularity", _VERSION, _POPULAR, {})
        self.popular.reserve(params.popular_slots)

    def surprises(self, seen: Context, day: int) -> tuple[FloatArray, FloatArray]:
        """How much each of n accesses' context surprises on a local day.

        Returns:
            Shape (n,), all together; and shape (n, parts), each by itself.
        """
        params = self.params
        self._reserve(seen)
        # Single fields are gathered, never whole records, which are long.
        own, group = self.rows.table, self.groups.table
        days = own["days"][seen.account].astype(np.float64)
        peers = group["days"][seen.group].astype(np.float64) + 1.0
        parts = np.zeros((len(days), len(PARTS)))
        for place, name in enumerate(("network", "client")):
            parts[:, place] = self._of_values(name, seen, day)

        def rate(name: str, code: npt.NDArray[np.integer], uniform: float) -> FloatArray:
            of_peers = (group[name][seen.group, code] + uniform) / peers
            count = own[name][seen.account, code] + params.peer_days * of_peers
            rates: FloatArray = np.clip(count / (days + params.peer_days), 1e-4, 1.0)
            return rates

        is_new = (parts[:, 0] > 0.0).astype(np.float64)
        ratio = _STRANGER_CLASS[seen.net_class] / rate("net_class", seen.net_class, 1 / 6)
        parts[:, 2] = np.clip(np.log10(ratio), 0.0, params.class_most) * is_new
        ratio = _STRANGER_MEANS / rate("auth", seen.auth_method, 1 / 9)
        weaker = STRENGTH[seen.auth_method] < self.usual_strength(seen.account)
        parts[:, 3] = np.clip(np.log10(ratio), 0.0, params.auth_most) * weaker
        near = [rate("hour", _beside(seen.hour, step), 1 / 10) for step in (-1, 0, 1)]
        ratio = _STRANGER_HOUR / np.maximum.reduce(near)
        parts[:, 4] = np.clip(np.log10(ratio), 0.0, params.hour_most)
        ratio = _STRANGER_LIFECYCLE[seen.lifecycle] / rate("lifecycle", seen.lifecycle, 1 / 4)
        fading = seen.lifecycle >= LIFECYCLES.index("WINDING_DOWN")
        parts[:, 5] = np.clip(np.log10(ratio), 0.0, params.lifecycle_most) * fading
        parts *= (days / (days + params.settled_days))[:, None]
        high = np.maximum(parts[:, 0], parts[:, 1])
        low = np.minimum(parts[:, 0], parts[:, 1])
        total = high + params.second_weight * low + parts[:, 2:].sum(axis=1)
        total = np.round(np.minimum(total, params.most) / _GRAIN) * _GRAIN
        return total, parts

    def _of_values(self, name: str, seen: Context, day: int) -> FloatArray:
        """The surprise of networks or clients, by the account's own novelties and the peers'."""
        params, value, rows = self.params, getattr(seen, name), seen.account
        own, group = self.rows.table, self.groups.table
        days = own["days"][rows].astype(np.float64)
        used = (own[name + "_days"][rows] * (own[name][rows] == value[:, None])).sum(axis=1)
        peers = group["novel_" + name][seen.group] + 30.0 * params.novelty
        peers = peers / (group["days"][seen.group] + 30.0)
        novelty = own["novel_" + name][rows] + params.peer_days * peers
        novelty = np.clip(novelty / (days + params.peer_days), 1e-3, 1.0)
        stranger = 0.9 / (1.0 + self.users(value, day))
        rate = np.maximum(used, 1e-3) / (days + 1.0)
        ratio = np.where(used > 0.0, params.known_ratio / rate, stranger / novelty)
        surprise: FloatArray = np.where(value == 0, 0.0, np.maximum(np.log10(ratio), 0.0))
        return surprise

    def usual_means(self, accounts: Int64Array) -> Int64Array:
        """The means of authentication that each account uses most; the first for a new one."""
        usual: Int64Array = self.rows.table["auth"][accounts].astype(np.float32).argmax(axis=1)
        return usual

    def usual_strength(self, accounts: Int64Array) -> Int64Array:
        """The rank in `STRENGTH` of the means that each account uses most; 0 for a new one."""
        known = self.rows.table["days"][accounts] > 0
        usual: Int64Array = np.where(known, STRENGTH[self.usual_means(accounts)], 0)
        return usual

    def users(self, value: UInt64Array, day: int) -> FloatArray:
        """About how many accounts used each network or client lately, at most by a chance too many."""
        table = self.popular.table
        least = np.full(len(value), np.inf)
        for rows in _places(value, self.params.popular_slots):
            age = np.maximum(day - table["day"][rows], 0)
            count = table["accounts"][rows] * np.exp(-age / self.params.popular_days)
            least = np.minimum(least, count)
        return least

    def note(self, seen: Context) -> None:
        """Note what accesses, in order of time for each account, came with on the open day."""
        self._reserve(seen)
        table, rows = self.rows.table, seen.account
        self._note_values("network", rows, seen.network)
        self._note_values("client", rows, seen.client)
        one = np.uint64(1)
        np.bitwise_or.at(table["auth_now"], rows, np.left_shift(1, seen.auth_method, dtype="<u2"))
        np.bitwise_or.at(
            table["net_class_now"], rows, np.left_shift(1, seen.net_class, dtype="<u2")
        )
        np.bitwise_or.at(
            table["lifecycle_now"], rows, np.left_shift(1, seen.lifecycle, dtype="<u2")
        )
        np.bitwise_or.at(table["hour_now"], rows, one << seen.hour.astype(np.uint64))
        self.rows.touch(np.unique(rows))

    def _note_values(self, name: str, rows: Int64Array, value: UInt64Array) -> None:
        noted = self.rows.table[name + "_now"]
        fresh = np.flatnonzero((value != 0) & ~(noted[rows] == value[:, None]).any(axis=1))
        if not fresh.size:
            return
        pairs = np.empty(len(fresh), [("row", "<i8"), ("value", "<u8")])
        pairs["row"], pairs["value"] = rows[fresh], value[fresh]
        _, first = np.unique(pairs, return_index=True)
        fresh = fresh[np.sort(first)]
        order = np.argsort(rows[fresh], kind="stable")
        own = rows[fresh][order]
        rank = np.arange(len(own)) - np.searchsorted(own, own)
        place = (noted[own] != 0).sum(axis=1) + rank
        fits = place < OF_DAY
        noted[own[fits], place[fits]] = value[fresh][order][fits]

    def learn(self, rows: Int64Array, group: Int64Array, day: int) -> None:
        """Make a habit of what these accounts' open days came with."""
        table = self.rows.table
        fade = np.exp(-1.0 / self.params.memory_days)
        is_first = table["days"][rows] == 0
        table["first_day"][rows[is_first]] = day
        # What a new account begins with is no novelty.
        novel = {name: self._learn_values(name, rows, day) for name in ("network", "client")}
        touched, counts = np.unique(group, return_counts=True)
        # A group that was only looked up so far is in no checkpoint.
        self.groups.reserve(int(touched[-1]) + 1 if touched.size else 0)
        peers = self.groups.table
        faded = np.exp(-counts / 20_000.0).astype(np.float32)
        for name in peers.dtype.names or ():
            column = peers[name]
            column[touched] *= faded if column.ndim == 1 else faded[:, None]
        for name, is_new in novel.items():
            new = (is_new & ~is_first).astype(np.float32)
            table["novel_" + name][rows] = table["novel_" + name][rows] * fade + new
            np.add.at(peers["novel_" + name], group, new)
        for name, width in _CHOICES:
            bits = table[name + "_now"][rows].astype(np.uint64)[:, None]
            used = ((bits >> np.arange(width, dtype=np.uint64)) & np.uint64(1)).astype(np.float32)
            table[name][rows] = table[name][rows] * fade + used
            np.add.at(peers[name], group, used)
        table["days"][rows] = table["days"][rows] * fade + 1.0
        np.add.at(peers["days"], group, np.float32(1.0))
        self.groups.touch(touched)

    def _learn_values(self, name: str, rows: Int64Array, day: int) -> BoolArray:
        """Take the day's networks or clients over; whether any of them is new to its account."""
        table, params = self.rows.table, self.params
        fade = np.exp(-1.0 / params.memory_days)
        table[name + "_days"][rows] *= fade
        is_new = np.zeros(len(rows), np.bool_)
        for place in range(OF_DAY):
            value = table[name + "_now"][rows, place]
            mine = np.flatnonzero(value != 0)
            own, value = rows[mine], value[mine]
            known = table[name][own] == value[:, None]
            fresh = ~known.any(axis=1)
            # The least used makes room; a new one begins with its first day.
            slot = np.where(fresh, table[name + "_days"][own].argmin(axis=1), known.argmax(axis=1))
            count = np.where(fresh, 0.0, table[name + "_days"][own, slot]) + 1.0
            table[name][own, slot], table[name + "_days"][own, slot] = value, count
            is_new[mine[fresh]] = True
            self._use(value, np.where(fresh, 1.0, 1.0 / params.popular_days), day)
        return is_new

    def _use(self, value: UInt64Array, weight: FloatArray, day: int) -> None:
        table = self.popular.table
        for rows in _places(value, self.params.popular_slots):
            touched = np.unique(rows)
            age = np.maximum(day - table["day"][touched], 0)
            table["accounts"][touched] *= np.exp(-age / self.params.popular_days)
            table["day"][touched] = day
            np.add.at(table["accounts"], rows, weight.astype(np.float32))
            self.popular.touch(touched)

    def end_day(self, rows: Int64Array) -> None:
        """Forget the open day of these accounts, learned or not."""
        for name in ("network", "client", "auth", "net_class", "lifecycle", "hour"):
            self.rows.table[name + "_now"][rows] = 0
        self.rows.touch(rows)

    def _reserve(self, seen: Context) -> None:
        if len(seen.account):
            self.rows.reserve(int(seen.account.max()) + 1)
            self.groups.reserve(int(seen.group.max()) + 1)


def hours_of_week(times_ms: Int64Array) -> Int64Array:
    """The hour of each instant in Paris; those of Saturdays and Sundays count from 24 on."""
    hours, inverse = np.unique(times_ms // HOUR_MS, return_inverse=True)
    bins = np.fromiter((_bin_of_hour(int(hour)) for hour in hours), np.int64, len(hours))
    return bins[inverse.reshape(-1)]


@lru_cache(maxsize=4096)
def _bin_of_hour(hour: int) -> int:
    local = datetime.fromtimestamp(hour * 3600, tz=UTC).astimezone(PARIS)
    return local.hour + 24 * (local.weekday() >= _SATURDAY)


_SATURDAY: Final = 5


def _beside(hour: Int64Array, step: int) -> Int64Array:
    """The hour before or after, around the same kind of day."""
    return hour - hour % 24 + (hour + step) % 24


def _places(value: UInt64Array, slots: int) -> tuple[Int64Array, Int64Array]:
    """Two rows of the popularity table for each value; the halves do not meet."""
    half = np.uint64(slots // 2)
    first = (value % half).astype(np.int64)
    second = ((value >> _SECOND_SLOT) % half + half).astype(np.int64)
    return first, second
