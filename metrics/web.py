"""The worker's web server: `/metrics`, health, and the live page with its stream of states.

It runs in the worker's own loop, so every answer is one consistent moment between two slices. It
takes no input beyond the path and changes nothing, verdicts apart (`metrics.web_findings`); who may ask
for what is decided before anything is answered (`metrics.web_access`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from metrics.access import AccessCounts
from metrics.live import feed, snapshot
from metrics.objectives import document as objectives_document
from metrics.tempo import tempo
from metrics.web_access import Gate
from metrics.web_findings import FindingPages
from metrics.web_hosts import KnownHosts
from metrics.web_requests import Refused, host_of
from metrics.web_routes import SIGN_IN
from streams.errors import ConfigError
from streams.event_time import FINEST_STEP_MS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from aiohttp.typedefs import Handler
    from prometheus_client.registry import CollectorRegistry

    from metrics.objective_rows import ObjectivesFeed
    from metrics.tempo import PageView
    from metrics.views import FindingsFeed
    from metrics.web_findings import FindingDesk
    from metrics.worker import WorkerMetrics

PAGE: Final = Path(__file__).parent / "page"
SCRIPTS: Final = (
    *(
        "account",
        "app",
        "charts",
        "day",
        "departments",
        "dom",
        "feed",
        "finding",
        "flows",
        "format",
    ),
    *("health", "language", "map", "mixes", "names", "objectives", "session", "signin", "summary"),
    *("verdict", "words-en", "words-fr"),
)
STYLES: Final = ("finding", "panels", "signin", "style")
ASSETS: Final = {
    "/": ("index.html", "text/html"),
    SIGN_IN: ("signin.html", "text/html"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript") for name in SCRIPTS},
    **{f"/{name}.css": (f"{name}.css", "text/css") for name in STYLES},
}
VENDOR: Final = {
    "/vendor/uPlot.esm.js": ("vendor/uPlot.esm.js", "text/javascript"),
    "/vendor/uPlot.min.css": ("vendor/uPlot.min.css", "text/css"),
}
"""The chart library, which `make page-assets` fetches; without it the page shows tables."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "vigie",
}
UNKNOWN_HOST: Final = "unknown host; VIGIE_PAGE_URL names the one that the page is read at\n"
STREAM_INTERVAL_S: Final = 1.0
STREAMS_MAX: Final = 32
"""Open pages at once; more would cost the worker's loop more than watching is worth."""


class Monitor:
    """Answers every request of one worker.

    Args:
        registry: what `/metrics` shows.
        view: the region, for the live page.
        worker: the worker's own counts; its `ready` answers `/readyz`.
        clock: now, milliseconds UTC.
        findings: the present findings; `None` where there are none to show.
        desk: takes verdicts and names accounts; `None` where nobody does.
        objectives: the regional objectives; `None` where there are none to show.
        gate: lets requests in; without one the server is for its own machine alone.
        counts: of refusals and of what is done on purpose.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        view: PageView,
        worker: WorkerMetrics,
        clock: Callable[[], int],
        findings: FindingsFeed | None = None,
        *,
        desk: FindingDesk | None = None,
        objectives: ObjectivesFeed | None = None,
        gate: Gate | None = None,
        counts: AccessCounts | None = None,
    ) -> None:
        self._registry = registry
        self._desk = desk
        self._findings = findings
        self._objectives = objectives
        self._view = view
        self._worker = worker
        self._clock = clock
        self._counts = counts or AccessCounts()
        self._gate = gate or Gate(self._counts, clock)
        self._closing = asyncio.Event()
        self._streams = 0
        self._state: tuple[int, bytes] = (-1, b"")
        self._tempo: tuple[int, bytes] = (-1, b"")

    def app(self, host: str, page_url: str = "") -> web.Application:
        """The application, for a server that will listen on `host` and is read at `page_url`.

        Raises:
            ConfigError: it would be open to others than this machine.
        """
        app = web.Application(middlewares=[_guard(KnownHosts(host, page_url))])
        self._gate.guard(app, host)
        for path, (name, kind) in ASSETS.items():
            app.router.add_get(path, _asset(PAGE / name, kind))
        for path, (name, kind) in VENDOR.items():
            if (PAGE / name).is_file():
                app.router.add_get(path, _asset(PAGE / name, kind))
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/state", self._api_state)
        app.router.add_get("/api/tempo", self._api_tempo)
        app.router.add_get("/api/findings", self._api_findings)
        app.router.add_get("/api/objectives", self._api_objectives)
        app.router.add_get("/api/stream", self._api_stream, allow_head=False)
        desk, findings = self._desk, self._findings
        FindingPages(findings, desk, self._clock, self._gate, self._counts).add_to(app)
        app.on_shutdown.append(self._close_streams)
        return app

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(self._registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._worker.ready:
            return web.Response(text="ready\n")
        return web.Response(status=503, text=f"{self._worker.phase}\n")

    def _json(self) -> bytes:
        """The present state; one computation serves every page that is open."""
        now_ms = self._clock()
        if not 0 <= now_ms - self._state[0] < STREAM_INTERVAL_S * 500:
            state = snapshot(self._view, self._worker, now_ms, self._findings)
            self._state = (now_ms, orjson.dumps(state))
        return self._state[1]

    async def _api_state(self, _: web.Request) -> web.Response:
        return web.Response(body=self._json(), content_type="application/json")

    async def _api_tempo(self, _: web.Request) -> web.Response:
        now_ms = self._clock()
        if not 0 <= now_ms - self._tempo[0] < FINEST_STEP_MS // 2:
            self._tempo = (now_ms, orjson.dumps(tempo(self._view, now_ms)))
        return web.Response(body=self._tempo[1], content_type="application/json")

    async def _api_findings(self, _: web.Request) -> web.Response:
        body = orjson.dumps(feed(self._findings))
        return web.Response(body=body, content_type="application/json")

    async def _api_objectives(self, _: web.Request) -> web.Response:
        body = orjson.dumps(objectives_document(self._objectives, self._clock()))
        return web.Response(body=body, content_type="application/json")

    async def _api_stream(self, request: web.Request) -> web.StreamResponse:
        if self._streams >= STREAMS_MAX:
            return web.Response(status=503, text="too many open pages\n")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **HEADERS})
        self._streams += 1
        try:
            await response.prepare(request)
            while not self._closing.is_set() and self._gate.still(request):
                await response.write(b"data: " + self._json() + b"\n\n")
                await self._pause()
        except ConnectionResetError:
            pass  # the page was closed
        finally:
            self._streams -= 1
        return response

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), STREAM_INTERVAL_S)
        except TimeoutError:
            return

    async def _close_streams(self, _: web.Application) -> None:
        self._closing.set()


def _asset(path: Path, kind: str) -> Handler:
    body = path.read_bytes()

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return answer


def _guard(known: KnownHosts) -> Any:
    """Security headers for every answer, refusals included, and no answer to a foreign name."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not known.knows(host_of(request), request.path):
            return web.Response(status=403, text=UNKNOWN_HOST, headers=HEADERS)
        try:
            response = await handler(request)
        except Refused as refused:
            response = refused.answer()
        except web.HTTPException as error:
            error.headers.update(HEADERS)
            raise
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return guard


