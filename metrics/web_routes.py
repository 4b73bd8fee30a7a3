"""Which role each address asks for: the one table by which requests are let in (pure).

An address that does not stand here is refused to everybody, so a new one cannot be open by oversight.
"""

from __future__ import annotations

from typing import Final

from streams.tokens import Role

SIGN_IN: Final = "/signin"
SESSION: Final = "/api/session"

OPEN: Final = frozenset(
    {
        # Asked by supervisors; they tell nothing but whether the worker lives and takes events.
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        # What a browser needs to sign in: texts and styles, no figure of the region.
        ("GET", SIGN_IN),
        ("GET", SESSION),
        ("POST", SESSION),
        ("DELETE", SESSION),
        *(("GET", f"/{name}") for name in ("icon.svg", "signin.css", "signin.js", "style.css")),
        *(("GET", f"/{name}.js") for name in ("dom", "language", "words-en", "words-fr")),
    }
)

LEAST: Final = {
    ("GET", "/"): Role.VIEWER,
    **dict.fromkeys(
        (
            *(("GET", f"/{name}.css") for name in ("finding", "panels")),
            *(
                ("GET", f"/{name}.js")
                for name in (
                    *("account", "app", "charts", "day", "departments", "feed", "finding", "flows"),
                    *("format", "health", "map", "mixes", "names", "objectives", "session"),
                    *("summary", "verdict"),
                )
            ),
            ("GET", "/vendor/uPlot.esm.js"),
            ("GET", "/vendor/uPlot.min.css"),
        ),
        Role.VIEWER,
    ),
    ("GET", "/metrics"): Role.VIEWER,
    ("GET", "/api/state"): Role.VIEWER,
    ("GET", "/api/stream"): Role.VIEWER,
    ("GET", "/api/tempo"): Role.VIEWER,
    ("GET", "/api/objectives"): Role.VIEWER,
    ("GET", "/api/findings"): Role.VIEWER,
    ("GET", "/api/findings/{finding_id}"): Role.VIEWER,
    ("POST", "/api/findings/{finding_id}/verdict"): Role.ANALYST,
    ("POST", "/api/findings/{finding_id}/account"): Role.UNMASK,
}


def is_listed(method: str, path: str) -> bool:
    """Whether anybody may ask for it.

    Args:
        method: of the request.
        path: of the route, with its parameters' names in braces.
    """
    place = (_asked(method), path)
    return place in OPEN or place in LEAST


def least_role(method: str, path: str) -> Role | None:
    """The least role that a listed address asks for; `None` for an open one."""
    return LEAST.get((_asked(method), path))


def _asked(method: str) -> str:
    return "GET" if method == "HEAD" else method
