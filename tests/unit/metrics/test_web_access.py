from __future__ import annotations

import logging
import re
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

import pytest

from metrics.attempts import OWN_BURST, OWN_PACE_MS
from metrics.sessions import LASTS_MS
from metrics.web import HEADERS
from metrics.web_access import COOKIE, SECURE_COOKIE
from metrics.web_findings import BURST
from streams.audit import Origin
from streams.errors import ConfigError, TransientError
from streams.tokens import Role
from tests.support.access import OWN, PRESENTED, Book, Desk, Place, bearer, keys, signed_in, token
from tests.support.fake_region import NOW_MS

if TYPE_CHECKING:
    from tests.support.access import Client

WRONG = {"Authorization": "Bearer vigie_wrong"}
PATH = "/api/findings/f-0001"
PAGE = "https://vigie.region.example/"


async def _post(client: Client, path: str, body: object, **headers: str) -> int:
    answer = await client.post(path, json=body, headers=OWN | headers)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    return answer.status


async def _sample(client: Client, name: str) -> float:
    text = await (await client.get("/metrics", headers=bearer(Role.VIEWER))).text()
    found = re.search(rf"^vigie_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


def test_a_reader_without_a_session_is_led_to_where_it_gets_one() -> None:
    async def use(client: Client) -> None:
        answer = await client.get("/", allow_redirects=False)
        # No fragment in it: browsers carry the one of the link along.
        assert (answer.status, answer.headers["Location"]) == (303, "/signin")
        assert (await client.get("/signin")).status == 200
        told = await client.get("/api/state")
        assert told.status == 401
        assert told.headers["WWW-Authenticate"] == 'Bearer realm="vigie"'
        assert {name: told.headers[name] for name in HEADERS} == HEADERS

    Place().with_client(use)


def test_a_session_is_for_this_site_its_scripts_apart_and_ends() -> None:
    place = Place()

    async def use(client: Client) -> None:
        answer = await client.post(
            "/api/session", json={"token": f" {PRESENTED[Role.VIEWER]}\n"}, headers=OWN
        )
        assert await answer.json() == {"name": "a-viewer", "role": "viewer"}
        cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
        assert int(cookie["max-age"]) == LASTS_MS // 1000
        assert not cookie["secure"]
        assert PRESENTED[Role.VIEWER] not in cookie.value
        assert (await client.get("/api/state")).status == 200
        told = await (await client.get("/api/session")).json()
        assert told == {"is_required": True, "name": "a-viewer", "role": "viewer"}

        place.now_ms += LASTS_MS
        assert (await client.get("/api/state")).status == 401
        assert (await (await client.get("/api/session")).json())["role"] is None
        assert await _sample(client, 'access_refused_total{reason="ended_session"}') == 1
        assert await _sample(client, "sign_ins_total") == 1

    place.with_client(use)


def test_signing_out_ends_the_browsers_session() -> None:
    async def use(client: Client) -> None:
        await signed_in(client, Role.VIEWER)
        assert (await client.delete("/api/session", data=b"{}", headers=OWN)).status == 200
        assert (await client.get("/api/state")).status == 401

    Place().with_client(use)


def test_a_token_that_is_taken_away_ends_its_sessions_and_its_open_streams() -> None:
    book = Book()

    async def use(client: Client) -> None:
        await signed_in(client, Role.ANALYST)
        stream = await client.get("/api/stream")
        assert (await stream.content.readline()).startswith(b"data: ")
        book.tokens = [token(Role.VIEWER)]
        assert (await client.get("/api/state")).status == 401
        assert (await client.get("/api/state", headers=bearer(Role.ANALYST))).status == 401
        assert await stream.content.read() == b"\n"  # it ended

    Place(keys(book)).with_client(use)


def test_a_token_with_an_end_is_none_after_it() -> None:
    ending = [token(Role.VIEWER, NOW_MS + 60_000)]
    place = Place(keys(Book(ending)))

    async def use(client: Client) -> None:
        await signed_in(client, Role.VIEWER)
        place.now_ms = NOW_MS + 59_999
        assert (await client.get("/api/state")).status == 200
        place.now_ms = NOW_MS + 60_000
        assert (await client.get("/api/state")).status == 401
        assert (await client.get("/api/state", headers=bearer(Role.VIEWER))).status == 401

    place.with_client(use)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"X-Vigie": ""}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({}, 200),
    ],
)
def test_a_session_begins_and_ends_by_the_page_itself_alone(
    headers: dict[str, str], status: int
) -> None:
    async def use(client: Client) -> None:
        body = b'{"token": "%s"}' % PRESENTED[Role.VIEWER].encode()
        begun = await client.post("/api/session", data=body, headers=OWN | headers)
        assert begun.status == status
        assert ("Set-Cookie" in begun.headers) is (status == 200)
        ended = await client.delete("/api/session", data=b"{}", headers=OWN | headers)
        assert ended.status == status

    Place().with_client(use)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"token": 7}', b"[" * 900, b'"x"' + b" " * 2_000])
