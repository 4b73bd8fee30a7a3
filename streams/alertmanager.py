"""Pushes findings to Alertmanagers, as Prometheus pushes its alerts.

Each Alertmanager of a cluster is told everything by itself, at its own pace. What to tell follows
from the present findings alone, which are read from Kafka at each start; so an Alertmanager or a
worker may be away for as long as it likes and nothing is lost: alerts that are true are repeated for
as long as they are; ends are told up to a day later, and repeated for some minutes once heard.
Only the worker that owns the findings' partition knows findings, so only one worker pushes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from agents.findings import Severity
from metrics.labels import ALERTMANAGERS_MAX
from metrics.views import PushRow
from streams.errors import ConfigError
from streams.watchdog import EXIT_FAILED, describe, end_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from agents.alerts import Alert, AlertIdentity
    from agents.findings_view import FindingsView
    from streams.settings import Settings

PATH: Final = "/api/v2/alerts"
BODY_MAX_BYTES: Final = 262_144
"""Longest request; Alertmanager itself sets no bound, proxies before it do."""

_CLIENT_ERRORS: Final = range(400, 500)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPace:
    """When to push, seconds.

    Attributes:
        look_s: longest time between two looks at what is due.
        resend_s: how often a true alert is repeated (Prometheus: 1 minute).
        repeat_end_s: how long an end is repeated after it was heard first.
        end_horizon_s: ends older than this are not told any more.
        backoff_s: wait after a first failure; it doubles up to `resend_s`.
        timeout_s: longest time for one request.
    """

    look_s: float = 1.0
    resend_s: float = 60.0
    repeat_end_s: float = 300.0
    end_horizon_s: float = 86_400.0
    backoff_s: float = 1.0
    timeout_s: float = 10.0


@dataclass(slots=True)
class _Told:
    """What an Alertmanager has heard of one alert; times are wall milliseconds."""

    state: tuple[int, int | None]
    at_ms: int
    ended_since_ms: int | None


class _Refusal(Exception):  # noqa: N818  # not an error of the program
    """The Alertmanager answered, and not with 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class AlertmanagerPush:
    """Tells every Alertmanager of the settings what is found.

    Args:
        settings: where to push and from which severity on.
        findings: the present findings.
        pace: when.
        clock: wall time, milliseconds UTC.
        fail: ends the worker with a reason; called if pushing dies of an error of its own.

    Raises:
        ConfigError: an address is none, or there are too many.
    """

    def __init__(
        self,
        settings: Settings,
        findings: FindingsView,
        *,
        pace: PushPace | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        fail: Callable[[str], None] = lambda reason: end_process(EXIT_FAILED, reason),
    ) -> None:
        self._fail = fail
        self._findings = findings
        self._endpoints = [
            _Endpoint(
                str(number),
                url,
                findings,
                least=Severity(settings.alert_min_severity),
                page_url=settings.page_url.rstrip("/"),
                pace=pace or PushPace(),
                clock=clock,
            )
            for number, url in enumerate(endpoint_urls(settings), 1)
        ]
        for endpoint in self._endpoints:
            findings.listen(endpoint.wake)

    def rows(self) -> Sequence[PushRow]:
        """How pushing goes, one row per Alertmanager, numbered in the order of the setting."""
        return [endpoint.row() for endpoint in self._endpoints]

    def service(self, _: object) -> AbstractAsyncContextManager[None]:
        """Push for as long as the worker's loop lives; a service of `streams.app.run_worker`."""
        return self._run()

    @contextlib.asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(trust_env=False) as session:
            tasks = [asyncio.create_task(endpoint.run(session)) for endpoint in self._endpoints]
            for task in tasks:
                task.add_done_callback(self._ended)
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # Findings that nobody hears of are worse than a worker that restarts.
            self._fail(f"pushing to Alertmanager died: {describe(error)}")


