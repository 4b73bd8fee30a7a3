"""Logging of a worker: one line per event, on standard error, without what the events carried."""

from __future__ import annotations

import logging
import sys

from streams.watchdog import describe

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


def configure_logging(level: str = "WARNING") -> None:
    """Send everything from `level` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter(FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
