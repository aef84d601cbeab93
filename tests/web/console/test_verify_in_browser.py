"""An entry's proof, recomputed in real Chromium from what the log serves; and what it says of a server that cheats."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, ViewportSize, expect

from audit import Draft, NoteSigner
from audit.leaf import Leaf
from audit.merkle import EMPTY, leaf_hash
from audit.tiles import Tile, bundle
from governance.home import note_signer
from tests.simulator import World
from tests.web.console.forger import Forger, leaves_of, rewritten
from tests.web.console.test_browser import AXE, overflow
from tests.web.console.verifying import (
    BODY,
    CHAIN,
    CHECKPOINT,
    DECLARATION,
    INCLUSION,
    KEY,
    LEAF,
    MEMORY,
    TREE,
    WORDS,
    changed_page,
    fails,
    marks,
    real_page,
    verified,
)
from tests.web.console.visitor import telling_world
from tests.web.console.window import DESK, PHONE, Window, browsing, launched, served

pytestmark = pytest.mark.browser

MORE = 600  # so that there are full tiles, and a level above


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = telling_world(World.found(tmp_path_factory.mktemp("grown")))
    world.services.journal.append([Draft("not-authentic", {"counts": {"unknown-key": n}}) for n in range(MORE)])
    yield world
    world.close()


@pytest.fixture(scope="module")
def browser(chromium: Path, grown: World) -> Iterator[Browser]:
    with browsing(chromium, grown) as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, grown: World) -> Iterator[Window]:
    opened = Window.open(browser).sign_in(grown, grown.administrator)
    yield opened
    opened.close()


def permitted(world: World) -> int:
    (found,) = world.services.journal.search(kind="request", outcome="permit")
    return int(found.seq)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_an_honest_log_verifies(browser: Browser, grown: World, size: ViewportSize) -> None:
    """Every step, with what the entry says read from the verified bytes; on a later visit the memory too."""
    window = Window.open(browser, size=size).sign_in(grown, grown.administrator)
    seq = permitted(grown)
    first = verified(window.page, seq)
    assert {KEY: "✓", CHECKPOINT: "✓", MEMORY: "–", LEAF: "✓", BODY: "✓", INCLUSION: "✓", CHAIN: "✓"} | {
        DECLARATION: "✓",
        WORDS: "✓",
        TREE: "✓",
    } == first
    verdict = window.page.locator("#verify-verdict")
    expect(verdict.get_by_role("heading")).to_have_text("✓ Verified in this browser")
    expect(verdict).to_contain_text("permit")
    expect(verdict).to_contain_text("improvement")
    expect(window.page.locator(".step-open")).to_contain_text("first look")
    grown.services.journal.append([Draft("not-authentic", {"counts": {}})])
    assert set("✓") == set(marks(verified(window.page, seq)))
    expect(window.page.locator("#verify-verdict")).not_to_contain_text("left open")
    assert 0 == overflow(window.page)
    assert [] == window.complaints
    window.page.evaluate(AXE.read_text(encoding="utf-8"))
    assert [] == window.page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
    window.close()


def test_entries_at_the_edges_of_tiles_verify(window: Window, grown: World) -> None:
    """The first, the last of a full tile, the first of the next, and the newest."""
    for seq in (0, 255, 256, 511, 512, grown.services.journal.head().size - 1):
        steps = verified(window.page, seq)
        assert (seq, "✕") not in [(seq, mark) for mark in steps.values()]
        expect(window.page.locator("#verify-verdict h3")).to_have_text("✓ Verified in this browser")


def test_it_is_worked_by_keyboard_and_announced(window: Window, grown: World) -> None:
    """Tab to the button, Enter; steps stand in a live region, the verdict is a status."""
    page = window.page
    page.goto(f"/history/{permitted(grown)}")
    page.locator("#verify-button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verify-verdict h3")).to_be_visible(timeout=20_000)
    assert "verify-button" == page.evaluate("document.activeElement.id")
    assert ("polite", "status") == (
        page.locator("#verify-steps").get_attribute("aria-live"),
        page.locator("#verify-verdict").get_attribute("role"),
    )
    expect(page.get_by_role("button", name="Verify again")).to_be_visible()


def test_a_lie_about_the_body_is_seen(window: Window, grown: World) -> None:
    """The page shows another outcome than was recorded."""
    seq = permitted(grown)

    def lie(text: str) -> str:
        return re.sub(r'(id="opening-body">.*?&#34;outcome&#34;:&#34;)permit', r"\1denied", text)

    changed_page(window.page, grown, seq, lie)
    fails(window.page, verified(window.page, seq), BODY)
    expect(window.page.locator(".step-bad")).to_contain_text("what was recorded hashes to")


def test_no_body_is_no_proof(window: Window, grown: World) -> None:
    """What is missing passes no step."""
    seq = permitted(grown)
    changed_page(window.page, grown, seq, lambda text: re.sub(r'(id="opening-body">)[^<]*', r"\1", text))
    fails(window.page, verified(window.page, seq), BODY)


def test_another_entry_s_page_under_this_address_is_seen(window: Window, grown: World) -> None:
    """The number comes from the address, and the leaf must be the log's."""
    seq = permitted(grown)
    other = real_page(grown, seq - 1).get_data(as_text=True)
    changed_page(window.page, grown, seq, lambda _: other)
    assert "✕" == verified(window.page, seq)[LEAF]
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")


