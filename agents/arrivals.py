"""What became of one flow of one partition: read up to where, counted how often (pure).

Each event is, in offset order, late, a duplicate, or counted; whoever reads the flow decides before
whether it is dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streams.duplicates import DuplicateIndex, at_ascending
from streams.event_time import Watermark
from streams.vocabulary import OUTCOMES, SECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.event_time import Int64Array
    from streams.texts import Texts


@dataclass(frozen=True, slots=True)
class FlowTotals:
    """Totals of one flow of one partition since the beginning of its topic.

    Attributes:
        events: sector x outcome counts, in the vocabulary's order.
        dead_letters: by reason.
    """

    events: npt.NDArray[np.int64]
    duplicates: int
    late: int
    dead_letters: Mapping[str, int]
    watermark_ms: int
    newest_ms: int
    horizon_ms: int


class FlowState:
    """The offsets, the watermark, the ids and the totals.

    Args:
        allowed_lateness_ms: how far behind the newest event one may be.
        duplicate_ids_max: how many ids are remembered.
    """

    def __init__(self, allowed_lateness_ms: int, duplicate_ids_max: int) -> None:
        self.watermark = Watermark(allowed_lateness_ms)
        self.ids = DuplicateIndex(duplicate_ids_max)
        self.next_offset = 0
        self.events = np.zeros((len(SECTORS), len(OUTCOMES)), np.int64)
        self.duplicates = 0
        self.late = 0
        self.dead_letters: dict[str, int] = {}

    def accept(
        self, times: Int64Array, event_ids: Texts, on_time: npt.NDArray[np.bool_]
    ) -> Int64Array:
        """Decide over n events; the positions of those that count.

        Args:
            times: shape (n,), event times.
            event_ids: n texts.
            on_time: shape (n,), which of them are not dead.
        """
        ids = event_ids.ids()
        rest = np.flatnonzero(on_time)
        taken = []
        # Cut where a generation of ids fills up, so that its effect on the watermark falls on the same
        # event however the stream was cut into slices.
        while rest.size:
            room = self.ids.room
            chunk, rest = rest[:room], rest[room:]
            own_times = at_ascending(times, chunk)
            watermarks = self.watermark.observe(own_times)
            late = own_times < watermarks
            candidates = chunk
            if late.any():
                candidates, watermarks = chunk[~late], watermarks[~late]
            fresh = self.ids.fresh(at_ascending(ids, candidates), watermarks)
            accepted = at_ascending(candidates, np.flatnonzero(fresh))
            self.watermark.raise_floor(
                self.ids.add(at_ascending(ids, accepted), at_ascending(times, accepted))
            )
            self.late += len(chunk) - len(candidates)
            self.duplicates += len(candidates) - len(accepted)
            taken.append(accepted)
        self.ids.expire(self.watermark.value_ms)
        return np.concatenate(taken) if taken else np.zeros(0, np.int64)

    def totals(self) -> FlowTotals:
        """A snapshot of the totals."""
        newest_ms, value_ms = self.watermark.newest_ms, self.watermark.value_ms
        return FlowTotals(
            events=self.events.copy(),
            duplicates=self.duplicates,
            late=self.late,
            dead_letters=dict(self.dead_letters),
            watermark_ms=value_ms,
            newest_ms=newest_ms,
            horizon_ms=max(0, newest_ms - value_ms),
        )

    def to_json(self) -> dict[str, Any]:
        """What the header of a checkpoint must hold; the ids are a section of their own."""
        codes = np.flatnonzero(self.events)
        return {
            "next": self.next_offset,
            "newest_ms": self.watermark.newest_ms,
            "floor_ms": self.watermark.floor_ms,
            "events": [codes.tolist(), self.events.reshape(-1)[codes].tolist()],
            "duplicates": self.duplicates,
            "late": self.late,
            "dead": self.dead_letters,
        }

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Go on from a header."""
        self.next_offset = state["next"]
        self.watermark.newest_ms = state["newest_ms"]
        self.watermark.floor_ms = state["floor_ms"]
        codes, counts = state["events"]
        self.events.reshape(-1)[codes] = counts
        self.duplicates = state["duplicates"]
        self.late = state["late"]
        self.dead_letters = dict(state["dead"])
