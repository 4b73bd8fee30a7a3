"""A real Alertmanager for the system tests, from the distribution's package."""

from __future__ import annotations

import json
import os
import shutil
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from simulators.broker import LOOPBACK, free_port
from tests.support.servers_process import ServerError, ServerProcess

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_READY_TIMEOUT_S = 120.0
_HTTP_TIMEOUT_S = 30.0
_PLACES = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin"


class Pager:
    """Stands for whoever is notified: keeps what Alertmanager's webhook tells."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                for alert in json.loads(self.rfile.read(length))["alerts"]:
                    told.append((alert["labels"]["finding"], alert["status"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}/"

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


class Alertmanager:
    """One Alertmanager; its data outlives a kill, its alerts do not (it keeps them in memory).

    Args:
        directory: where its configuration, data and log go.
        webhook: address that it notifies.
    """

    def __init__(self, directory: Path, *, webhook: str) -> None:
        program = shutil.which("prometheus-alertmanager", path=_PLACES)
        if program is None:
            raise ServerError("prometheus-alertmanager: not found; make servers installs it")
        directory.mkdir(parents=True, exist_ok=True)
        # JSON is YAML, so that no YAML writer is needed.
        configuration = directory / "alertmanager.yml"
        configuration.write_text(
            json.dumps(
                {
                    "route": {
                        "receiver": "pager",
                        "group_by": ["finding"],
                        "group_wait": "0s",
                        "group_interval": "1s",
                        "repeat_interval": "1h",
                    },
                    "receivers": [
                        {
                            "name": "pager",
                            "webhook_configs": [{"url": webhook, "send_resolved": True}],
                        }
                    ],
                }
            )
        )
        self._port = free_port()
        self.process = ServerProcess(
            "alertmanager",
            [
                program,
                f"--config.file={configuration}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address={LOOPBACK}:{self._port}",
                "--cluster.listen-address=",
            ],
            log=directory / "alertmanager.log",
            env={"PATH": _PLACES, "HOME": str(directory)},
        )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        self.process.start()
        self.process.until(self._is_ready, timeout_s=_READY_TIMEOUT_S, what="ready")

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds to be true now."""
        found: list[dict[str, Any]] = json.loads(self._get("/api/v2/alerts"))
        return found

    def firing(self) -> set[str]:
        """The findings among them."""
        return {alert["labels"]["finding"] for alert in self.alerts()}

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
