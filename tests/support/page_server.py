"""The live page over a region, findings and objectives that are made up, without Kafka or a worker.

`python -m tests.support.page_server PORT` serves it until Ctrl-C, for work on the page.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from agents.finding_history import FindingHistory, HistoryMeasure
from agents.findings import FindingStatus, Severity
from metrics.access import AccessCounts
from metrics.objective_rows import ObjectivePart
from metrics.registry import build_registry
from metrics.views import Unmasked
from metrics.web import Monitor, bind
from metrics.web_access import Gate
from metrics.worker import WorkerMetrics
from streams.event_time import DAY_MS, HOUR_MS, paris_day, start_of_day_ms
from streams.observing import WorkerStatus
from tests.support.fake_region import FakeRegion
from tests.support.findings import FINDING, finding, kept, view
from tests.support.objectives import FakeObjectives, objective_row

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from aiohttp import web

    from metrics.web_access import Keys
    from streams.audit import Actor

T = TypeVar("T")

HISTORY_DAYS = 35
ATTACK_DAYS = 5


def account_history(now_ms: int) -> FindingHistory:
    """An account that looks at some thirty patients a working day, lately at hundreds."""
    first = paris_day(now_ms) - HISTORY_DAYS + 1
    days = [first + number for number in range(HISTORY_DAYS)]
    usual = [4 if (day + 3) % 7 >= 5 else 28 + round(6 * math.sin(day)) for day in days]
    extra = [0] * (HISTORY_DAYS - ATTACK_DAYS) + [120, 310, 735, 702, 688]
    return FindingHistory(
        measure=HistoryMeasure.PATIENTS,
        start_ms=start_of_day_ms(first),
        step_ms=DAY_MS,
        observed=tuple(a + b for a, b in zip(usual, extra, strict=True)),
        unexplained=tuple(round(0.07 * a) + b for a, b in zip(usual, extra, strict=True)),
        expected=tuple(5.0 if (day + 3) % 7 >= 5 else 29.0 for day in days),
        high=tuple(40.0 if (day + 3) % 7 >= 5 else 96.0 for day in days),
        peers=(24.0,) * HISTORY_DAYS,
        peers_high=(83.0,) * HISTORY_DAYS,
    )


def flow_history(now_ms: int) -> FindingHistory:
    """A flow by the quarter of an hour, silent in the last two."""
    quarter_ms = HOUR_MS // 4
    start_ms = now_ms - now_ms % quarter_ms - 47 * quarter_ms
    expected = [round(260 + 150 * math.sin(number / 8), 1) for number in range(48)]
    observed = [round(value * (1 + 0.07 * math.sin(3 * value))) for value in expected[:46]]
    return FindingHistory(
        measure=HistoryMeasure.EVENTS,
        start_ms=start_ms,
        step_ms=quarter_ms,
        observed=(*observed, 0, 0),
        expected=(None, None, *expected[2:]),
    )


OBJECTIVES = (
    objective_row(
        id="dmp-hopital",
        label_fr="Alimentation du DMP par les hôpitaux",
        ratio=0.42,
        numerator=420.0,
        denominator=1000.0,
        target_low_ratio=0.7,
        target_ratio=0.9,
        required_ratio=0.5,
        parts=tuple(
            ObjectivePart("department", name, 40.0 + place, 100.0, 0.4 + place / 100)
            for place, name in enumerate(("02", "59", "60", "62", "80"))
        ),
    ),
    objective_row(id="esms", ratio=0.55, state="REACHED"),
    objective_row(id="mss", theme="MSSanté", source="declared", state="MISSED"),
    objective_row(id="ror", theme="ROR", denominator=None, ratio=None, state="NO_DENOMINATOR"),
    objective_row(id="cyber", theme="SSI", numerator=None, ratio=None, state="NO_DATA", parts=()),
)


class Desk:
    """Takes verdicts, and concludes from them at once what a worker concludes some seconds later."""

    def __init__(self, now_ms: int) -> None:
        self.findings = view(*_findings(now_ms))
        self.refusal: Exception | None = None
        self.actors: list[Actor] = []

    async def judge(self, finding_id: str, verdict: str, now_ms: int, actor: Actor) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.actors.append(actor)
        *_, one = [entry for entry in _findings(now_ms) if entry.finding_id == finding_id]
        judged = replace(one, revision=one.revision + 1, status=FindingStatus(verdict))
        self.findings.take(0, [kept(judged, now_ms)])

    async def unmask(self, finding_id: str, now_ms: int, actor: Actor) -> Unmasked:
        del finding_id, now_ms
        if self.refusal is not None:
            raise self.refusal
        self.actors.append(actor)
        return Unmasked("structure-1", ["actor-1"])


def _findings(now_ms: int) -> list[Any]:
    opened_ms = now_ms - 3 * DAY_MS
    base = finding(
        severity=Severity.CRITICAL,
        detected_at_ms=now_ms - 90_000,
        window_start_ms=opened_ms,
        window_end_ms=now_ms,
        opened_at_ms=opened_ms,
        patients=2555,
        history=account_history(now_ms),
        reasons=(
            *FINDING.reasons,
            "92 % de ces patients sans aucun lien de soin avec la structure ; 7 % le plus souvent.",
        ),
    )
    return [
        replace(base, severity=Severity.MEDIUM, patients=120, detected_at_ms=opened_ms),
        replace(base, revision=1),
        finding(
            finding_id="f-0002",
            detector="outage",
            severity=Severity.MEDIUM,
            flow="mss-messages",
            sector="ES",
            actor_pid=None,
            patients=None,
            history=flow_history(now_ms),
            window_start_ms=now_ms - HOUR_MS // 2,
            window_end_ms=now_ms,
            reasons=("Plus aucun message depuis 25 min ; 410 attendus.",),
            reasons_en=("No message for 25 min; 410 expected.",),
            detected_at_ms=now_ms - HOUR_MS,
            opened_at_ms=now_ms - HOUR_MS,
        ),
        finding(
            finding_id="f-0003",
            status=FindingStatus.BENIGN,
            detected_at_ms=now_ms - 20 * DAY_MS,
            opened_at_ms=now_ms - 21 * DAY_MS,
        ),
    ]


def page_app(keys: Keys | None = None) -> tuple[web.Application, Desk]:
    """The page's application and where its verdicts go; open to this machine without keys."""
    status = WorkerStatus()
    status.phase = "running"
    worker = WorkerMetrics(status)
    region = FakeRegion()
    objectives = FakeObjectives(OBJECTIVES)
    desk = Desk(_now_ms())
    counts = AccessCounts()
    registry = build_registry(region, worker, _now_ms, desk.findings, access=counts)
    monitor = Monitor(
        registry,
        region,
        worker,
        _now_ms,
        desk.findings,
        desk=desk,
        objectives=objectives,
        gate=Gate(counts, _now_ms, keys),
        counts=counts,
    )
    return monitor.app("127.0.0.1"), desk


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def serving(app: web.Application, port: int = 0) -> Iterator[str]:
    """An application on a thread of its own; gives its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    site = run(bind(app, "127.0.0.1", port, fallback=False))
    try:
        yield site.url
    finally:
        run(site.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def page_server(port: int = 0, keys: Keys | None = None) -> Iterator[tuple[str, Desk]]:
    """The made-up page; gives its address and where verdicts go."""
    app, desk = page_app(keys)
    with serving(app, port) as url:
        yield url, desk


if __name__ == "__main__":
    with page_server(int(sys.argv[1])), suppress(KeyboardInterrupt):
        threading.Event().wait()
