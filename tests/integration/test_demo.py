"""The demo as a newcomer starts it: addresses, living figures, and a quick end on Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

_COMMAND = "import sys; from streams.cli import main; sys.exit(main())"


def _state(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url + "api/state", timeout=5) as answer:  # noqa: S310 (our own page)
        state: dict[str, Any] = json.load(answer)
        return state


def _children(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def test_the_demo_counts_events_and_ends_with_everything_it_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted_port = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, "demo", "--port", str(wanted_port), "--speed", "20"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(f"Port {wanted_port} is taken")
            url = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
            assert url
            deadline_s = time.monotonic() + 60
            while sum(flow["events"] for flow in _state(url[0])["flows"]) == 0:
                assert time.monotonic() < deadline_s
                time.sleep(0.2)
            children = _children(process.pid)
            started_s = time.monotonic()
            # A terminal's Ctrl-C goes to the whole group, children included.
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "cannot go on" not in err
    assert time.monotonic() - started_s < 10
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)
