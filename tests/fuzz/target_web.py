"""Hostile requests over plain sockets: to a page open to its own machine, and to one with tokens.

Held to be true: every request gets an answer below 500 (503 where something is said to be missing), or a
closed connection where there was no request; nothing raises within the server; a server with tokens
opens nothing to whoever has none; and both answer good requests between the hostile ones.
"""

from __future__ import annotations

import logging
import random
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aiohttp.http_exceptions import HttpProcessingError

from metrics.web_routes import LEAST, OPEN
from streams.tokens import Role
from tests.fuzz.hostile import NOT_UTF8, TEXTS
from tests.support.access import bearer, keys
from tests.support.page_server import page_server

if TYPE_CHECKING:
    from tests.fuzz.feedback import Tally

TIMEOUT_S: Final = 10.0
PATIENCE_S: Final = 0.15
"""How long a hostile request waits: what is not whole is waited for by the server, and rightly so."""
ANSWER_BYTES: Final = 4096
_CLOSED_TO_STRANGERS: Final = sorted(path for method, path in LEAST if method == "GET")
_PATHS: Final = (
    *sorted({path for _, path in (*OPEN, *LEAST)}),
    *("/api/findings/f-0001", "/api/findings/f-0001/verdict", "/api/findings/f-0001/account"),
    *(
        "//",
        "/..",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/findings/..%2f..%2fx",
        "/%00",
        "/%ff%fe",
        "*",
    ),
    *("/api/state?x=1&x=2&" + "y" * 9000, "/" + "a" * 9000, "/api/findings/" + "%41" * 2000),
    *(
        "/api/findings/%F0%9F%92%A9",
        "http://other.example/metrics",
        "/metrics?name[]=x",
        "/vendor/%2e%2e/",
    ),
)
_HOSTS: Final = (
    *("127.0.0.1", "localhost", "[::1]", "[::1", "::1]", "[", "]", "a b", "", "127.0.0.1:99999"),
    *(
        "127.0.0.1:x",
        "evil.example",
        "[v1.x]:80",
        "127.0.0.1@evil",
        "0x7f.1",
        "x" * 5000,
        "\xff",
        "%00",
    ),
)
_ORIGINS: Final = (
    *(
        "null",
        "http://[",
        "http://]",
        "http://[::1",
        "//",
        "http://evil.example",
        "\xff",
        "http://a:b:c",
    ),
    *("http://[v9.x]/", "x" * 3000, "javascript:1"),
)
_ACCEPTS: Final = (
    *(
        "application/openmetrics-text; version=1.0.0",
        "application/openmetrics-text; version=",
        "*/*;q=x",
    ),
    *(
        "text/plain;version=1.0.0;escaping=allow-utf-8",
        "text/plain;version=x;escaping=y",
        ";;;,,,=;",
    ),
    *("application/openmetrics-text;version=9" * 200, "application/openmetrics-text;version=-1.-1"),
    *(
        "text/plain; version=1.0.0; escaping=values",
        "\xff",
        "application/openmetrics-text;escaping=",
    ),
)
_BODIES: Final = (
    *(
        b'{"verdict": "BENIGN"}',
        b'{"verdict":',
        b"[" * 1000,
        b"[" * 3000,
        b'{"a":' * 200,
        b"null",
        b"5",
    ),
    *(
        b'{"verdict": {"verdict": []}}',
        b'{"verdict": 1e999}',
        b'{"verdict": NaN}',
        b"\xff\xfe",
        b"",
    ),
    *(b'{"verdict": "\\ud800"}', b'{"verdict": "BENIGN", "verdict": "CONFIRMED"}', b"x" * 70_000),
    *(b'{"token": "vigie_x"}', b'{"token": 5}', b'{"token": "' + b"t" * 900 + b'"}'),
)
_TOKENS: Final = (
    *(
        "Bearer vigie_wrong",
        "Bearer ",
        "Bearer",
        "Basic eDp5",
        "bearer \xff",
        "Bearer " + "x" * 7000,
    ),
    *("Bearer a b c", "Digest x", "", "Bearer\tx"),
)


