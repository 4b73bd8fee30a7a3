"""The cell of an account and a closed local day: what the region is told of it (pure).

Accounts that share out a harvest live in different partitions, so whoever looks for them needs one small
record of every account's day from all of them. It says how much was read and how much of it nothing
explains, where from, and leaves three traces of *how*: the closest burst, how near to each other the
unexplained patients stand in the directory, and which ones were read one after the other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.errors import StateError

CellArray = npt.NDArray[np.void]

VERSION: Final = 1
KEPT: Final = 2
"""Networks and clients that a cell names: those with the most unexplained patients."""
NO_MINUTE: Final = 0xFFFF
NO_GAP: Final = 0
NO_SEQUENCE: Final = 0

_OF_KEY: Final = (KEPT,)
CELL: Final = np.dtype(
    [
        ("account", "<u8"),
        ("structure", "<u8"),
        ("day", "<i4"),
        ("group", "<u4"),
        # Distinct patients; those of whom a relation is known or not; those whom none explains.
        ("patients", "<u2"),
        ("known", "<u2"),
        ("unexplained", "<u2"),
        # Of the burst: minute of the UTC day in which it begins, unexplained patients in it.
        ("burst_minute", "<u2"),
        ("burst", "<u2"),
        # Neighbours in the directory among the unexplained patients: how many, median distance.
        ("near", "<u2"),
        ("near_gap", "<u2"),
        ("_", "<u2"),
        # The account's baseline: patients of such a day, and the share that nothing explains.
        ("expected_patients", "<f4"),
        ("expected_share", "<f4"),
        ("network", "<u8", _OF_KEY),
        ("network_patients", "<u2", _OF_KEY),
        ("network_unexplained", "<u2", _OF_KEY),
        ("client", "<u8", _OF_KEY),
        ("client_patients", "<u2", _OF_KEY),
        ("client_unexplained", "<u2", _OF_KEY),
        # The least digests of two unexplained patients read one after the other.
        ("sequence", "<u8", (2,)),
    ]
)
"""Digests are 0 where there is none. An account that works for structures of several partitions has a
cell of each; `(account, structure, day)` is the key, and a cell that comes again replaces the first."""


def encode_cells(cells: CellArray) -> bytes:
    """The bytes of n cells."""
    return bytes([VERSION]) + cells.tobytes()


def read_cells(payload: bytes) -> CellArray:
    """The cells of a payload, read-only.

    Raises:
        StateError: empty, of another version, or not a whole number of cells.
    """
    if not payload:
        raise StateError("account-day cells: an empty payload")
    if payload[0] != VERSION:
        raise StateError(f"account-day cells: version {payload[0]} is not {VERSION}")
    if (len(payload) - 1) % CELL.itemsize:
        raise StateError("account-day cells: the payload does not hold whole cells")
    return np.frombuffer(payload, CELL, offset=1)
