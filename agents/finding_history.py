"""What a finding's subject did lately, against what was expected: a series of points (pure).

It stands in the finding itself, so whoever reads the `findings` topic can draw it, for as long as the
topic keeps it. Points are bounded (`POINTS_MAX`), and so is what they take in a record: about 4 kB.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from streams.event_time import DAY_MS, paris_day, start_of_day_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

POINTS_MAX: Final = 168
"""A week of hours. A flow's point takes 12 bytes of a record; an account's 40, of which 29 are told."""


class HistoryMeasure(StrEnum):
    """What a point counts."""

    UNKNOWN = "UNKNOWN"
    PATIENTS = "PATIENTS"
    EVENTS = "EVENTS"
    FAILURES = "FAILURES"


@dataclass(frozen=True, slots=True)
class FindingHistory:
    """A series of equal steps, the oldest first; each list has a value per step, or none at all.

    Attributes:
        measure: what is counted.
        start_ms: start of the first step.
        step_ms: length of a step; `DAY_MS` stands for local days.
        observed: counted; the last step may not be over.
        unexplained: patients without a care relation; `None` where it is not known of any.
        expected: by the subject's own past; `None` where that was not known yet.
        high: from which count on such a step alone raises an alarm.
        peers: expected of a member of the peer group on a working day.
        peers_high: exceeded on one in a hundred working days of such members.
    """

    measure: HistoryMeasure
    start_ms: int
    step_ms: int
    observed: tuple[int, ...]
    unexplained: tuple[int | None, ...] = ()
    expected: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    peers: tuple[float | None, ...] = ()
    peers_high: tuple[float | None, ...] = ()

    def starts_ms(self) -> list[int]:
        """Where each step starts; local days have 23 to 25 hours."""
        count = len(self.observed)
        if self.step_ms == DAY_MS:
            first = paris_day(self.start_ms)
            return [start_of_day_ms(first + place) for place in range(count)]
        return [self.start_ms + place * self.step_ms for place in range(count)]

    def to_record(self) -> dict[str, Any]:
        """As the Avro `FindingHistory`."""
        record = {_avro_name(one.name): getattr(self, one.name) for one in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in record.items()
        } | {"measure": str(self.measure)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> FindingHistory:
        """From the Avro `FindingHistory`."""
        values: dict[str, Any] = {one.name: record[_avro_name(one.name)] for one in fields(cls)}
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = tuple(value)
        return cls(**values | {"measure": HistoryMeasure(values["measure"])})


def excess_of(history: FindingHistory) -> float:
    """By how much more was observed than expected, over all steps."""
    expected = (value or 0.0 for value in history.expected)
    return sum(history.observed) - sum(expected)


def _avro_name(name: str) -> str:
    return "start" if name == "start_ms" else name
