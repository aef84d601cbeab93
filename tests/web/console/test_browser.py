"""The console in real Chromium, as a person uses it: by pointer and by keyboard, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.simulator import World
from tests.web.console.visitor import link_of
from tests.web.console.window import DESK, PHONE, Window, browsing

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/mous",
    "/mous/small",
    "/history",
    "/history?since=soon",
    "/requests",
    "/waiting",
    "/data",
    "/history/35",
)
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


@pytest.fixture(scope="module")
def browser(chromium: Path, told: World) -> Iterator[Browser]:
    """Chromium at the world that has something to tell."""
    with browsing(chromium, told) as opened:
        yield opened


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_fits_and_nothing_is_complained_of(browser: Browser, told: World, size: ViewportSize) -> None:
    """No sideways scrolling, no error on the console, no violation of the policy; each page has one `h1`."""
    window = Window.open(browser, size=size).sign_in(told, told.administrator)
    for path in PAGES:
        window.page.goto(path)
        assert (path, 0) == (path, overflow(window.page))
        assert 1 == window.page.locator("h1").count()
    # what the browser says of an answer that is a 400, and nothing else
    assert [] == [c for c in window.complaints if "400 (BAD REQUEST)" not in c]
    window.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_has_a_fault_that_axe_finds(browser: Browser, told: World, dark: bool) -> None:
    """Contrast, labels, landmarks, order of headings (axe-core; WCAG 2.2 A and AA, and best practice)."""
    window = Window.open(browser, size=PHONE if dark else DESK, dark=dark).sign_in(told, told.administrator)
    for path in (*PAGES, "/sign-in"):
        window.page.goto(path)
        window.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = window.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
        assert (path, []) == (path, found)
    window.close()


def test_a_partner_reads_the_rule_of_a_clause(browser: Browser, told: World) -> None:
    """From the overview: the agreement, the clause, one click."""
    window = Window.open(browser, size=PHONE).sign_in(told, told.partners["south"])
    page = window.page
    page.get_by_role("link", name="A small collaborative").click()
    clause = page.locator("[id='clause-2']")
    expect(clause).to_contain_text("Operative sentence of 2:")
    rule = clause.locator("pre")
    expect(rule).to_be_hidden()
    clause.get_by_text("The rule that runs").click()
    expect(rule).to_be_visible()
    expect(rule).to_contain_text("# METADATA")
    window.close()


def test_an_administrator_finds_a_refusal_and_its_proof(browser: Browser, told: World) -> None:
    """Filter, open, read; the address can be kept."""
    window = Window.open(browser).sign_in(told, told.administrator)
    page = window.page
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Kind").select_option(label="Request")
    page.get_by_label("Decision").select_option(label="Refused")
    page.get_by_role("button", name="Search").click()
    assert "outcome=deny" in page.url
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody .seq").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Request by North")
    expect(page.get_by_text("The recorded signature was verified just now")).to_be_visible()
    expect(page.locator(".checks .good")).to_have_count(3)
    window.close()


def test_everything_is_reached_by_keyboard(browser: Browser, told: World) -> None:
    """The link's button, past the navigation, the filters, and out: Tab, Enter and letters only."""
    window = Window.open(browser)
    page = window.page
    page.goto(link_of(told, told.partners["north"]))

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            said = page.evaluate("document.activeElement.innerText || document.activeElement.name || ''").strip()
            if said.startswith(name):
                assert "none" != page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                return
        raise AssertionError(f"`{name}` is not reached")

    tab_to("Sign in")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("North")
    tab_to("Skip to the content")
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")
    page.goto("/history")
    tab_to("Filters")
    page.keyboard.press("Enter")
    tab_to("purpose")
    page.keyboard.type("service")
    page.keyboard.press("Enter")
    page.wait_for_url("**purpose=service**")
    tab_to("Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("You are signed out")
    assert [] == window.complaints
    window.close()


def test_the_agreement_prints_without_the_console_around_it(browser: Browser, told: World) -> None:
    """The words and who signed; no navigation, no rules."""
    window = Window.open(browser).sign_in(told, told.administrator)
    page = window.page
    page.goto("/mous/small")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
    expect(page.locator(".rule").first).to_be_hidden()
    expect(page.locator("[id='clause-1']")).to_be_visible()
    window.close()
