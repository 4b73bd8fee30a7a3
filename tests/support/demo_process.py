"""`vigie demo` as a newcomer starts it, for the tests that watch it from outside."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND = "import sys; from streams.cli import main; sys.exit(main())"


@contextmanager
def running_demo(*options: str) -> Iterator[subprocess.Popen[str]]:
    """The demo as a process of its own; whatever becomes of the test, it ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def page_of(process: subprocess.Popen[str]) -> str:
    """Address of the live page, as the demo tells it."""
    assert process.stdout is not None
    url = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
    assert url
    return url[0]
