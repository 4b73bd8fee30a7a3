"""`vigie replay`: a recording into Kafka."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import (
    KafkaOption,
    RecordingArgument,
    at_least,
    existing_recording,
    load_settings,
)


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "replay",
        help="Send a recording into Kafka, in the order in which its events arrived.\n\n"
        "--shift-to-now moves the recording in time, so that it begins now. Faster than real time it "
        "then runs ahead of the clock, which Kafka takes of topics made with --create --replays.",
        epilog="Example: vigie replay september --kafka localhost:9092 --speed 60 --shift-to-now",
    )(replay)


def replay(
    directory: RecordingArgument,
    speed: Annotated[float, typer.Option(help="Times real time; 0 is as fast as possible.")] = 1.0,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Let the recording begin now.")
    ] = False,
    kafka: KafkaOption = None,
) -> int:
    """Send the events and print how much there was of each flow."""
    at_least("--speed", speed, 0)
    existing_recording(directory)
    settings = load_settings(kafka_bootstrap=kafka)
    from simulators.publish import replay as send
    from simulators.recording import Recording
    from streams.commands.output import print_counts
    from streams.commands.progress import progress_bar
    from streams.kafka_access import kafka_access

    access = kafka_access(settings)

    with progress_bar("Replaying") as bar:
        bar.expect(Recording(directory).total_records())
        summary = send(
            directory=directory,
            access=access,
            speed=speed,
            shift_to_now=shift_to_now,
            progress=bar.advance,
            registry_url=settings.schema_registry_url,
        )
    print_counts(summary.events)
    return 0
