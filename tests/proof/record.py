"""Run a proof and keep the table it prints in `deploy/PROOF.md`: `python -m tests.proof.record chaos`.

A proof prints its progress on standard error and its table on standard output. The table replaces what
stood between the proof's two marks, with the machine, the date, the command, how it ended and the commit
it ran on. What is given after the name is passed on: `python -m tests.proof.record soak --minutes 10`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "deploy" / "PROOF.md"


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim's command.

    Attributes:
        program: of the environment that runs this.
        argv: its arguments.
        shown: the command as a reader types it.
    """

    program: str
    argv: tuple[str, ...]
    shown: str


PROOFS: Final = {
    "chaos": Proof("python", ("-m", "tests.proof.chaos"), "make chaos"),
    "fuzz": Proof("python", ("-m", "tests.fuzz"), "make fuzz"),
    "soak": Proof("python", ("-m", "tests.proof.soak"), "make soak"),
    "bench": Proof("python", ("-m", "tests.benchmarks.peers"), "make bench"),
    "stages": Proof(
        "python", ("-m", "tests.benchmarks.stages"), "python tests/benchmarks/stages.py"
    ),
    "scale": Proof("python", ("-m", "tests.benchmarks.scale"), "python -m tests.benchmarks.scale"),
    "evaluate": Proof("vigie", ("evaluate", "--seeds", "5"), "vigie evaluate --seeds 5"),
}


def with_section(page: str, name: str, text: str) -> str:
    """Return `page` with `text` between the two marks of `name`.

    Raises:
        ValueError: the page does not hold both marks once each, in order.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        msg = f"{PAGE.name}: the marks {begin} and {end} must stand there once each, in this order"
        raise ValueError(msg)
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text.strip()}\n{end}{rest.split(end)[1]}"


def section(table: str, *, command: str, origin: str) -> str:
    """Return what stands between a proof's marks: where it comes from, and the table as printed."""
    shown = "\n".join(line.rstrip() for line in table.strip("\n").rstrip().splitlines())
    return f"`{command}`: {origin}\n\n```text\n{shown}\n```"


def machine() -> str:
    """Return the machine in a line: processors, memory, system, interpreter."""
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*:\s*(.+)$", cpus, re.MULTILINE)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    processors = f"{os.cpu_count()} processors ({model[1] if model else platform.machine()})"
    return f"{processors}, {memory_gib:.0f} GiB, {system}, Python {platform.python_version()}"


def main(argv: list[str] | None = None) -> int:
    """Run the named proof, pass its output on, keep its table; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.record", description=__doc__)
    parser.add_argument("name", choices=sorted(PROOFS))
    arguments, passed_on = parser.parse_known_args(argv)
    proof = PROOFS[arguments.name]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 -- git is where the developer's PATH has it
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    run = subprocess.run(
        [str(Path(sys.executable).with_name(proof.program)), *proof.argv, *passed_on],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
    )
    sys.stdout.write(run.stdout)
    ended = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, exit {run.returncode}"
    text = section(
        run.stdout,
        command=" ".join([proof.shown, *passed_on]),
        origin=f"{ended}, commit {commit}; {machine()}",
    )
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_section(page, arguments.name, text), encoding="utf-8")
    return run.returncode


if __name__ == "__main__":
    raise SystemExit(main())
