"""The project's own alerting on loopback: rendered copies of its files, and who is told."""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from simulators.broker import LOOPBACK
from tests.support import alert_rules as rules
from tests.support.servers_alertmanager import Alertmanager
from tests.support.servers_prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType


@dataclass(frozen=True, slots=True)
class Notification:
    """What a receiver was told at once.

    Attributes:
        receiver: of the configuration.
        status: firing or resolved.
        alerts: labels and annotations of each.
    """

    receiver: str
    status: str
    alerts: tuple[tuple[dict[str, str], dict[str, str]], ...]

    @property
    def names(self) -> set[str]:
        return {labels["alertname"] for labels, _ in self.alerts}


class Target:
    """A `/metrics` with a given text, on a port of its own; it can go away and come back."""

    def __init__(self, port: int, text: str) -> None:
        self.port = port
        self._text = text.encode()
        self._server: ThreadingHTTPServer | None = None

    def up(self) -> None:
        text = self._text

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def down(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Receivers:
    """Stands for pagers, chats and mail gateways: keeps what each receiver is told."""

    def __init__(self) -> None:
        self.told: list[Notification] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                alerts = tuple((one["labels"], one["annotations"]) for one in body["alerts"])
                receiver = urlsplit(self.path).path.strip("/")
                told.append(Notification(receiver, body["status"], alerts))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def url(self, receiver: str) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}/{receiver}"

    def of(self, receiver: str, *names: str) -> list[Notification]:
        """What a receiver was told of any of these alerts."""
        return [one for one in self.told if one.receiver == receiver and one.names & set(names)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def project_alertmanager(directory: Path, receivers: Receivers) -> Alertmanager:
    """A real Alertmanager with the project's routes and inhibitions, some of it rendered anew.

    Every receiver gets an address; waits and intervals become a second; working hours are all hours.
    """
    made = Alertmanager(directory, webhook=receivers.url("unused"))
    content = copy.deepcopy(rules.load(rules.ALERTMANAGER))
    for one in content["receivers"]:
        one["webhook_configs"] = [{"url": receivers.url(one["name"]), "send_resolved": True}]
    content["templates"] = [str(rules.ALERTMANAGER.parent / "templates" / "*.tmpl")]
    _hurry(content["route"])
    (directory / "alertmanager.yml").write_text(json.dumps(content))
    return made


def _hurry(route: dict[str, Any]) -> None:
    route.pop("active_time_intervals", None)
    route["group_wait"] = "1s"
    route["group_interval"] = "1s"
    for child in route.get("routes", ()):
        _hurry(child)


class ProjectPrometheus(Prometheus):
    """A real Prometheus with the project's configuration and rules, some of it rendered anew.

    Scrapes and evaluations come each second, a minute of a `for` lasts two, targets are loopback ports,
    and what is true is told again every five: it finds its Alertmanager some seconds after its start.

    Args:
        directory: where its files go.
        ports: of the workers that it expects.
        alertmanager: address of the one that it tells.
    """

    def __init__(self, directory: Path, *, ports: Sequence[int], alertmanager: str) -> None:
        super().__init__(directory, ports=ports, flags=("--rules.alert.resend-delay=5s",))
        content = copy.deepcopy(rules.load(rules.PROMETHEUS / "prometheus.yml"))
        own = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        content["global"] |= own
        (targets,) = content["alerting"]["alertmanagers"]
        targets["static_configs"] = [{"targets": [urlsplit(alertmanager).netloc]}]
        # Only the workers; who watches the watchers is not there to be watched.
        content["scrape_configs"] = [
            {
                "job_name": "vigie",
                "static_configs": [{"targets": [f"{LOOPBACK}:{port}" for port in ports]}],
            }
        ]
        content["rule_files"] = [
            str(_hurried(path, directory)) for path in rules.RULES.glob("*.yml")
        ]
        self._configuration = content
        self._configure()


def _a_minute_in_two_seconds(hold: str) -> str:
    number, unit = int(hold[:-1]), hold[-1]
    return f"{number * {'m': 2, 'h': 120, 'd': 2_880}[unit]}s"


def _hurried(path: Path, directory: Path) -> Path:
    content = copy.deepcopy(rules.load(path))
    for group in content["groups"]:
        group.pop("interval")
        for rule in group["rules"]:
            if "alert" in rule:
                rule["for"] = _a_minute_in_two_seconds(rule["for"])
    copied = directory / path.name
    copied.write_text(json.dumps(content))
    return copied
