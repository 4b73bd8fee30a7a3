"""A finding's own page: everything about it, and an analyst's verdict on it.

A verdict is the only thing that this server lets anybody change, so it is guarded: only where nobody but
this machine can reach it, only from the page itself (a page of another site can neither set the header
nor send JSON without being asked first, and browsers say where a request comes from), short, and
not too often. No answer and no log line bears a pseudonym.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from metrics.web_hosts import is_loopback
from streams.errors import VigieError

if TYPE_CHECKING:
    from collections.abc import Callable

    from metrics.views import FindingDetail, FindingsFeed

VERDICTS: Final = ("CONFIRMED", "BENIGN")
BODY_MAX_BYTES: Final = 1024
OWN_HEADER: Final = "X-Vigie"
BURST: Final = 10
"""Verdicts that may come at once."""
PACE_MS: Final = 3_000
"""After that, one in so many milliseconds."""
JUDGED_WITHIN_MS: Final = 90 * 86_400_000
"""A finding that is over can be judged for so long: then nobody knows its incident any more."""

logger = logging.getLogger(__name__)


class VerdictDesk(Protocol):
    """Where verdicts go."""

    async def judge(self, finding_id: str, verdict: str, now_ms: int) -> None:
        """Publish a verdict on a known finding, and wait until it is durable.

        Raises:
            VigieError: it was not published, or not confirmed; the text holds no pseudonym.
        """


class FindingPages:
    """The answers about single findings.

    Args:
        findings: the present findings; `None` where there are none to show.
        desk: takes verdicts; `None` where nobody does.
        clock: now, milliseconds UTC.
        is_private: whether only this machine can reach the server.
    """

    def __init__(
        self,
        findings: FindingsFeed | None,
        desk: VerdictDesk | None,
        clock: Callable[[], int],
        *,
        is_private: bool,
    ) -> None:
        self._findings = findings
        self._desk = desk if is_private else None
        self._clock = clock
        self._allowance = Allowance(BURST, PACE_MS)

    def add_to(self, app: web.Application) -> None:
        """Declare the addresses."""
        app.router.add_get("/api/findings/{finding_id}", self._show)
        app.router.add_post("/api/findings/{finding_id}/verdict", self._judge)

    async def _show(self, request: web.Request) -> web.Response:
        try:
            return _answer(self._document(request, self._detail(request)))
        except _Refused as refused:
            return _answer({"error": refused.reason}, refused.status)

    def _document(self, request: web.Request, detail: FindingDetail) -> dict[str, Any]:
        return {
            "finding": detail.finding._asdict(),
            "history": detail.history._asdict()
            | {"points": [point._asdict() for point in detail.history.points]},
            "timeline": [row._asdict() for row in detail.timeline],
            "related": [row._asdict() for row in detail.related],
            "can_judge": self._desk_for(request) is not None and self._is_fresh(detail),
        }

    def _desk_for(self, request: web.Request) -> VerdictDesk | None:
        """Where this request's verdict would go; whoever comes by a proxy's name has none."""
        return self._desk if is_loopback(request.url.host or "") else None

    def _detail(self, request: web.Request) -> FindingDetail:
        if self._findings is None or not self._findings.is_whole:
            raise _Refused(503, "this worker does not know the findings, or not all of them yet")
        detail = self._findings.detail(request.match_info["finding_id"])
        if detail is None:
            raise _Refused(404, "no such finding")
        return detail

    def _is_fresh(self, detail: FindingDetail) -> bool:
        return detail.is_open or self._clock() - detail.changed_ms < JUDGED_WITHIN_MS

    async def _judge(self, request: web.Request) -> web.Response:
        try:
            await self._publish(request)
        except _Refused as refused:
            return _answer({"error": refused.reason}, refused.status)
        return _answer({}, status=202)

    async def _publish(self, request: web.Request) -> None:
        desk = self._desk_for(request)
        if desk is None:
            raise _Refused(403, "verdicts are taken only where nobody but this machine listens")
        problem = foreign(request)
        if problem is not None:
            raise _Refused(403, problem)
        verdict = await _verdict(request)
        detail = self._detail(request)
        if not self._is_fresh(detail):
            raise _Refused(409, "this finding was closed too long ago to be judged")
        now_ms = self._clock()
        if not self._allowance.take(now_ms):
            raise _Refused(429, "too many verdicts at once; wait some seconds")
        try:
            await desk.judge(detail.finding.finding_id, verdict, now_ms)
        except VigieError as error:
            logger.warning("a verdict was not published: %s", error)
            raise _Refused(503, f"the verdict was not published: {error}") from None


class _Refused(Exception):  # noqa: N818  # not an error of the program
    """Why a request is not answered with what it asks for."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Allowance:
    """So many at once, then one now and then.

    Args:
        burst: how many at once.
        pace_ms: after how long there is room for one more.
    """

    def __init__(self, burst: int, pace_ms: int) -> None:
        self._burst = burst
        self._pace_ms = pace_ms
        self._left = float(burst)
        self._at_ms = 0

    def take(self, now_ms: int) -> bool:
        """Whether there is room for one, which it then takes."""
        gained = max(0, now_ms - self._at_ms) / self._pace_ms
        self._left = min(self._burst, self._left + gained)
        self._at_ms = now_ms
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def foreign(request: web.Request) -> str | None:
    """Why a request may not come from the page itself; `None` if it does."""
    headers = request.headers
    if headers.get(OWN_HEADER) != "1":
        return f"the header {OWN_HEADER}: 1 is missing"
    if request.content_type != "application/json":
        return "the content must be application/json"
    # A command of this machine says neither; a browser says both or the second.
    if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return "the request comes from another site"
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("Host"):
        return "the request comes from another site"
    return None


async def _verdict(request: web.Request) -> str:
    """What the body says."""
    body = b""
    while len(body) <= BODY_MAX_BYTES and (more := await request.content.read(BODY_MAX_BYTES)):
        body += more
    try:
        told = orjson.loads(body) if len(body) <= BODY_MAX_BYTES else None
    except orjson.JSONDecodeError:
        told = None
    if isinstance(told, dict) and set(told) == {"verdict"}:
        for known in VERDICTS:
            if told["verdict"] == known:
                return known
    raise _Refused(400, 'the body must be {"verdict": "CONFIRMED"} or {"verdict": "BENIGN"}')


def _answer(document: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")