class _Endpoint:
    """One Alertmanager and what it has heard."""

    def __init__(
        self,
        name: str,
        url: str,
        findings: FindingsView,
        *,
        least: Severity,
        page_url: str,
        pace: PushPace,
        clock: Callable[[], int],
    ) -> None:
        self._name = name
        self._url = url
        self._findings = findings
        self._least = least
        self._page_url = page_url
        self._pace = pace
        self._clock = clock
        self._told: dict[AlertIdentity, _Told] = {}
        self._changed = asyncio.Event()
        self._failing = False
        self._pushed = 0
        self._failures = 0
        self._waiting = 0
        self._last_success_ms: int | None = None

    def wake(self) -> None:
        """Look at once at what is due."""
        self._changed.set()

    def row(self) -> PushRow:
        last = self._last_success_ms
        return PushRow(
            self._name,
            self._pushed,
            self._failures,
            self._waiting,
            None if last is None else last / 1000,
        )

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Tell what is due, for ever."""
        wait_s = 0.0
        while True:
            if wait_s:
                await asyncio.sleep(wait_s)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), self._pace.look_s)
            self._changed.clear()
            if not self._findings.is_whole:
                self._waiting = 0
                continue
            if await self._round(session):
                wait_s = 0.0
            else:
                wait_s = min(self._pace.resend_s, max(self._pace.backoff_s, 2 * wait_s))

    async def _round(self, session: aiohttp.ClientSession) -> bool:
        """Tell everything that is due; whether all of it was taken."""
        now_ms = self._clock()
        alerts = list(self._findings.alerts(self._least))
        present = {alert.identity for alert in alerts}
        self._told = {name: told for name, told in self._told.items() if name in present}
        due = [alert for alert in alerts if self._is_due(alert, now_ms)]
        self._waiting = sum(self._is_news(alert) for alert in due)
        problem = None
        for some, body in _requests(due, now_ms, self._page_url):
            try:
                await self._post(session, body)
            except (aiohttp.ClientError, TimeoutError, OSError, _Refusal) as error:
                problem = error
                self._failures += 1
                if isinstance(error, _Refusal) and error.status in _CLIENT_ERRORS:
                    continue  # this request will not do; the others may
                # It may come back without memory (Alertmanager keeps alerts in memory only).
                for told in self._told.values():
                    told.at_ms = 0
                break
            self._heard(some, now_ms)
        self._waiting = sum(self._is_news(alert) for alert in due)
        self._tell_log(problem)
        return problem is None

    def _is_news(self, alert: Alert) -> bool:
        told = self._told.get(alert.identity)
        return told is None or told.state != alert.state

    def _is_due(self, alert: Alert, now_ms: int) -> bool:
        told = self._told.get(alert.identity)
        if alert.ended_ms is not None:
            if now_ms - alert.ended_ms > self._pace.end_horizon_s * 1000:
                return False
            since_ms = None if told is None else told.ended_since_ms
            if since_ms is not None and now_ms - since_ms > self._pace.repeat_end_s * 1000:
                return False
        if told is None or told.state != alert.state:
            return True
        return now_ms - told.at_ms >= self._pace.resend_s * 1000

    def _heard(self, alerts: list[Alert], now_ms: int) -> None:
        self._pushed += len(alerts)
        self._last_success_ms = now_ms
        for alert in alerts:
            before = self._told.get(alert.identity)
            since_ms = None
            if alert.ended_ms is not None:
                known = None if before is None else before.ended_since_ms
                since_ms = now_ms if known is None else known
            self._told[alert.identity] = _Told(alert.state, now_ms, since_ms)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        async with session.post(
            self._url,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=self._pace.timeout_s),
            allow_redirects=False,
        ) as answer:
            if answer.status != 200:  # noqa: PLR2004  # OK, the only good answer of the API
                raise _Refusal(answer.status)

    def _tell_log(self, problem: BaseException | None) -> None:
        # The type alone: texts of clients hold addresses.
        if problem is not None and not self._failing:
            what = str(problem) if isinstance(problem, _Refusal) else type(problem).__name__
            logger.warning("Alertmanager %s takes no alerts (%s); trying on", self._name, what)
        elif problem is None and self._failing:
            logger.warning("Alertmanager %s takes alerts again", self._name)
        self._failing = problem is not None


def endpoint_urls(settings: Settings) -> tuple[str, ...]:
    """Where to post alerts, one address per Alertmanager of the settings.

    Raises:
        ConfigError: an address is none, or there are too many; names the setting, never the address.
    """
    name = "VIGIE_ALERTMANAGER_URLS"
    if len(settings.alertmanager_urls) > ALERTMANAGERS_MAX:
        raise ConfigError(f"{name}: at most {ALERTMANAGERS_MAX} addresses")
    found = []
    for number, url in enumerate(settings.alertmanager_urls, 1):
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
            _ = parts.port
        except ValueError:
            is_address = False
        if not is_address or parts.query or parts.fragment:
            raise ConfigError(f"{name}: address {number} is not `http://host:port` or `https://…`")
        found.append(url.rstrip("/") + PATH)
    return tuple(found)


def _requests(
    alerts: list[Alert], now_ms: int, page_url: str
) -> Iterator[tuple[list[Alert], bytes]]:
    """The alerts in requests of bounded length."""
    some: list[Alert] = []
    bodies: list[bytes] = []
    size = 0
    for alert in alerts:
        body = orjson.dumps(alert.body(now_ms, page_url))
        if bodies and size + len(body) > BODY_MAX_BYTES:
            yield some, b"[" + b",".join(bodies) + b"]"
            some, bodies, size = [], [], 0
        some.append(alert)
        bodies.append(body)
        size += len(body) + 1
    if bodies:
        yield some, b"[" + b",".join(bodies) + b"]"
