"""Which of a partition's flows to read next, so that none runs far ahead of the others (pure).

Behind a backlog, each fetch brings as many bytes of every flow, so a quiet flow is read days ahead of a
busy one. What compares flows must then wait for the busy one: rows pile up in memory, every checkpoint
writes them, and none of them concludes anything. So the flow whose log time is furthest behind goes
first; the others are left in the fetcher, which holds them as the broker sent them.

Nobody waits at the end of the logs: a flow that was read to its end holds nobody back, and one that
gives nothing although it was asked (its broker is away) does so for a moment only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

Place = tuple[str, int]
"""Topic and partition."""

STEP_MS: Final = 500
"""How far apart in log time flows may be read."""
PATIENCE_S: Final = 2.0
"""How long a flow that is behind and gives nothing holds the others back."""

_UNKNOWN_MS: Final = -1


class InStep:
    """The reading order of co-partitioned topics.

    Args:
        groups: topics that share a processor per partition; those of one topic are always read.
    """

    def __init__(self, groups: Iterable[Iterable[str]]) -> None:
        self._group_of: dict[str, int] = {}
        for number, topics in enumerate(groups):
            self._group_of.update(dict.fromkeys(topics, number))
        self._next: dict[Place, int] = {}
        self._log_ms: dict[Place, int] = {}
        self._asked_s: dict[Place, float] = {}

    def begin(self, place: Place, next_offset: int) -> None:
        """Note where reading begins; nothing is known of the log time there."""
        self._next[place] = next_offset
        self._log_ms[place] = _UNKNOWN_MS
        self._asked_s.pop(place, None)

    def forget(self) -> None:
        """Note that all partitions were given up."""
        for known in (self._next, self._log_ms, self._asked_s):
            known.clear()

    def took(self, place: Place, next_offset: int, log_ms: int) -> None:
        """Note what was read: the offset after it, and its last Kafka timestamp."""
        if place in self._next:
            self._next[place] = next_offset
            self._log_ms[place] = max(self._log_ms[place], log_ms)
            self._asked_s.pop(place, None)

    def choose(
        self, active: Collection[Place], end_of: Callable[[Place], int | None], now_s: float
    ) -> frozenset[Place]:
        """Which of the active partitions to ask for records now; never none of several.

        Args:
            active: those that are not paused.
            end_of: the end of a partition's log, as far as it is known.
            now_s: monotonic seconds.
        """
        least: dict[tuple[int, int], int] = {}
        for place in active:
            if self._holds_back(place, end_of, now_s):
                key = self._group_of[place[0]], place[1]
                least[key] = min(least.get(key, self._log_ms[place]), self._log_ms[place])
        if not least:
            return frozenset(active)
        chosen = []
        for place in active:
            key = self._group_of.get(place[0], -1), place[1]
            until_ms = least.get(key)
            if until_ms is None or self._log_ms.get(place, _UNKNOWN_MS) <= until_ms + STEP_MS:
                chosen.append(place)
                if until_ms is not None:
                    self._asked_s.setdefault(place, now_s)
        return frozenset(chosen)

    def _holds_back(
        self, place: Place, end_of: Callable[[Place], int | None], now_s: float
    ) -> bool:
        next_offset = self._next.get(place)
        if next_offset is None or place[0] not in self._group_of:
            return False
        end = end_of(place)
        if end is None or next_offset >= end:
            self._asked_s.pop(place, None)
            return False
        return now_s - self._asked_s.get(place, now_s) < PATIENCE_S
