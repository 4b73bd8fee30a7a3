"""One clock for several flows: up to which log time has all of them been read (pure).

Flows of one partition are read in interleavings that differ from run to run. What is concluded from
several flows together must not: a decision about an event must see the same other events live, in a
replay, after a restart and in a back-test.

The order that all of these share is that of the log: the Kafka timestamp of a record (`recorded_at` in
a back-test). Every event's *due time* is its log time, made monotone within its flow; so due times
follow from the flow's order alone. The joint watermark is the least over the flows of how far each was
read. Once it has passed a due time t, every event with due time <= t has been read, in whatever
interleaving; so decisions that are made in the order of due times, each when the watermark has passed
it, and from events with no later due time, are the same in every run.

Event time would not do: a flow that is quiet for an hour would hold every decision for an hour, or be
left out by a guess. The log tells silence from lag without guessing: who stands at the end of a flow's
log at a moment has read everything with an earlier log time, and says so by `pass_time`. Records that
arrive later with an earlier log time (a producer's clock behind, or a record longer on its way than
the reader's margin) count as *overtaken*, and take the watermark as their due time; while that count
is zero, the law holds to the letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.event_time import Int64Array


class JointWatermark:
    """The joint watermark of one partition's flows; it never falls.

    Args:
        flows: their names.

    Attributes:
        overtaken: by flow, events that came after their due time was passed.
    """

    def __init__(self, flows: tuple[str, ...]) -> None:
        self._newest_ms: dict[str, int] = dict.fromkeys(flows, 0)
        self._read_ms: dict[str, int] = dict.fromkeys(flows, 0)
        self._value_ms = 0
        self.overtaken: dict[str, int] = dict.fromkeys(flows, 0)

    @property
    def value_ms(self) -> int:
        """Every due time below this one has been passed; log time, milliseconds UTC."""
        return self._value_ms

    @property
    def newest_ms(self) -> int:
        """Log time of the newest record of any flow."""
        return max(self._newest_ms.values())

    def observe(self, flow: str, log_ms: Int64Array) -> Int64Array:
        """Advance over n records of one flow, in offset order; give back their due times."""
        if not len(log_ms):
            return log_ms
        due: Int64Array = np.maximum(np.maximum.accumulate(log_ms), self._newest_ms[flow])
        newest_ms = int(due[-1])
        behind = due < self._value_ms
        if behind.any():
            self.overtaken[flow] += int(behind.sum())
            due[behind] = self._value_ms
        self._newest_ms[flow] = newest_ms
        self.pass_time({flow: newest_ms})
        return due

    def pass_time(self, read_ms: Mapping[str, int]) -> None:
        """Learn that everything of these flows with a log time below theirs was read."""
        for flow, ms in read_ms.items():
            self._read_ms[flow] = max(self._read_ms[flow], ms)
        self.raise_to(min(self._read_ms.values()))

    def raise_to(self, value_ms: int) -> None:
        """Pass every due time below `value_ms` at once, whatever has not been read yet."""
        self._value_ms = max(self._value_ms, value_ms)

    # -- checkpoint header ----------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """What a restart must know."""
        return {
            "newest_ms": self._newest_ms,
            "read_ms": self._read_ms,
            "value_ms": self._value_ms,
            "overtaken": self.overtaken,
        }

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Go on from a header."""
        self._newest_ms.update(state["newest_ms"])
        self._read_ms.update(state["read_ms"])
        self._value_ms = state["value_ms"]
        self.overtaken.update(state["overtaken"])
