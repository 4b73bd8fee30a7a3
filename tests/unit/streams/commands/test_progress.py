from __future__ import annotations

import io
from typing import TYPE_CHECKING

from streams.commands.progress import progress_bar

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _work(*, quiet: bool) -> None:
    with progress_bar("Counting", quiet=quiet) as bar:
        bar.expect(10)
        bar.advance(4)
        bar.advance(6)


def test_a_terminal_sees_how_far_the_work_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    _work(quiet=False)
    assert "Counting" in terminal.getvalue()
    assert "10/10" in terminal.getvalue()


def test_nothing_is_written_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    _work(quiet=False)
    assert pipe.getvalue() == ""


def test_quiet_is_quiet_on_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    _work(quiet=True)
    assert terminal.getvalue() == ""
