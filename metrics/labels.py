"""What a label of a metric may say: closed sets, and the settings' own few (pure).

Neither a person nor a pseudonym nor an address is in any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streams.event_time import WINDOWS
from streams.topics import (
    ACTIVITY_COUNTS,
    ACTIVITY_MARKS,
    DECLARATIONS,
    FINDINGS,
    FLOWS,
    REGION_CELLS,
    VERDICTS,
)
from streams.vocabulary import (
    AUTH_METHODS,
    COULOIRS,
    INS_STATUSES,
    INSI_RESULTS,
    OUTCOMES,
    SECTORS,
)

CALENDAR_WINDOWS: Final = ("day", "month", "previous_month")
"""Windows of active accounts and structures: the Europe/Paris day, the month, the month before."""

DEAD_LETTER_REASONS: Final = (
    "EMPTY",
    "TOO_LARGE",
    "UNKNOWN_FRAMING",
    "UNKNOWN_SCHEMA",
    "INCOMPATIBLE_SCHEMA",
    "TRUNCATED",
    "TRAILING_BYTES",
    "MALFORMED",
    "INVALID_VALUE",
    "EVENT_TIME_AHEAD",
    "LOG_TIME_ABSURD",
)
"""Why an event was refused: the codec's reasons and the source processor's; a test holds them."""
GROUPS: Final = ("source", "activity", "region")
"""Groups of co-partitioned topics with state of their own."""
MOVES: Final = ("assigned", "revoked")

OTHER_DETECTOR: Final = "other"
FINDING_DETECTORS: Final = (
    "tail",
    "slow_change",
    "enumeration",
    "identity_only",
    "takeover",
    "decoys",
    "recurrence",
    "collusion",
    "spike",
    "drop",
    "level_shift",
    "outage",
    "flooding",
    OTHER_DETECTOR,
)
"""Detectors that lead findings: modules, and kinds of a flow's break. Others count as other."""
SEVERITIES: Final = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
ACCESS_REFUSALS: Final = ("no_token", "wrong_token", "ended_session", "role", "too_many")
"""Why a request was refused: nothing was shown, no such token, a session that is over or none, a token
that opens less, too many wrong ones before."""
AUDITED_ACTS: Final = ("VERDICT", "UNMASKING")
ALERTMANAGERS_MAX: Final = 8
"""Alertmanagers of one cluster; three are usual."""

PARTITIONS_MAX: Final = 64
DEPARTMENTS_MAX: Final = 14
"""Sizes that the bound on the number of series is computed for: Occitanie, the region with the most
departments, has 13; HORS_REGION counts as one more."""
OBJECTIVES_MAX: Final = 96
"""Objectives of one registry; the one of Hauts-de-France has about sixty."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label and what it may say.

    Attributes:
        values: the closed set; empty where the set is the settings' own (see `at_most`).
        at_most: how many values the label can take.
    """

    name: str
    values: tuple[str, ...]
    at_most: int

    def allows(self, value: str) -> bool:
        """Whether a series may carry this value; open labels take any of the settings' own."""
        return not self.values or value in self.values


def _closed(name: str, values: tuple[str, ...]) -> Label:
    return Label(name, values, len(values))


FLOW: Final = _closed("flow", FLOWS)
INTAKE: Final = _closed(
    "flow",
    (*FLOWS, VERDICTS, ACTIVITY_MARKS, ACTIVITY_COUNTS, REGION_CELLS, FINDINGS, DECLARATIONS),
)
SECTOR: Final = _closed("sector", SECTORS)
COULOIR: Final = _closed("couloir", COULOIRS)
OUTCOME: Final = _closed("outcome", OUTCOMES)
AUTH_METHOD: Final = _closed("auth_method", AUTH_METHODS)
INS_RESULT: Final = _closed("outcome_code", INSI_RESULTS)
INS_STATUS: Final = _closed("ins_status", INS_STATUSES)
WINDOW: Final = _closed("window", tuple(window.name for window in WINDOWS))
CALENDAR: Final = _closed("window", CALENDAR_WINDOWS)
REASON: Final = _closed("reason", DEAD_LETTER_REASONS)
GROUP: Final = _closed("group", GROUPS)
CHANGE: Final = _closed("change", MOVES)
DETECTOR: Final = _closed("detector", FINDING_DETECTORS)
SEVERITY: Final = _closed("severity", SEVERITIES)
REFUSAL: Final = _closed("reason", ACCESS_REFUSALS)
ACT: Final = _closed("act", AUDITED_ACTS)
ALERTMANAGER: Final = _closed(
    "alertmanager", tuple(str(number) for number in range(1, ALERTMANAGERS_MAX + 1))
)
DEPARTMENT: Final = Label("department", (), DEPARTMENTS_MAX)
OBJECTIVE: Final = Label("objective", (), OBJECTIVES_MAX)
"""The ids of the registry that the worker was started with, held to be closed by its own loading."""
PARTITION: Final = Label("partition", (), PARTITIONS_MAX)
VERSION: Final = Label("version", (), 1)
PYTHON: Final = Label("python", (), 1)