class _NoAddresses(logging.Filter):
    """The server tells from which address a broken request came; what broke is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.args:
            record.msg, record.args = "a request failed", ()
        return True


def _server_log() -> logging.Logger:
    log = logging.getLogger(f"{__name__}.server")
    if not log.filters:
        log.addFilter(_NoAddresses())
    return log


@dataclass(frozen=True, slots=True)
class Site:
    """A listening server."""

    runner: web.AppRunner
    host: str
    port: int

    @property
    def url(self) -> str:
        """Address for a browser on this machine."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"

    async def close(self) -> None:
        """End open streams and stop listening."""
        await self.runner.cleanup()


async def bind(app: web.Application, host: str, port: int, *, fallback: bool) -> Site:
    """Listen; must run in the worker's loop.

    Args:
        app: the application.
        host: address to listen on.
        port: port, or 0 for any free one.
        fallback: take any free port when this one is taken, instead of failing.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    runner = web.AppRunner(
        app, handle_signals=False, access_log=None, logger=_server_log(), shutdown_timeout=2.0
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if not (fallback and error.errno == errno.EADDRINUSE):
            await runner.cleanup()
            raise _refused(error, host, port) from None
        await web.TCPSite(runner, host, 0).start()
    return Site(runner, host, int(runner.addresses[0][1]))


def live_page(
    monitor: Monitor,
    host: str,
    port: int,
    *,
    fallback: bool,
    announce: Callable[[Site], None],
    page_url: str = "",
) -> Callable[[object], AbstractAsyncContextManager[Site]]:
    """The page as a service of the worker: it listens as long as the worker's loop lives.

    Args:
        monitor: answers the requests.
        host: address to listen on.
        port: port, or 0 for any free one.
        fallback: take any free port when this one is taken.
        announce: told the address once it is listened on.
        page_url: the page's address for its readers, if it is another.
    """

    @asynccontextmanager
    async def service(_: object) -> AsyncIterator[Site]:
        site = await bind(monitor.app(host, page_url), host, port, fallback=fallback)
        try:
            announce(site)
            yield site
        finally:
            await site.close()

    return service


def _refused(error: OSError, host: str, port: int) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(f"VIGIE_HTTP_PORT: port {port} on {host} is taken")
    reason = (error.strerror or "cannot listen").lower()
    return ConfigError(f"VIGIE_HTTP_HOST, VIGIE_HTTP_PORT: {host} port {port}: {reason}")
