"""One clock for several flows: up to which event time can all of them be concluded from (pure).

Flows of one partition are read in interleavings that differ from run to run. What is concluded from
several flows together must not: a decision about an event must see the same other events live, in a
replay, after a restart and in a back-test.

Every event gets a *due time*: its event time, or, if it came more than `decision_delay_ms` behind the
newest event of its own flow, that newest time less the delay. Due times follow from the flow's order
alone. The joint watermark is the least over the flows of (newest event time - delay). Once it has
passed a due time t, every event with due time <= t has been read, in whatever interleaving; so
decisions that are made in the order of due times, each when the watermark has passed it, and from
events with no later due time, are the same in every run.

A silent flow would stop the clock. A flow whose newest event is more than `idle_limit_ms` of event
time behind the newest of the others is therefore left out until it speaks again. This is the one place
where a guess is made, since unread records look like silence. An event that comes after its due time
was passed counts as *overtaken*, and takes the watermark as its due time; while that count is zero,
the guess was right and the law holds to the letter. A caller who knows that a flow has records waiting
says so by `expected`, and it is not left out: a lagging reader is not a silent source.
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
        decision_delay_ms: how far behind the newest of its flow an event may come and still be seen
            by decisions about its own time.
        idle_limit_ms: how far a flow may trail the others before it is taken for silent.

    Attributes:
        expected: flows that are known to have unread records; not part of the state.
        overtaken: by flow, events that came after their due time was passed.
    """

    def __init__(
        self, flows: tuple[str, ...], *, decision_delay_ms: int, idle_limit_ms: int
    ) -> None:
        self._delay_ms = decision_delay_ms
        self._idle_ms = idle_limit_ms
        self._newest_ms: dict[str, int | None] = dict.fromkeys(flows)
        self._origin_ms: int | None = None
        self._value_ms = 0
        self.expected: frozenset[str] = frozenset()
        self.overtaken: dict[str, int] = dict.fromkeys(flows, 0)

    @property
    def value_ms(self) -> int:
        """Every due time below this one has been passed."""
        return self._value_ms

    def observe(self, flow: str, times_ms: Int64Array) -> Int64Array:
        """Advance over n event times of one flow, in the flow's order; give back their due times."""
        if not len(times_ms):
            return times_ms
        if self._origin_ms is None:
            self._origin_ms = int(times_ms[0])
        before = self._newest_ms[flow]
        if before is None and len(times_ms) > 1:
            # Its first word alone may let the watermark rise, and must do so wherever slices are cut.
            parts = [self.observe(flow, part) for part in (times_ms[:1], times_ms[1:])]
            return np.concatenate(parts)
        newest = np.maximum.accumulate(times_ms if before is None else np.maximum(times_ms, before))
        due: Int64Array = np.maximum(times_ms, newest - self._delay_ms)
        behind = due < self._value_ms
        if behind.any():
            self.overtaken[flow] += int(behind.sum())
            due[behind] = self._value_ms
        self._newest_ms[flow] = int(newest[-1])
        self._value_ms = max(self._value_ms, self._least_ms())
        return due

    def raise_to(self, value_ms: int) -> None:
        """Pass every due time below `value_ms` at once, whatever has not been read yet."""
        self._value_ms = max(self._value_ms, value_ms)

    def _least_ms(self) -> int:
        limit_ms = max(ms for ms in self._newest_ms.values() if ms is not None) - self._idle_ms
        least_ms = None
        for flow, newest_ms in self._newest_ms.items():
            # A flow that never spoke is silent since the first of them did; where it is, nobody knows.
            heard_ms = self._origin_ms if newest_ms is None else newest_ms
            if flow in self.expected or heard_ms is None or heard_ms >= limit_ms:
                if newest_ms is None:
                    return 0
                least_ms = newest_ms if least_ms is None else min(least_ms, newest_ms)
        return 0 if least_ms is None else least_ms - self._delay_ms

    # -- checkpoint header ----------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """What a restart must know."""
        return {
            "newest_ms": self._newest_ms,
            "origin_ms": self._origin_ms,
            "value_ms": self._value_ms,
            "overtaken": self.overtaken,
        }

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Go on from a header."""
        self._newest_ms.update(state["newest_ms"])
        self._origin_ms = state["origin_ms"]
        self._value_ms = state["value_ms"]
        self.overtaken.update(state["overtaken"])
