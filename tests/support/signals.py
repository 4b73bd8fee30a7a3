"""Signals told in a few words, for tests of the fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.signals import Fact, Signal, Subject, account_subject
from streams.event_time import DAY_MS, paris_day

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.findings import Figure

START_MS = 1_741_000_000_000  # 3 March 2025
ACCOUNT = account_subject("a1", "b1", "PSL", "59")


def signal(
    at_h: float,
    score: float = 5.0,
    detector: str = "tail",
    *,
    subject: Subject = ACCOUNT,
    patients: int = 40,
    figures: Mapping[str, Figure] | None = None,
    facts: frozenset[Fact] = frozenset(),
    flow: str | None = "platform-accesses",
    ended: bool = False,
    begin_h: float | None = None,
) -> Signal:
    """A signal `at_h` hours after the start, of an account that usually sees ten patients a day."""
    time_ms = START_MS + int(at_h * 3_600_000)
    begin_ms = time_ms - DAY_MS if begin_h is None else START_MS + int(begin_h * 3_600_000)
    return Signal(
        detector=detector,
        subject=subject,
        time_ms=time_ms,
        day=paris_day(time_ms),
        score=score,
        figures=figures or {"patients": patients, "patients_expected": 10.0, "odds": score},
        begin_ms=begin_ms,
        end_ms=time_ms + 1,
        flow=flow,
        facts=facts,
        ended=ended,
    )
