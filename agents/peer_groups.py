"""What is usual in a peer group: the credit that an account starts with (pure).

A peer group is a role in a sector on a platform. It says what a new account's days probably look like,
how much its members differ, and how much one member's days differ. An account's own days take over as
they come (`agents.baselines`); until then it is judged by its peers, from its first day.

Groups learn from closed, unsuspected account-days, each cut at a multiple of what its own account does,
so that no single account moves its group far.

How alike the shares of its members are, and those of one member's days, is learned too, by the method
of moments: a day's unexplained patients scatter more than coins would, around the member's own share by
what the day's patients have in common, around the group's share by what tells members apart besides.
Wards whose days are alike let a handful of strangers stand out; where they are not, nobody is accused
of what is usual there.

The accounts of a group have their days in common: a holiday is quiet for all of them, and the Monday
after it is not. Ten thousand account-days of one weekend are one look at the group, and say little of
working days. So a group counts the local days that it was seen on, working days in full and others in
part. What it has learned weighs against the assumptions no more than so many days can, and until it has
seen enough of them the whole group may stand elsewhere tomorrow: that uncertainty is part of what is
expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.distributions import independent_like
from agents.french_calendar import SATURDAY, is_bridge, is_public_holiday, is_school_holiday

if TYPE_CHECKING:
    from agents.account_rows import RecordArray
    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 3
_MOST_ALIKE: Final = 0.5
_EPOCH: Final = date(1970, 1, 1).toordinal()

_RECORD: Final = np.dtype(
    [
        ("days", "<f8"),
        ("patients", "<f8"),
        ("log", "<f8"),
        ("log_square", "<f8"),
        ("known", "<f8"),
        ("unexplained", "<f8"),
        ("scatter", "<f8"),
        ("scatter_days", "<f8"),
        ("peak", "<f8"),
        # By how much days' unexplained patients scatter more than coins around the group's share and
        # around their own account's, and by how much they would if a day's patients were all alike.
        ("share_scatter", "<f8"),
        ("share_alike", "<f8"),
        ("share_day_scatter", "<f8"),
        ("share_day_alike", "<f8"),
        # Local days on which the group was seen, working days in full, and the newest of them.
        ("kinds", "<f4"),
        ("last_day", "<i4"),
    ]
)


@dataclass(frozen=True, slots=True)
class GroupParams:
    """What is assumed of a group before anything was seen of it.

    Attributes:
        patients_per_day: distinct patients on a day on which an account works; median 12
            (domain reference §12.2).
        level_spread: standard deviation of the logarithm of its members' levels (0.55 in the
            detection reference §4.2, 0.60 in the domain reference's traffic).
        day_size: negative binomial size of one account's days.
        unexplained_ratio: patients without a care relation (15 %, detection reference §4.2).
        unexplained_concentration: of the beta law of its members' shares.
        day_concentration: of the beta law of one member's shares from day to day.
        share_days: how many account-days these two weigh; more than the rest, for second moments are
            learned slowly and too high a concentration accuses.
        most_concentration: highest that either is ever taken for; no registration is that even.
        peak_ratio: patients of the busiest hour out of those of the day (assumption).
        prior_days: how many account-days these assumptions weigh.
        memory_days: account-days after which an old one weighs 1/e.
        day_weight: account-days that one local day's account-days weigh at most against the
            assumptions, all together, and the more the more days were seen.
        day_spread: standard deviation of the logarithm by which a group's next working day may differ
            from what a single one has shown (a weekend day of pharmacies is a fifth of a working day).
        other_days: part of a working day that a weekend, a public holiday or the day between counts.
        quiet_days: part that a working day in school holidays counts.
        settled_days: working days after which evidence is gathered over days in full.
    """

    patients_per_day: float = 14.0
    level_spread: float = 0.60
    day_size: float = 3.0
    unexplained_ratio: float = 0.15
    unexplained_concentration: float = 20.0
    day_concentration: float = 40.0
    share_days: float = 60.0
    most_concentration: float = 125.0
    peak_ratio: float = 0.35
    prior_days: float = 20.0
    memory_days: float = 20_000.0
    day_weight: float = 40.0
    day_spread: float = 0.8
    other_days: float = 0.2
    quiet_days: float = 0.5
    settled_days: float = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What is usual for n accounts by their groups, each of shape (n,).

    Attributes:
        patients: mean distinct patients of a working day.
        weight: how many times its own mean a member's level is worth as prior: inverse relative
            variance of levels.
        day_size: negative binomial size of a day.
        unexplained: mean share without a care relation.
        share_concentration: of the beta law of members' shares.
        day_concentration: of the beta law of one member's shares from day to day.
        peak_ratio: busiest hour out of the day.
        common_variance: relative variance of what all members' days have in common and the group has
            not shown yet; falls to nothing as the group is seen on working days.
        days_worth: what an account's own day is worth, as long as it saw the same few days as its group.
        settled: 0 to 1, how far the group was seen on as many working days as evidence over days needs.
    """

    patients: FloatArray
    weight: FloatArray
    day_size: FloatArray
    unexplained: FloatArray
    share_concentration: FloatArray
    day_concentration: FloatArray
    peak_ratio: FloatArray
    common_variance: FloatArray
    days_worth: FloatArray
    settled: FloatArray


