"""What is concluded of several accounts together (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.finding_history import FindingHistory


class Share(StrEnum):
    """What the members of a group have in common."""

    NETWORK = "network"
    CLIENT = "client"
    RHYTHM = "rhythm"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class GroupEvidence:
    """Why a group is suspected.

    Attributes:
        members: accounts that share the key today.
        structures: of how many structures.
        observed_patients: their unexplained patients of the day, together (through the key, for a
            network or a client).
        expected_patients: as many as they usually show.
        in_step: accounts that act in step; 0 for a network or a client.
        expected_in_step: as many as do on a usual day.
        log10_odds: of collusion over chance, as the e-detector sums them up.
        since_day: local day from which on the evidence has been gathering.
    """

    members: int
    structures: int
    observed_patients: float
    expected_patients: float
    in_step: int
    expected_in_step: float
    log10_odds: float
    since_day: int


@dataclass(frozen=True, slots=True)
class GroupSuspicion:
    """What is concluded of one group after one day.

    Attributes:
        kind: what its members share.
        key_hint: digest of the network or client; minute of the UTC day; log2 of the distance in the
            directory, or 13 for repeated sequences. That of a network or client is the same every day;
            minutes and distances may move to a neighbour.
        members: digests of the accounts, those with the most excess first; at most 256.
        day: local day.
        score: -log10 of quiet incidents per account-day with as much evidence.
        evidence: the figures behind it.
        history: its days since the evidence began to gather.
    """

    kind: Share
    key_hint: int
    members: tuple[int, ...]
    day: int
    score: float
    evidence: GroupEvidence
    history: FindingHistory | None = None
