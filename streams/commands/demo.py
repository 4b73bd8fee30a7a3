"""`vigie demo`: everything on this machine, without Docker or Java."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import above_zero, at_least


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "demo",
        help="Run everything on this machine: embedded broker, simulated region, worker, live page "
        "and /metrics, all on loopback.\n\nPorts that are taken are replaced by free ones. "
        "Ctrl-C ends it.",
        epilog="Example: vigie demo --speed 20 --attack predice",
    )(demo)


def demo(
    port: Annotated[
        int, typer.Option(help="Wanted port of the live page; 0 picks one.", min=0, max=65535)
    ] = 6066,
    speed: Annotated[float, typer.Option(help="Traffic, times that of the real region.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Seed of the simulated region.")] = 1,
    seconds: Annotated[
        float | None, typer.Option(help="End by itself after so long.", show_default=False)
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:PARAM=VALUE,…]",
            help="An attack that begins some seconds after the start; may be given several times. "
            "An unknown name lists them all.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Run the demo until Ctrl-C."""
    above_zero("--speed", speed)
    at_least("--seed", seed, 0)
    if seconds is not None:
        above_zero("--seconds", seconds)
    from streams.demo import run

    return run(port=port, speed=speed, seed=seed, seconds=seconds, attacks=attack or ())