class PeerGroups:
    """The running moments of every peer group.

    Args:
        params: what is assumed at first.
    """

    def __init__(self, params: GroupParams) -> None:
        self.params = params
        self.rows = AccountRows("peer-groups", _VERSION, _RECORD, {})

    def usual(self, groups: Int64Array) -> Usual:
        """What is usual for accounts of these groups."""
        params = self.params
        if groups.size:
            self.rows.reserve(int(groups.max()) + 1)
        seen, prior = self.rows.at(groups), params.prior_days
        days = seen["days"] + prior
        kinds = seen["kinds"].astype(np.float64)
        # Of account-days that share their local days no more count than these are worth.
        most = params.day_weight * kinds * (1.0 + kinds)
        part = np.minimum(1.0, most / np.maximum(seen["days"], 1.0))
        assumed = prior * params.patients_per_day
        cautious = (part * seen["patients"] + assumed) / (part * seen["days"] + prior)
        # A quiet beginning is believed slowly, a busy one at once.
        patients = np.maximum((seen["patients"] + assumed) / days, cautious)
        # The spread of single days' logarithms holds the members' spread and the days' own.
        mean_log = seen["log"] / np.maximum(seen["days"], 1.0)
        variance = seen["log_square"] / np.maximum(seen["days"], 1.0) - mean_log**2
        size = (seen["scatter_days"] + prior) / (seen["scatter"] + prior / params.day_size)
        within = np.log1p(1.0 / size + 1.0 / np.maximum(patients, 1.0))
        spread2 = np.maximum(variance - within, 0.05)
        mixed = (seen["days"] * spread2 + prior * params.level_spread**2) / days
        known = prior * params.patients_per_day
        share = (seen["unexplained"] + known * params.unexplained_ratio) / (seen["known"] + known)
        peak = (seen["peak"] + known * params.peak_ratio) / (seen["patients"] + known)
        between, of_days = self._concentrations(seen)
        return Usual(
            patients=np.maximum(patients, 0.5),
            weight=1.0 / np.expm1(np.maximum(mixed, 0.05)),
            day_size=np.clip(size, 0.5, 50.0),
            unexplained=np.clip(share, 0.005, 0.95),
            share_concentration=between,
            day_concentration=of_days,
            peak_ratio=np.clip(peak, 0.05, 1.0),
            common_variance=params.day_spread**2 / (1.0 + kinds) ** 2,
            days_worth=1.0 - 1.0 / (1.0 + kinds) ** 2,
            settled=np.minimum(kinds / params.settled_days, 1.0),
        )

    def _concentrations(self, seen: RecordArray) -> tuple[FloatArray, FloatArray]:
        """Of the beta laws of members' shares, and of one member's from day to day."""
        params = self.params
        share = params.unexplained_ratio
        credit = params.share_days * share * (1.0 - share)
        credit *= float(_pairs(np.array([params.patients_per_day]), params)[0])
        likeness = 1.0 / (params.day_concentration + 1.0)
        apart = 1.0 / (params.unexplained_concentration + 1.0)
        own = (seen["share_day_scatter"] + credit * likeness) / (seen["share_day_alike"] + credit)
        all_in_all = (seen["share_scatter"] + credit * (likeness + apart)) / (
            seen["share_alike"] + credit
        )
        least = 1.0 / (params.most_concentration + 1.0)
        own = np.clip(own, least, _MOST_ALIKE)
        between = np.clip(all_in_all - own, least, _MOST_ALIKE)
        return 1.0 / between - 1.0, 1.0 / own - 1.0

    def learn(
        self,
        groups: Int64Array,
        *,
        day: Int64Array,
        patients: FloatArray,
        known: FloatArray,
        unexplained: FloatArray,
        peak: FloatArray,
        expected: FloatArray,
        share: FloatArray,
        share_sure: FloatArray,
    ) -> None:
        """Take n unsuspected account-days.

        Args:
            groups: shape (n,).
            day: local days, as days since 1970-01-01.
            patients: distinct patients of the day, at least 1, cut at what is still plausible.
            known: those of whom it is known whether a care relation explains them.
            unexplained: those whom none explains.
            peak: distinct patients of the busiest hour.
            expected: what the account's own baseline said, before this day.
            share: the same of the share without a care relation.
            share_sure: concentration of the beta law of what is known of that share.
        """
        if not len(groups):
            return
        self.rows.reserve(int(groups.max()) + 1)
        logs = np.log(patients)
        scatter = ((patients - expected) ** 2 - expected) / expected**2
        columns = {
            "days": np.ones(len(groups)),
            "patients": patients,
            "log": logs,
            "log_square": logs * logs,
            "known": known,
            "unexplained": unexplained,
            "peak": peak,
            "scatter": np.clip(scatter, -1.0, 9.0),
            "scatter_days": np.ones(len(groups)),
        }
        pairs = _pairs(known, self.params)
        for name, around, unsure in (
            ("share", self.usual(groups).unexplained, np.zeros(len(groups))),
            ("share_day", share, 1.0 / (share_sure + 1.0)),
        ):
            spread = around * (1.0 - around)
            # Of the squared distance, what coins would show and what is not known of the share.
            beyond = (unexplained - known * around) ** 2 - spread * (known + known**2 * unsure)
            columns[name + "_alike"] = pairs * spread
            columns[name + "_scatter"] = pairs * beyond / np.maximum(known * (known - 1.0), 1.0)
        touched, counts = np.unique(groups, return_counts=True)
        fading = np.exp(-counts / self.params.memory_days)
        for name, values in columns.items():
            column = self.rows.table[name]
            column[touched] *= fading
            np.add.at(column, groups, values)
        self._count_days(groups, day)
        self.rows.touch(touched)

    def _count_days(self, groups: Int64Array, day: Int64Array) -> None:
        """Note the local days on which groups were seen, each once."""
        table = self.rows.table
        for own_day in np.unique(day).tolist():
            seen = np.unique(groups[day == own_day])
            new = seen[table["last_day"][seen] < own_day]
            table["kinds"][new] += _worth_of(own_day, self.params)
            table["last_day"][new] = own_day


def _pairs(known: FloatArray, params: GroupParams) -> FloatArray:
    """What n days tell of how alike their patients are: their pairs, as of independent ones.

    A crowded day is one look at what its patients have in common; a day of one patient is none.
    """
    concentration = np.full(len(known), params.unexplained_concentration)
    pairs: FloatArray = independent_like(known, concentration) ** 2
    pairs *= np.maximum(known - 1.0, 0.0) / np.maximum(known, 1.0)
    return pairs


@lru_cache(maxsize=4096)
def _worth_of(day: int, params: GroupParams) -> float:
    """How much of a working day a local day (since 1970-01-01) shows."""
    local = date.fromordinal(_EPOCH + day)
    if local.weekday() >= SATURDAY or is_public_holiday(local) or is_bridge(local):
        return params.other_days
    return params.quiet_days if is_school_holiday(local) else 1.0
