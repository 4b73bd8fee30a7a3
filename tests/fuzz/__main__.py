"""`python -m tests.fuzz`: hostile records, files, schemas and requests by the million.

Prints one table; exit code 1 if anything was raised, a neighbour was lost, a dead letter is missing or
memory grew. The same seed gives the same inputs. Whatever is found belongs into `tests.fuzz.corpus`.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import logging
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tests.fuzz.feedback import SHOWN, Tally
from tests.fuzz.target_files import FileTarget
from tests.fuzz.target_flows import FlowTarget
from tests.fuzz.target_own import OwnTarget
from tests.fuzz.target_registry import RegistryTarget
from tests.fuzz.target_web import WebTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GROWTH_MAX_MIB: Final = 64.0
"""How far memory may rise above its most in the first third of a target's inputs: allocators keep what
slices of different sizes have freed, and no more than that may pile up."""
ROUNDS: Final = 24


class Target(Protocol):
    """Gives hostile inputs to something."""

    def run(self, hostile: int) -> None:
        """Give so many."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the table.

    Attributes:
        name: of the line.
        build: makes the target.
        share: of its inputs per hostile record that is asked for.
        least: inputs at least.
    """

    name: str
    build: Callable[[int, Tally], Target]
    share: float
    least: int = ROUNDS


PARTS: Final = (
    Part("flows", FlowTarget, 0.8),
    Part("own topics and changelogs", OwnTarget, 0.2),
    Part("files of the command", FileTarget, 0.01, 240),
    Part("schemas of a registry", RegistryTarget, 0.001, 40),
    Part("requests to the page", WebTarget, 0.004, 120),
)


@dataclass(slots=True)
class Line:
    """What came of one part."""

    tally: Tally
    seconds: float
    growth_mib: float


def fuzz(
    records: int, seed: int, parts: Sequence[Part] = PARTS, rounds: int = ROUNDS
) -> list[Line]:
    """Run every part; `records` hostile records of topics, and other inputs in their proportion.

    Args:
        records: in all.
        seed: decides every input.
        parts: what to run.
        rounds: after so many parts of its inputs each is asked how much memory it takes; at least 3.
    """
    return [_run(part, records, seed + place, rounds) for place, part in enumerate(parts)]


def _run(part: Part, records: int, seed: int, rounds: int) -> Line:
    tally = Tally(part.name)
    began = time.perf_counter()
    inputs = max(part.least, round(records * part.share))
    resident: list[float] = []
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet):
        target = part.build(seed, tally)
        for number in range(rounds):
            target.run(inputs * (number + 1) // rounds - inputs * number // rounds)
            quiet.seek(0)
            quiet.truncate()
            gc.collect()
            resident.append(_resident_mib())
    growth_mib = max(resident[rounds // 3 :]) - max(resident[: rounds // 3])
    if growth_mib > GROWTH_MAX_MIB:
        tally.miss(f"memory grew by {growth_mib:.0f} MiB, more than {GROWTH_MAX_MIB:.0f}")
    return Line(tally, time.perf_counter() - began, growth_mib)


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def table(lines: Sequence[Line]) -> str:
    """The table, and under it what was missed."""
    head = ("hostile input", "given", "good ones", "outcomes", "growth MiB", "seconds", "missed")
    rows = [
        (
            line.tally.name,
            f"{line.tally.given:,}".replace(",", " "),
            f"{line.tally.good:,}".replace(",", " "),
            str(line.tally.new),
            f"{line.growth_mib:.0f}",
            f"{line.seconds:.0f}",
            str(len(line.tally.misses)),
        )
        for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    told = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    ]
    for line in lines:
        for sentence, times in Counter(line.tally.misses).most_common(SHOWN):
            told.append(f"MISSED {times} times: {sentence}")
    return "\n".join(told)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 if nothing was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="hostile records")
    parser.add_argument("--seed", type=int, default=1, help="decides every input")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(argv)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    lines = fuzz(options.records, options.seed)
    print(table(lines))
    given = sum(line.tally.given for line in lines[:2])
    missed = sum(len(line.tally.misses) for line in lines)
    print(f"{given} hostile records, seed {options.seed}: {missed} missed")
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "seed": options.seed,
                    "hostile_records": given,
                    "missed": missed,
                    "parts": [
                        {
                            "name": line.tally.name,
                            "given": line.tally.given,
                            "good": line.tally.good,
                            "outcomes": line.tally.new,
                            "growth_mib": round(line.growth_mib, 1),
                            "seconds": round(line.seconds, 1),
                            "missed": line.tally.misses[:20],
                        }
                        for line in lines
                    ],
                },
                indent=1,
            )
            + "\n",
            encoding="utf-8",
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
