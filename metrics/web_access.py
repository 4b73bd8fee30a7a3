"""Who is let in: a token in each request, or a session that a browser got for one.

Without a tokens file there are no roles: whoever reaches a server that listens on loopback may read
and, under a loopback name, judge; nobody is shown a pseudonym. A server that listens beyond loopback has
tokens, or does not start.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from aiohttp import web

from metrics.attempts import Attempts
from metrics.web_hosts import is_loopback
from metrics.web_requests import Proxies, Refused, answer, host_of, require_own, told
from metrics.web_routes import SESSION, SIGN_IN, is_listed, least_role
from streams.audit import Actor, Origin
from streams.errors import ConfigError
from streams.tokens import Role, TokenBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from metrics.access import AccessCounts
    from metrics.sessions import Sessions
    from streams.tokens import Token

COOKIE: Final = "vigie-session"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
"""Browsers take it over TLS only, and from no other name."""
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="vigie"'}

_ACTOR: Final = web.RequestKey("actor", Actor)


class Tokens(Protocol):
    """Where the tokens stand."""

    @property
    def problems(self) -> int:
        """Lines that are left out because something is wrong with them."""

    def book(self) -> TokenBook:
        """Those that are valid now."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens the page.

    Attributes:
        tokens: of everybody who may come.
        sessions: of browsers.
        proxies: who is believed to say for whom a request comes.
    """

    tokens: Tokens
    sessions: Sessions
    proxies: Proxies = field(default_factory=Proxies)


class Gate:
    """Lets requests in, or refuses them.

    Args:
        counts: told of refusals.
        clock: now, milliseconds UTC.
        keys: what opens the page; `None` for none.
        page_url: the page's address for its readers, if it is another than this server's.
        steady: milliseconds that never go backwards.
    """

    def __init__(
        self,
        counts: AccessCounts,
        clock: Callable[[], int],
        keys: Keys | None = None,
        *,
        page_url: str = "",
        steady: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._counts = counts
        self._clock = clock
        self._keys = keys
        self._page = urlsplit(page_url)
        self._steady = steady
        self._attempts = Attempts()
        self._is_private = False

    def guard(self, app: web.Application, host: str) -> None:
        """Stand before an application that will listen on `host`.

        Raises:
            ConfigError: others than this machine would reach it, and there are no tokens.
        """
        self._is_private = is_loopback(host)
        if self._keys is None and not self._is_private:
            raise ConfigError(beyond_loopback(host))
        app.router.add_get(SESSION, self._tell)
        app.router.add_post(SESSION, self._sign_in)
        app.router.add_delete(SESSION, self._sign_out)
        app.middlewares.append(self._middleware())

    def actor(self, request: web.Request) -> Actor:
        """Who asks; only of a request that was let in."""
        return request[_ACTOR]

    def still(self, request: web.Request) -> bool:
        """Whether what a request came with opens what it asked for now as well."""
        role = least_role(request.method, _route(request))
        try:
            actor = self._identify(request, is_again=True)
        except Refused:
            return False
        return role is None or (actor.role or self._local_role(request)) >= role

    def role(self, request: web.Request) -> Role:
        """What whoever asks may do."""
        return self.actor(request).role or self._local_role(request)

    def _middleware(self) -> Any:
        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.match_info.http_exception is not None:
                return await handler(request)  # nothing is there
            path = _route(request)
            if not is_listed(request.method, path):
                raise Refused(403, "nobody may ask for this address")
            least = least_role(request.method, path)
            if least is None:
                return await handler(request)
            try:
                actor = self._identify(request)
            except Refused as refused:
                if path == "/" and refused.status == 401:  # noqa: PLR2004 (HTTP's own number)
                    raise web.HTTPSeeOther(SIGN_IN) from None
                raise
            request[_ACTOR] = actor
            if self.role(request) < least:
                self._counts.refused("role")
                what = "needs a token of another role, at least"
                raise Refused(403, f"{what} {least.name.lower()}")
            return await handler(request)

        return gate

    def _identify(self, request: web.Request, *, is_again: bool = False) -> Actor:
        """Who asks, by what the request came with.

        Raises:
            Refused: it came with nothing, or with what opens nothing.
        """
        if self._keys is None:
            is_browser = "Sec-Fetch-Site" in request.headers
            return Actor("", None, Origin.PAGE if is_browser else Origin.API)
        presented = _bearer(request)
        if presented is not None:
            if is_again:
                token = self._keys.tokens.book().holder_of(presented, self._clock())
            else:
                token = self._try(request, presented)
            if token is None:
                raise Refused(401, "no such token, or none any more", CHALLENGE)
            return Actor(token.name, token.role, Origin.API)
        cookie = request.cookies.get(self._cookie(request))
        token = self._holder(cookie)
        if token is not None:
            return Actor(token.name, token.role, Origin.PAGE)
        if not is_again:
            # A session that is over says nothing of anybody's guessing: an open page asks on.
            self._counts.refused("no_token" if cookie is None else "ended_session")
        raise Refused(401, f"needs a token, or a session from {SIGN_IN}", CHALLENGE)

    def _holder(self, cookie: str | None) -> Token | None:
        if cookie is None or self._keys is None:
            return None
        book = self._keys.tokens.book()
        return self._keys.sessions.holder_of(cookie, book, self._clock())

    def _try(self, request: web.Request, presented: str) -> Token | None:
        """The token that somebody presents, unless too many were wrong before.

        Raises:
            Refused: whoever it is has to wait.
        """
        assert self._keys is not None  # noqa: S101 (for the type checker: callers have looked)
        client, now_ms = self._keys.proxies.client_of(request), self._steady()
        wait_ms = self._attempts.wait_ms(client, now_ms)
        if wait_ms > 0:
            self._counts.refused("too_many")
            wait = {"Retry-After": str(-(-wait_ms // 1000))}
            raise Refused(429, "too many wrong tokens; wait", wait)
        token = self._keys.tokens.book().holder_of(presented, self._clock())
        if token is None:
            self._attempts.failed(client, now_ms)
            self._counts.refused("wrong_token")
        else:
            self._attempts.succeeded(client, now_ms)
        return token

    async def _tell(self, request: web.Request) -> web.Response:
        """Whose session a browser has; `role` is `None` without one."""
        token = self._holder(request.cookies.get(self._cookie(request)))
        role = token.role if token is not None else None
        if self._keys is None:
            role = self._local_role(request)
        return answer(
            {
                "is_required": self._keys is not None,
                "name": None if token is None else token.name,
                "role": None if role is None else role.name.lower(),
            }
        )

    async def _sign_in(self, request: web.Request) -> web.Response:
        """A session for a token."""
        require_own(request)
        if self._keys is None:
            raise Refused(409, "no token is asked for here")
        presented = await told(request, "token")
        if not isinstance(presented, str):
            raise Refused(400, 'the body must be {"token": "…"}')
        token = self._try(request, presented.strip())
        if token is None:
            raise Refused(401, "no such token, or none any more")
        self._counts.signed_in()
        now_ms = self._clock()
        session, end_ms = self._keys.sessions.issue(token, now_ms)
        response = answer({"name": token.name, "role": token.role.name.lower()})
        self._set_cookie(request, response, session, max(0, end_ms - now_ms) // 1000)
        return response

    async def _sign_out(self, request: web.Request) -> web.Response:
        require_own(request)
        response = answer({})
        self._set_cookie(request, response, "", 0)
        return response

    def _set_cookie(
        self, request: web.Request, response: web.Response, session: str, lasts_s: int
    ) -> None:
        response.set_cookie(
            self._cookie(request),
            session,
            max_age=lasts_s,
            path="/",
            secure=self._is_encrypted(request),
            httponly=True,
            samesite="Strict",
        )

    def _cookie(self, request: web.Request) -> str:
        return SECURE_COOKIE if self._is_encrypted(request) else COOKIE

    def _is_encrypted(self, request: web.Request) -> bool:
        """Whether cookies are for TLS alone; over a name that is read so they always are."""
        if self._page.scheme == "https" and host_of(request) == self._page.hostname:
            return True
        return self._keys is not None and self._keys.proxies.is_encrypted(request)

    def _local_role(self, request: web.Request) -> Role:
        """What may be done where there are no tokens; whoever comes by a proxy's name looks on."""
        is_here = self._is_private and is_loopback(host_of(request))
        return Role.ANALYST if is_here else Role.VIEWER


def beyond_loopback(host: str) -> str:
    """Why a server on `host` does not start without tokens."""
    return (
        f"VIGIE_TOKENS_FILE: required, since VIGIE_HTTP_HOST={host} listens beyond loopback;"
        " vigie token makes a token"
    )


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _bearer(request: web.Request) -> str | None:
    """The token that a request came with; a proxy's own `Basic` is none."""
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    return presented.strip() if scheme.lower() == "bearer" else None
