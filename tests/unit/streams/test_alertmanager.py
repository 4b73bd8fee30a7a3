from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.findings import FindingStatus, Severity
from streams import alertmanager
from streams.alertmanager import AlertmanagerPush, PushPace, endpoint_urls
from streams.errors import ConfigError
from streams.settings import Settings
from tests.support.findings import NOW_MS, Lag, finding, kept, resolved, view

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agents.findings_view import FindingsView

PACE = PushPace(look_s=0.005, resend_s=0.05, repeat_end_s=0.1, backoff_s=0.005, timeout_s=0.2)
SLOW = PushPace(look_s=0.005, resend_s=60.0, repeat_end_s=300.0, backoff_s=0.005, timeout_s=0.2)


@dataclass
class FakeAlertmanager:
    """Answers as it is told to and remembers what it took."""

    status: int = 200
    requests: int = 0
    taken: list[list[dict[str, Any]]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.read()
        if self.status == 200:
            self.taken.append(orjson.loads(body))
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    def alerts(self) -> list[dict[str, Any]]:
        return [alert for request in self.taken for alert in request]


async def _welcome(_: web.Request) -> web.Response:
    return web.Response()


class Clock:
    """Wall time that only tests move."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


async def _until(ready: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not ready():  # noqa: ASYNC110  # many different things are waited for
            await asyncio.sleep(0.002)


def _run(
    found: FindingsView,
    use: Callable[[FakeAlertmanager, AlertmanagerPush, Clock], Awaitable[None]],
    *,
    pace: PushPace = SLOW,
    **settings: Any,
) -> None:
    async def run() -> None:
        fake, clock = FakeAlertmanager(), Clock()
        app = web.Application()
        app.router.add_post("/api/v2/alerts", fake.answer)
        app.router.add_get("/elsewhere", _welcome)
        async with TestServer(app) as server:
            push = AlertmanagerPush(
                Settings(alertmanager_urls=(str(server.make_url("/")),), **settings),
                found,
                pace=pace,
                clock=clock,
                fail=pytest.fail,
            )
            async with push.service(None):
                await use(fake, push, clock)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_an_open_finding_is_told_at_once_and_only_once_until_it_is_due_again() -> None:
    found = view(finding())

    async def use(fake: FakeAlertmanager, push: AlertmanagerPush, clock: Clock) -> None:
        await _until(fake.alerts)
        await asyncio.sleep(0.05)
        assert len(fake.alerts()) == 1
        clock.now_ms += 60_000
        await _until(lambda: push.rows()[0].pushed == 2)
        assert len(fake.alerts()) == 2
        (row,) = push.rows()
        assert (row.failures, row.waiting) == (0, 0)

    _run(found, use)


def test_a_new_revision_is_told_at_once() -> None:
    found = view(finding())

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, __: Clock) -> None:
        await _until(fake.alerts)
        found.take(0, [kept(finding(revision=1, patients=9_999))])
        await _until(lambda: len(fake.alerts()) == 2)
        assert fake.alerts()[1]["annotations"]["patients"] == "9999"

    _run(found, use)


@pytest.mark.parametrize("status", [FindingStatus.RESOLVED, FindingStatus.BENIGN])
def test_an_end_is_repeated_for_some_minutes_and_then_left(status: FindingStatus) -> None:
    found = view(finding())

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, clock: Clock) -> None:
        await _until(fake.alerts)
        found.take(0, [kept(resolved(status=status), NOW_MS)])
        for told in range(2, 8):
            await _until(lambda told=told: len(fake.alerts()) == told)  # type: ignore[misc]
            clock.now_ms += 60_000
        await asyncio.sleep(0.05)
        assert len(fake.alerts()) == 7
        ends = {alert["endsAt"] for alert in fake.alerts()[1:]}
        assert len(ends) == 1

    _run(found, use)


def test_a_confirmed_finding_goes_on_being_told() -> None:
    found = view(finding(revision=1, status=FindingStatus.CONFIRMED))

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, __: Clock) -> None:
        await _until(fake.alerts)
        assert fake.alerts()[0]["endsAt"] > fake.alerts()[0]["startsAt"]
        assert fake.alerts()[0]["annotations"]["status"] == "CONFIRMED"

    _run(found, use)


def test_nothing_is_told_before_all_findings_are_known() -> None:
    lag = Lag(3)
    found = view(finding(), lag=lag)

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, __: Clock) -> None:
        await asyncio.sleep(0.05)
        assert fake.requests == 0
        found.take(0, [kept(resolved())])
        lag.lag = 0
        await _until(fake.alerts)
        # Its end may still be news to an Alertmanager that heard of it before we started.
        assert [a["endsAt"] <= "2025-09-09T10:00:00.000+00:00" for a in fake.alerts()] == [True]

    _run(found, use)


@pytest.mark.parametrize("status", [500, 503, 429, 302])
def test_what_is_refused_is_tried_until_it_is_taken(status: int) -> None:
    found = view(finding())

    async def use(fake: FakeAlertmanager, push: AlertmanagerPush, _: Clock) -> None:
        fake.status = status
        await _until(lambda: fake.requests >= 3)
        (row,) = push.rows()
        assert row.waiting == 1
        assert row.last_success_s is None
        fake.status = 200
        await _until(fake.alerts)
        await asyncio.sleep(0.02)
        assert push.rows()[0].waiting == 0
        assert push.rows()[0].failures >= 3

    _run(found, use)


def test_an_end_that_came_while_nobody_listened_is_told_later() -> None:
    found = view(finding())

    async def use(fake: FakeAlertmanager, push: AlertmanagerPush, clock: Clock) -> None:
        await _until(fake.alerts)
        fake.status = 503
        found.take(0, [kept(resolved(), NOW_MS)])
        await _until(lambda: fake.requests >= 3)
        assert push.rows()[0].waiting == 1
        clock.now_ms += 3 * 3_600_000
        fake.status = 200
        await _until(lambda: len(fake.alerts()) >= 2)
        assert fake.alerts()[1]["endsAt"].startswith("2025-09-09T10:00:00")

    _run(found, use)


def test_one_that_came_back_without_memory_is_told_everything_again() -> None:
    found = view(finding())

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, __: Clock) -> None:
        await _until(fake.alerts)
        fake.status = 503
        found.take(0, [kept(finding(finding_id="f-2"))])
        await _until(lambda: fake.requests >= 2)
        fake.taken.clear()
        fake.status = 200
        await _until(lambda: len(fake.alerts()) >= 2)
        assert {a["labels"]["finding"] for a in fake.alerts()} == {"f-0001", "f-2"}

    _run(found, use)


def test_an_end_of_long_ago_is_not_told() -> None:
    found = view()
    found.take(0, [kept(resolved(), NOW_MS - 2 * 86_400_000), kept(finding(finding_id="f-2"))])

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, __: Clock) -> None:
        await _until(fake.alerts)
        assert [a["labels"]["finding"] for a in fake.alerts()] == ["f-2"]

    _run(found, use)


def test_milder_findings_are_left_out() -> None:
    found = view(finding(severity=Severity.LOW), finding(finding_id="f-2"))

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, __: Clock) -> None:
        await _until(fake.alerts)
        assert [a["labels"]["finding"] for a in fake.alerts()] == ["f-2"]

    _run(found, use, alert_min_severity="HIGH")


def test_requests_have_a_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "BODY_MAX_BYTES", 3_000)
    found = view(*(finding(finding_id=f"f-{n}") for n in range(20)))

    async def use(fake: FakeAlertmanager, _: AlertmanagerPush, __: Clock) -> None:
        await _until(lambda: len(fake.alerts()) >= 20)
        assert all(len(orjson.dumps(request)) <= 3_100 for request in fake.taken)
        assert len({a["labels"]["finding"] for a in fake.alerts()}) == len(fake.alerts()) == 20

    _run(found, use)


def test_every_alertmanager_of_a_cluster_is_told_though_one_is_down() -> None:
    found = view(finding())

    async def run() -> None:
        fake = FakeAlertmanager()
        app = web.Application()
        app.router.add_post("/api/v2/alerts", fake.answer)
        async with TestServer(app) as server:
            urls = ("http://127.0.0.1:1", str(server.make_url("/")))
            push = AlertmanagerPush(
                Settings(alertmanager_urls=urls), found, pace=PACE, fail=pytest.fail
            )
            async with push.service(None):
                await _until(fake.alerts)
                await _until(lambda: push.rows()[0].failures >= 2)
            first, second = push.rows()
            assert (first.alertmanager, second.alertmanager) == ("1", "2")
            assert first.pushed == 0
            assert second.pushed >= 1

    asyncio.run(asyncio.wait_for(run(), 10))


def test_the_log_tells_of_a_failure_once_and_without_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = view(finding())

    async def use(fake: FakeAlertmanager, push: AlertmanagerPush, _: Clock) -> None:
        fake.status = 503
        await _until(lambda: push.rows()[0].failures >= 3)
        fake.status = 200
        await _until(fake.alerts)
        await asyncio.sleep(0.02)

    _run(found, use)
    texts = [record.getMessage() for record in caplog.records if record.name.startswith("streams")]
    assert texts == [
        "Alertmanager 1 takes no alerts (status 503); trying on",
        "Alertmanager 1 takes alerts again",
    ]


def test_pushing_that_dies_of_an_error_of_its_own_ends_the_worker() -> None:
    reasons: list[str] = []

    async def run() -> None:
        found = view(finding())
        settings = Settings(alertmanager_urls=("http://127.0.0.1:1",))

        def broken() -> int:
            raise ZeroDivisionError

        push = AlertmanagerPush(settings, found, pace=PACE, clock=broken, fail=reasons.append)
        async with push.service(None):
            await _until(lambda: reasons)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert reasons[0].startswith("pushing to Alertmanager died: ZeroDivisionError")


@pytest.mark.parametrize(
    "url",
    [
        "alertmanager:9093",
        "ftp://host",
        "http://",
        "http://host:no",
        "http://h/?q=1",
        "http://[::1",
    ],
)
def test_an_address_that_is_none_is_named_by_its_place(url: str) -> None:
    settings = Settings(alertmanager_urls=("http://good:9093", url))
    with pytest.raises(ConfigError, match="VIGIE_ALERTMANAGER_URLS: address 2 is not"):
        endpoint_urls(settings)


def test_an_address_may_have_a_path_before_the_api() -> None:
    settings = Settings(alertmanager_urls=("https://host/alerting/",))
    assert endpoint_urls(settings) == ("https://host/alerting/api/v2/alerts",)


def test_there_are_at_most_eight_of_them() -> None:
    settings = Settings(alertmanager_urls=("http://host",) * 9)
    with pytest.raises(ConfigError, match="at most 8"):
        endpoint_urls(settings)


def test_a_severity_that_does_not_exist_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="VIGIE_ALERT_MIN_SEVERITY: must be one of LOW, MEDIUM"):
        Settings.from_env({"VIGIE_ALERT_MIN_SEVERITY": "LOUD"})
