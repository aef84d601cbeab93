"""A browser is a witness by habit: what it saw is held against what is shown, unasked, until the person forgets it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from audit import Draft
from governance.home import note_signer
from tests.simulator import World
from tests.web.console.forger import Forger, leaves_of, rewritten
from tests.web.console.verifying import MEMORY, fails, marks, verified
from tests.web.console.visitor import telling_world
from tests.web.console.window import PHONE, Window, browsing

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = telling_world(World.found(tmp_path_factory.mktemp("seen")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser(chromium: Path, world: World) -> Iterator[Browser]:
    with browsing(chromium, world) as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, world: World) -> Iterator[Window]:
    opened = Window.open(browser).sign_in(world, world.administrator)
    yield opened
    opened.close()


def seen(window: Window) -> int:
    """How many entries the browser remembers."""
    name = "accordant.last-checkpoint.accordant.test/log"
    return int(window.page.evaluate("n => JSON.parse(localStorage.getItem(n)).note.split('\\n')[1]", name))


def test_a_visit_moves_the_memory_on_without_a_click(window: Window, world: World) -> None:
    """Only where something is remembered: the first look is the person's."""
    window.page.goto("/history/1")
    expect(window.page.locator("#verify-trust")).to_be_visible()
    assert 0 == window.page.evaluate("localStorage.length")
    verified(window.page, 1)
    before = seen(window)
    world.services.journal.append([Draft("not-authentic", {"counts": {}})])
    window.page.goto("/history/2")
    expect(window.page.locator("#trusted-seen")).to_contain_text(f"{world.services.journal.head().size} entries")
    assert before < seen(window)


@pytest.mark.parametrize("how", ["forked", "rewound", "replayed"])
def test_a_fork_is_an_alarm_before_anybody_clicks(window: Window, world: World, how: str) -> None:
    """At the top of the page, naming both checkpoints; `replayed`: an old checkpoint over the true tiles."""
    verified(window.page, 1)
    leaves = leaves_of(world)
    kept = seen(window)
    forged = rewritten(leaves, 4) if how == "forked" else leaves[: kept - 3]
    fork = Forger(forged, note_signer(world.settings))
    fork.serve(window.page, tiles=how != "replayed")
    window.page.goto("/history/1")
    alarm = window.page.get_by_role("alert").filter(has_text="This is not the log that this browser saw before")
    expect(alarm).to_be_visible()
    expect(alarm).to_contain_text(f"a log of {kept} entries")
    expect(alarm.locator("pre")).to_have_count(2)
    expect(alarm.locator("pre").last).to_contain_text(fork.note.decode().splitlines()[2])
    assert kept == seen(window)
    fails(window.page, verified(window.page, 1), MEMORY)


def test_a_log_that_gives_no_answer_is_told_apart(window: Window) -> None:
    """That is unclear, and no proof of another log."""
    verified(window.page, 1)
    window.page.route("**/log/checkpoint", lambda route: route.fulfill(status=503))
    window.page.goto("/history/1")
    expect(window.page.locator("#watch-alarm")).to_contain_text("is not clear")
    expect(window.page.locator("#watch-alarm")).to_contain_text("the server answered 503 for checkpoint")


def test_it_is_forgotten_only_when_it_is_meant(browser: Browser, world: World) -> None:
    """Two clicks, with a word of what is lost; no keeps it. Afterwards the next is a first look."""
    window = Window.open(browser, size=PHONE).sign_in(world, world.administrator)
    page = window.page
    verified(page, 1)
    page.get_by_text("What this browser saw last", exact=True).click()
    expect(page.locator("#trusted-seen")).to_contain_text("entries, root")
    forget = page.get_by_role("button", name="Forget key, witnesses and checkpoint")
    forget.click()
    page.get_by_role("button", name="Keep it").click()
    assert 2 == page.evaluate("localStorage.length")
    forget.click()
    expect(page.get_by_text("would notice another log")).to_be_visible()
    page.get_by_role("button", name="Forget all of it").click()
    expect(page.locator("#forget-said")).to_contain_text("Forgotten")
    assert 0 == page.evaluate("localStorage.length")
    page.get_by_role("button", name="Verify again").click()
    expect(page.locator(".step-open")).to_contain_text("first look")
    window.close()


def test_what_can_t_be_read_is_said_and_can_be_forgotten(window: Window) -> None:
    """A store that something else wrote into is no proof, and no dead end."""
    page = window.page
    page.evaluate("localStorage.setItem('accordant.trusted-key', '{')")
    page.goto("/history/1")
    page.get_by_text("The key that this browser trusts", exact=True).click()
    expect(page.locator("#trusted-key")).to_contain_text("can’t be read")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")
    page.get_by_text("What this browser saw last", exact=True).click()
    page.get_by_role("button", name="Forget key, witnesses and checkpoint").click()
    page.get_by_role("button", name="Forget all of it").click()
    assert "✕" not in marks(verified(page, 1))


def test_a_browser_that_keeps_nothing_says_so(window: Window) -> None:
    """No store: the verification holds, the memory is left open, and a pasted key counts as long as the page."""
    window.page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('none') } })")
    assert "–" == verified(window.page, 1)[MEMORY]
    expect(window.page.locator(".step-open")).to_contain_text("keeps nothing between visits")
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✓ Verified in this browser")


def test_two_windows_at_once_raise_no_alarm(browser: Browser, world: World) -> None:
    """One sees a larger log while the other still looks: the larger one stays remembered."""
    window = Window.open(browser).sign_in(world, world.administrator)
    verified(window.page, 1)
    other = window.page.context.new_page()
    held: list[object] = []
    window.page.route("**/log/tile/**", lambda route: held.append(route))
    window.page.goto("/history/1")
    window.page.wait_for_timeout(300)
    world.services.journal.append([Draft("not-authentic", {"counts": {}})])
    other.goto("/history/2")
    expect(other.locator("#trusted-seen")).to_contain_text(f"{world.services.journal.head().size} entries")
    newest = seen(window)
    for route in held:
        route.continue_()  # type: ignore[attr-defined]
    window.page.unroute_all()
    expect(window.page.locator("#watch-alarm")).to_be_empty()
    assert set("✓") == set(marks(verified(window.page, 1)))
    assert newest <= seen(window)
    window.close()
