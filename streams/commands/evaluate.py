"""`vigie evaluate`: how well detection works, over seeds, attacks and look-alikes."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import JsonOption, at_least

if TYPE_CHECKING:
    from simulators.evaluation.report import Row
    from simulators.evaluation.run import Evaluation

_SEEDS = 5
_FILE_COLUMNS = "240"


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "evaluate",
        help="Measure detection on simulated regions: attacks, look-alikes, quiet accounts, outages, "
        "series, memory and speed, each against its target, and beside it the rules that others "
        "publish at the same budget of false alerts.\n\n"
        "Nothing is tuned by a run: every parameter is at its default, and the regions have seeds "
        "from 101 on, while thresholds were set on others.",
        epilog="Example: vigie evaluate --seeds 5",
    )(evaluate)


def evaluate(
    seeds: Annotated[
        int,
        typer.Option(metavar="N", help="Regions; look-alikes take twice as many, 20 at least."),
    ] = _SEEDS,
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Processes at a time; 0 for one per processor.")
    ] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A smoke run: small regions, few days.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Print the table; 1 if a target was missed."""
    at_least("--seeds", seeds, 1)
    at_least("--jobs", jobs, 0)
    # Every process has a processor of its own; polars reads this when it is first imported there.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from simulators.evaluation.run import Extent
    from simulators.evaluation.run import evaluate as run
    from streams.commands.options import load_settings
    from streams.commands.progress import progress_bar
    from streams.worker import shard_params

    extent = Extent(seeds, jobs or os.cpu_count() or 1, quick)
    began = time.perf_counter()
    with progress_bar("Evaluating (simulated days)", quiet=as_json) as bar:
        found = run(extent, shard_params(load_settings()), bar.expect, bar.advance)
    seconds = time.perf_counter() - began
    rows = rows_of(found)
    if as_json:
        from streams.commands.output import print_json

        print_json(document_of(found, rows, seconds))
    else:
        _print(found, rows, seconds)
    return int(any(row.verdict == "missed" for row in rows))


def rows_of(found: Evaluation) -> list[Row]:
    """Every row of the table of targets."""
    from simulators.evaluation import report, report_flows, report_measures

    return [
        *report.attack_rows(found.trials),
        *report_flows.lookalike_rows(found.trials),
        *report.false_rows(found.trials),
        report_measures.schedule_row(found.lifts),
        *report_measures.series_rows(found.series),
        *report_measures.state_rows(found.state),
        *report_measures.speed_rows(found.speed),
    ]


def document_of(found: Evaluation, rows: list[Row], seconds: float) -> dict[str, Any]:
    """Everything, for programs."""
    from simulators.evaluation import report

    return {
        "targets": [
            {
                "name": row.name.strip(),
                "target": row.target,
                "measured": row.measured,
                "interval": row.interval,
                "verdict": row.verdict,
                "figures": row.figures or {},
            }
            for row in rows
        ],
        "peers": {
            case: {
                judge: {
                    "found": share.hits,
                    "accounts": share.trials,
                    "low": share.interval.low,
                    "high": share.interval.high,
                    "median_identities_lost": lost,
                }
                for judge, (share, lost) in judges.items()
            }
            for case, judges in report.peer_table(found.trials).items()
        },
        "false_alerts_by_group": {
            group: {
                "alerts": rate.events,
                "account_days": rate.exposure,
                "low": rate.interval.low,
                "high": rate.interval.high,
            }
            for group, rate in report.group_rates(found.trials).items()
        },
        "thresholds_of_peers": [
            {"span": one.span, "seed": one.seed, **one.thresholds} for one in found.trials
        ],
        "seconds": round(seconds, 1),
    }


def _print(found: Evaluation, rows: list[Row], seconds: float) -> None:
    from simulators.evaluation import report
    from streams.commands.output import print_table, say

    if not sys.stdout.isatty():
        # A file has no width to keep to.
        os.environ.setdefault("COLUMNS", _FILE_COLUMNS)
    print_table(
        ("", "target", "measured", "95 %", ""),
        [(row.name, row.target, row.measured, row.interval, row.verdict) for row in rows],
    )
    cases = report.peer_table(found.trials)
    judges = list(next(iter(cases.values()))) if cases else []
    say("")
    say(
        "Share of attacked accounts found, and median identities lost, at one budget of false alerts:"
    )
    print_table(
        ("attack", *judges),
        [
            (case, *(f"{of[j][0].value:.2f}  {of[j][1]:.0f}" if j in of else "" for j in judges))
            for case, of in cases.items()
        ],
        numbers=len(judges),
    )
    say("")
    say("False alerts per 1 000 accounts and day, by peer group:")
    print_table(
        ("group", "alerts", "account-days", "rate", "95 %"),
        [
            (
                group,
                f"{rate.events}",
                f"{rate.exposure:.0f}",
                f"{rate.value:.3f}",
                report.rate_text(rate.interval),
            )
            for group, rate in report.group_rates(found.trials).items()
        ],
        numbers=4,
    )
    say(f"{seconds / 60:.1f} min")
