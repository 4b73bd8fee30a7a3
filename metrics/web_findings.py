"""A finding's own page: everything about it, an analyst's verdict on it, and whom it is about.

A verdict is the only thing that this server lets anybody change, and whom a finding is about the only
pseudonyms that it tells. Both ask for a role (`metrics.web_routes`), come from the page itself or from
no browser at all, are short, not too often, and audited before they take place. No log line bears a
pseudonym.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from metrics.web_requests import Refused, answer, require_own, told
from streams.errors import VigieError
from streams.tokens import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from metrics.access import AccessCounts
    from metrics.views import FindingDetail, FindingsFeed, Unmasked
    from metrics.web_access import Gate
    from streams.audit import Actor

VERDICTS: Final = ("CONFIRMED", "BENIGN")
BURST: Final = 10
"""Verdicts, or unmaskings, that may come at once."""
PACE_MS: Final = 3_000
"""After that, one in so many milliseconds."""
JUDGED_WITHIN_MS: Final = 90 * 86_400_000
"""A finding that is over can be judged for so long: then nobody knows its incident any more."""

logger = logging.getLogger(__name__)


class FindingDesk(Protocol):
    """Where verdicts go, and who knows whom a finding is about."""

    async def judge(self, finding_id: str, verdict: str, now_ms: int, actor: Actor) -> None:
        """Publish a verdict on a known finding, and wait until it and its audit are durable.

        Raises:
            VigieError: it was not published, or not confirmed; the text holds no pseudonym.
        """

    async def unmask(self, finding_id: str, now_ms: int, actor: Actor) -> Unmasked:
        """Whom a known finding is about, once its audit is durable.

        Raises:
            VigieError: the audit was not confirmed; the text holds no pseudonym.
        """


class FindingPages:
    """The answers about single findings.

    Args:
        findings: the present findings; `None` where there are none to show.
        desk: takes verdicts and names accounts; `None` where nobody does.
        clock: now, milliseconds UTC.
        gate: knows who asks.
        counts: told of what was done.
    """

    def __init__(
        self,
        findings: FindingsFeed | None,
        desk: FindingDesk | None,
        clock: Callable[[], int],
        gate: Gate,
        counts: AccessCounts,
    ) -> None:
        self._findings = findings
        self._desk = desk
        self._clock = clock
        self._gate = gate
        self._counts = counts
        self._verdicts = Allowance(BURST, PACE_MS)
        self._unmaskings = Allowance(BURST, PACE_MS)

    def add_to(self, app: web.Application) -> None:
        """Declare the addresses."""
        app.router.add_get("/api/findings/{finding_id}", self._show)
        app.router.add_post("/api/findings/{finding_id}/verdict", self._judge)
        app.router.add_post("/api/findings/{finding_id}/account", self._unmask)

    async def _show(self, request: web.Request) -> web.Response:
        return answer(self._document(request, self._detail(request)))

    def _document(self, request: web.Request, detail: FindingDetail) -> dict[str, Any]:
        role = self._gate.role(request)
        has_desk = self._desk is not None
        return {
            "finding": detail.finding._asdict(),
            "history": detail.history._asdict()
            | {"points": [point._asdict() for point in detail.history.points]},
            "timeline": [row._asdict() for row in detail.timeline],
            "related": [row._asdict() for row in detail.related],
            "can_judge": has_desk and role >= Role.ANALYST and self._is_fresh(detail),
            "can_unmask": has_desk and role >= Role.UNMASK,
        }

    def _detail(self, request: web.Request) -> FindingDetail:
        if self._findings is None or not self._findings.is_whole:
            raise Refused(503, "this worker does not know the findings, or not all of them yet")
        detail = self._findings.detail(request.match_info["finding_id"])
        if detail is None:
            raise Refused(404, "no such finding")
        return detail

    def _is_fresh(self, detail: FindingDetail) -> bool:
        return detail.is_open or self._clock() - detail.changed_ms < JUDGED_WITHIN_MS

    async def _judge(self, request: web.Request) -> web.Response:
        desk = self._desk_for(request)
        verdict = await told(request, "verdict")
        if verdict not in VERDICTS:
            raise Refused(400, 'the body must be {"verdict": "CONFIRMED"} or {"verdict": "BENIGN"}')
        detail = self._detail(request)
        if not self._is_fresh(detail):
            raise Refused(409, "this finding was closed too long ago to be judged")
        now_ms = self._clock()
        if not self._verdicts.take(now_ms):
            raise Refused(429, "too many verdicts at once; wait some seconds")
        who = self._gate.actor(request)
        try:
            await desk.judge(detail.finding.finding_id, verdict, now_ms, who)
        except VigieError as error:
            raise self._failed("VERDICT", error) from None
        self._counts.done("VERDICT")
        return answer({}, status=202)

    async def _unmask(self, request: web.Request) -> web.Response:
        desk = self._desk_for(request)
        if await told(request, "audited") is not True:
            raise Refused(400, 'the body must be {"audited": true}')
        detail = self._detail(request)
        now_ms = self._clock()
        if not self._unmaskings.take(now_ms):
            raise Refused(429, "too many at once; wait some seconds")
        who = self._gate.actor(request)
        try:
            found = await desk.unmask(detail.finding.finding_id, now_ms, who)
        except VigieError as error:
            raise self._failed("UNMASKING", error) from None
        self._counts.done("UNMASKING")
        return answer(found._asdict())

    def _desk_for(self, request: web.Request) -> FindingDesk:
        require_own(request)
        if self._desk is None:
            raise Refused(503, "this worker takes no verdicts")
        return self._desk

    def _failed(self, act: str, error: VigieError) -> Refused:
        self._counts.failed(act)
        logger.warning("%s: did not take place: %s", act.lower(), error)
        return Refused(503, f"did not take place: {error}")


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
