"""What the server's answers have in common: refusals, JSON, and where a request comes from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from streams.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BODY_MAX_BYTES: Final = 1024
OWN_HEADER: Final = "X-Vigie"
_HOME_BITS: Final = 64
"""Bits of an IPv6 address that say whose network it is; the others its owner chooses."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):  # noqa: N818  # not an error of the program
    """Why a request is not answered with what it asks for.

    Args:
        status: of the answer.
        reason: in words, for whoever asked; without anything of the request.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}

    def answer(self) -> web.Response:
        """As JSON."""
        return answer({"error": self.reason}, self.status, self.headers)


def answer(
    document: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A document as an answer."""
    body = orjson.dumps(document)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def require_own(request: web.Request) -> None:
    """Let through only what comes from the page itself, or from no browser at all.

    A page of another site can neither set the header nor send JSON without being asked first, and
    browsers say where a request comes from.

    Raises:
        Refused: it may come from elsewhere.
    """
    problem = foreign(request)
    if problem is not None:
        raise Refused(403, problem)


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
    if origin is not None and _site_of(origin) != headers.get("Host", ""):
        return "the request comes from another site"
    return None


def _site_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:  # brackets that hold no address
        return None


def host_of(request: web.Request) -> str:
    """The name under which a request came, without the port; empty where that is no name."""
    try:
        return request.url.host or ""
    except ValueError:  # a port that is no number, brackets that hold no address
        return ""


async def told(request: web.Request, name: str) -> Any:
    """The one value of a short JSON body `{name: value}`; `None` for any other body."""
    body = b""
    while len(body) <= BODY_MAX_BYTES and (more := await request.content.read(BODY_MAX_BYTES)):
        body += more
    if len(body) > BODY_MAX_BYTES:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document[name] if isinstance(document, dict) and set(document) == {name} else None


@dataclass(frozen=True, slots=True)
class Proxies:
    """Who stands before the page and is believed to say for whom.

    Attributes:
        networks: of their addresses.
    """

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Proxies:
        """From addresses and networks as the settings have them.

        Raises:
            ConfigError: one is neither.
        """
        try:
            return cls(tuple(ipaddress.ip_network(text) for text in texts))
        except ValueError:
            raise ConfigError(
                "VIGIE_TRUSTED_PROXIES: must be addresses or networks, such as 10.0.0.0/8"
            ) from None

    def client_of(self, request: web.Request) -> str:
        """Whose request it is: an IPv4 address, or the network that an IPv6 address lies in.

        Of the addresses that proxies have added, the last one that is none of theirs is taken; what
        stands before it, the client may have written itself.
        """
        address = _address(request.remote or "")
        if address is not None and self._have(address):
            hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
            for hop in reversed(hops):
                found = _address(hop.strip())
                if found is None:
                    break
                address = found
                if not self._have(found):
                    break
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((address, _HOME_BITS), strict=False))
        return str(address)

    def is_encrypted(self, request: web.Request) -> bool:
        """Whether the browser spoke TLS, to this server or to a proxy that is believed."""
        if request.secure:
            return True
        address = _address(request.remote or "")
        told = request.headers.get("X-Forwarded-Proto", "")
        return address is not None and self._have(address) and told.strip().lower() == "https"

    def _have(self, address: _Address) -> bool:
        return any(address in network for network in self.networks)


def _address(text: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found