class _Raised(logging.Handler):
    """Keeps what the server's own loggers say went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            return  # what was said is no HTTP, and the answer is 400; `streams.logs` leaves its text out
        self.told.append(f"{record.getMessage()[:80]} {type(error).__name__}: {error}")


class WebTarget:
    """Both servers.

    Args:
        seed: decides everything.
        tally: where outcomes are noted.
    """

    def __init__(self, seed: int, tally: Tally) -> None:
        self._dice = random.Random(seed)
        self._tally = tally
        self._raised = _Raised()

    def run(self, hostile: int) -> None:
        """Give so many hostile requests."""
        loggers = [logging.getLogger(name) for name in ("aiohttp", "asyncio", "metrics")]
        with ExitStack() as stack:
            for logger in loggers:
                logger.addHandler(self._raised)
                stack.callback(logger.removeHandler, self._raised)
            ports = [
                urlsplit(stack.enter_context(page_server(keys=own))[0]).port or 0
                for own in (None, keys())
            ]
            for number in range(hostile):
                with_tokens = bool(number % 2)
                self._one(ports[with_tokens], with_tokens=with_tokens)
                if number % 50 == 49:
                    self._good(ports)
            self._good(ports)

    def _one(self, port: int, *, with_tokens: bool) -> None:
        request = self.request()
        answer = ask(port, request, PATIENCE_S)
        self._tally.given += 1
        status = _status(answer)
        self._tally.note(f"{'tokens' if with_tokens else 'open'}: {status}", request)
        if status is not None and status >= 500 and status != 503:
            self._tally.miss(f"web: {status} to {request[:120]!r}")
        if status is None and answer:
            self._tally.miss(f"web: no HTTP answer to {request[:120]!r}")
        if with_tokens and status == 200 and _asks_for_something_closed(request):
            self._tally.miss(f"web: opened without a token: {request[:120]!r}")
        if self._raised.told:
            self._tally.miss(f"web: {self._raised.told.pop()} at {request[:160]!r}")
            self._raised.told.clear()

    def _good(self, ports: list[int]) -> None:
        token = bearer(Role.VIEWER)["Authorization"]
        for port in ports:
            head = (
                f"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {token}\r\n"
            )
            status = _status(ask(port, (head + "Connection: close\r\n\r\n").encode()))
            self._tally.good += 1
            # Wrong tokens from an address make everybody there wait: that is an answer, too.
            if status not in {200, 429}:
                self._tally.miss(f"web: a good request got {status}")

    def request(self) -> bytes:
        """A hostile request, of which some are none."""
        dice = self._dice
        method = dice.choice(
            ("GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "X" * 40)
        )
        path = dice.choice(_PATHS).replace(
            "{finding_id}", dice.choice(("f-0001", "f-9", "%00", ".."))
        )
        headers = [f"Host: {dice.choice(_HOSTS) if dice.random() < 0.3 else '127.0.0.1'}"]
        body = b""
        if dice.random() < 0.3:
            headers.append(f"Accept: {dice.choice(_ACCEPTS)}")
        if dice.random() < 0.4:
            headers.append(f"Authorization: {dice.choice(_TOKENS)}")
        if dice.random() < 0.2:
            headers.append(
                f"Cookie: vigie-session={dice.choice(('', 'x', '..', 'a.b.c', '=' * 4000))}"
            )
        if dice.random() < 0.2:
            headers.append(
                f"X-Forwarded-For: {dice.choice(('1.2.3.4', '::', 'x', ',,,', '1' * 3000))}"
            )
        if dice.random() < 0.1:
            headers.append(f"X-{dice.choice(TEXTS)}: {dice.choice(TEXTS)}")
        if method == "POST":
            body = dice.choice(_BODIES)
            if dice.random() < 0.8:
                headers += ["X-Vigie: 1", "Content-Type: application/json"]
            if dice.random() < 0.4:
                headers.append(f"Origin: {dice.choice(_ORIGINS)}")
            length = dice.choice((len(body),) * 6 + (0, -1, 10**12))
            headers.append(
                dice.choice((f"Content-Length: {length}",) * 6 + ("Transfer-Encoding: chunked",))
            )
        headers.append("Connection: close")
        head = f"{method} {path} HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n"
        octets = head.encode("utf-8", "surrogateescape") + body
        return self._bent(octets) if dice.random() < 0.2 else octets

    def _bent(self, octets: bytes) -> bytes:
        dice = self._dice
        at = dice.randrange(len(octets))
        odd = dice.choice(
            (b"\0", b"\r", b"\n", b"\r\n\r\n", b" ", b":", *NOT_UTF8, dice.randbytes(4))
        )
        return dice.choice((octets[:at], octets[:at] + odd + octets[at:], dice.randbytes(90)))


def ask(port: int, request: bytes, timeout_s: float = TIMEOUT_S) -> bytes:
    """The beginning of the answer to some bytes; empty where the connection is closed without one."""
    answer = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as line:
        line.settimeout(timeout_s)
        line.sendall(request)
        while (
            len(answer) < ANSWER_BYTES and b"\r\n\r\n" not in answer and (more := line.recv(65_536))
        ):
            answer += more
    return answer


def _status(answer: bytes) -> int | None:
    words = answer[:20].split(b" ")
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") else None


def _asks_for_something_closed(request: bytes) -> bool:
    words = request.split(b"\r\n", 1)[0].split(b" ")
    path = words[1].partition(b"?")[0].decode("utf-8", "replace") if len(words) > 1 else ""
    return path in _CLOSED_TO_STRANGERS
