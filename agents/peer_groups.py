"""What is usual in a peer group: the credit that an account starts with (pure).

A peer group is a role in a sector on a platform. It says what a new account's days probably look like,
how much its members differ, and how much one member's days differ. An account's own days take over as
they come (`agents.baselines`); until then it is judged by its peers, from its first day.

Groups learn from closed, unsuspected account-days, each cut at a multiple of what its own account does,
so that no single account moves its group far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows

if TYPE_CHECKING:
    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 1

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
        peak_ratio: patients of the busiest hour out of those of the day (assumption).
        prior_days: how many account-days these assumptions weigh.
        memory_days: account-days after which an old one weighs 1/e.
    """

    patients_per_day: float = 14.0
    level_spread: float = 0.60
    day_size: float = 3.0
    unexplained_ratio: float = 0.15
    unexplained_concentration: float = 20.0
    day_concentration: float = 40.0
    peak_ratio: float = 0.35
    prior_days: float = 20.0
    memory_days: float = 20_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What is usual for n accounts by their groups, each of shape (n,).

    Attributes:
        patients: mean distinct patients of a working day.
        weight: how many times its own mean a member's level is worth as prior: inverse relative
            variance of levels.
        day_size: negative binomial size of a day.
        unexplained: mean share without a care relation.
        peak_ratio: busiest hour out of the day.
    """

    patients: FloatArray
    weight: FloatArray
    day_size: FloatArray
    unexplained: FloatArray
    peak_ratio: FloatArray


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
        seen, prior = self.rows.table[groups], params.prior_days
        days = seen["days"] + prior
        patients = (seen["patients"] + prior * params.patients_per_day) / days
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
        return Usual(
            patients=np.maximum(patients, 0.5),
            weight=1.0 / np.expm1(np.maximum(mixed, 0.05)),
            day_size=np.clip(size, 0.5, 50.0),
            unexplained=np.clip(share, 0.005, 0.95),
            peak_ratio=np.clip(peak, 0.05, 1.0),
        )

    def learn(
        self,
        groups: Int64Array,
        *,
        patients: FloatArray,
        known: FloatArray,
        unexplained: FloatArray,
        peak: FloatArray,
        expected: FloatArray,
    ) -> None:
        """Take n unsuspected account-days.

        Args:
            groups: shape (n,).
            patients: distinct patients of the day, at least 1, cut at what is still plausible.
            known: those of whom it is known whether a care relation explains them.
            unexplained: those whom none explains.
            peak: distinct patients of the busiest hour.
            expected: what the account's own baseline said, before this day.
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
        touched, counts = np.unique(groups, return_counts=True)
        fading = np.exp(-counts / self.params.memory_days)
        for name, values in columns.items():
            column = self.rows.table[name]
            column[touched] *= fading
            np.add.at(column, groups, values)
        self.rows.touch(touched)
