"""Decoys: somebody reads an identity that nobody has a reason to read.

What: how many distinct patients out of a list that the region keeps an account has read lately.

Why: a directory holds entries of patients who do not exist, or are never cared for under that name.
Care does not lead to them; a walk through the directory, or a random harvest, does: 1 in 1,000
identities is met by 95 of 100 harvests of 3,000 (detection reference §4.3). There is no statistical
false alarm, so one read is enough.

Misses: a thief who looks up names that he knows; entries that are not on the list.

False positives: whoever keeps the list, or tests the platform; a decoy that has become a real patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from agents.account_rows import AccountRows
from streams.digests import NONE, text_digests
from streams.errors import InputError

if TYPE_CHECKING:
    from agents.detectors.base import Accesses, UInt64Array
    from agents.distributions import FloatArray

_VERSION: Final = 1
REMEMBERED: Final = 8
"""Distinct decoys of an account that are told apart; more count no further."""

_RECORD: Final = np.dtype(
    [
        ("digests", "<u8", (REMEMBERED,)),
        ("decoys", "<u2"),
        ("reads", "<u4"),
        ("first_day", "<i4"),
        ("last_day", "<i4"),
    ]
)

NO_DECOYS: Final = frozenset[int]()


@dataclass(frozen=True, slots=True)
class Params:
    """How long a read counts.

    Attributes:
        digests: of the decoys' pseudonyms (`parse_decoys`).
        memory_days: days without a decoy after which counting starts anew.
    """

    digests: frozenset[int] = NO_DECOYS
    memory_days: int = 30


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which decoys were touched.

    Attributes:
        decoys: distinct decoys read since `first_day`, at most `REMEMBERED`.
        decoys_expected: 0, whatever the account.
        reads: accesses to them.
        first_day: local day of the first read, as days since 1970-01-01.
        odds: `decoys`, which the calibration turns into a score far above any budget.
    """

    decoys: int
    decoys_expected: float
    reads: int
    first_day: int
    odds: float


class Decoys:
    """Who has read decoys, of one partition's accounts."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self._digests: UInt64Array = np.array(sorted(params.digests), np.uint64)
        self.rows = AccountRows("decoys", _VERSION, _RECORD, {})

    def observe(self, accesses: Accesses, day: int) -> FloatArray:
        """Take n accesses of one local day; distinct decoys of the account where one is read, else 0."""
        found = np.zeros(len(accesses))
        if not len(self._digests) or not len(accesses):
            return found
        places = np.searchsorted(self._digests, accesses.patient)
        places = np.minimum(places, len(self._digests) - 1)
        # So rare that a loop is the plainest way.
        for at in np.flatnonzero(self._digests[places] == accesses.patient).tolist():
            found[at] = self._touch(int(accesses.account[at]), accesses.patient[at], day)
        return found

    def _touch(self, account: int, digest: np.uint64, day: int) -> int:
        self.rows.reserve(account + 1)
        row = self.rows.table[account]
        if row["decoys"] == 0 or day - int(row["last_day"]) > self.params.memory_days:
            self.rows.table[account] = self.rows.blank
            row["first_day"] = day
        row["last_day"] = day
        row["reads"] += 1
        count = int(row["decoys"])
        if count < REMEMBERED and not (row["digests"][:count] == digest).any():
            row["digests"][count] = digest
            row["decoys"] = count + 1
        self.rows.touch(np.array([account]))
        return int(row["decoys"])

    def evidence(self, account: int, score: float) -> Evidence:
        """The reasons behind an account's present score."""
        row = self.rows.table[account]
        return Evidence(
            decoys=int(row["decoys"]),
            decoys_expected=0.0,
            reads=int(row["reads"]),
            first_day=int(row["first_day"]),
            odds=score,
        )

    def forget(self, account: int) -> None:
        """Start anew for an account, as after an analyst's verdict."""
        if account < len(self.rows.table):
            self.rows.table[account] = self.rows.blank
            self.rows.touch(np.array([account]))


def parse_decoys(text: str, name: str) -> frozenset[int]:
    """Digests of the pseudonyms of a settings file: one a line; `#` begins a comment.

    Args:
        text: the file's text.
        name: of the file, for error texts.

    Raises:
        InputError: a line that holds more than one word; names its number, not what it says, for a
            pseudonym belongs into no log.
    """
    pseudonyms = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) > 1:
            raise InputError(f"{name}: line {number}: not one pseudonym, but {len(words)} words")
        pseudonyms += words
    digests = text_digests(pl.Series(pseudonyms, dtype=pl.String))
    return frozenset(digests.tolist()) - {NONE}
