"""`vigie objectives`: where the region stands, straight from the topics that a worker shows it from."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.declare import objectives_of, read_file
from streams.commands.options import JsonOption, KafkaOption, load_settings, parse_day
from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from agents.objectives.declared import Scopes
    from agents.objectives.snapshots import Snapshots
    from agents.region_usage import RegionUsage
    from metrics.objective_rows import ObjectiveRow
    from streams.settings import Settings


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "objectives",
        help="Where the region stands on each of its objectives: figures with their date and age, what "
        "they should be today, the target.\n\nTaken from Kafka: declarations, and what the workers "
        "count in the flows. With --declared and without Kafka, from the file alone.",
        epilog="Example: vigie objectives --declared septembre-2026.csv --lang en",
    )(objectives)


def objectives(
    declared: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="As if this file, too, were declared; nothing is sent."
        ),
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="As of this day; today without.")
    ] = None,
    lang: Annotated[str, typer.Option(metavar="fr|en", help="Language of the objectives.")] = "fr",
    everything: Annotated[
        bool, typer.Option("--all", help="Those that a later objective replaced as well.")
    ] = False,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> int:
    """Print a line per objective."""
    if lang not in {"fr", "en"}:
        raise InputError(f"--lang: must be fr or en, not {lang}")
    from streams.event_time import date_of_day, paris_day

    today = date_of_day(paris_day(time.time_ns() // 1_000_000))
    settings = load_settings(kafka_bootstrap=kafka)
    rows = _rows(settings, declared, today if on is None else parse_day("--on", on))
    if not everything:
        rows = [row for row in rows if row.superseded_by is None]
    from streams.commands.objectives_output import print_objectives
    from streams.commands.output import print_json

    if as_json:
        from metrics.objectives import row_document

        print_json([row_document(row) for row in rows])
    else:
        print_objectives(rows, lang)
    return 0


def _rows(settings: Settings, declared: Path | None, today: date) -> Sequence[ObjectiveRow]:
    from agents.objectives.figures import Sight
    from agents.objectives.progress import evaluate
    from agents.objectives.snapshots import Snapshots
    from agents.objectives.usage_cells import UsageMonths
    from agents.region_usage import RegionUsage

    known = objectives_of(settings)
    several = [] if declared is None else read_file(declared, known)
    snapshots, usage = Snapshots(known.known), RegionUsage()
    if declared is None or settings.kafka_bootstrap:
        settings.require_kafka()
        _read_topics(settings, known.scopes, snapshots, usage)
    for one in several:
        snapshots.put(one)
    return evaluate(
        Sight(
            grounds=known.grounds,
            snapshots=snapshots,
            usage=UsageMonths(usage.months, usage.rows),
            departments=settings.departments,
            small_cell_min=settings.small_cell_min,
            today=today,
        )
    )


def _read_topics(
    settings: Settings, scopes: Scopes, snapshots: Snapshots, usage: RegionUsage
) -> None:
    from agents.objectives.declared import read_declaration
    from streams.findings_log import FindingsLog
    from streams.topics import ACTIVITY_COUNTS, DECLARATIONS

    with FindingsLog(settings) as log:
        for records in log.records(DECLARATIONS):
            snapshots.take(records, lambda value: read_declaration(value, log.reader), scopes)
        for records in log.records(ACTIVITY_COUNTS):
            for record in records:
                usage.take(record.key, record.value)
