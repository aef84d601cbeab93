"""Each kind of entry in real Chromium: its page says what it is, and the browser verifies it or says it was erased."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.simulator import World
from tests.web.console.lives import lived, places
from tests.web.console.test_browser import AXE, overflow
from tests.web.console.verifying import COSIGNERS, TREE, changed_page, fails, verified
from tests.web.console.visitor import Visitor
from tests.web.console.window import DESK, PHONE, Window, browsing

pytestmark = pytest.mark.browser

ERASED = "The content was erased"
STATEMENT = "The statement was signed by the key that it names"

# What a lawyer looks for on the page of a kind.
SAID = {
    "request deny": (
        "Request by North",
        ["Refused", "prohibited", "Decided by", "Nobody uses data", "Nothing. The"],
    ),
    "request gap": ("Request by North", ["No clause of any agreement in force permits this", "would have passed"]),
    "request invalid": (
        "Request by North",
        ["Invalid", "No agreement was asked", "unknown-field", "Nothing. The"],
    ),
    "request review": (
        "Request by The hub",
        ["it waits for people", "Request approved by North", "entry 37"],
    ),
    "approval": ("Request approved by North", ["Whose request", "The hub", "recorded signature was verified"]),
    "release": ("Data left to North", ["2 rows left", "What it hashes to", "Of request", "205"]),
    "disclosure": ("Whose data it was in the answer to North", ["2 clients", "identified", "small:1, version 1"]),
    "consent": (
        "Consents recorded by North",
        ["2 clients, by handles", "of 1 what was said is erased"],
    ),
    "erasure": (
        "Content erased",
        [
            "article 17",
            "the director of north, north",
            "Content erased of",
            "Parts erased in",
            "accounting period, until",
        ],
    ),
    "hold": ("Disclosures held", ["article 17", "Whose clients", "recorded signature was verified"]),
    "log-key": ("The log’s key changed", ["The key before", "The key from here on", "signed its successor"]),
    "witness-policy": ("Whose cosignatures count changed", ["The policy"]),
    "enrolment": ("Key enrolled by North", ["connector", "recorded signature was verified"]),
    "signature": ("MOU signed by The hub", ["small", "recorded signature was verified"]),
    "proposal": ("MOU proposed", ["A small collaborative", "recorded signature was verified"]),
    "activation": ("Policies activated", ["Revision", "reference"]),
    "genesis": ("The log began", ["The log’s key", "Administrator"]),
    "load": ("Rows brought in by South", ["9 rows brought in", "visits"]),
    "source": ("Source mapped by South", ["visits", "The mapping"]),
}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Read only: nobody changes what another test looks at."""
    world = lived(tmp_path_factory.mktemp("life"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def browser(chromium: Path, life: World) -> Iterator[Browser]:
    with browsing(chromium, life) as opened:
        yield opened


@pytest.fixture(scope="module")
def desk(browser: Browser, life: World) -> Iterator[Window]:
    window = Window.open(browser).sign_in(life, life.administrator)
    yield window
    window.close()


@pytest.fixture
def window(browser: Browser, life: World) -> Iterator[Window]:
    opened = Window.open(browser).sign_in(life, life.administrator)
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", sorted(SAID))
def test_each_kind_says_itself_and_verifies(desk: Window, life: World, kind: str) -> None:
    """Its heading, its facts, and *Verified in this browser*; the browser complains of nothing."""
    title, said = SAID[kind]
    steps = verified(desk.page, places(life)[kind])
    expect(desk.page.get_by_role("heading", level=1)).to_have_text(re.compile(rf"^\s*{title}\s*$"))
    for words in said:
        expect(desk.page.locator("main")).to_contain_text(words)
    assert {"✓", "–"} >= set(steps.values())
    expect(desk.page.locator("#verify-verdict h3")).to_have_text("✓ Verified in this browser")
    if kind in ("approval", "erasure", "hold", "enrolment", "signature", "proposal"):
        assert "✓" == steps[STATEMENT]
    assert [] == desk.complaints


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_each_kind_fits_and_axe_finds_nothing(browser: Browser, life: World, size: object) -> None:
    """At a desk in the light, on a phone in the dark; with every fold open and the verification done."""
    window = Window.open(browser, size=size, dark=size == PHONE)  # type: ignore[arg-type]
    page = window.sign_in(life, life.administrator).page
    for kind in (
        "approval",
        "consent",
        "disclosure",
        "erased request",
        "erasure",
        "log-key",
        "release",
        "request review",
    ):
        verified(page, places(life)[kind])
        page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true })")
        assert (kind, 0) == (kind, overflow(page))
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
        assert (kind, []) == (kind, found)
    window.close()


def test_an_erased_entry_is_erased_and_neither_valid_nor_a_fault(window: Window, life: World) -> None:
    """Under which entry, with a link to it; leaf, place and cosigners are proved, and the page claims nothing else."""
    at = places(life)
    page = window.page
    steps = verified(page, at["erased request"])
    assert "∅" == steps[ERASED]
    assert {"✓", "–", "∅"} == set(steps.values())
    assert ("✓", "✓") == (steps[TREE], steps[COSIGNERS])
    verdict = page.locator("#verify-verdict")
    expect(verdict.locator("h3")).to_have_text(f"∅ Erased under entry {at['erasure']}")
    for never in ("Verified", "Not verified", "valid"):
        expect(verdict).not_to_contain_text(never)
    expect(page.locator("main")).not_to_contain_text("The refusal was recorded")
    expect(page.locator("main")).not_to_contain_text("could not be read")
    expect(page.locator(".step-erased")).to_contain_text("it names this entry")
    verdict.get_by_role("link", name=f"Entry {at['erasure']}, the erasure").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Content erased")
    page.get_by_role("link", name=f"entry {at['erased request']}", exact=True).click()
    expect(page.locator(".lead")).to_contain_text("Its content was erased under")


