"""A Confluent-compatible schema registry of a few lines, on loopback, that remembers what it is told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Registry(ThreadingHTTPServer):
    schemas: list[str]
    subjects: list[str]


class _Handler(BaseHTTPRequestHandler):
    server: _Registry

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["schema"] not in self.server.schemas:
            self.server.schemas.append(body["schema"])
        self.server.subjects.append(self.path.split("/")[2])
        self._reply({"id": self.server.schemas.index(body["schema"]) + 1})

    def do_GET(self) -> None:
        number = int(self.path.rstrip("/").rsplit("/", 1)[1])
        self._reply({"schema": self.server.schemas[number - 1]})

    def _reply(self, answer: Any) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        pass


class RegistryServer:
    """A registry that can go away and come back at its address with what it was told."""

    def __init__(self) -> None:
        self._schemas: list[str] = []
        self._subjects: list[str] = []
        self._port = 0
        self._server: _Registry | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def subjects(self) -> list[str]:
        """What was registered, in its order."""
        return self._subjects

    def up(self) -> None:
        """Listen; at the same port each time."""
        self._server = server = _Registry(("127.0.0.1", self._port), _Handler)
        server.schemas, server.subjects = self._schemas, self._subjects
        self._port = server.server_port
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def down(self) -> None:
        """Refuse every connection from now on."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None


@contextmanager
def schema_registry() -> Iterator[tuple[str, list[str]]]:
    """The registry's address, and the subjects that were registered."""
    server = RegistryServer()
    server.up()
    try:
        yield server.url, server.subjects
    finally:
        server.down()
