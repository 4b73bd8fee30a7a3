"""`vigie worker`: the service."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import KafkaOption, load_settings
from streams.settings import PREFIX, Settings

if TYPE_CHECKING:
    from metrics.web import Site


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "worker",
        help="Run the service against the Kafka of the settings, until SIGTERM or Ctrl-C.\n\n"
        "Ends with 0 after an orderly stop, 1 when it cannot go on, 3 when it stalled.\n\n"
        + _settings_text(),
        epilog="Example: VIGIE_KAFKA_BOOTSTRAP=localhost:9092 vigie worker",
    )(worker)


def worker(
    kafka: KafkaOption = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port of the live page and /metrics; wins over VIGIE_HTTP_PORT.", min=0),
    ] = None,
) -> int:
    """Run a worker and give back its exit code."""
    settings = load_settings(kafka_bootstrap=kafka, http_port=port)
    settings.require_kafka()
    from streams.logs import configure_logging
    from streams.worker import run

    configure_logging()
    return run(settings, announce=_announce)


def _announce(site: Site) -> None:
    logging.getLogger("vigie").info("live page and /metrics at %s", site.url)


def _settings_text() -> str:
    """Every setting, from the one place that defines it."""
    lines = ["[bold]Settings[/], read from the environment:", ""]
    for field in dataclasses.fields(Settings):
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = f" [dim](default {default})[/]" if default != "" else ""
        lines += [f"[cyan]{PREFIX}{field.name.upper()}[/]  {field.metadata['doc']}{shown}", ""]
    return "\n".join(lines)
