"""Recurrence: who was suspected within the last twelve months starts with less credit (pure).

Waves come back: on Prédice the second began 156 days after the first, with accounts taken the same
way. So an account's past raises the prior odds that its present evidence is multiplied by; no verdict
comes of the past alone.

A suspicion that nobody judged raises later scores by 0.4 to 0.7, a confirmed one by 1.0 (decimal
logarithms), fading to nothing over 365 days; the days of one incident count as one, and raise nothing
within themselves. What this costs is bounded: with the budget's suspicions, 1.6 per 10,000 account-days
at `SUSPICION`, and 220 working days a year, at most 3.5 % of quiet accounts carry such a mark, at 0.2 in
the mean over the year, 1.7 times their false alerts: 2.5 % more in all. A verdict of benign takes the
mark away, and a confirmed account is no quiet one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.detectors.calibration import SUSPICION

if TYPE_CHECKING:
    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 1

_RECORD: Final = np.dtype(
    [
        # The incidents before the present one, and the present one: last day and what it will raise by.
        ("past_day", "<i4"),
        ("past_raise", "<f4"),
        ("day", "<i4"),
        ("raise", "<f4"),
    ]
)


@dataclass(frozen=True, slots=True)
class Params:
    """How much the past weighs (decimal logarithms; assumptions).

    Attributes:
        suspected: at a score of `SUSPICION`.
        suspected_most: however strong the evidence was.
        confirmed: after an analyst's verdict.
        memory_days: days after which nothing is left.
        same_days: suspicions that follow each other within as many days are one incident.
    """

    suspected: float = 0.4
    suspected_most: float = 0.7
    confirmed: float = 1.0
    memory_days: int = 365
    same_days: int = 14


@dataclass(frozen=True, slots=True)
class Past:
    """Why an account starts with less credit.

    Attributes:
        last_day: of the last suspicion before the present incident, as days since 1970-01-01.
        raised_by: how much the score is raised for it.
    """

    last_day: int
    raised_by: float


class Recurrence:
    """The past of all accounts of one partition."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.rows = AccountRows("recurrence", _VERSION, _RECORD, {})

    def raises(self, accounts: Int64Array, day: int) -> FloatArray:
        """What the scores of n accounts are raised by on a local day."""
        if accounts.size:
            self.rows.reserve(int(accounts.max()) + 1)
        own = self.rows.table[accounts]
        before = (own["day"] > 0) & (day - own["day"] > self.params.same_days)
        return np.maximum(
            self._faded(own["past_raise"], own["past_day"], day),
            np.where(before, self._faded(own["raise"], own["day"], day), 0.0),
        )

    def _faded(self, raised: FloatArray, since: Int64Array, day: int) -> FloatArray:
        left = 1.0 - (day - since) / self.params.memory_days
        faded: FloatArray = np.where(since > 0, raised * np.clip(left, 0.0, 1.0), 0.0)
        return faded

    def past(self, account: int, day: int) -> Past | None:
        """Why an account's score is raised; nothing where it is not."""
        raised = float(self.raises(np.array([account]), day)[0])
        if raised <= 0.0:
            return None
        row = self.rows.table[account]
        is_over = row["day"] > 0 and day - row["day"] > self.params.same_days
        return Past(last_day=int(row["day"] if is_over else row["past_day"]), raised_by=raised)

    def note(self, accounts: Int64Array, day: int, score: FloatArray) -> None:
        """Take the highest scores of n accounts' closed days, before any raise."""
        suspect = score >= SUSPICION
        params = self.params
        strength = np.minimum(
            params.suspected + 0.15 * (score[suspect] - SUSPICION), params.suspected_most
        )
        self._mark(accounts[suspect], day, strength)

    def confirm(self, account: int, day: int) -> None:
        """An analyst has confirmed what an account is suspected of."""
        self._mark(np.array([account]), day, np.array([self.params.confirmed]))

    def forgive(self, account: int) -> None:
        """An analyst has found nothing wrong: the account has its credit back."""
        if account < len(self.rows.table):
            self.rows.table[account] = self.rows.blank
            self.rows.touch(np.array([account]))

    def _mark(self, rows: Int64Array, day: int, strength: FloatArray) -> None:
        if not rows.size:
            return
        self.rows.reserve(int(rows.max()) + 1)
        table = self.rows.table
        ended = rows[(table["day"][rows] > 0) & (day - table["day"][rows] > self.params.same_days)]
        old = self._faded(table["past_raise"][ended], table["past_day"][ended], day)
        new = self._faded(table["raise"][ended], table["day"][ended], day)
        stays = old > new
        table["past_day"][ended] = np.where(stays, table["past_day"][ended], table["day"][ended])
        table["past_raise"][ended] = np.where(
            stays, table["past_raise"][ended], table["raise"][ended]
        )
        table["raise"][ended] = 0.0
        table["raise"][rows] = np.maximum(table["raise"][rows], strength)
        table["day"][rows] = np.maximum(table["day"][rows], day)
        self.rows.touch(rows)
