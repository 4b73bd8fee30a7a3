"""`vigie demo`: broker, simulated region, worker and page on one machine, all on loopback.

The broker and the source are child processes that cannot outlive this one; the worker is this
process, composed exactly like `vigie worker`. Nothing is read from the environment: a demo must not
reach the Kafka of a service by accident.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from agents.objectives.declared_lines import read_declarations
from agents.objectives.loading import load_objectives
from simulators.attacks.catalogue import wanted
from simulators.broker import EmbeddedBroker
from simulators.declared_sheet import declared_sheet
from simulators.leash import leashed
from simulators.live import AT_ITS_WORST, ATTACK_AFTER_S
from streams.codec import SliceCodec
from streams.command_user import command_actor
from streams.commands.output import say
from streams.declarations import publish_declarations
from streams.event_time import date_of_day, paris_day
from streams.kafka_access import kafka_access
from streams.logs import configure_logging
from streams.schemas import Schemas
from streams.settings import Settings
from streams.topic_admin import ensure_topics
from streams.worker import run as run_worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metrics.web import Site

PARTITIONS: Final = 4
# The embedded broker lets a lone member join after half of this.
_SESSION_TIMEOUT_S = 6
_SOURCE_STOP_S = 2.0


def run(
    *, port: int, speed: float, seed: int, seconds: float | None, attacks: Sequence[str] = ()
) -> int:
    """Run the demo until Ctrl-C, or for some seconds.

    Args:
        port: wanted port of the live page; another is taken where it is not free.
        speed: traffic relative to the real region's.
        seed: of the simulated region.
        seconds: end by itself after so long; `None` for never.
        attacks: attacks that begin some seconds after the start, as `vigie simulate` takes them.

    Returns:
        0 after an orderly end, 1 when a part of it failed.

    Raises:
        InputError: no embedded broker for this platform, or no such attack.
    """
    attacks = [AT_ITS_WORST.get(text, text) for text in attacks]
    for text in attacks:
        wanted(text)
    configure_logging()
    # Whoever watches a demo wants its addresses and its troubles, not each service's coming and going.
    logging.getLogger("streams").setLevel(logging.WARNING)
    with EmbeddedBroker() as broker:
        settings = Settings.from_env(
            {},
            kafka_bootstrap=broker.bootstrap,
            partitions=PARTITIONS,
            session_timeout_s=_SESSION_TIMEOUT_S,
            http_port=port,
        )
        ensure_topics(settings, create=True, replays=True)
        _declare(settings, seed)
        with _source(broker.bootstrap, speed, seed, attacks) as source:

            def announce(site: Site) -> None:
                _print_addresses(site, port, broker.bootstrap)
                if attacks:
                    say(f"Attack     {' '.join(attacks)}, {ATTACK_AFTER_S:.0f} s after the start")
                if seconds is not None:
                    _end_after(seconds)

            code = run_worker(settings, fallback=True, announce=announce)
            return code or (1 if source.poll() else 0)


def _declare(settings: Settings, seed: int) -> None:
    """What no flow can tell, invented for the simulated region and checked like any declaration."""
    now_ms = time.time_ns() // 1_000_000
    today = date_of_day(paris_day(now_ms))
    objectives = load_objectives(settings.objectives_dir, settings.departments)
    if objectives is None:
        return
    registry, scopes = objectives.grounds.registry, objectives.scopes
    sheet = declared_sheet(seed, today)
    several = read_declarations(sheet, "declared_sheet", registry, scopes, today)
    publish_declarations(
        kafka_access(settings),
        several,
        SliceCodec(Schemas.load()),
        now_ms=now_ms,
        actor=command_actor(settings),
    )


def _print_addresses(site: Site, wanted_port: int, bootstrap: str) -> None:
    if wanted_port not in (0, site.port):
        say(f"Port {wanted_port} is taken; the page listens on {site.port} instead.")
    say(f"Live page  {site.url}")
    say(f"Metrics    {site.url}metrics")
    say(f"Kafka      {bootstrap} (embedded, in memory)")
    say("The first events show within ten seconds. Ctrl-C ends the demo.")


@contextmanager
def _source(
    bootstrap: str, speed: float, seed: int, attacks: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The simulated region as a child process; if it fails, the demo ends."""
    argv = [sys.executable, "-m", "simulators.live", bootstrap, str(speed), str(seed), *attacks]
    # A session of its own keeps the terminal's Ctrl-C for this process, which ends the child itself.
    process = subprocess.Popen(leashed(argv), start_new_session=True)  # noqa: S603 (our own module)
    ending = threading.Event()
    threading.Thread(target=_end_with, args=(process, ending), daemon=True).start()
    try:
        yield process
    finally:
        # From here on the source may fail as it likes: it was interrupted in the middle of something.
        ending.set()
        # Before the broker goes: a source without a broker would complain.
        process.terminate()
        try:
            process.wait(_SOURCE_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with(process: subprocess.Popen[bytes], ending: threading.Event) -> None:
    if process.wait() > 0 and not ending.is_set():
        sys.stderr.write("vigie: the simulated region failed; the demo ends\n")
        os.kill(os.getpid(), signal.SIGTERM)


def _end_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()
