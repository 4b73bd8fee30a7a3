"""`vigie topics`: verify the topics in Kafka, or create those that are missing."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import JsonOption, KafkaOption, load_settings


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "topics",
        help="Verify the topics in Kafka; with --create, make those that are missing.\n\n"
        "A topic that exists is never altered: differences are listed and the exit code is 1.",
        epilog="Example: vigie topics --kafka localhost:9092 --create",
    )(topics)


def topics(
    kafka: KafkaOption = None,
    create: Annotated[bool, typer.Option("--create", help="Create missing topics.")] = False,
    partitions: Annotated[
        int | None, typer.Option(help="Partition count; wins over VIGIE_PARTITIONS.", min=1)
    ] = None,
    replays: Annotated[
        bool,
        typer.Option(
            "--replays",
            help="With --create: let records be dated more than an hour ahead, as replays of a shifted "
            "recording are. Not where producers are strangers.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Print a line per topic; 0 when all are as they should be, else 1."""
    from streams.commands.output import print_json, print_table
    from streams.topic_admin import ensure_topics

    settings = load_settings(kafka_bootstrap=kafka, partitions=partitions)
    settings.require_kafka()
    states = ensure_topics(settings, create=create, replays=replays)
    if as_json:
        print_json(
            [
                {
                    "topic": state.name,
                    "exists": state.exists,
                    "created": state.created,
                    "partitions": state.partitions,
                    "differences": state.differences,
                    "not_told_by_broker": state.untold,
                }
                for state in states
            ]
        )
    else:
        rows = []
        for state in states:
            verdict = "created" if state.created else "ok"
            if state.differences:
                verdict = "; ".join(state.differences)
            elif state.untold:
                verdict += f" ({', '.join(state.untold)}: not told by this broker)"
            rows.append((state.name, verdict, str(state.partitions)))
        print_table(("topic", "state", "partitions"), rows, numbers=1)
    return 1 if any(state.differences for state in states) else 0
