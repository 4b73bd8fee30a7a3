"""Under which names the worker's server answers.

A page elsewhere can let a name of its own lead to any address that its visitor's machine reaches, and
then read what is served there as if it were its own: browsers keep names apart, not addresses. The Host
header gives it away.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

FOR_MACHINES: Final = ("/metrics", "/healthz", "/readyz")
"""What Prometheus and supervisors ask for, by whatever name they know a worker."""


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The names of one server.

    Attributes:
        listens_on: address that it listens on.
        page_url: address of the page for its readers, behind a proxy or a name; empty without.
    """

    listens_on: str
    page_url: str = ""

    def knows(self, host: str, path: str) -> bool:
        """Whether a request is answered.

        Args:
            host: of the Host header, without the port.
            path: what is asked for.
        """
        if host in {"localhost", self.listens_on, urlsplit(self.page_url).hostname}:
            return True
        address = _address(host)
        if is_loopback(self.listens_on):
            return address is not None and address.is_loopback
        # An address is nobody's name; a name that is neither of these may be anybody's.
        return address is not None or path in FOR_MACHINES


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
