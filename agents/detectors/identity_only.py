"""Identity-only harvesting: who patients are, and nothing of their care.

What: the share of identity reads among a day's reads of patients, once there are enough of them.

Why: the attack on Prédice took « fiches identité » out of the patients' directory; care needs records
and documents, too (domain reference §11.3, signal 3).

Misses: a thief who opens the record as well; accounts whose own work is identities (reception, billing),
unless their share rises; an account of which nothing is known yet, for desks differ too much.

False positives: a day at the reception desk of somebody who usually gives care.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.detectors.base import Act
from agents.distributions import share_log10_tail

if TYPE_CHECKING:
    from agents.detectors.base import Accesses, Runs
    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 1

_RECORD: Final = np.dtype(
    [
        ("day", "<i4"),
        ("reads", "<f4"),
        ("identities", "<f4"),
        ("highest", "<f4"),
        ("usual_reads", "<f4"),
        ("usual_identities", "<f4"),
        ("usual_days", "<f4"),
    ]
)


@dataclass(frozen=True, slots=True)
class Params:
    """What is enough, and what is usual (assumptions).

    Attributes:
        least_identities: identity reads of a day below which nothing is said.
        usual_ratio: prior share of identity reads; care 10 %, office work 45 %.
        usual_concentration: of the beta law of accounts' shares.
        day_concentration: of the beta law of one account's shares from day to day.
        memory_reads: reads after which own history is halved.
        learn_below: score up to which a day is learned.
    """

    least_identities: int = 20
    usual_ratio: float = 0.2
    usual_concentration: float = 2.0
    day_concentration: float = 25.0
    memory_reads: float = 4000.0
    learn_below: float = 2.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a day's reads are out of the ordinary.

    Attributes:
        reads: reads of patients this day.
        identities: those of nothing but the identity.
        identities_expected: by the account's own share.
        odds: log10 of one over the probability of so many.
        baseline_days: days behind that share, older ones counting less.
    """

    reads: int
    identities: int
    identities_expected: float
    odds: float
    baseline_days: int


class IdentityOnly:
    """The shares of all accounts of one partition."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.rows = AccountRows("identity-only", _VERSION, _RECORD, {})

    def usual(self, accounts: Int64Array) -> tuple[FloatArray, FloatArray]:
        """The share that each account usually has, and the beta law's concentration of a day's."""
        params, across = self.params, self.params.day_concentration
        own = self.rows.at(accounts)
        per_day = own["usual_reads"] / np.maximum(own["usual_days"], 1.0)
        discount = 1.0 / (1.0 + np.maximum(per_day - 1.0, 0.0) / (across + 1.0))
        sure = params.usual_concentration + own["usual_reads"] * discount
        hits = own["usual_identities"] * discount
        share = (params.usual_concentration * params.usual_ratio + hits) / sure
        return share.astype(np.float64), 1.0 / (1.0 / across + 1.0 / sure.astype(np.float64))

    def observe(self, accesses: Accesses, runs: Runs, day: int) -> FloatArray:
        """Take n accesses to patients of one local day, ordered by account.

        Returns:
            -log10 of the probability of so many identity reads, at each access.
        """
        if not len(accesses):
            return np.zeros(0)
        self.rows.reserve(int(runs.account[-1]) + 1)
        self._begin(runs.account, day)
        table = self.rows.table
        is_read = accesses.act != Act.OTHER
        is_identity = accesses.act == Act.IDENTITY
        reads = table["reads"][runs.account][runs.of] + runs.running(is_read.astype(float))
        identities = table["identities"][runs.account][runs.of] + runs.running(
            is_identity.astype(float)
        )
        enough = np.flatnonzero(identities >= self.params.least_identities)
        score = np.zeros(len(accesses))
        if enough.size:
            share, concentration = self.usual(accesses.account[enough])
            score[enough] = share_log10_tail(
                identities[enough], reads[enough], share, concentration
            )
            np.maximum.at(table["highest"], accesses.account[enough], score[enough])
        ends = runs.start + runs.length - 1
        table["reads"][runs.account], table["identities"][runs.account] = (
            reads[ends],
            identities[ends],
        )
        self.rows.touch(runs.account)
        return score

    def _begin(self, accounts: Int64Array, day: int) -> None:
        """Start a new day for those who were last seen on another: learn the old one, forget it."""
        table, params = self.rows.table, self.params
        rows = accounts[table["day"][accounts] != day]
        quiet = rows[(table["highest"][rows] < params.learn_below) & (table["reads"][rows] > 0)]
        table["usual_reads"][quiet] += table["reads"][quiet]
        table["usual_identities"][quiet] += table["identities"][quiet]
        table["usual_days"][quiet] += 1.0
        long = rows[table["usual_reads"][rows] > params.memory_reads]
        for usual in ("usual_reads", "usual_identities", "usual_days"):
            table[usual][long] /= 2.0
        for name in ("reads", "identities", "highest"):
            table[name][rows] = 0.0
        table["day"][rows] = day

    def evidence(self, account: int, score: float) -> Evidence:
        """The reasons behind an account's present score."""
        row = self.rows.table[account]
        share, _ = self.usual(np.array([account]))
        return Evidence(
            reads=int(row["reads"]),
            identities=int(row["identities"]),
            identities_expected=float(share[0] * row["reads"]),
            odds=score,
            baseline_days=int(row["usual_days"]),
        )
