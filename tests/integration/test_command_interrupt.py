"""Ctrl-C on a running command: its own exit code, no traceback, nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

_COMMAND = "import sys; from streams.cli import main; sys.exit(main())"


def test_an_interrupted_simulation_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "region"
    argv = [sys.executable, "-c", _COMMAND, "simulate", "--to", str(target)]
    process = subprocess.Popen(
        [*argv, "--start", "2025-09-01", "--days", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline_s = time.monotonic() + 30
        while not _is_growing(target):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (130, "", "")
    assert not target.exists() or list(target.iterdir()) == []


def _is_growing(target: Path) -> bool:
    return target.exists() and any(path.stat().st_size > 0 for path in target.iterdir())
