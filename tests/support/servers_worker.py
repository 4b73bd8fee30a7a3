"""A worker of the service as a process of its own, and what its `/metrics` says."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from prometheus_client.parser import text_string_to_metric_families

from simulators.broker import LOOPBACK
from streams.topics import FLOWS
from tests.support.servers_kafka import server_port
from tests.support.servers_process import ServerProcess

if TYPE_CHECKING:
    from types import TracebackType

    from tests.support.servers_traffic import Key

COMMAND: Final = (str(Path(sys.executable).with_name("vigie")), "worker")

_HTTP_TIMEOUT_S = 30.0


class Worker:
    """One `vigie worker`.

    Args:
        directory: where its log goes.
        name: of the log, and in errors.
        bootstrap: Kafka servers.
        settings: further settings by field name of `streams.settings.Settings`.
        command: the program and its arguments.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        bootstrap: str,
        command: tuple[str, ...] = COMMAND,
        **settings: str | int,
    ) -> None:
        self.port = server_port()
        values = {"kafka_bootstrap": bootstrap, "http_port": self.port} | settings
        env = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        env |= {f"VIGIE_{key.upper()}": str(value) for key, value in values.items()}
        self.process = ServerProcess(name, command, log=directory / f"{name}.log", env=env)

    def start(self) -> None:
        self.process.start()

    def wait_ready(self, timeout_s: float = 180.0) -> None:
        """Wait until its state is recovered and it takes events."""
        self.process.until(self.is_ready, timeout_s=timeout_s, what="ready")

    def is_ready(self) -> bool:
        try:
            return self._get("/readyz") is not None
        except OSError:
            return False

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample of `/metrics` by name and labels; none while it does not answer."""
        try:
            text = self._get("/metrics")
        except OSError:
            return {}
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families((text or b"").decode())
            for sample in family.samples
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.close()

    def _get(self, path: str) -> bytes | None:
        url = f"http://{LOOPBACK}:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=_HTTP_TIMEOUT_S) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError:
            return None
        return content


def counted(*workers: Worker) -> Counter[Key]:
    """`vigie_events_total` of the workers together, without the partitions.

    The counters hold what the last confirmed checkpoint of each partition counted since the topic's
    beginning, so the sum over the workers that live is the service's total, whoever died before.
    """
    totals: Counter[Key] = Counter()
    for worker in workers:
        for (name, labels), value in worker.samples().items():
            if name == "vigie_events_total" and value:
                of = dict(labels)
                totals[of["flow"], of["sector"], of["outcome"]] += int(value)
    return totals


def summed(name: str, *workers: Worker, **labels: str) -> float:
    """Sum of a metric's samples that carry these labels, over the workers."""
    wanted = frozenset(labels.items())
    return sum(
        value
        for worker in workers
        for (sample, has), value in worker.samples().items()
        if sample == name and wanted <= has
    )


def taken(*workers: Worker) -> float:
    """Records of the flows that workers took in, whether a checkpoint covers them yet or not.

    What a rate is measured by: totals are those of confirmed checkpoints, which come every five seconds
    behind a backlog.
    """
    return sum(summed("vigie_slice_records_total", *workers, flow=flow) for flow in FLOWS)
