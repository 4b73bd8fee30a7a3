"""Accesses of accounts, built by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agents.detectors.base import EXPLAINED, NO_STEP, Accesses, Act
from streams.event_time import SECOND_MS
from streams.vocabulary import AUTH_METHODS, LIFECYCLES, NET_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON_MS = 1_733_220_000_000
"""2024-12-03T10:00:00Z."""


@dataclass(frozen=True, slots=True)
class Access:
    """One access; times are seconds after `NOON_MS`."""

    at_s: float
    patient: int
    account: int = 0
    explained: int = EXPLAINED
    act: Act = Act.CLINICAL
    step: int = NO_STEP
    group: int = 0
    network: int = 1
    client: int = 1
    net_class: int = NET_CLASSES.index("INTERNAL")
    auth_method: int = AUTH_METHODS.index("CPS_CARD")
    lifecycle: int = LIFECYCLES.index("ACTIVE")
    first_seen: bool = False


def digest(patient: int) -> int:
    """A patient's digest: even over 64 bits."""
    return (patient * 0x9E3779B97F4A7C15 + 0x1234567) % (1 << 64)


def accesses_of(told: Sequence[Access]) -> Accesses:
    """Columns, in the order told."""
    return Accesses(
        account=np.array([one.account for one in told], np.int64),
        group=np.array([one.group for one in told], np.int64),
        time_ms=np.array([NOON_MS + int(one.at_s * SECOND_MS) for one in told], np.int64),
        patient=np.array([digest(one.patient) for one in told], np.uint64),
        explained=np.array([one.explained for one in told], np.int8),
        act=np.array([one.act for one in told], np.uint8),
        directory_step=np.array([one.step for one in told], np.int64),
        network=np.array([digest(one.network) for one in told], np.uint64),
        client=np.array([digest(one.client) for one in told], np.uint64),
        net_class=np.array([one.net_class for one in told], np.uint8),
        auth_method=np.array([one.auth_method for one in told], np.uint8),
        lifecycle=np.array([one.lifecycle for one in told], np.uint8),
        first_seen=np.array([one.first_seen for one in told], np.bool_),
    )
