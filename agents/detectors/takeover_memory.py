"""What is kept of an account whose context changes, in one record (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.detectors.context_habits import PARTS
from agents.detectors.patient_mix import ALTERNATIVES, COUNTS

if TYPE_CHECKING:
    from agents.account_rows import RecordArray
    from agents.detectors.base import UInt64Array
    from agents.detectors.context_habits import Context
    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

RECORD: Final = np.dtype(
    [
        # The context in which the account was seen last on the open day, and how much it surprises.
        ("context", "<u8"),
        ("surprise", "<f4"),
        # Of the open day: all patients, and those read in an unfamiliar context.
        *((f"all_{name}", "<f4") for name in COUNTS),
        *((name, "<f4") for name in COUNTS),
        ("highest", "<f4"),
        # The account's habit, older days counting less.
        *((f"usual_{name}", "<f4") for name in COUNTS),
        # The change of context under observation.
        ("sums", "<f4", (ALTERNATIVES,)),
        ("since_day", "<i4"),
        ("last_day", "<i4"),
        ("peak", "<f4"),
        ("network", "<u8"),
        ("client", "<u8"),
        ("parts", "<f2", (len(PARTS),)),
        ("auth", "u1"),
        ("usual_auth", "u1"),
        ("net_class", "u1"),
        ("lifecycle", "u1"),
        ("hour", "u1"),
        *((f"since_{name}", "<f4") for name in COUNTS),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Strangest:
    """n contexts with what surprises about them, each of shape (n,) or (n, parts).

    Attributes:
        seen: the contexts.
        total: their surprises, all together.
        parts: each part by itself.
        usual_auth: the means that each account uses most.
    """

    seen: Context
    total: FloatArray
    parts: FloatArray
    usual_auth: Int64Array

    def remember(self, table: RecordArray, *, least: float, day: int) -> None:
        """Keep what the strangest context of each account was like: the first of equals."""
        total, account = self.total, self.seen.account
        strange = np.flatnonzero(total >= least)
        order = strange[np.lexsort((strange, -total[strange], account[strange]))]
        rows, first = np.unique(account[order], return_index=True)
        at = order[first]
        more = total[at] > table["peak"][rows]
        rows, at = rows[more], at[more]
        for name, values in (
            ("peak", total),
            ("parts", self.parts),
            ("network", self.seen.network),
            ("client", self.seen.client),
            ("auth", self.seen.auth_method),
            ("usual_auth", self.usual_auth),
            ("net_class", self.seen.net_class),
            ("lifecycle", self.seen.lifecycle),
            ("hour", self.seen.hour),
        ):
            table[name][rows] = values[at]
        begins = rows[table["since_day"][rows] == 0]
        table["since_day"][begins] = day


def context_keys(seen: Context) -> UInt64Array:
    """One number per context, 0 for none; two of them meet by chance alone."""
    small = seen.net_class.astype(np.uint64) << np.uint64(8)
    small |= seen.auth_method.astype(np.uint64) << np.uint64(16)
    small |= seen.lifecycle.astype(np.uint64) << np.uint64(24)
    small |= seen.hour.astype(np.uint64) + np.uint64(1)
    key = seen.network * np.uint64(0x9E3779B97F4A7C15) + seen.client
    mixed: UInt64Array = (key ^ (key >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9) + small
    return mixed


def log_mean(logs: FloatArray) -> FloatArray:
    """Log of the mean of exponentials along the last axis."""
    highest = logs.max(axis=1)
    mean: FloatArray = highest + np.log(np.exp(logs - highest[:, None]).mean(axis=1))
    return mean
