"""Tokens, keys and a made-up worker's server behind them, for the tests of who is let in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics.access import AccessCounts
from metrics.registry import build_registry
from metrics.sessions import Sessions
from metrics.views import Unmasked
from metrics.web import Monitor
from metrics.web_access import Gate, Keys
from metrics.web_requests import Proxies
from metrics.worker import WorkerMetrics
from streams.observing import WorkerStatus
from streams.secret import Secret
from streams.tokens import Role, Token, TokenBook, digest_of
from tests.support.fake_region import NOW_MS, FakeRegion
from tests.support.findings import finding, view

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from agents.findings_view import FindingsView
    from streams.audit import Actor

Client: TypeAlias = TestClient[web.Request, web.Application]

KEY: Final = Secret("k" * 43)
PRESENTED: Final = {role: f"vigie_{role.name.lower()}" + "x" * 30 for role in Role}
"""A token of each role, as it is presented."""
OWN: Final = {"X-Vigie": "1", "Content-Type": "application/json"}
ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104 (nothing listens there: the test server does)


def token(role: Role, until_ms: int | None = None) -> Token:
    """The line of `PRESENTED[role]`."""
    return Token(f"a-{role.name.lower()}", role, digest_of(PRESENTED[role]), until_ms)


class Book:
    """Tokens that a test can take away."""

    def __init__(self, tokens: Iterable[Token] = tuple(map(token, Role))) -> None:
        self.tokens = list(tokens)
        self.problems = 0

    def book(self) -> TokenBook:
        return TokenBook(self.tokens)


def keys(book: Book | None = None, *proxies: str) -> Keys:
    """What opens a page of the tests."""
    return Keys(book or Book(), Sessions(KEY), Proxies.parse(proxies))


class Desk:
    """Takes verdicts and names accounts, or fails as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.done: list[tuple[str, str, Actor]] = []

    async def judge(self, finding_id: str, verdict: str, now_ms: int, actor: Actor) -> None:
        del now_ms
        self._do(finding_id, verdict, actor)

    async def unmask(self, finding_id: str, now_ms: int, actor: Actor) -> Unmasked:
        del now_ms
        self._do(finding_id, "ACCOUNT", actor)
        return Unmasked("structure-1", ["actor-1"])

    def _do(self, finding_id: str, what: str, actor: Actor) -> None:
        if self.error is not None:
            raise self.error
        self.done.append((finding_id, what, actor))


@dataclass
class Place:
    """A worker's server behind a gate, and clocks that a test can set.

    Attributes:
        keys: what opens it.
        host: on which it says to listen.
        page_url: at which it says to be read.
        now_ms: of the wall.
        steady_ms: of the machine.
    """

    keys: Keys | None = field(default_factory=keys)
    host: str = ALL_ADDRESSES
    page_url: str = ""
    desk: Desk = field(default_factory=Desk)
    found: FindingsView = field(default_factory=lambda: view(finding()))
    now_ms: int = NOW_MS
    steady_ms: int = 5_000_000

    def app(self) -> web.Application:
        """The application."""
        counts, worker, region = AccessCounts(), WorkerMetrics(WorkerStatus()), FakeRegion()
        gate = Gate(
            counts,
            lambda: self.now_ms,
            self.keys,
            page_url=self.page_url,
            steady=lambda: self.steady_ms,
        )
        registry = build_registry(region, worker, lambda: self.now_ms, self.found, access=counts)
        monitor = Monitor(
            registry,
            region,
            worker,
            lambda: self.now_ms,
            self.found,
            desk=self.desk,
            gate=gate,
            counts=counts,
        )
        return monitor.app(self.host, self.page_url)

    def with_client(self, use: Callable[[Client], Awaitable[None]]) -> None:
        """Run `use` with a browser's memory for cookies."""

        async def run() -> None:
            server = TestServer(self.app())
            await server.start_server(access_log=None)  # as the worker's own
            async with TestClient(server) as client:
                await use(client)

        asyncio.run(asyncio.wait_for(run(), 30))


def bearer(role: Role) -> dict[str, str]:
    """The header of a program that comes with a token."""
    return {"Authorization": f"Bearer {PRESENTED[role]}"}


async def signed_in(client: Client, role: Role) -> None:
    """Sign a client in; its cookie comes with every request from now on."""
    answer = await client.post("/api/session", json={"token": PRESENTED[role]}, headers=OWN)
    assert answer.status == 200, await answer.text()