def test_a_body_that_holds_no_token_is_refused_and_counts_as_no_try(body: bytes) -> None:
    async def use(client: Client) -> None:
        for _ in range(OWN_BURST + 2):
            assert (await client.post("/api/session", data=body, headers=OWN)).status == 400

    Place().with_client(use)


def test_who_was_wrong_too_often_waits_as_long_as_it_is_told() -> None:
    place = Place()

    async def use(client: Client) -> None:
        for _ in range(OWN_BURST - 1):
            assert (await client.get("/metrics", headers=WRONG)).status == 401
        assert await _post(client, "/api/session", {"token": "vigie_wrong"}) == 401
        refused = await client.get("/metrics", headers=bearer(Role.VIEWER))
        assert refused.status == 429
        wait_s = int(refused.headers["Retry-After"])
        assert wait_s == OWN_PACE_MS // 1000
        # Supervisors are answered, and nobody's address is told.
        assert (await client.get("/healthz")).status == 200
        assert "127.0.0.1" not in await refused.text()
        place.steady_ms += 1000 * wait_s
        assert (await client.get("/metrics", headers=bearer(Role.VIEWER))).status == 200
        assert await _sample(client, 'access_refused_total{reason="wrong_token"}') == OWN_BURST
        assert await _sample(client, 'access_refused_total{reason="too_many"}') == 1

    place.with_client(use)


def test_a_proxy_that_is_believed_tells_clients_apart_and_nobody_else_does() -> None:
    def seen(*proxies: str) -> list[int]:
        told: list[int] = []

        async def use(client: Client) -> None:
            for number in range(OWN_BURST + 1):
                hops = {"X-Forwarded-For": f"10.9.9.9, 203.0.113.{number}"}
                told.append((await client.get("/metrics", headers=WRONG | hops)).status)

        Place(keys(None, *proxies)).with_client(use)
        return told

    assert seen("127.0.0.1") == [401] * (OWN_BURST + 1)
    assert seen() == [401] * OWN_BURST + [429]
    assert seen("192.0.2.0/24") == [401] * OWN_BURST + [429]


@pytest.mark.parametrize(
    ("proxies", "headers", "is_secure"),
    [
        (("127.0.0.1",), {"X-Forwarded-Proto": "https"}, True),
        (("127.0.0.1",), {"X-Forwarded-Proto": "http"}, False),
        ((), {"X-Forwarded-Proto": "https"}, False),
        ((), {"Host": "vigie.region.example"}, True),
        ((), {}, False),
    ],
)
def test_behind_tls_the_cookie_is_for_tls_alone(
    proxies: tuple[str, ...], headers: dict[str, str], *, is_secure: bool
) -> None:
    async def use(client: Client) -> None:
        body = {"token": PRESENTED[Role.VIEWER]}
        answer = await client.post("/api/session", json=body, headers=OWN | headers)
        ((name, cookie),) = SimpleCookie(answer.headers["Set-Cookie"]).items()
        assert name == (SECURE_COOKIE if is_secure else COOKIE)
        assert bool(cookie["secure"]) is is_secure
        came = {"Cookie": f"{name}={cookie.value}"} | headers
        assert (await client.get("/api/state", headers=came)).status == 200
        if is_secure:
            # One that a neighbouring name has set is none.
            came = {"Cookie": f"{COOKIE}={cookie.value}"} | headers
            assert (await client.get("/api/state", headers=came)).status == 401

    Place(keys(None, *proxies), page_url=PAGE).with_client(use)


@pytest.mark.parametrize("texts", [("nowhere",), ("10.0.0.0/33",), ("10.0.0.1/8",)])
def test_a_proxy_that_is_no_address_is_a_setting_error(texts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="VIGIE_TRUSTED_PROXIES"):
        keys(None, *texts)


