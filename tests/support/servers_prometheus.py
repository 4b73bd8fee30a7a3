"""A real Prometheus for the system tests, from the distribution's package."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Literal, Self

from simulators.broker import LOOPBACK, free_port
from tests.support.servers_process import ServerError, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

_READY_TIMEOUT_S = 120.0
_HTTP_TIMEOUT_S = 30.0
# Debian installs the daemon there, which is not on every user's PATH.
_PAST = (
    "--web.enable-remote-write-receiver",
    "--web.enable-lifecycle",
    "--storage.tsdb.retention.time=100y",
)
_PLACES = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin"


class Prometheus:
    """A Prometheus that scrapes loopback ports every second, as long as the `with` block lasts.

    Args:
        directory: where its configuration, data and log go.
        ports: the ports whose `/metrics` it scrapes.
        interval_s: the scrape interval in seconds.
        past: it also takes samples of any time by remote write, and keeps them.
        flags: further arguments of the program.
    """

    def __init__(
        self,
        directory: Path,
        *,
        ports: Sequence[int],
        interval_s: int = 1,
        past: bool = False,
        flags: Sequence[str] = (),
    ) -> None:
        program = shutil.which("prometheus", path=_PLACES)
        if program is None:
            raise ServerError("prometheus: not found; make servers installs it")
        directory.mkdir(parents=True, exist_ok=True)
        targets = [f"{LOOPBACK}:{port}" for port in ports]
        self._configuration: dict[str, Any] = {
            "global": {"scrape_interval": f"{interval_s}s", "scrape_timeout": f"{interval_s}s"},
            "scrape_configs": [{"job_name": "vigie", "static_configs": [{"targets": targets}]}],
            **({"storage": {"tsdb": {"out_of_order_time_window": "10y"}}} if past else {}),
        }
        self._file = directory / "prometheus.yml"
        self._configure()
        self._port = free_port()
        self._process = ServerProcess(
            "prometheus",
            [
                program,
                f"--config.file={self._file}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={LOOPBACK}:{self._port}",
                *(_PAST if past else ()),
                *flags,
            ],
            log=directory / "prometheus.log",
            env={"PATH": _PLACES, "HOME": str(directory)},
        )

    @property
    def remote_write_url(self) -> str:
        """Where samples are taken, if it was started for the past."""
        return f"http://{LOOPBACK}:{self._port}/api/v1/write"

    def start(self) -> None:
        self._process.start()
        self._process.until(self._is_ready, timeout_s=_READY_TIMEOUT_S, what="ready")

    def stop(self) -> None:
        self._process.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def query(self, expression: str, *, at_s: float | None = None) -> dict[tuple[str, ...], float]:
        """Run an instant query.

        Args:
            expression: PromQL that gives a vector.
            at_s: evaluation time, epoch seconds; now when `None`.

        Returns:
            A value per label set; the key is its sorted `name=value` texts.

        Raises:
            ServerError: Prometheus refuses the expression or answers with no vector.
        """
        asked = {"query": expression} | ({} if at_s is None else {"time": f"{at_s:.3f}"})
        try:
            answer = json.loads(self._get(f"/api/v1/query?{urllib.parse.urlencode(asked)}"))
        except urllib.error.HTTPError as refusal:
            raise self._process.error(refusal.read().decode()) from None
        if answer["data"]["resultType"] != "vector":
            raise self._process.error(f"{expression}: gives a {answer['data']['resultType']}")
        return {
            tuple(sorted(f"{name}={value}" for name, value in row["metric"].items())): float(
                row["value"][1]
            )
            for row in answer["data"]["result"]
        }

    def query_range(
        self, expression: str, *, start_s: float, end_s: float, step_s: float
    ) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Run a range query: each series' labels, and its times (Unix) and values.

        Raises:
            ServerError: Prometheus refuses the expression.
        """
        asked = {"query": expression, "start": start_s, "end": end_s, "step": step_s}
        try:
            answer = json.loads(self._get(f"/api/v1/query_range?{urllib.parse.urlencode(asked)}"))
        except urllib.error.HTTPError as refusal:
            raise self._process.error(refusal.read().decode()) from None
        return [
            (row["metric"], [(at_s, float(value)) for at_s, value in row["values"]])
            for row in answer["data"]["result"]
        ]

    def load_rules(self, files: Sequence[Path]) -> None:
        """Take over rule files; they are evaluated from now on.

        Raises:
            ServerError: they are wrong.
        """
        self._configuration["rule_files"] = [str(path.resolve()) for path in files]
        self._configure()
        url = f"http://{LOOPBACK}:{self._port}/-/reload"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, method="POST"), timeout=_HTTP_TIMEOUT_S
            ):
                pass
        except urllib.error.HTTPError as refusal:
            raise self._process.error(refusal.read().decode()) from None

    def rules(self, kind: Literal["alert", "record"]) -> list[dict[str, Any]]:
        """The loaded rules of a kind in the order of their evaluation, as the API tells them."""
        answer = json.loads(self._get(f"/api/v1/rules?type={kind}"))
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

    def scalar(self, expression: str, *, at_s: float | None = None) -> float | None:
        """The only value of an instant query; `None` when it gives no series.

        Raises:
            ServerError: it gives several series.
        """
        values = list(self.query(expression, at_s=at_s).values())
        if len(values) > 1:
            raise self._process.error(f"{expression}: gives {len(values)} series")
        return values[0] if values else None

    def wait_scraped(self, *, timeout_s: float = 120.0) -> None:
        """Wait until every target was scraped with success."""
        self._process.until(
            lambda: self.query("up") and all(value == 1 for value in self.query("up").values()),
            timeout_s=timeout_s,
            what="scraping every target",
        )

    def _configure(self) -> None:
        # JSON is YAML, so that no YAML writer is needed.
        self._file.write_text(json.dumps(self._configuration))

    def _is_ready(self) -> bool:
        try:
            return bool(self._get("/-/ready"))
        except OSError:
            return False

    def _get(self, path: str) -> bytes:
        url = f"http://{LOOPBACK}:{self._port}{path}"
        with urllib.request.urlopen(url, timeout=_HTTP_TIMEOUT_S) as answer:
            content: bytes = answer.read()
        return content
