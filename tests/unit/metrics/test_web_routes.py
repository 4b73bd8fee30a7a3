"""Every address of the server asks for a role, and one that nobody listed is refused to everybody."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics.access import AccessCounts
from metrics.web import ASSETS
from metrics.web_access import Gate
from metrics.web_routes import LEAST, OPEN, is_listed, least_role
from streams.tokens import Role
from tests.support.access import OWN, PRESENTED, Place, bearer, keys, signed_in

if TYPE_CHECKING:
    from tests.support.access import Client


def _routes() -> list[tuple[str, str]]:
    """Method and path of every route that the server has."""
    found = [
        (route.method, route.resource.canonical)
        for route in Place().app().router.routes()
        if route.resource is not None
    ]
    assert len(found) > 40
    return sorted(set(found))


ROUTES = _routes()
HIDDEN_FROM_NOBODY = {"/healthz", "/readyz", "/signin", "/api/session"}


def _filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "f-0001", path)


def _asked_for(method: str, path: str) -> dict[Role | None, int]:
    """What each role is answered; `None` for somebody without a token."""
    told: dict[Role | None, int] = {}

    async def use(client: Client) -> None:
        for role in (None, *Role):
            headers = OWN if role is None else OWN | bearer(role)
            answer = await client.request(
                method, _filled(path), headers=headers, data=b"{}", allow_redirects=False
            )
            told[role] = answer.status
            answer.close()

    Place().with_client(use)
    return told


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_address_answers_from_its_least_role_on(method: str, path: str) -> None:
    assert is_listed(method, path)
    least = least_role(method, path)
    told = _asked_for(method, path)
    if least is None:
        assert not {401, 403} & {status for role, status in told.items() if path != "/api/session"}
        return
    assert told[None] == (303 if path == "/" else 401)
    for role in Role:
        assert (told[role] == 403) is (role < least), role


def test_the_table_lists_nothing_that_is_not_there() -> None:
    # The chart library is there once it was fetched.
    listed = {place for place in OPEN | LEAST.keys() if not place[1].startswith("/vendor/")}
    assert listed <= set(ROUTES)


def test_what_is_open_holds_no_figure_of_the_region() -> None:
    files = {path for _, path in OPEN} - HIDDEN_FROM_NOBODY
    assert files <= ASSETS.keys()
    assert not any(path in files for path in ("/", "/app.js", "/metrics"))


def test_an_address_that_was_forgotten_is_refused_to_everybody() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="figures")

    async def run() -> None:
        app = web.Application()
        Gate(AccessCounts(), lambda: 0, keys()).guard(app, "127.0.0.1")
        app.router.add_get("/forgotten", answer)
        app.router.add_put("/metrics", answer)
        async with TestClient(TestServer(app)) as client:
            for method, path in (("GET", "/forgotten"), ("PUT", "/metrics")):
                refused = await client.request(method, path, headers=bearer(Role.UNMASK))
                assert refused.status != 200
                assert "figures" not in await refused.text()

    asyncio.run(asyncio.wait_for(run(), 10))


@pytest.mark.parametrize("path", ["/nothing", "/api/", "/api/findings/a/b", "/../etc/passwd"])
def test_where_nothing_is_nobody_needs_a_token_to_hear_so(path: str) -> None:
    async def use(client: Client) -> None:
        assert (await client.get(path)).status == 404

    Place().with_client(use)


def test_a_browser_is_let_in_as_far_as_its_token_goes() -> None:
    async def use(client: Client) -> None:
        await signed_in(client, Role.ANALYST)
        assert (await client.get("/")).status == 200
        assert (await client.get("/metrics")).status == 200
        path = "/api/findings/f-0001"
        page = await (await client.get(path)).json()
        assert (page["can_judge"], page["can_unmask"]) == (True, False)
        judged = await client.post(f"{path}/verdict", json={"verdict": "BENIGN"}, headers=OWN)
        assert judged.status == 202
        shown = await client.post(f"{path}/account", json={"audited": True}, headers=OWN)
        assert shown.status == 403
        assert PRESENTED[Role.ANALYST] not in await shown.text()

    Place().with_client(use)
