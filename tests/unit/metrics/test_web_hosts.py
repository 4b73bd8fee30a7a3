from __future__ import annotations

import pytest

from metrics.web_hosts import KnownHosts

ALL = "0.0.0.0"  # noqa: S104 (as in a container)
PAGE = "https://vigie.region.example/"


@pytest.mark.parametrize(
    ("listens_on", "page_url", "host", "path", "expected"),
    [
        ("127.0.0.1", "", "127.0.0.1", "/", True),
        ("127.0.0.1", "", "localhost", "/api/state", True),
        ("127.0.0.1", "", "::1", "/", True),
        ("127.0.0.1", "", "evil.example", "/", False),
        ("127.0.0.1", "", "evil.example", "/metrics", False),
        ("127.0.0.1", "", "10.0.0.5", "/", False),
        ("127.0.0.1", "", "", "/", False),
        ("127.0.0.1", PAGE, "vigie.region.example", "/api/findings", True),
        (ALL, "", "evil.example", "/", False),
        (ALL, "", "evil.example", "/api/findings", False),
        (ALL, "", "", "/api/findings", False),
        (ALL, "", "worker-1", "/metrics", True),
        (ALL, "", "worker-1", "/readyz", True),
        (ALL, "", "worker-1", "/api/state", False),
        (ALL, "", "127.0.0.1", "/", True),
        (ALL, "", "10.0.0.5", "/", True),
        (ALL, PAGE, "vigie.region.example", "/", True),
        (ALL, PAGE, "region.example", "/", False),
        ("vigie-host", "", "vigie-host", "/", True),
    ],
)
def test_only_own_names_and_addresses_see_the_page(
    listens_on: str, page_url: str, host: str, path: str, expected: bool
) -> None:
    assert KnownHosts(listens_on, page_url).knows(host, path) is expected
