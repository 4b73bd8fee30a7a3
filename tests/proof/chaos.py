"""`make chaos`: a whole service under fire, and whether anything was lost.

    python -m tests.proof.chaos --seed 1 --minutes 25 --rate 1100 --kills 50 [--json FILE]

Three real Kafka brokers (replication 3, two in step), three workers, a schema registry and a real
Alertmanager, all on loopback; acts of `tests.proof.chaos_plan`, a pure function of the seed. It ends by
itself, leaves no process and no file behind (but logs with `--keep DIR`), prints one table, and exits
with 1 if anything was missed:

* totals per flow, sector and minute, recovered from the changelog, equal what was sent; duplicates, late
  and unbelieved events too;
* findings equal those of `vigie backtest` on the same events (`tests.proof.chaos_truth.SAME`);
* every partition is read to its end, and every recovery took less than a minute: from the beginning of
  an act until all workers that ought to run are ready and each partition has durably counted a record
  that was sent after that;
* every finding that is due is firing in Alertmanager, and is resolved there once it is judged.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.proof.chaos_plan import Kind, plan
from tests.proof.chaos_run import Run
from tests.proof.chaos_table import table

ATTACKS = (
    "predice:identities=7353",
    "fast-harvest",
    "enumeration",
    "per-day-100",
)


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=25.0, help="of acts; the end takes some more"
    )
    parser.add_argument("--rate", type=int, default=1100, help="events a second")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="KIND", help="by name, as in the plan"
    )
    parser.add_argument("--margin-ms", type=int, default=45_000, help="VIGIE_DECISION_MARGIN_MS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as well")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave logs there; must not exist")
    asked = parser.parse_args()
    # The producers tell of every broker that is away.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    acts = plan(
        asked.seed,
        minutes=asked.minutes,
        kills=asked.kills,
        only=tuple(Kind[name] for name in asked.only),
    )
    with tempfile.TemporaryDirectory(prefix="vigie-chaos-") as passing:
        if asked.keep:
            asked.keep.mkdir(parents=True)
        run = Run(
            asked.keep or Path(passing),
            acts,
            seed=asked.seed,
            minutes=asked.minutes,
            rate=asked.rate,
            attacks=ATTACKS,
            margin_ms=asked.margin_ms,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        outcome = run.run()
    print(table(outcome))
    if asked.json:
        asked.json.write_text(json.dumps(asdict(outcome), indent=1))
    return 1 if outcome.misses else 0


if __name__ == "__main__":
    sys.exit(main())
