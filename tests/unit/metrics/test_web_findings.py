from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agents.finding_history import FindingHistory, HistoryMeasure
from agents.findings import FindingStatus
from metrics.registry import build_registry
from metrics.views import Unmasked
from metrics.web import HEADERS, Monitor
from metrics.web_findings import BURST, JUDGED_WITHIN_MS, PACE_MS, Allowance
from metrics.worker import WorkerMetrics
from streams.errors import InputError, TransientError
from streams.event_time import DAY_MS, start_of_day_ms
from streams.observing import WorkerStatus
from tests.support.fake_region import NOW_MS, FakeRegion
from tests.support.findings import Lag, finding, resolved, view

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agents.findings_view import FindingsView
    from streams.audit import Actor

Client: TypeAlias = TestClient[web.Request, web.Application]

HISTORY = FindingHistory(
    HistoryMeasure.PATIENTS,
    start_of_day_ms(20_385),
    DAY_MS,
    observed=(12, 735),
    unexplained=(None, 700),
    expected=(31.0, 31.2),
    high=(90.0, 91.0),
    peers=(14.0, 14.0),
    peers_high=(44.0, None),
)
OWN = {"X-Vigie": "1"}
PATH = "/api/findings/f-0001"


class FakeDesk:
    """Takes verdicts, or fails as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[tuple[str, str, int]] = []
        self.actors: list[Actor] = []

    async def judge(self, finding_id: str, verdict: str, now_ms: int, actor: Actor) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append((finding_id, verdict, now_ms))
        self.actors.append(actor)

    async def unmask(self, finding_id: str, now_ms: int, actor: Actor) -> Unmasked:
        if self.error is not None:
            raise self.error
        self.taken.append((finding_id, "UNMASKING", now_ms))
        self.actors.append(actor)
        return Unmasked("structure-1", ["actor-1"])


def _with_client(
    use: Callable[[Client], Awaitable[None]],
    *,
    found: FindingsView | None = None,
    desk: FakeDesk | None = None,
    host: str = "127.0.0.1",
    now_ms: int = NOW_MS,
    page_url: str = "",
) -> None:
    worker, region = WorkerMetrics(WorkerStatus()), FakeRegion()
    found = found or view(finding(history=HISTORY))
    registry = build_registry(region, worker, lambda: now_ms, found)
    monitor = Monitor(registry, region, worker, lambda: now_ms, found, desk=desk or FakeDesk())

    async def run() -> None:
        async with TestClient(TestServer(monitor.app(host, page_url))) as client:
            await use(client)

    asyncio.run(asyncio.wait_for(run(), 10))


async def _json(client: Client, path: str = PATH) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status == 200
    document: dict[str, Any] = await answer.json()
    return document


async def _judge(
    client: Client, verdict: object = "BENIGN", path: str = PATH, **headers: str
) -> int:
    answer = await client.post(path + "/verdict", json={"verdict": verdict}, headers=OWN | headers)
    document = await answer.json()
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert document == {} if answer.status == 202 else bool(document["error"])
    return answer.status


def test_a_findings_page_holds_all_that_is_to_be_shown() -> None:
    first = finding(history=HISTORY)
    other = finding(finding_id="f-0002", flow="insi-calls")
    stranger = finding(finding_id="f-0003", actor_pid="actor-2")

    async def use(client: Client) -> None:
        page = await _json(client)
        (row,) = [
            one
            for one in (await _json(client, "/api/findings"))["findings"]
            if one["finding_id"] == "f-0001"
        ]
        assert page["finding"] == row
        assert page["can_judge"]
        assert page["history"]["step_ms"] == DAY_MS
        assert page["history"]["measure"] == "patients"
        assert page["history"]["points"] == [
            {
                "start_ms": start_of_day_ms(20_385),
                "observed": 12,
                "unexplained": None,
                "expected": 31.0,
                "high": 90.0,
                "peers": 14.0,
                "peers_high": 44.0,
            },
            {
                "start_ms": start_of_day_ms(20_386),
                "observed": 735,
                "unexplained": 700,
                "expected": 31.2,
                "high": 91.0,
                "peers": 14.0,
                "peers_high": None,
            },
        ]
        assert [row["status"] for row in page["timeline"]] == ["OPEN", "RESOLVED"]
        assert page["timeline"][0] == {
            "at_ms": first.detected_at_ms,
            "revision": 0,
            "severity": "HIGH",
            "status": "OPEN",
            "priority": 91.0,
            "patients": 704,
            "detector": "tail",
        }
        assert [one["finding_id"] for one in page["related"]] == ["f-0002"]

    _with_client(use, found=view(first, other, stranger, resolved(history=HISTORY)))


def test_a_finding_without_a_series_has_no_points() -> None:
    async def use(client: Client) -> None:
        history = (await _json(client))["history"]
        assert history == {"step_ms": DAY_MS, "measure": "patients", "points": []}

    _with_client(use, found=view(finding()))


def _names(value: Any) -> set[str]:
    """Every name in a document."""
    if isinstance(value, dict):
        return set(value).union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()


def test_no_answer_about_a_finding_bears_a_pseudonym() -> None:
    several = [
        finding(history=HISTORY),
        finding(finding_id="f-0002"),
        finding(
            finding_id="f-0003",
            structure_pid=None,
            actor_pid=None,
            detector="collusion",
            detectors=("collusion",),
            evidence={"member_01": "structure-1/actor-1"},
        ),
    ]

    async def use(client: Client) -> None:
        for path in ("/api/state", "/api/findings", PATH, "/api/findings/f-0003"):
            document = await _json(client, path)
            assert not [name for name in _names(document) if name.endswith("pid")]
            text = orjson.dumps(document).decode()
            assert "structure-1" not in text
            assert "actor-1" not in text

    _with_client(use, found=view(*several))


def test_what_is_not_there_is_told_so() -> None:
    async def use(client: Client) -> None:
        for path in ("/api/findings/nobody", "/api/findings/" + "x" * 5_000):
            answer = await client.get(path)
            assert answer.status == 404
            assert (await answer.json())["error"] == "no such finding"
        assert await _judge(client, path="/api/findings/nobody") == 404

    _with_client(use)


def test_a_worker_that_does_not_know_all_findings_says_so() -> None:
    async def use(client: Client) -> None:
        assert (await client.get(PATH)).status == 503
        assert await _judge(client) == 503

    _with_client(use, found=view(finding(), lag=Lag(None)))


@pytest.mark.parametrize("verdict", ["CONFIRMED", "BENIGN"])
def test_a_verdict_is_handed_on_and_accepted_once_it_is_durable(verdict: str) -> None:
    desk = FakeDesk()

    async def use(client: Client) -> None:
        assert await _judge(client, verdict) == 202

    _with_client(use, desk=desk)
    assert desk.taken == [("f-0001", verdict, NOW_MS)]


def _own_origin(client: Client) -> str:
    return f"http://127.0.0.1:{client.port}"


def test_the_page_itself_and_commands_of_this_machine_may_judge() -> None:
    async def use(client: Client) -> None:
        own = {"Origin": _own_origin(client), "Sec-Fetch-Site": "same-origin"}
        assert await _judge(client, **own) == 202
        assert await _judge(client) == 202

    _with_client(use)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Vigie": ""},
        {"X-Vigie": "2"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Host": "elsewhere.example"},
    ],
    ids=str,
)
def test_nobody_else_may(headers: dict[str, str]) -> None:
    desk = FakeDesk()

    async def use(client: Client) -> None:
        body = b'{"verdict": "BENIGN"}'
        plain = {"Content-Type": "application/json"} | OWN | headers
        answer = await client.post(PATH + "/verdict", data=body, headers=plain)
        assert answer.status == 403

    _with_client(use, desk=desk)
    assert not desk.taken


def test_a_request_that_asks_beforehand_is_given_no_leave() -> None:
    async def use(client: Client) -> None:
        answer = await client.options(
            PATH + "/verdict",
            headers={
                "Origin": "https://elsewhere.example",
                "Access-Control-Request-Method": "POST",
            },
        )
        assert answer.status == 405
        assert not [name for name in answer.headers if name.startswith("Access-Control")]

    _with_client(use)


def test_who_comes_by_a_proxys_name_sees_the_page_and_does_not_judge() -> None:
    desk = FakeDesk()

    async def use(client: Client) -> None:
        name = {"Host": "vigie.region.example"}
        page = await client.get(PATH, headers=name)
        assert page.status == 200
        assert not (await page.json())["can_judge"]
        assert await _judge(client, **name) == 403

    _with_client(use, desk=desk, page_url="https://vigie.region.example/")
    assert not desk.taken


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"BENIGN",
        b"[]",
        b'{"verdict": "UNKNOWN"}',
        b'{"verdict": ["BENIGN"]}',
        b'{"verdict": "BENIGN", "analyst_pid": "x"}',
        b'{"verdict": "BENIGN"}' + b" " * 1_100,
        b"[" * 900,
        b"\xff\xfe",
    ],
)
def test_a_body_that_says_anything_else_is_refused(body: bytes) -> None:
    desk = FakeDesk()

    async def use(client: Client) -> None:
        headers = {"Content-Type": "application/json"} | OWN
        answer = await client.post(PATH + "/verdict", data=body, headers=headers)
        assert answer.status == 400
        assert "CONFIRMED" in (await answer.json())["error"]

    _with_client(use, desk=desk)
    assert not desk.taken


def test_too_many_verdicts_at_once_are_refused() -> None:
    desk = FakeDesk()

    async def use(client: Client) -> None:
        told = [await _judge(client) for _ in range(BURST + 2)]
        assert told == [202] * BURST + [429] * 2

    _with_client(use, desk=desk)
    assert len(desk.taken) == BURST


def test_an_allowance_comes_back_with_time() -> None:
    allowance = Allowance(2, PACE_MS)
    assert [allowance.take(at_ms) for at_ms in (10**9, 10**9, 10**9)] == [True, True, False]
    assert not allowance.take(10**9 + PACE_MS - 1)
    assert allowance.take(10**9 + PACE_MS)
    # A clock that is set back gives nothing and takes nothing.
    assert not allowance.take(0)


@pytest.mark.parametrize("error", [TransientError("Kafka is away"), InputError("no Kafka answers")])
def test_a_verdict_that_kafka_did_not_confirm_is_no_verdict(error: Exception) -> None:
    async def use(client: Client) -> None:
        answer = await client.post(PATH + "/verdict", json={"verdict": "BENIGN"}, headers=OWN)
        assert answer.status == 503
        assert str(error) in (await answer.json())["error"]

    _with_client(use, desk=FakeDesk(error))


@pytest.mark.parametrize(
    ("status", "age_ms", "expected"),
    [
        (FindingStatus.RESOLVED, JUDGED_WITHIN_MS - 1, 202),
        (FindingStatus.RESOLVED, JUDGED_WITHIN_MS, 409),
        (FindingStatus.BENIGN, 0, 202),
        (FindingStatus.OPEN, 5 * JUDGED_WITHIN_MS, 202),
    ],
)
def test_what_was_closed_long_ago_cannot_be_judged(
    status: FindingStatus, age_ms: int, expected: int
) -> None:
    async def use(client: Client) -> None:
        assert (await _json(client))["can_judge"] is (expected == 202)
        assert await _judge(client) == expected

    _with_client(use, found=view(finding(status=status)), now_ms=NOW_MS + age_ms)
