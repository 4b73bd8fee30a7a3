"""Log lines: one each, without what events carried."""

from __future__ import annotations

import logging
import sys

from streams.logs import FORMAT, OneLineFormatter, RepeatFilter


def entry(message: str, *args: object, exc_info: bool = False) -> str:
    info = sys.exc_info() if exc_info else None
    record = logging.LogRecord("x", logging.ERROR, "f.py", 1, message, args, info)
    return OneLineFormatter(FORMAT).format(record)


def test_a_message_of_many_lines_becomes_one() -> None:
    assert entry("a\n  b\nc %s", 1).endswith("ERROR x: a b c 1")


def test_an_exception_leaves_its_type_and_place_only() -> None:
    try:
        int("secret-pseudonym")
    except ValueError as exc:
        lines = (entry("failed: %r", exc, exc_info=True), entry("failed", exc_info=True))
    for line in lines:
        assert "secret" not in line
        assert "\n" not in line
        assert "ValueError in test_an_exception" in line


def record(message: str, level: int = logging.ERROR, *args: object) -> logging.LogRecord:
    return logging.LogRecord("x", level, "f.py", 1, message, args, None)


def test_a_message_that_repeats_itself_is_logged_once_per_interval_and_counted() -> None:
    repeats = RepeatFilter(interval_s=60)
    assert repeats.filter(record("node %s is away", logging.ERROR, 1))
    assert not repeats.filter(record("node %s is away", logging.ERROR, 2))
    assert not repeats.filter(record("node %s is away", logging.ERROR, 3))
    assert repeats.filter(record("something else"))
    repeats._interval_s = 0
    again = record("node %s is away", logging.ERROR, 4)
    assert repeats.filter(again)
    assert again.getMessage() == "node 4 is away (2 more like it before)"


def test_last_words_are_never_left_out() -> None:
    repeats = RepeatFilter(interval_s=60)
    assert all(repeats.filter(record("stalled", logging.CRITICAL)) for _ in range(2))
