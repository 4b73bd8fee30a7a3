from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics.registry import build_registry
from metrics.web import HEADERS, Monitor, bind
from metrics.web_hosts import is_loopback
from metrics.worker import WorkerMetrics
from streams.errors import ConfigError
from streams.observing import WorkerStatus
from tests.support.fake_region import NOW_MS, FakeRegion
from tests.support.findings import finding, view
from tests.support.objectives import FakeObjectives

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
from typing import TypeAlias

Client: TypeAlias = TestClient[web.Request, web.Application]


def _monitor(worker: WorkerMetrics | None = None) -> Monitor:
    worker = worker or WorkerMetrics(WorkerStatus())
    region = FakeRegion()
    found = view(finding())
    objectives = FakeObjectives()
    registry = build_registry(region, worker, lambda: NOW_MS, found, objectives=objectives)
    return Monitor(registry, region, worker, lambda: NOW_MS, found, objectives=objectives)


def _with_client(
    use: Callable[[Client], Awaitable[None]], worker: WorkerMetrics | None = None
) -> None:
    async def run() -> None:
        async with TestClient(TestServer(_monitor(worker).app("127.0.0.1"))) as client:
            await use(client)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_metrics_speak_both_expositions() -> None:
    async def use(client: Client) -> None:
        plain = await client.get("/metrics")
        assert plain.headers["Content-Type"].startswith("text/plain")
        assert 'vigie_events_total{flow="insi-calls",outcome="SUCCESS"' in await plain.text()
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        modern = await client.get("/metrics", headers=accept)
        assert modern.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await modern.text()).endswith("# EOF\n")

    _with_client(use)


def test_findings_are_in_the_metrics_and_in_the_feed() -> None:
    async def use(client: Client) -> None:
        metrics = await (await client.get("/metrics")).text()
        assert 'vigie_findings_open{detector="tail",severity="HIGH"} 1.0' in metrics
        (found,) = (await (await client.get("/api/findings")).json())["findings"]
        assert found["reasons_en"] == ["735 distinct patients within 24 h; 31 expected."]

    _with_client(use)


def test_objectives_are_in_the_metrics_and_answered_as_json() -> None:
    async def use(client: Client) -> None:
        metrics = await (await client.get("/metrics")).text()
        assert 'vigie_objective_off_track{objective="esms_dmp"} 1.0' in metrics
        answer = await client.get("/api/objectives")
        assert answer.headers["Content-Type"].startswith("application/json")
        (one,) = (await answer.json())["objectives"]
        assert (one["id"], one["denominator"], one["deadline"]) == ("esms_dmp", 2471, "2026-12-31")

    _with_client(use)


def test_a_worker_is_alive_before_it_is_ready() -> None:
    status = WorkerStatus()
    worker = WorkerMetrics(status)

    async def use(client: Client) -> None:
        assert (await client.get("/healthz")).status == 200
        assert (await client.get("/readyz")).status == 503
        status.phase = "running"
        assert (await client.get("/readyz")).status == 200

    _with_client(use, worker)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/signin",
        "/app.js",
        "/api/session",
        "/api/state",
        "/api/findings",
        "/metrics",
        "/nothing-here",
    ],
)
def test_every_answer_carries_the_security_headers(path: str) -> None:
    async def use(client: Client) -> None:
        answer = await client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS

    _with_client(use)


def test_a_loopback_server_refuses_foreign_names() -> None:
    async def use(client: Client) -> None:
        answer = await client.get("/api/state", headers={"Host": "elsewhere.example"})
        assert answer.status == 403
        assert (await client.get("/api/state", headers={"Host": "localhost:1"})).status == 200

    _with_client(use)


def test_the_stream_sends_the_state_at_once_and_ends_with_the_server() -> None:
    async def run() -> None:
        site = await bind(_monitor().app("127.0.0.1"), "127.0.0.1", 0, fallback=False)
        async with aiohttp.ClientSession() as session:
            answer = await session.get(site.url + "api/stream")
            assert answer.headers["Content-Type"] == "text/event-stream"
            line = await answer.content.readline()
            assert orjson.loads(line.removeprefix(b"data: "))["now_ms"] == NOW_MS
            await site.close()
            assert (await answer.content.read()).strip() == b""

    asyncio.run(asyncio.wait_for(run(), 10))


def test_pages_beyond_the_limit_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.web.STREAMS_MAX", 1)

    async def use(client: Client) -> None:
        first = await client.get("/api/stream")
        assert (await client.get("/api/stream")).status == 503
        first.close()

    _with_client(use)


def test_whose_request_broke_stands_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise RuntimeError("of the program")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/", fail)
        site = await bind(app, "127.0.0.1", 0, fallback=False)
        async with aiohttp.ClientSession() as session:
            assert (await session.get(site.url)).status == 500
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: [x\r\nBroken\x00: y\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        await site.close()

    asyncio.run(asyncio.wait_for(run(), 10))
    said = [record.getMessage() for record in caplog.records]
    assert said.count("a request failed") == 2
    assert not any("127.0.0.1" in text for text in said)


def _taken_port() -> tuple[socket.socket, int]:
    taken = socket.create_server(("127.0.0.1", 0))
    return taken, taken.getsockname()[1]


def test_a_taken_port_is_named() -> None:
    taken, port = _taken_port()
    with taken, pytest.raises(ConfigError, match=f"VIGIE_HTTP_PORT: port {port} .* is taken"):
        asyncio.run(bind(_monitor().app("127.0.0.1"), "127.0.0.1", port, fallback=False))


def test_a_taken_port_gives_way_to_another_where_that_is_wanted() -> None:
    taken, port = _taken_port()

    async def run() -> int:
        site = await bind(_monitor().app("127.0.0.1"), "127.0.0.1", port, fallback=True)
        await site.close()
        return site.port

    with taken:
        assert asyncio.run(run()) not in {0, port}


def test_an_address_of_another_machine_is_a_setting_error() -> None:
    with pytest.raises(ConfigError, match="VIGIE_HTTP_HOST"):
        asyncio.run(bind(web.Application(), "192.0.2.1", 0, fallback=True))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "vigie"])  # noqa: S104 (refused)
def test_a_server_that_others_reach_is_not_made_without_tokens(host: str) -> None:
    with pytest.raises(ConfigError, match="VIGIE_TOKENS_FILE: required"):
        _monitor().app(host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("198.51.100.7", False),
        ("vigie", False),
    ],
)
def test_loopback_is_told_from_other_hosts(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "host", ["127.0.0.1:x", "127.0.0.1:99999", "[", "[v1.x]:80", "127.0\udcf4.0.1"]
)
def test_a_host_that_is_no_name_is_an_unknown_one(host: str) -> None:
    async def use() -> None:
        site = await bind(_monitor().app("127.0.0.1"), "127.0.0.1", 0, fallback=False)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            head = f"GET /api/state HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode("utf-8", "surrogateescape"))
            answer = await asyncio.wait_for(reader.readline(), 5)
            writer.close()
        finally:
            await site.close()
        assert answer.split()[1] == b"403"

    asyncio.run(use())
