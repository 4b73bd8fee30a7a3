"""What time it is by Kafka's clock, so that a worker's own may be wrong.

Records are judged by their Kafka timestamps, and silence by how long nothing came: both need one clock.
A worker's wall clock is set, runs off, or comes back wrong with its machine; two hours ahead of the log
it would hear two hours of silence, and no verdict would count until the log has caught up. So the time
comes from the brokers: they stamp each changelog record as they append it (`message.timestamp.type` is
`LogAppendTime` there) and tell the stamp with the confirmation. Between two confirmations a monotonic
clock goes on. What is known is never ahead of the brokers: a confirmation comes after the stamp.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

APPEND_TIME: Final = 1
"""Kafka's number for timestamps that brokers set as they append."""
_KEPT: Final = 16
_STALE_S: Final = 60.0


class KafkaClock:
    """The brokers' time, as far as confirmations have told it.

    Args:
        monotonic_s: seconds that never jump.
        wall_s: seconds since 1970 by this machine, for brokers that do not tell theirs.
    """

    def __init__(
        self,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic_s, self._wall_s = monotonic_s, wall_s
        self._leads_ms: deque[int] = deque(maxlen=_KEPT)
        self._heard_at_s: float | None = None
        self._is_told = True

    def hear(self, confirmation: Any) -> None:
        """Learn from the confirmation of a changelog record (aiokafka's `RecordMetadata`)."""
        self._heard_at_s = self._monotonic_s()
        self._is_told = getattr(confirmation, "timestamp_type", None) == APPEND_TIME
        if self._is_told:
            self._leads_ms.append(int(confirmation.timestamp) - int(self._heard_at_s * 1000))

    @property
    def is_due(self) -> bool:
        """Whether nothing was heard for so long that it is worth a record of its own."""
        heard_at_s = self._heard_at_s
        return heard_at_s is None or self._monotonic_s() - heard_at_s > _STALE_S

    def now_ms(self) -> int | None:
        """Milliseconds UTC, of the brokers if they tell; `None` before the first confirmation.

        Of the last confirmations the quickest counts: it lies closest to its stamp.
        """
        if self._heard_at_s is None:
            return None
        if not self._is_told:
            return int(self._wall_s() * 1000)
        return max(self._leads_ms) + int(self._monotonic_s() * 1000)

    def best_ms(self) -> int:
        """`now_ms`, or this machine's own clock as long as the brokers' is unknown."""
        now_ms = self.now_ms()
        return int(self._wall_s() * 1000) if now_ms is None else now_ms

    def then_ms(self, wall_ms: int) -> int | None:
        """What this clock showed when the machine's showed `wall_ms`, a moment ago.

        `None` where that cannot be said: the machine's clock was set back in between.
        """
        now_ms, age_ms = self.now_ms(), int(self._wall_s() * 1000) - wall_ms
        return None if now_ms is None or age_ms < 0 else now_ms - age_ms
