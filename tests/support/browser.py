"""A real Chromium for the page's tests, driven through playwright; the browser is the system's own.

A page that is watched collects everything that must not happen: errors on the console, violations of its
content security policy, requests to other hosts.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

WAIT_MS = 15_000
"""Longest wait for anything on the page."""
WIDE = (1440, 900)
PHONE = (360, 780)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed Chromium, headless."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "no chromium on the PATH: run make servers"
    # Chromium's sandbox refuses to run as root, as which CI machines work.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, and what it should not have done.

    Attributes:
        page: playwright's.
        faults: errors of scripts, of the console and of the policy, in words.
        requests: every address that was asked for.
    """

    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hosts(self) -> set[str]:
        """The hosts that were asked, inline data apart."""
        split = [urlsplit(address) for address in self.requests]
        return {one.netloc for one in split if one.scheme not in ("data", "blob")}


@contextmanager
def watched_page(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    language: str = "fr",
    scale: float = 1.0,
    bypass_csp: bool = False,
) -> Iterator[Watched]:
    """Open an address in a fresh profile.

    Args:
        browser: from `chromium`.
        url: to open.
        size: of the window, CSS pixels.
        dark: which colour scheme the reader prefers.
        language: of the browser; the page is French whatever it says.
        scale: device pixels per CSS pixel.
        bypass_csp: let a checker be injected; never where the policy itself is tested.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        locale=language,
        timezone_id="America/Lima",  # the page shows the time of Paris wherever its reader is
        device_scale_factor=scale,
        reduced_motion="reduce",
        bypass_csp=bypass_csp,
    )
    context.set_default_timeout(WAIT_MS)
    try:
        page = context.new_page()
        watched = Watched(page)
        page.on("pageerror", lambda error: watched.faults.append(str(error)))
        page.on(
            "console",
            lambda message: (
                watched.faults.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("request", lambda request: watched.requests.append(request.url))
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) => "
            "console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI));"
        )
        page.goto(url)
        yield watched
    finally:
        context.close()
