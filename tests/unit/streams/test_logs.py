"""Log lines: one each, without what events carried."""

from __future__ import annotations

import logging
import sys

from streams.logs import FORMAT, OneLineFormatter


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
