"""What was told already, so that the same suspicion is not told over and over (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.severity import SCORES

if TYPE_CHECKING:
    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 1
RISE: Final = 0.5
"""By how much a score must rise before the same detector tells the same day of an account again; less if
it reaches a score from which a finding may be more severe."""
_SCORES: Final = np.array([*SCORES, np.inf])


class Reported:
    """Day and score of each detector's last word on each account of one partition.

    Args:
        detectors: their names, in an order that must not change.
    """

    def __init__(self, detectors: tuple[str, ...]) -> None:
        self._place = {name: place for place, name in enumerate(detectors)}
        shape = (len(detectors),)
        record = np.dtype([("day", "<i4", shape), ("score", "<f4", shape)])
        self.rows = AccountRows("reported", _VERSION, record, {})

    def least(self, detector: str, accounts: Int64Array, day: int, least: float) -> FloatArray:
        """The score from which n accounts are worth a word of a detector on a local day.

        Args:
            detector: its name.
            accounts: shape (n,), rows.
            day: the local day.
            least: the score from which the first word is told.
        """
        if accounts.size:
            self.rows.reserve(int(accounts.max()) + 1)
        own, place = self.rows.at(accounts), self._place[detector]
        again = own["day"][:, place] == day
        told: FloatArray = own["score"][:, place].astype(np.float64)
        worse = _SCORES[np.searchsorted(_SCORES, told, side="right")]
        return np.where(again, np.maximum(np.minimum(told + RISE, worse), least), least)

    def note(self, detector: str, account: int, day: int, score: float) -> None:
        """Something was told."""
        place = self._place[detector]
        self.rows.table["day"][account, place] = day
        self.rows.table["score"][account, place] = score
        self.rows.touch(np.array([account]))
