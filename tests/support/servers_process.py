"""A server or worker started by a test: leashed to it, logged to a file, ended by its own pid."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from simulators.leash import leashed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_TERM_TIMEOUT_S = 60.0
_LOG_TAIL_LINES = 40


class ServerError(Exception):
    """A server did not do what the test needs; the text carries the end of its log."""


class ServerProcess:
    """One process of a test.

    Args:
        name: how errors call it.
        argv: an absolute program path and its arguments.
        log: file that takes its output, appended over restarts.
        env: its whole environment.
    """

    def __init__(
        self, name: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        self._argv = tuple(argv)
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; `None` while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerError(f"{self.name}: not started")
        return self._process.pid

    def start(self) -> None:
        if self.running:
            raise ServerError(f"{self.name}: runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                leashed(self._argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
            )

    def kill(self) -> None:
        """`kill -9`, as a machine that goes away; returns once it is gone."""
        self._signal(signal.SIGKILL)
        self.wait()

    def suspend(self) -> None:
        """`SIGSTOP`: it stands still and keeps everything, its connections too."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """`SIGCONT`: it goes on where it stood, as far as it knows without a pause."""
        self._signal(signal.SIGCONT)

    def terminate(self, timeout_s: float = _TERM_TIMEOUT_S) -> int:
        """SIGTERM, as an orderly deployment sends it.

        Returns:
            The exit code.

        Raises:
            ServerError: it still runs after `timeout_s`; it is killed then.
        """
        self._signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = _TERM_TIMEOUT_S) -> int:
        """Wait for its end and give its exit code."""
        if self._process is None:
            raise ServerError(f"{self.name}: not started")
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
            raise self.error(f"still ran after {timeout_s:.0f} s") from None

    def close(self) -> None:
        """End it whatever state it is in; for teardown."""
        if self.running:
            self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def until(self, ready: Callable[[], Any], *, timeout_s: float, what: str) -> Any:
        """Ask until the answer is true; the answer.

        Raises:
            ServerError: the process ended, or `timeout_s` passed.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if answer := ready():
                return answer
            if not self.running:
                raise self.error(f"ended with {self.returncode} before {what}")
            if time.monotonic() > deadline:
                raise self.error(f"not {what} within {timeout_s:.0f} s")
            time.sleep(0.05)

    def error(self, text: str) -> ServerError:
        """An error that carries the end of the log."""
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError):
            lines = self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return ServerError("\n".join([f"{self.name}: {text}", *lines]))

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
