"""`vigie declare`: monthly figures that no flow can tell, from a sheet into Kafka."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import KafkaOption, load_settings
from streams.errors import InputError

if TYPE_CHECKING:
    from agents.objectives.declared import Declaration
    from agents.objectives.loading import Objectives
    from streams.settings import Settings

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.csv",
        help="A sheet: indicateur;mois;portee;numerateur;denominateur;taux;source",
    ),
]


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "declare",
        help="Declare monthly figures that no flow can tell: values of objectives, and what the flows' "
        "numerators are out of.\n\nEvery line is checked first; a wrong one is named and nothing is "
        "sent. A later declaration of the same indicator, month and scope replaces the earlier one.",
        epilog="Example: vigie declare septembre-2026.csv --check",
    )(declare)


def declare(
    source: FileArgument,
    check: Annotated[bool, typer.Option("--check", help="Check the file, send nothing.")] = False,
    withdraw: Annotated[
        bool,
        typer.Option("--withdraw", help="Take back what was declared under the lines' keys."),
    ] = False,
    kafka: KafkaOption = None,
) -> int:
    """Check and send; 0 once Kafka has confirmed every line."""
    settings = load_settings(kafka_bootstrap=kafka)
    if not check:
        settings.require_kafka()
    several = read_file(source, objectives_of(settings))
    indicators = len({one.indicator for one in several})
    what = f"{len(several)} declarations of {indicators} indicators"
    from streams.commands.output import say

    if check:
        say(f"{source.name}: {what}, nothing wrong, nothing sent")
        return 0
    from streams.codec import SliceCodec
    from streams.command_user import command_actor
    from streams.declarations import publish_declarations
    from streams.kafka_access import kafka_access
    from streams.registry import Registry
    from streams.schemas import Schemas

    url = settings.schema_registry_url
    publish_declarations(
        kafka_access(settings),
        several,
        SliceCodec(Schemas.load(), Registry(url) if url else None),
        now_ms=time.time_ns() // 1_000_000,
        actor=command_actor(settings),
        withdraw=withdraw,
    )
    say(f"{source.name}: {what}, {'taken back, ' if withdraw else ''}confirmed by Kafka")
    return 0


def objectives_of(settings: Settings) -> Objectives:
    """The objectives of the settings.

    Raises:
        ConfigError: their folder cannot be read.
        InputError: a file of it is wrong, or the settings' departments have none.
    """
    from agents.objectives.loading import load_objectives

    objectives = load_objectives(settings.objectives_dir, settings.departments)
    if objectives is None:
        raise InputError(
            "VIGIE_OBJECTIVES_DIR: the departments of VIGIE_DEPARTMENTS have no objectives of their own"
        )
    return objectives


def read_file(path: Path, objectives: Objectives) -> list[Declaration]:
    """The declarations of a file, all of them checked.

    Raises:
        InputError: the file cannot be read or a line is wrong; names file, line and column.
    """
    from agents.objectives.declared_lines import read_declarations
    from streams.event_time import date_of_day, paris_day

    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; save it as CSV UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    today = date_of_day(paris_day(time.time_ns() // 1_000_000))
    return read_declarations(text, str(path), objectives.grounds.registry, objectives.scopes, today)
