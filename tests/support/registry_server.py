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


@contextmanager
def schema_registry() -> Iterator[tuple[str, list[str]]]:
    """The registry's address, and the subjects that were registered."""
    server = _Registry(("127.0.0.1", 0), _Handler)
    server.schemas, server.subjects = [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.subjects
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