def test_the_history_does_not_say_what_an_erased_request_asked(life: World) -> None:
    """It can't be read any more, which is no fault of the request."""
    page = Visitor.signed_in(life, life.administrator).text("/history?kind=request")
    assert "could not be read" not in page
    assert f"erased under entry {places(life)['erasure']}" in page


def erased_under(other: int) -> Callable[[str], str]:
    return lambda text: re.sub(r'(id="opening-erased">)\d+', rf"\g<1>{other}", text)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("hold", "that entry of the log is a “hold”"), ("genesis", "which is none behind this one")],
    ids=["no-erasure", "before"],
)
def test_an_erasure_that_is_none_is_a_fault(window: Window, life: World, kind: str, said: str) -> None:
    """The page names an entry that erased nothing."""
    at = places(life)
    changed_page(window.page, life, at["erased request"], erased_under(at[kind]))
    fails(window.page, verified(window.page, at["erased request"]), ERASED)
    expect(window.page.locator(".step-bad")).to_contain_text(said)


def test_a_claim_that_the_erasure_does_not_bear_out_is_a_fault(window: Window, life: World) -> None:
    """The server hides a refusal behind an erasure that is real and does not name it."""
    at = places(life)
    erased = Visitor.signed_in(life, life.administrator).get(f"/history/{at['erased request']}").get_data(as_text=True)
    hidden = Visitor.signed_in(life, life.administrator).get(f"/history/{at['request deny']}").get_data(as_text=True)
    leaf = re.search(r'id="opening-leaf">([^<]*)', hidden)
    assert leaf is not None
    made = re.sub(r'(id="opening-leaf">)[^<]*', lambda m: m[1] + leaf[1], erased)
    changed_page(window.page, life, at["request deny"], lambda _: made)
    assert "✕" == verified(window.page, at["request deny"])[ERASED]
    expect(window.page.locator(".step-bad").first).to_contain_text("that erasure does not name this entry")
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")


def test_an_erased_entry_that_still_shows_content_is_a_fault(window: Window, life: World) -> None:
    """Content that is there in spite of an erasure is told as `audit verify` tells it."""
    seq = places(life)["erased request"]
    changed_page(
        window.page,
        life,
        seq,
        lambda text: text.replace(
            '<span id="opening-erased"', '<code id="opening-body">{}</code><span id="opening-erased"'
        ),
    )
    fails(window.page, verified(window.page, seq), ERASED)


def test_whoever_may_not_read_the_erasure_is_told_so(window: Window, life: World) -> None:
    """That it is one is proved from the leaves, which everybody may read."""
    seq = places(life)["erased request"]
    changed_page(
        window.page, life, seq, lambda text: re.sub(r'<code id="erasure-(leaf|salt|body)">[^<]*</code>', "", text)
    )
    assert "∅" == verified(window.page, seq)[ERASED]
    expect(window.page.locator(".step-erased")).to_contain_text("You may not read whether")
    expect(window.page.locator("#verify-verdict h3")).to_contain_text("∅ Erased under entry")


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        (r'(<span class="half sibling"[^>]*>.*?<code title=")[0-9a-f]{64}', r"\g<1>" + "0" * 64),
        (r'(<span class="half ours"[^>]*>.*?<code title="[0-9a-f]{64}">)[0-9a-f]{10}', r"\g<1>" + "0" * 10),
        (r'(id="shown-prev">)[0-9a-f]{64}', r"\g<1>" + "0" * 64),
        (r'(id="shown-body">)[0-9a-f]{64}', r"\g<1>" + "0" * 64),
        (r'(id="shown-checkpoint">[^\n]*\n\d+\n)[^\n]{8}', r"\g<1>" + "AAAAAAAA"),
    ],
    ids=["sibling", "shown-beginning", "leaf-before", "body-hash", "checkpoint"],
)
def test_a_lie_in_the_receipt_or_the_tree_is_seen(window: Window, life: World, where: str, wrong: str) -> None:
    """What the page draws is recomputed too, as the person sees it."""
    seq = places(life)["request deny"]
    changed_page(window.page, life, seq, lambda text: re.sub(where, wrong, text, count=1, flags=re.DOTALL))
    fails(window.page, verified(window.page, seq), TREE)


def test_a_statement_that_the_page_tells_otherwise_is_seen(window: Window, life: World) -> None:
    """Its words are those that were signed, and its key is the one that it names."""
    seq = places(life)["erasure"]
    changed_page(window.page, life, seq, lambda text: re.sub(r'(id="statement-text">)', r"\1Not ", text))
    fails(window.page, verified(window.page, seq), STATEMENT)
    window.page.unroute_all()
    pem = life.administrator.key.public.pem
    changed_page(window.page, life, seq, lambda t: re.sub(r'(id="statement-key"[^>]*>)[^<]*', lambda m: m[1] + pem, t))
    fails(window.page, verified(window.page, seq), STATEMENT)
