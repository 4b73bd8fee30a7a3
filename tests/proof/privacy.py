"""`python -m tests.proof.privacy`: does anything that Vigie shows name anybody?

A fortnight of a simulated region with attacks goes through a real worker; whatever it shows is searched
for every pseudonym and identifier of the traffic. Prints one table; exit code 1 if any is found.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.privacy import ALLOWED, simulated_run

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 if nobody is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.privacy", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(argv)
    began = time.monotonic()
    known, shown, found = simulated_run()
    leaks = shown.leaks(known)
    rows = [("shown where", "texts", "characters", "named")]
    for place, texts in sorted(shown.places.items()):
        named = sum(times for (where, _), times in leaks.items() if where == place)
        rows.append((place, str(len(texts)), str(shown.characters[place]), str(named)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    for (place, kind), times in leaks.items():
        print(f"MISSED: {place} names {kind} {times} times")
    print(
        "allowed and not searched: " + "; ".join(f"{name} ({why})" for name, why in ALLOWED.items())
    )
    seconds = time.monotonic() - began
    print(
        f"{len(known)} identifiers, {len(found)} findings, {leaks.total()} named, {seconds:.0f} s"
    )
    if options.json:
        figures = {
            "identifiers": len(known),
            "kinds": dict(known.kinds),
            "findings": len(found),
            "characters": dict(shown.characters),
            "named": leaks.total(),
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
