"""What account detectors take: decided accesses as columns (pure)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from streams.event_time import BoolArray, Int64Array

UInt64Array = npt.NDArray[np.uint64]

NO_STEP: Final = np.iinfo(np.int64).min
"""A `directory_step` that the source does not give."""
NO_PATIENT: Final = 0
"""The digest of nobody: a login, a search, a certificate's call."""

UNKNOWN: Final = -1
UNEXPLAINED: Final = 0
EXPLAINED: Final = 1


class Act(IntEnum):
    """What an access does, as far as detectors tell acts apart."""

    OTHER = 0
    IDENTITY = 1
    """Reads who a patient is, and nothing of the care."""
    CLINICAL = 2
    """Reads or writes of the care itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Accesses:
    """n accesses whose event times the joint watermark has passed, in order of event time.

    Attributes:
        account: shape (n,), the accounts' rows.
        group: shape (n,), peer groups, numbers from 0.
        time_ms: shape (n,), event times, never falling.
        patient: shape (n,), digests evenly spread over 64 bits; `NO_PATIENT` for none.
        explained: shape (n,), `EXPLAINED` by a care relation, `UNEXPLAINED` or `UNKNOWN`.
        act: shape (n,), `Act` codes.
        directory_step: shape (n,), signed distance in the directory from the account's previous
            record of the day; `NO_STEP` for its first one and where the source has none.
        network: shape (n,), digests of the network's pseudonym, 0 for null.
        client: shape (n,), digests of the client's pseudonym, 0 for null.
        net_class: shape (n,), positions in the symbols of the schema's `NetClass`.
        auth_method: shape (n,), positions in the symbols of the schema's `AuthMethod`.
        lifecycle: shape (n,), positions in the symbols of the schema's `ServiceLifecycle`.
        first_seen: shape (n,), whether the structure never read this patient before.
    """

    account: Int64Array
    group: Int64Array
    time_ms: Int64Array
    patient: UInt64Array
    explained: npt.NDArray[np.int8]
    act: npt.NDArray[np.uint8]
    directory_step: Int64Array
    network: UInt64Array
    client: UInt64Array
    net_class: npt.NDArray[np.uint8]
    auth_method: npt.NDArray[np.uint8]
    lifecycle: npt.NDArray[np.uint8]
    first_seen: BoolArray

    def __len__(self) -> int:
        return len(self.account)

    def __getitem__(self, rows: slice | Int64Array | npt.NDArray[np.bool_]) -> Accesses:
        """Some of the accesses, in the order asked for."""
        return Accesses(*(getattr(self, field.name)[rows] for field in fields(self)))

    def by_account(self) -> Int64Array:
        """The order in which each account's accesses lie together, still in order of time."""
        return np.argsort(self.account, kind="stable")


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Where each account's accesses lie in arrays that are ordered by account.

    Attributes:
        account: shape (runs,), ascending rows.
        start: shape (runs,), position of each one's first access.
        length: shape (runs,).
        of: shape (n,), the run of each access.
    """

    account: Int64Array
    start: Int64Array
    length: Int64Array
    of: Int64Array

    @classmethod
    def of_accounts(cls, account: Int64Array) -> Runs:
        """Of rows that are in ascending order."""
        rows, start, of, length = np.unique(
            account, return_index=True, return_inverse=True, return_counts=True
        )
        return cls(rows, start, length, of.reshape(-1))

    def running(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sums of n values from each account's first access on."""
        total = np.cumsum(values)
        before: npt.NDArray[np.float64] = (total - values)[self.start]
        sums: npt.NDArray[np.float64] = total - before[self.of]
        return sums
