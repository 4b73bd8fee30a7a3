"""One competitor at a time, on a core of its own, timed between two of its own figures."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.peers.work import Order, Result
from tests.support.servers_process import ServerError, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT: Final = Path(__file__).parents[3]
BENCH_PYTHON: Final = ROOT / "build" / "bench-venv" / "bin" / "python"
TIMEOUT_S: Final = 240.0
FROM_SHARE: Final = 0.3
TO_SHARE: Final = 0.95
"""Of the events, the share after which timing begins and ends: neither start-up nor a compiler that
has not seen the code yet is in the figure, nor is the last commit."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a process was: monotonic seconds, CPU seconds of all its threads, peak RSS, events."""

    at_s: float
    cpu_s: float
    peak_bytes: int
    events: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to.

    Attributes:
        per_second: events per second of wall time, on one core.
        cpu_us: processor time per event, all threads, kernel included; microseconds.
        peak_bytes: most memory that was resident.
        wrong: in which its results are not the truth; empty if they are.
    """

    per_second: float
    cpu_us: float
    peak_bytes: int
    wrong: str


def pinned(argv: Sequence[str]) -> tuple[str, ...]:
    """The command on the second core, which the broker and the bench leave alone."""
    taskset = shutil.which("taskset")
    if taskset is None or len(os.sched_getaffinity(0)) == 0 or (os.cpu_count() or 1) < 2:
        return tuple(argv)
    return (taskset, "--cpu-list", "1", *argv)


def keep_to_first_core() -> None:
    """Bind this process and all that it starts, the broker included, to the first core."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})


def python_peer(module: str, python: str | Path = sys.executable) -> tuple[str, ...]:
    """The command line of a competitor in Python."""
    return (str(python), "-m", f"tests.benchmarks.peers.{module}")


def run(name: str, argv: Sequence[str], order: Order, truth: Result | None) -> Measured:
    """Run one competitor until it has written its result.

    Args:
        name: how errors call it.
        argv: an absolute program path and its arguments.
        order: what it is told.
        truth: what it has to count; `None` for a floor, which counts nothing.

    Raises:
        ServerError: it ended or was not through in time.
    """
    env = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    env |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | order.environment()
    env["PEER_SCHEMAS"] = str(ROOT / "schemas" / "avro")
    process = ServerProcess(name, pinned(argv), log=order.state / "log", env=env)
    process.start()
    try:
        process.until(_is_written(process, order.result), timeout_s=TIMEOUT_S, what="through")
    finally:
        process.close()
    lines = [line.split() for line in order.progress.read_text().splitlines()]
    samples = [Sample(float(t), float(cpu), int(peak), int(n)) for t, cpu, peak, n in lines]
    if truth is None:
        # A floor is through in a second or two, in a few large batches.
        return measured(name, [s for s in samples if s.events], order.events, whole=True)
    return measured(name, samples, order.events, wrong=Result.read(order.result).difference(truth))


def _is_written(process: ServerProcess, result: Path) -> Callable[[], bool]:
    # A process that has written and ended is through, which the caller must not take for a fault.
    return lambda: result.exists() or (not process.running and result.exists())


def measured(
    name: str, samples: Sequence[Sample], events: int, *, wrong: str = "", whole: bool = False
) -> Measured:
    """The figures between the first sample past one share of the events and the last before another.

    Args:
        name: how errors call it.
        samples: in their order.
        events: how many there are.
        wrong: in which its results are not the truth.
        whole: from the first sample to the last instead.

    Raises:
        ServerError: fewer than two samples lie there.
    """
    start, end = (0.0, 1.0) if whole else (FROM_SHARE, TO_SHARE)
    timed = [s for s in samples if events * start <= s.events <= events * end]
    if len(timed) < 2 or timed[-1].events == timed[0].events:
        raise ServerError(f"{name}: too few events for a figure; ask for more with --events")
    first, last = timed[0], timed[-1]
    count = last.events - first.events
    return Measured(
        per_second=count / (last.at_s - first.at_s),
        cpu_us=(last.cpu_s - first.cpu_s) / count * 1e6,
        peak_bytes=max(s.peak_bytes for s in samples),
        wrong=wrong,
    )


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
