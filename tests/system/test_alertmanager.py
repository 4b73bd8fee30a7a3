"""What is found reaches a real Alertmanager, and whoever it notifies, though it dies in between."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agents.findings import Severity
from streams.alertmanager import AlertmanagerPush, PushPace
from streams.settings import Settings
from tests.support.findings import finding, kept, resolved, view
from tests.support.servers_alertmanager import Alertmanager, Pager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from agents.findings import Finding
    from agents.findings_view import FindingsView

pytestmark = pytest.mark.system

PACE = PushPace(look_s=0.1, resend_s=1.0, repeat_end_s=3.0, backoff_s=0.2, timeout_s=2.0)
WITHIN_S = 90.0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _live(one: Finding) -> Finding:
    return replace(one, opened_at_ms=_now_ms(), detected_at_ms=_now_ms())


def _tell(found: FindingsView, *several: Finding) -> None:
    found.take(0, [kept(_live(one), _now_ms()) for one in several])


async def _until(ready: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not ready():
        assert time.monotonic() < deadline, f"not within {WITHIN_S:.0f} s: {what}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _pushing(found: FindingsView, *urls: str) -> AsyncIterator[AlertmanagerPush]:
    push = AlertmanagerPush(Settings(alertmanager_urls=urls), found, pace=PACE, fail=pytest.fail)
    async with push.service(None):
        yield push


def test_findings_survive_the_death_of_an_alertmanager_and_their_end_arrives(
    tmp_path: Path,
) -> None:
    names = [f"f-{n}" for n in range(40)]
    found = view()
    _tell(found, *(finding(finding_id=name) for name in names))

    async def run(server: Alertmanager, pager: Pager) -> None:
        async with _pushing(found, server.url) as push:
            await _until(lambda: server.firing() == set(names), "40 findings")
            await _until(lambda: {(n, "firing") for n in names} <= set(pager.told), "40 pages")
            await _until(lambda: push.rows()[0].pushed >= 120, "two repetitions")
            # Alertmanager knows repetitions by their labels, which stay.
            assert len(pager.told) == 40

            # Killed, it loses its alerts and the notes of whom it notified.
            server.process.kill()
            # While it is away one is found and one ends; nobody hears of either.
            _tell(found, finding(finding_id="born-away"), resolved(finding_id="f-0"))
            await _until(lambda: push.rows()[0].failures >= 2, "failures while it is away")
            assert push.rows()[0].waiting == 2
            server.start()

            expected = {*names[1:], "born-away"}
            await _until(lambda: server.firing() == expected, "everything again")
            await _until(lambda: ("born-away", "firing") in pager.told, "a page of the new one")
            assert push.rows()[0].waiting == 0

            _tell(found, *(resolved(finding_id=name) for name in names[1:]))
            await _until(lambda: server.firing() == {"born-away"}, "39 ends")
            ends = {(name, "resolved") for name in names[1:]}
            await _until(lambda: ends <= set(pager.told), "39 pages that it is over")

    with Pager() as pager, Alertmanager(tmp_path / "am", webhook=pager.url) as server:
        asyncio.run(asyncio.wait_for(run(server, pager), 5 * WITHIN_S))


def test_a_worker_that_starts_anew_adds_no_alert_and_tells_no_false_one(tmp_path: Path) -> None:
    found = view()
    _tell(found, finding(), finding(finding_id="f-2"), resolved(finding_id="f-2"))
    story = [kept(_live(finding()), _now_ms())]

    async def run(server: Alertmanager) -> None:
        async with _pushing(found, server.url):
            await _until(lambda: server.firing() == {"f-0001"}, "one finding")
        before = server.alerts()
        again = view()
        again.take(0, story)
        async with _pushing(again, server.url) as push:
            await _until(lambda: push.rows()[0].pushed >= 2, "two rounds")
        assert len(server.alerts()) == len(before) == 1
        assert server.alerts()[0]["startsAt"] == before[0]["startsAt"]

    with Pager() as pager, Alertmanager(tmp_path / "am", webhook=pager.url) as server:
        asyncio.run(asyncio.wait_for(run(server), 3 * WITHIN_S))
    assert ("f-2", "firing") not in pager.told


def test_a_finding_that_becomes_critical_replaces_its_milder_alert(tmp_path: Path) -> None:
    found = view()
    _tell(found, finding())

    async def run(server: Alertmanager) -> None:
        def severities() -> set[str]:
            return {alert["labels"]["severity"] for alert in server.alerts()}

        async with _pushing(found, server.url):
            await _until(lambda: severities() == {"high"}, "a high alert")
            _tell(found, finding(revision=1, severity=Severity.CRITICAL))
            await _until(lambda: severities() == {"critical"}, "a critical alert alone")

    with Pager() as pager, Alertmanager(tmp_path / "am", webhook=pager.url) as server:
        asyncio.run(asyncio.wait_for(run(server), 3 * WITHIN_S))


def test_times_ahead_of_the_clock_and_long_texts_are_taken(tmp_path: Path) -> None:
    found = view()
    ahead_ms = _now_ms() + 30 * 86_400_000
    odd = finding(opened_at_ms=ahead_ms, detected_at_ms=ahead_ms, reasons=("é" * 9_000,) * 5)
    found.take(0, [kept(odd, ahead_ms)])

    async def run(server: Alertmanager) -> None:
        async with _pushing(found, server.url) as push:
            await _until(lambda: server.firing() == {"f-0001"}, "the finding")
            found.take(0, [kept(replace(odd, revision=1, status=resolved().status), ahead_ms)])
            await _until(lambda: not server.firing(), "its end")
            assert push.rows()[0].failures == 0

    with Pager() as pager, Alertmanager(tmp_path / "am", webhook=pager.url) as server:
        asyncio.run(asyncio.wait_for(run(server), 3 * WITHIN_S))
