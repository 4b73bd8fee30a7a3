"""The worker's last resorts: it ends instead of hanging, and instead of writing after a pause.

Faust workers can stay up while nothing moves (B20): the process lives, so nobody restarts it. Exit
code 1 is a failure, 3 a stall; both mean: start me again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, NoReturn

from streams.errors import VigieError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.observing import WorkerStatus

EXIT_FAILED = 1
EXIT_STALLED = 3
REBALANCE_TIMEOUT_S = 60.0
"""How long Kafka waits for all members of a rebalance."""

logger = logging.getLogger(__name__)


def describe(exc: BaseException) -> str:
    """Say what went wrong without what it carried: exceptions of others may quote an event."""
    if isinstance(exc, VigieError):
        return str(exc)
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(exc).__name__
    code = trace.tb_frame.f_code
    return f"{type(exc).__name__} in {code.co_name} ({os.path.basename(code.co_filename)}:{trace.tb_lineno})"  # noqa: E501, PTH119


def end_process(code: int, line: str) -> NoReturn:
    """Log one line and end at once: no handler, no commit, no farewell to the group."""
    logger.critical("%s", line)
    logging.shutdown()
    os._exit(code)


class Watchdog:
    """Watches a worker from a thread of its own, so that a blocked event loop is seen too.

    Args:
        status: the worker's positions and progress.
        stall_timeout_s: how long there may be lag without progress, or a loop that does not answer.
        session_timeout_s: how long the process may have been stopped before its partitions are gone.
        end: ends the process; tests pass their own.
    """

    def __init__(
        self,
        status: WorkerStatus,
        *,
        stall_timeout_s: float,
        session_timeout_s: float,
        end: Callable[[int, str], object] = end_process,
    ) -> None:
        self._status = status
        self._stall_timeout_s = stall_timeout_s
        self._session_timeout_s = session_timeout_s
        self._end = end
        self._ticked_at = time.monotonic()
        self._progress = status.progress()
        self._progressed_at = self._ticked_at
        self._stopped = threading.Event()

    def check_pause(self, now_s: float) -> bool:
        """Whether this process ran without a gap that cost it its partitions; ends it otherwise."""
        gap_s = now_s - self._ticked_at
        if gap_s > self._session_timeout_s:
            self._end(
                EXIT_FAILED,
                f"stood still for {gap_s:.0f} s, longer than the group waits; partitions are gone",
            )
            return False
        return True

    def may_write(self) -> bool:
        """Whether a checkpoint may be written now; a process that stood still ends here."""
        return self.check_pause(time.monotonic())

    def check_stall(self, now_s: float) -> bool:
        """Whether the worker gets on; ends it otherwise."""
        progress = self._status.progress()
        waiting = sum(self._status.lags().values())
        phase = self._status.phase
        busy = waiting > 0 or phase in {"recovering", "rebalancing"}
        if progress != self._progress or not busy:
            self._progress, self._progressed_at = progress, now_s
        still_s = now_s - self._progressed_at
        # The group may rightly take its time over a rebalance, however small the timeout.
        allowed_s = self._stall_timeout_s + (REBALANCE_TIMEOUT_S if phase == "rebalancing" else 0)
        if still_s > allowed_s:
            self._end(
                EXIT_STALLED,
                f"stalled: {phase}, {waiting} records wait, no progress for {still_s:.0f} s",
            )
            return False
        silent_s = now_s - self._ticked_at
        if silent_s > self._stall_timeout_s:
            self._end(EXIT_STALLED, f"stalled: the event loop is blocked for {silent_s:.0f} s")
            return False
        return True

    async def run(self, refresh: Callable[[], object]) -> None:
        """Tick every second; learn the logs' ends a few times per stall timeout.

        Args:
            refresh: awaitable function that renews the highwaters; it may fail while Kafka is away,
                and then nothing is known to wait.
        """
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        period_s = max(1.0, self._stall_timeout_s / 6)
        refreshed_at = time.monotonic()
        try:
            while True:
                await asyncio.sleep(1.0)
                now_s = time.monotonic()
                self.check_pause(now_s)
                self._ticked_at = now_s
                if now_s - refreshed_at >= period_s:
                    refreshed_at = now_s
                    await self._refresh(refresh, period_s)
        finally:
            self._stopped.set()

    async def _refresh(self, refresh: Callable[[], object], timeout_s: float) -> None:
        try:
            async with asyncio.timeout(min(timeout_s, self._session_timeout_s / 2)):
                await refresh()  # type: ignore[misc]  # an async function of no arguments
        except Exception as exc:  # noqa: BLE001  # Kafka is away; the clients log and retry
            logger.debug("ends of the logs unknown: %s", type(exc).__name__)

    def _watch(self) -> None:
        while not self._stopped.wait(self._stall_timeout_s / 6):
            self.check_stall(time.monotonic())
