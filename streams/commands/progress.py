"""Progress on standard error: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Bar(Protocol):
    """What long work reports to; calls are cheap enough for every batch."""

    def expect(self, total: int) -> None:
        """How much there is to do, once that is known."""

    def advance(self, amount: int) -> None:
        """So much more is done."""


class _Silence:
    def expect(self, total: int) -> None:
        pass

    def advance(self, amount: int) -> None:
        pass


@contextmanager
def progress_bar(label: str, *, quiet: bool = False) -> Iterator[Bar]:
    """A bar for as long as the `with` block lasts.

    Args:
        label: what is being done.
        quiet: show nothing, as with `--json`.
    """
    if quiet or not sys.stderr.isatty():
        yield _Silence()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class _Bar:
        def __init__(self, progress: Progress, task: TaskID) -> None:
            self._progress = progress
            self._task = task

        def expect(self, total: int) -> None:
            self._progress.update(self._task, total=total)

        def advance(self, amount: int) -> None:
            self._progress.advance(self._task, amount)

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        yield _Bar(progress, progress.add_task(label, total=None))
