"""Logging of a worker: one line per event, on standard error, without what the events carried."""

from __future__ import annotations

import logging
import sys
import time

from streams.watchdog import describe

REPEAT_INTERVAL_S = 10.0
REMEMBERED_MESSAGES = 1000
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLineFormatter(logging.Formatter):
    """Keeps every log entry on one line; of an exception it tells only type and place."""

    def format(self, record: logging.LogRecord) -> str:
        """Format `record`; its exception's own text is left out, it may quote an event."""
        error = record.exc_info[1] if record.exc_info else None
        args = tuple(record.args) if isinstance(record.args, tuple) else ()
        if any(isinstance(arg, BaseException) for arg in args):
            record.args = tuple(
                describe(arg) if isinstance(arg, BaseException) else arg for arg in args
            )
        record.exc_info = record.exc_text = record.stack_info = None
        line = " ".join(super().format(record).split())
        return line if error is None else f"{line} [{describe(error)}]"


class RepeatFilter(logging.Filter):
    """Lets the same message through once per interval: clients of a lost Kafka repeat themselves.

    Messages are the same if logger, level and template are; what was left out is counted.
    """

    def __init__(self, interval_s: float = REPEAT_INTERVAL_S) -> None:
        super().__init__()
        self._interval_s = interval_s
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log `record`; notes on it how many like it were left out before."""
        if record.levelno >= logging.CRITICAL:
            return True
        key = (record.name, record.levelno, str(record.msg))
        now_s = time.monotonic()
        last_s, left_out = self._seen.get(key, (-self._interval_s, 0))
        if now_s - last_s < self._interval_s:
            self._seen[key] = (last_s, left_out + 1)
            return False
        if len(self._seen) >= REMEMBERED_MESSAGES:
            self._seen.clear()
        self._seen[key] = (now_s, 0)
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like it before)"
        return True


def configure_logging(level: str = "WARNING") -> None:
    """Send everything from `level` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter(FORMAT))
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
