"""`vigie simulate`: the region's traffic, into container files or into Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import KafkaOption, at_least, load_settings, parse_day

TO_KAFKA = "kafka"


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "simulate",
        help="Simulate the traffic of Hauts-de-France: the same seed gives the same bytes.\n\n"
        "Into a directory: one Avro container file per flow and labels.ndjson, or nothing at all. "
        "Into Kafka: in the order of arrival, at --speed times the pace of the clock.\n\n"
        "--attack lets something happen: labels.ndjson then holds the ground truth. Dated attacks keep "
        "their dates unless a start is given.",
        epilog="Example: vigie simulate --to september --start 2025-09-01 --days 30 --seed 1 "
        "--attack plus-50@2025-09-10:days=14,accounts=3",
    )(simulate)


def simulate(
    to: Annotated[
        str, typer.Option(metavar="DIR|kafka", help="A new directory, or the word kafka.")
    ],
    start: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="First day, Europe/Paris.")],
    days: Annotated[int, typer.Option(help="Number of days.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 1,
    speed: Annotated[
        float, typer.Option(help="Into Kafka: times real time; 0 is as fast as possible.")
    ] = 0.0,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[@START][:PARAM=VALUE,…]",
            help="An attack or an innocent look-alike that takes place; may be given several times. "
            "An unknown name lists them all.",
            show_default=False,
        ),
    ] = None,
    kafka: KafkaOption = None,
) -> int:
    """Write the traffic and print how much there is of each flow."""
    first = parse_day("--start", start)
    at_least("--days", days, 1)
    at_least("--seed", seed, 0)
    at_least("--speed", speed, 0)
    from simulators.attacks.catalogue import wanted
    from streams.commands.output import print_counts
    from streams.commands.progress import progress_bar

    attacks = [wanted(text) for text in attack or ()]
    if to == TO_KAFKA:
        settings = load_settings(kafka_bootstrap=kafka)
        from simulators.publish import simulate_to_kafka
        from streams.kafka_access import kafka_access

        access = kafka_access(settings)

        with progress_bar("Simulating into Kafka") as bar:
            summary = simulate_to_kafka(
                access=access,
                start=first,
                days=days,
                seed=seed,
                speed=speed,
                progress=bar.advance,
                registry_url=settings.schema_registry_url,
                attacks=attacks,
            )
    else:
        from simulators.recording import simulate_to_directory

        with progress_bar(f"Simulating into {to}") as bar:
            summary = simulate_to_directory(
                directory=Path(to),
                start=first,
                days=days,
                seed=seed,
                progress=bar.advance,
                attacks=attacks,
            )
    print_counts(summary.events)
    return 0
