import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from streams.errors import ConfigError, TransientError
from streams.registry import (
    ANSWER_MAX_BYTES,
    ASK_AGAIN_S,
    SCHEMA_MAX_CHARACTERS,
    UNKNOWN_MAX,
    Registry,
)

RECORD = {"type": "record", "name": "R", "fields": []}


class FakeServer(HTTPServer):
    """Answers from a table of path -> (status, body) and notes what it was asked."""

    answers: dict[str, tuple[int, Any]]
    asked: list[tuple[str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def do_GET(self) -> None:
        self._reply(None)

    def do_POST(self) -> None:
        self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _reply(self, body: Any) -> None:
        self.server.asked.append((self.path, body))
        status, answer = self.server.answers.get(self.path, (404, {"error_code": 40403}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        pass


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer(("127.0.0.1", 0), Handler)
    fake.answers, fake.asked = {}, []
    thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    fake.shutdown()
    thread.join()
    fake.server_close()


def client(server: FakeServer, now: list[float] | None = None) -> Registry:
    times = now or [0.0]
    return Registry(
        f"http://127.0.0.1:{server.server_port}/", timeout_s=2.0, clock=lambda: times[0]
    )


def test_a_schema_is_asked_for_once(server: FakeServer) -> None:
    server.answers["/schemas/ids/5"] = (200, {"schema": json.dumps(RECORD)})
    registry = client(server)
    assert registry.schema(5) == registry.schema(5) == RECORD
    assert server.asked == [("/schemas/ids/5", None)]


def test_an_unknown_id_is_asked_for_again_only_after_a_while(server: FakeServer) -> None:
    now = [100.0]
    registry = client(server, now)
    assert registry.schema(5) is None
    server.answers["/schemas/ids/5"] = (200, {"schema": json.dumps(RECORD)})
    now[0] += ASK_AGAIN_S - 0.1
    assert registry.schema(5) is None
    assert len(server.asked) == 1
    now[0] += 0.1
    assert registry.schema(5) == RECORD


@pytest.mark.parametrize(
    "answer",
    [
        {"schema": "{}", "schemaType": "JSON"},
        {"schema": '"string"'},
        {"schema": "{"},
        {"other": 1},
    ],
)
def test_what_is_no_avro_record_counts_as_unknown(server: FakeServer, answer: Any) -> None:
    server.answers["/schemas/ids/5"] = (200, answer)
    assert client(server).schema(5) is None


def test_a_schema_is_registered_once_under_its_subject(server: FakeServer) -> None:
    server.answers["/subjects/insi-calls-value/versions"] = (200, {"id": 12})
    registry = client(server)
    assert registry.register("insi-calls-value", RECORD) == 12
    assert registry.register("insi-calls-value", RECORD) == 12
    [(path, body)] = server.asked
    assert path == "/subjects/insi-calls-value/versions"
    assert json.loads(body["schema"]) == RECORD


def test_a_refused_schema_is_a_fault_of_the_setting(server: FakeServer) -> None:
    server.answers["/subjects/s/versions"] = (409, {"message": "incompatible"})
    with pytest.raises(ConfigError, match="refuses the schema"):
        client(server).register("s", RECORD)


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}),
        (503, b"busy"),
        (200, b"<html>"),
        (200, []),
        (200, b"[" * 90_000),
        (200, b'{"schema": "' + b" " * ANSWER_MAX_BYTES),
    ],
)
def test_a_registry_out_of_order_stops_and_is_never_taken_for_unknown(
    server: FakeServer, answer: tuple[int, Any]
) -> None:
    server.answers["/schemas/ids/5"] = answer
    with pytest.raises(TransientError, match="schema registry"):
        client(server).schema(5)


def test_a_registry_that_gives_no_id_is_out_of_order(server: FakeServer) -> None:
    server.answers["/subjects/s/versions"] = (200, {"id": "twelve"})
    with pytest.raises(TransientError, match="no id"):
        client(server).register("s", RECORD)


def test_a_registry_that_is_not_there_stops(server: FakeServer) -> None:
    registry = client(server)
    server.server_close()
    with pytest.raises(TransientError, match="no answer"):
        registry.schema(5)


@pytest.mark.parametrize("url", ["registry:8081", "ftp://host", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_is_named_by_its_setting(url: str) -> None:
    with pytest.raises(ConfigError, match="VIGIE_SCHEMA_REGISTRY_URL"):
        Registry(url)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        Registry("http://me:secret@host")
    assert "secret" not in str(caught.value)


def test_made_up_ids_cost_few_questions_and_no_memory(server: FakeServer) -> None:
    now_s = [0.0]
    registry = client(server, now_s)

    for schema_id in range(3 * UNKNOWN_MAX):
        assert registry.schema(schema_id) is None

    assert len(server.asked) == UNKNOWN_MAX
    now_s[0] = ASK_AGAIN_S
    server.answers["/schemas/ids/9999"] = (200, {"schema": json.dumps(RECORD)})
    assert registry.schema(9999) == RECORD


def test_a_schema_longer_than_any_of_ours_is_not_parsed(server: FakeServer) -> None:
    long = RECORD | {"doc": "x" * SCHEMA_MAX_CHARACTERS}
    server.answers["/schemas/ids/5"] = (200, {"schema": json.dumps(long)})

    assert client(server).schema(5) is None
