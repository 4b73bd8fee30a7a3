"""What a finding or a verdict must be beyond its schema, so that nobody who reads it stumbles (pure).

Times lie between 1970 and 2100, numbers are finite and no counts are negative, a sector is one of the
vocabulary (it becomes a metric's label), and a series is no longer than Vigie writes one.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Final

from agents.finding_history import POINTS_MAX
from streams.validity import LATEST_TIME_MS
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from agents.finding_history import FindingHistory
    from agents.findings import Finding, Verdict

TEXT_MAX: Final = 256
"""Longest id, detector or flow; an honest one has 40 characters."""


def fault_of_finding(one: Finding) -> str | None:
    """The first field that cannot be so; nothing of what it holds."""
    times = {
        "detected_at": one.detected_at_ms,
        "window_start": one.window_start_ms,
        "window_end": one.window_end_ms,
        "opened_at": one.opened_at_ms,
    }
    floats = (one.score, one.priority, *(v for v in one.evidence.values() if isinstance(v, float)))
    texts = (one.finding_id, one.detector, one.flow or "", *one.detectors)
    faults = {
        **{name: not _is_time(value) for name, value in times.items()},
        "finding_id": not one.finding_id,
        "detector": any(len(text) > TEXT_MAX for text in texts),
        "sector": one.sector not in SECTORS,
        "evidence": not all(map(math.isfinite, floats)),
        "revision": one.revision < 0,
        "patients": (one.patients or 0) < 0,
    }
    found = next((name for name, is_fault in faults.items() if is_fault), None)
    return found if found or one.history is None else _fault_of_history(one.history)


def _fault_of_history(one: FindingHistory) -> str | None:
    columns = (one.unexplained, one.expected, one.high, one.peers, one.peers_high)
    if not _is_time(one.start_ms) or not 0 < one.step_ms <= LATEST_TIME_MS:
        return "history.start"
    if any(len(column) > POINTS_MAX for column in (one.observed, *columns)):
        return "history"
    if not _is_time(one.start_ms + one.step_ms * len(one.observed)):
        return "history.step"
    if any(value is not None and not math.isfinite(value) for value in chain(*columns)):
        return "history"
    return None


def fault_of_verdict(one: Verdict) -> str | None:
    """The first field that cannot be so; nothing of what it holds."""
    for name, value in (
        ("judged_at", one.judged_at_ms),
        ("compromised_since", one.compromised_since_ms),
    ):
        if not _is_time(value):
            return name
    if not (isinstance(one.finding_id, str) and 0 < len(one.finding_id) <= TEXT_MAX):
        return "finding_id"
    return None


def _is_time(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value <= LATEST_TIME_MS)
