"""Options and settings that several subcommands share."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.errors import InputError
from streams.settings import Settings

KafkaOption = Annotated[
    str | None,
    typer.Option(
        "--kafka",
        metavar="HOST:PORT[,…]",
        help="Kafka servers; wins over VIGIE_KAFKA_BOOTSTRAP.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document, no progress bar.")]
RecordingArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="A recording: one <topic>.avro per flow.")
]


def load_settings(**overrides: Any) -> Settings:
    """The settings of the environment; options that were given win.

    Raises:
        ConfigError: a setting is unknown, malformed or out of range.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    return Settings.from_env(os.environ, **given)


def parse_day(option: str, text: str) -> date:
    """A calendar day.

    Raises:
        InputError: the text is not `YYYY-MM-DD`; names the option.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option}: not a day (YYYY-MM-DD): {text}") from None


def at_least(option: str, value: float, minimum: float) -> None:
    """Hold an option's lower bound.

    Raises:
        InputError: it is below; names the option.
    """
    # Written so that NaN fails as well.
    if not value >= minimum:
        raise InputError(f"{option}: must be at least {minimum:g}")


def above_zero(option: str, value: float) -> None:
    """Hold an option above zero and finite.

    Raises:
        InputError: it is not; names the option.
    """
    if not 0 < value < float("inf"):
        raise InputError(f"{option}: must be above 0")


def existing_recording(directory: Path) -> Path:
    """The folder of a recording, checked before anything is started.

    Raises:
        InputError: no such folder, or none of the flows is recorded in it.
    """
    from streams.topics import FLOWS

    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory")
    if not any((directory / f"{flow}.avro").is_file() for flow in FLOWS):
        raise InputError(f"{directory}: holds no recording, no <topic>.avro of any flow")
    return directory


def fresh_file(option: str, path: Path) -> Path:
    """A file that is to be written and must not exist yet.

    Raises:
        InputError: it exists, or its folder does not; names the option.
    """
    if path.exists():
        raise InputError(f"{option}: {path} exists already")
    if not path.parent.is_dir():
        raise InputError(f"{option}: {path.parent}: no such directory")
    return path
