"""The demo as a newcomer starts it: addresses, living figures, and a quick end on Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from simulators.live import ATTACK_AFTER_S
from tests.support.demo_process import page_of, running_demo

pytestmark = pytest.mark.integration


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own page)
        document: dict[str, Any] = json.load(answer)
        return document


def _children(pid: int) -> set[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def test_the_demo_counts_events_and_ends_with_everything_it_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted_port = taken.getsockname()[1]
        with running_demo("--port", str(wanted_port), "--speed", "20") as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(f"Port {wanted_port} is taken")
            url = page_of(process)
            deadline_s = time.monotonic() + 60
            while sum(flow["events"] for flow in _get(url + "api/state")["flows"]) == 0:
                assert time.monotonic() < deadline_s
                time.sleep(0.2)
            children = _children(process.pid)
            started_s = time.monotonic()
            # A terminal's Ctrl-C goes to the whole group, children included.
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "cannot go on" not in err
    assert time.monotonic() - started_s < 10
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.system  # the region is at peace for three quarters of a minute first
def test_an_attack_on_the_demo_shows_on_the_page_within_two_minutes() -> None:
    with running_demo("--port", "0", "--attack", "predice") as process:
        url = page_of(process)
        attack_s = time.monotonic() + ATTACK_AFTER_S
        while not (findings := _get(url + "api/findings")["findings"]):
            assert time.monotonic() < attack_s + 120
            time.sleep(0.5)
        process.terminate()
        assert process.wait(20) == 0
    first = findings[0]
    assert first["status"] == "OPEN"
    assert first["reasons"]
    assert first["reasons_en"]
