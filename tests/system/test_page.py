"""The live page in a real Chromium: for readers of every kind, and live over the demo under attack."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import metrics.web
from streams.audit import Origin
from streams.errors import TransientError
from streams.tokens import Role
from tests.support.access import PRESENTED, keys
from tests.support.browser import PHONE, WAIT_MS, chromium, watched_page
from tests.support.demo_process import page_of, running_demo
from tests.support.page_server import page_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.support.browser import Watched
    from tests.support.page_server import Desk

pytestmark = pytest.mark.system

VIEWS = ("#", "#/constats", "#/constats/f-0001", "#/objectifs", "#/technique")
FINDING = "#/constats/f-0001"
ATTACK_SEEN_MS = 120_000
TABS_MAX = 40
HEAVY = ("serious", "critical")

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module", autouse=True)
def demo() -> Iterator[str]:
    """The address of a demo that comes under attack while the other tests run."""
    with running_demo("--port", "0", "--attack", "predice") as process:
        yield page_of(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def made_up() -> Iterator[tuple[str, Desk]]:
    with page_server() as served:
        yield served


def _live(page: Page) -> None:
    expect(page.locator("#status")).to_have_attribute("data-state", "live")


def _faultless(watched: Watched) -> None:
    assert watched.faults == []
    assert watched.hosts() == {urlsplit(watched.page.url).netloc}


def _shown(page: Page, view: str) -> None:
    """Go to a view and wait until it is filled."""
    page.goto(urlsplit(page.url)._replace(fragment="").geturl() + view)
    _live(page)
    heading = "#finding-title" if view == FINDING else ".view:not([hidden]) h2"
    expect(page.locator(heading).first).to_be_attached()


def _tab_to(page: Page, selector: str) -> None:
    """Reach an element as somebody without a mouse does."""
    for _ in range(TABS_MAX):
        if page.evaluate("(wanted) => document.activeElement?.matches(wanted)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached within {TABS_MAX} steps of the keyboard")


def _heavy(page: Page) -> list[dict[str, Any]]:
    """What keeps somebody out of what the page shows now."""
    found = Axe().run(page).response["violations"]
    return [one for one in found if one["impact"] in HEAVY]


def test_every_view_fits_a_phone_and_breaks_no_policy(
    browser: Browser, made_up: tuple[str, Desk]
) -> None:
    url, _ = made_up
    with watched_page(browser, url, size=PHONE) as watched:
        page = watched.page
        _live(page)
        page.locator("#all-sectors").click()
        for language in ("fr", "en"):
            expect(page.locator("html")).to_have_attribute("lang", language)
            for view in VIEWS:
                _shown(page, view)
                wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"{view} is {wide} px too wide"
                loose = re.findall(r"\S* [:;!?»]", page.inner_text("body"))
                assert language != "fr" or loose == [], "French puts no breaking space there"
            page.locator("#language").click()
        _faultless(watched)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_view_keeps_a_reader_out(
    browser: Browser, made_up: tuple[str, Desk], *, dark: bool
) -> None:
    url, _ = made_up
    with watched_page(browser, url, dark=dark, bypass_csp=True) as watched:
        page = watched.page
        _live(page)
        page.locator("#all-sectors").click()
        for view in VIEWS:
            _shown(page, view)
            told = [
                f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}"
                for one in _heavy(page)
            ]
            assert told == [], view


def test_without_the_chart_library_tables_are_shown(
    browser: Browser, made_up: tuple[str, Desk]
) -> None:
    url, _ = made_up
    with watched_page(browser, "about:blank") as watched:
        page = watched.page
        page.route("**/vendor/**", lambda route: route.fulfill(status=404))
        page.goto(url)
        _live(page)
        expect(page.locator("#day-table tbody tr").first).to_be_visible()
        _shown(page, FINDING)
        expect(page.locator("#behaviour .figures tbody tr").first).to_be_visible()
        expect(page.locator("canvas")).to_have_count(0)


def test_a_server_that_goes_away_is_said_to_be_lost_and_found_again(browser: Browser) -> None:
    with ExitStack() as first, ExitStack() as second:
        url, _ = first.enter_context(page_server())
        page = second.enter_context(watched_page(browser, url)).page
        _live(page)
        page.evaluate("window.isKept = true")
        first.close()
        expect(page.locator("#status")).to_have_attribute("data-state", "lost")
        expect(page.locator("#main")).to_have_attribute("data-fresh", "false")
        second.enter_context(page_server(urlsplit(url).port or 0))
        _live(page)
        assert page.evaluate("window.isKept"), "the page was loaded anew"


def test_a_server_that_falls_silent_is_said_to_be_so(
    browser: Browser, made_up: tuple[str, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = made_up
    monkeypatch.setattr(metrics.web, "STREAM_INTERVAL_S", 7.0)
    with watched_page(browser, url) as watched:
        _live(watched.page)
        expect(watched.page.locator("#status")).to_have_attribute("data-state", "stale")
        _live(watched.page)


def test_a_tile_tells_its_department_and_objectives_say_what_is_not_known(
    browser: Browser, made_up: tuple[str, Desk]
) -> None:
    url, _ = made_up
    with watched_page(browser, url) as watched:
        page = watched.page
        _live(page)
        page.locator("#tile-80").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#tile-80")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#tile-facts caption")).to_have_text("Somme (80)")
        _shown(page, "#/objectifs")
        ror = page.locator("#objective-ror")
        expect(ror.locator(".standing")).to_have_text(re.compile("^Suivi d.usage impossible"))
        assert "%" not in (ror.locator(".value").text_content() or "")
        page.locator("#objective-dmp-hopital summary").click()
        expect(page.locator("#objective-dmp-hopital")).to_contain_text("Pas-de-Calais")
        page.locator("#objective-states label", has_text="En retard").click()
        expect(page.locator(".objective")).to_have_count(2)
        _faultless(watched)


def test_an_alert_leads_to_its_finding_and_a_refused_verdict_says_why(
    browser: Browser, made_up: tuple[str, Desk]
) -> None:
    url, desk = made_up
    desk.refusal = TransientError("Kafka did not confirm it")
    with watched_page(browser, f"{url}#finding-f-0001") as watched:
        page = watched.page
        expect(page.locator("#finding-title")).to_have_text("Volume hors norme")
        page.locator('[data-verdict="BENIGN"]').click()
        page.keyboard.press("Escape")
        expect(page.locator('[data-verdict="BENIGN"]')).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        result = page.locator(".result")
        expect(result).to_contain_text(re.compile("Kafka ne .* pas confirmé"))
        expect(result).to_be_focused()
        expect(page.locator("#finding-status")).to_have_attribute("data-status", "OPEN")
        page.goto(f"{url}#/constats/f-0002")
        expect(page.locator('[data-verdict="CONFIRMED"]')).to_have_text(re.compile("un incident$"))
        expect(page.locator("#behaviour-chart canvas")).to_be_visible()
        for pseudonym in ("structure-1", "actor-1"):
            assert pseudonym not in page.content()


def test_somebody_signs_in_judges_and_sees_whom_a_finding_is_about_by_keyboard_on_a_phone(
    browser: Browser,
) -> None:
    with (
        page_server(keys=keys()) as (url, desk),
        watched_page(browser, f"{url}{FINDING}", size=PHONE) as watched,
    ):
        page = watched.page
        expect(page.locator("#token")).to_be_focused()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert [one["id"] for one in _heavy(page)] == []
        page.keyboard.type("vigie_wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#signin-result")).to_have_text(re.compile("^Ce jeton n.ouvre rien"))
        page.locator("#language").click()
        expect(page.locator("#signin-result")).to_have_text(re.compile("^This token opens"))
        page.locator("#language").click()
        # The browser itself tells the refusal; nothing else was amiss.
        assert [fault for fault in watched.faults if "401" not in fault] == []
        watched.faults.clear()
        page.locator("#token").focus()
        page.keyboard.press("Control+A")
        page.keyboard.type(PRESENTED[Role.UNMASK])
        page.keyboard.press("Enter")

        # Where the link led to.
        title = page.locator("#finding-title")
        expect(title).to_have_text("Volume hors norme")
        _live(page)
        assert PRESENTED[Role.UNMASK] not in page.content()
        assert "actor-1" not in page.content()
        assert page.evaluate("document.cookie") == ""
        title.focus()
        _tab_to(page, "#unmask")
        page.keyboard.press("Enter")
        expect(page.locator("#who code").last).to_have_text("actor-1")
        _tab_to(page, '[data-verdict="BENIGN"]')
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page.locator("#judge .result")).to_have_text(re.compile("^Verdict enregistré"))
        expect(page.locator("#finding-status")).to_have_attribute("data-status", "BENIGN")
        assert [(who.name, who.origin) for who in desk.actors] == [("a-unmask", Origin.PAGE)] * 2

        # A link from elsewhere comes without the cookie, and is let in all the same.
        page.goto("about:blank")
        page.goto(f"{url}#/technique")
        _live(page)
        page.locator("#signout").click()
        expect(page.locator("#token")).to_be_focused()
        assert page.url == f"{url}signin#/technique"
        page.goto(url)
        expect(page.locator("#token")).to_be_focused()
        _faultless(watched)


def test_an_operator_sees_an_attack_come_and_judges_it_without_a_mouse(
    browser: Browser, demo: str
) -> None:
    with watched_page(browser, demo) as watched:
        page = watched.page
        _live(page)
        page.evaluate("window.isKept = true")
        before = page.locator("#summary dd.figure").nth(1).text_content()
        expect(page.locator("#summary dd.figure").nth(1)).not_to_have_text(before or "")
        first = page.locator("#look-list a").first
        expect(first).to_be_visible(timeout=ATTACK_SEEN_MS)

        _tab_to(page, "#look-list a")
        page.keyboard.press("Enter")
        title = page.locator("#finding-title")
        expect(title).to_be_focused()
        expect(page.locator("#reasons li").first).not_to_be_empty()
        expect(page.locator("#behaviour-chart canvas")).to_be_visible()
        expect(page.locator("#timeline tbody tr").first).to_be_visible()
        french = title.text_content()

        page.locator("#language").click()
        expect(title).not_to_have_text(french or "")
        expect(page.locator("#reasons ol")).to_have_attribute("lang", "en")

        page.locator("#finding-title").focus()
        _tab_to(page, '[data-verdict="CONFIRMED"]')
        page.keyboard.press("Enter")
        expect(page.locator('[data-kind="CONFIRMED"]')).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".result")).to_have_text(re.compile("^Verdict taken"))
        status = page.locator("#finding-status")
        expect(status).to_have_attribute("data-status", "CONFIRMED", timeout=2 * WAIT_MS)
        assert page.evaluate("window.isKept"), "the page was loaded anew"
        _faultless(watched)