def test_whom_a_finding_is_about_is_told_to_who_may_and_to_nobody_else() -> None:
    place = Place()

    async def use(client: Client) -> None:
        for role, status in ((Role.VIEWER, 403), (Role.ANALYST, 403), (Role.UNMASK, 200)):
            answer = await client.post(
                f"{PATH}/account", json={"audited": True}, headers=OWN | bearer(role)
            )
            assert answer.status == status
            text = await answer.text()
            assert ("actor-1" in text) is (status == 200)
        await signed_in(client, Role.UNMASK)
        assert (await (await client.get(PATH)).json())["can_unmask"]
        assert await _post(client, f"{PATH}/account", {"audited": True}) == 200
        assert await _post(client, f"{PATH}/verdict", {"verdict": "BENIGN"}) == 202
        assert await _sample(client, 'audited_acts_total{act="UNMASKING"}') == 2
        assert await _sample(client, 'audited_acts_total{act="VERDICT"}') == 1
        assert await _sample(client, 'access_refused_total{reason="role"}') == 2

    place.with_client(use)
    told = [(what, who.name, who.role, who.origin) for _, what, who in place.desk.done]
    assert told == [
        ("ACCOUNT", "a-unmask", Role.UNMASK, Origin.API),
        ("ACCOUNT", "a-unmask", Role.UNMASK, Origin.PAGE),
        ("BENIGN", "a-unmask", Role.UNMASK, Origin.PAGE),
    ]


@pytest.mark.parametrize("body", [{}, {"audited": False}, {"audited": 1}, {"verdict": "BENIGN"}])
def test_whom_a_finding_is_about_is_asked_for_in_so_many_words(body: object) -> None:
    place = Place()

    async def use(client: Client) -> None:
        asked = await client.post(f"{PATH}/account", json=body, headers=OWN | bearer(Role.UNMASK))
        assert asked.status == 400
        elsewhere = {"Sec-Fetch-Site": "cross-site"} | OWN | bearer(Role.UNMASK)
        again = await client.post(f"{PATH}/account", json={"audited": True}, headers=elsewhere)
        assert again.status == 403

    place.with_client(use)
    assert place.desk.done == []


def test_what_the_audit_did_not_note_is_not_told_and_not_done() -> None:
    place = Place(desk=Desk(TransientError("audit: Kafka did not confirm the entry")))

    async def use(client: Client) -> None:
        await signed_in(client, Role.UNMASK)
        answer = await client.post(f"{PATH}/account", json={"audited": True}, headers=OWN)
        assert answer.status == 503
        assert "actor-1" not in await answer.text()
        assert await _post(client, f"{PATH}/verdict", {"verdict": "BENIGN"}) == 503
        assert await _sample(client, 'acts_failed_total{act="UNMASKING"}') == 1
        assert await _sample(client, 'acts_failed_total{act="VERDICT"}') == 1
        assert await _sample(client, 'audited_acts_total{act="VERDICT"}') == 0

    place.with_client(use)


def test_accounts_are_not_shown_by_the_dozen() -> None:
    async def use(client: Client) -> None:
        await signed_in(client, Role.UNMASK)
        told = [await _post(client, f"{PATH}/account", {"audited": True}) for _ in range(BURST + 1)]
        assert told == [200] * BURST + [429]

    Place().with_client(use)


def test_without_tokens_this_machine_judges_and_sees_no_pseudonym() -> None:
    place = Place(None, host="127.0.0.1")

    async def use(client: Client) -> None:
        told = await (await client.get("/api/session")).json()
        assert told == {"is_required": False, "name": None, "role": "analyst"}
        page = await (await client.get(PATH)).json()
        assert (page["can_judge"], page["can_unmask"]) == (True, False)
        assert await _post(client, f"{PATH}/verdict", {"verdict": "BENIGN"}) == 202
        assert await _post(client, f"{PATH}/account", {"audited": True}) == 403
        assert await _post(client, "/api/session", {"token": "x"}) == 409

    place.with_client(use)
    ((_, _, who),) = place.desk.done
    assert (who.name, who.role) == ("", None)


def test_tokens_are_asked_for_on_loopback_as_well_once_there_are_any() -> None:
    async def use(client: Client) -> None:
        assert (await client.get("/api/state")).status == 401
        assert (await client.get("/api/state", headers=bearer(Role.VIEWER))).status == 200

    replace(Place(), host="127.0.0.1").with_client(use)


def test_no_token_and_no_address_stands_in_a_log_or_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []

    async def use(client: Client) -> None:
        await signed_in(client, Role.UNMASK)
        for path in ("/", "/metrics", "/api/session", "/api/findings", "/nothing"):
            for headers in ({}, WRONG, bearer(Role.UNMASK)):
                answer = await client.get(path, headers=headers)
                texts.append(await answer.text())

    Place().with_client(use)
    said = [record for record in caplog.records if not record.name.startswith("asyncio")]
    texts += [record.getMessage() for record in said]
    for text in texts:
        assert not any(one in text for one in (*PRESENTED.values(), "vigie_wrong", "127.0.0.1"))