@pytest.mark.parametrize("what", ["changed", "short", "gone"])
def test_an_altered_tile_is_seen(window: Window, grown: World, what: str) -> None:
    """One byte of a hash that the proof rests on, or hashes that are missing."""
    seq = permitted(grown)
    size = grown.services.journal.head().size

    path = Tile(0, seq // 256).at(size)
    assert path is not None

    def answer(route: Route) -> None:
        content = bytearray(grown.services.published.file(path.path) or b"")
        content[32 * ((seq ^ 1) % 256)] ^= 1
        if what == "gone":
            route.fulfill(status=404)
        else:
            route.fulfill(status=200, body=bytes(content[:-32] if what == "short" else content))

    window.page.route(f"**/log/{path.path}*", answer)
    fails(window.page, verified(window.page, seq), INCLUSION)


def test_a_changed_bundle_is_seen(window: Window, grown: World) -> None:
    """The leaf that the log serves, altered together with the page: no tile leads from it to the root."""
    seq = permitted(grown)
    leaves = leaves_of(grown)
    leaf = leaves[seq]
    altered = replace(Leaf.from_bytes(leaf), kind="release").to_bytes()

    def as_shown(data: bytes) -> str:
        return html.escape(data.decode()).replace("&quot;", "&#34;")

    changed_page(window.page, grown, seq, lambda text: text.replace(as_shown(leaf), as_shown(altered)))
    made = [*leaves]
    made[seq] = altered
    window.page.route("**/log/tile/entries/000", lambda route: route.fulfill(status=200, body=bundle(made[:256])))
    fails(window.page, verified(window.page, seq), INCLUSION)


def test_a_checkpoint_of_another_key_is_seen(window: Window, grown: World) -> None:
    """The same text under the same name, signed by somebody else: with the log's id, and with its own."""
    seq = permitted(grown)
    forger = NoteSigner.generate(grown.settings.log_origin)
    Forger(leaves_of(grown), forger).serve(window.page, tiles=False)
    fails(window.page, verified(window.page, seq), CHECKPOINT)
    expect(window.page.locator(".step-bad")).to_contain_text(f"{forger.verifier.key_id.hex()}, and not by the key")
    window.page.unroute("**/log/checkpoint")

    note = grown.services.journal.head().checkpoint
    text, _, line = note.rpartition(b"\n\n")
    flipped = text + b"\n\n" + line[:-12] + (b"AAAA" if line[-12:-8] != b"AAAA" else b"BBBB") + line[-8:]
    window.page.route("**/log/checkpoint", lambda route: route.fulfill(status=200, body=flipped))
    fails(window.page, verified(window.page, seq), CHECKPOINT)
    expect(window.page.locator(".step-bad")).to_contain_text("is not that key's")
    assert None is window.page.evaluate("localStorage.getItem('accordant.trusted-key')")


def test_another_key_than_before_is_an_alarm(window: Window, grown: World) -> None:
    """The server shows another key with a log that this one signed, after a visit."""
    seq = permitted(grown)
    verified(window.page, seq)
    forger = NoteSigner.generate(grown.settings.log_origin)
    Forger(leaves_of(grown), forger).serve(window.page, tiles=False)
    window.page.route("**/log/vkey", lambda route: route.fulfill(status=200, body=forger.vkey + "\n"))
    fails(window.page, verified(window.page, seq), KEY, CHECKPOINT)
    expect(window.page.locator(".step-bad").first).to_contain_text("now shows another key")


@pytest.mark.parametrize("how", ["rewritten", "rewound"])
def test_a_log_that_forked_since_the_last_visit_is_an_alarm(window: Window, grown: World, how: str) -> None:
    """Signed by the log's own key: nothing but the memory shows it, and both checkpoints are named and kept."""
    seq = permitted(grown)
    verified(window.page, seq)
    seen = window.page.evaluate("Object.values(localStorage).join()")
    leaves = leaves_of(grown)
    forged = rewritten(leaves, len(leaves) - 1) if how == "rewritten" else leaves[:-3]
    signer = note_signer(grown.settings)
    fork = Forger(forged, signer)
    fork.serve(window.page)
    steps = verified(window.page, seq)
    fails(window.page, steps, MEMORY)
    assert "✓" == steps[CHECKPOINT] == steps[INCLUSION]
    alarm = window.page.locator(".step-bad")
    expect(alarm).to_contain_text(f"a log of {len(leaves)} entries")
    expect(alarm).to_contain_text("were taken away" if how == "rewound" else "does not begin with it")
    expect(alarm.locator("pre")).to_have_count(2)
    expect(alarm.locator("pre").last).to_contain_text(fork.note.decode().splitlines()[2])
    # what was seen is kept: the alarm stays until somebody explains it
    assert seen == window.page.evaluate("Object.values(localStorage).join()")
    window.page.unroute_all()
    assert "✓" == verified(window.page, seq)[MEMORY]


def test_the_key_that_one_was_told_counts(window: Window, grown: World) -> None:
    """A wrong one makes the log fail, the right one is said to have been told, a malformed one is refused."""
    page, seq = window.page, permitted(grown)
    page.goto(f"/history/{seq}")
    page.get_by_text("The key that this browser trusts", exact=True).click()
    page.get_by_label("Verifier key, one line").fill(grown.services.vkey[:-3])
    page.get_by_role("button", name="Trust this key").click()
    expect(page.locator("#trust-said")).to_contain_text("That is")
    page.get_by_label("Verifier key, one line").fill(NoteSigner.generate(grown.settings.log_origin).vkey)
    page.get_by_role("button", name="Trust this key").click()
    expect(page.locator("#trust-said")).to_contain_text("Trusted from now on")
    fails(page, verified(page, seq), KEY, CHECKPOINT)
    page.get_by_text("The key that this browser trusts", exact=True).click()
    page.get_by_label("Verifier key, one line").fill(grown.services.vkey)
    page.get_by_role("button", name="Trust this key").click()
    assert "✕" not in marks(verified(page, seq))
    expect(page.locator(".step").first).to_contain_text("which you said you were told by another way")


def test_changed_words_of_a_clause_are_seen(window: Window, grown: World) -> None:
    """What stands on the page is not what was hashed, or what is hashed is not what was recorded."""
    seq = permitted(grown)
    changed_page(
        window.page, grown, seq, lambda text: re.sub(r'(<p class="word">)', r"\1Nobody says that ", text, count=1)
    )
    fails(window.page, verified(window.page, seq), WORDS)
    window.page.unroute_all()
    changed_page(window.page, grown, seq, lambda text: re.sub(r'data-words="', 'data-words="Not ', text, count=1))
    fails(window.page, verified(window.page, seq), WORDS)


def test_a_declaration_s_key_must_be_the_one_that_it_names(window: Window, grown: World) -> None:
    """Another key on the page is refused by its fingerprint."""
    seq = permitted(grown)
    other = grown.services.agreements.book.key(grown.partners["hub"].key.fingerprint)
    assert other is not None
    pem = other.key.pem
    changed_page(
        window.page,
        grown,
        seq,
        lambda text: re.sub(r'(id="declaration-key"[^>]*>)[^<]*', lambda m: m[1] + pem, text),
    )
    fails(window.page, verified(window.page, seq), DECLARATION)


def test_a_browser_without_ed25519_says_that_it_did_not_check(window: Window, grown: World) -> None:
    """Nothing is called verified, and no checkpoint or key is remembered."""
    window.page.add_init_script(
        "const real = crypto.subtle.importKey.bind(crypto.subtle);"
        "crypto.subtle.importKey = (form, data, kind, ...rest) => kind.name === 'Ed25519'"
        " ? Promise.reject(new DOMException('no such algorithm', 'NotSupportedError'))"
        " : real(form, data, kind, ...rest);"
    )
    steps = verified(window.page, permitted(grown))
    assert ("–", "✓") == (steps[CHECKPOINT], steps[INCLUSION])
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")
    expect(window.page.locator("#verify-verdict")).to_contain_text("Could not be checked: the checkpoint")
    expect(window.page.locator(".step-open").first).to_contain_text("the signature was NOT checked")
    assert 0 == window.page.evaluate("localStorage.length")


def test_without_a_secure_context_nothing_is_pretended(browser: Browser, chromium: Path, grown: World) -> None:
    """Over plain http from elsewhere a browser has no digests: the page says so, and the button does nothing."""
    with served(grown) as port:
        opened = launched(browser.browser_type, chromium, port, secure=False)
        window = Window.open(opened).sign_in(grown, grown.administrator)
        window.page.goto(f"/history/{permitted(grown)}")
        expect(window.page.locator("#verify-verdict h3")).to_have_text("✕ Nothing can be verified here")
        window.page.locator("#verify-button").click(force=True)
        expect(window.page.locator(".step")).to_have_count(0)
        opened.close()


def test_proofs_of_all_small_sizes_are_as_ours(window: Window) -> None:
    """Inclusion and consistency from tiles by script: the roots are those of this code; a flipped bit is refused."""
    window.page.goto("/history/1")
    found = window.page.evaluate(
        """async () => {
          const { Tree, rootFrom, begins, leafHash } = await import("/static/log-tree.js");
          const { hex } = await import("/static/log-bytes.js");
          const leaves = await Promise.all(Array.from({length: 40}, (_, n) => leafHash(Uint8Array.of(n))));
          const of = (size) => new Tree(size, { hashes: async () => leaves.slice(0, size) });
          const roots = [], wrong = [];
          for (let size = 1; size <= 40; size += 1) {
            const root = await of(size).over(0, size);
            roots.push(hex(root));
            for (let n = 0; n < size; n += 1) {
              const proof = await of(size).inclusion(n);
              if (hex(await rootFrom({ hash: leaves[n], index: n, size, proof })) !== hex(root)) wrong.push([size, n]);
              const oldRoot = await of(n + 1).over(0, n + 1);
              const asked = { old: n + 1, oldRoot, size, root };
              const path = await of(size).consistency(n + 1);
              if (!(await begins({ ...asked, proof: path }))) wrong.push([size, n, "consistency"]);
              const flipped = Uint8Array.from(oldRoot, (byte, k) => (k ? byte : byte ^ 1));
              if (await begins({ ...asked, oldRoot: flipped, proof: path })) wrong.push([size, n, "flipped"]);
            }
          }
          return [roots, wrong];
        }"""
    )
    expected = [EMPTY.extended([leaf_hash(bytes([n])) for n in range(size)]).root.hex() for size in range(1, 41)]
    assert [expected, []] == found
