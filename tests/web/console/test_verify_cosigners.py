"""Who cosigned, verified in the browser: with keys that the person was told, and with those that the server names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from audit import NoteSigner, NoteVerifier
from audit.cosignature import Cosigner
from audit.note import Checkpoint
from audit.policy import Policy
from audit.receipt import Receipt
from governance.home import note_signer
from tests.simulator import World
from tests.vouching import cosigner, written
from tests.web.console.test_browser import AXE, overflow
from tests.web.console.verifying import COSIGNERS, SECONDS, changed_page, fails, verified, vouch
from tests.web.console.visitor import Visitor, telling_world
from tests.web.console.window import DESK, PHONE, Window, browsing

pytestmark = pytest.mark.browser

ENTRY = 3


@pytest.fixture(scope="module")
def vouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two partners vouched, on one checkpoint; the policy names them and a third, which did not."""
    world = telling_world(World.found(tmp_path_factory.mktemp("vouched")))
    written(world, "north", "south", "east", url=None)
    world.services.witnesses.ask()
    for name in ("north", "south"):
        vouch(world, name)
    yield world
    world.close()


@pytest.fixture(scope="module")
def browser(chromium: Path, vouched: World) -> Iterator[Browser]:
    with browsing(chromium, vouched) as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, vouched: World) -> Iterator[Window]:
    opened = Window.open(browser).sign_in(vouched, vouched.administrator)
    yield opened
    opened.close()


def believed(page: Page, text: str) -> None:
    """The person opens the fold, pastes keys, and clicks."""
    page.get_by_text("The witnesses whose keys you know", exact=True).click()
    page.get_by_label("Witnesses’ verifier keys").fill(text)
    page.get_by_role("button", name="Believe these witnesses").click()


def step(page: Page) -> Locator:
    return page.locator("#verify-steps > .step").filter(has_text=COSIGNERS)


def test_the_policy_s_witnesses_are_verified_and_said_to_be_the_server_s_word(window: Window, vouched: World) -> None:
    """Two of three; the third is told, and that the keys come from here."""
    steps = verified(window.page, ENTRY)
    assert "✓" == steps[COSIGNERS]
    found = step(window.page)
    expect(found.locator(".item-good")).to_have_count(2)
    expect(found.locator(".item-good").first).to_contain_text("Verified with the key that this server names for it")
    expect(found.locator(".item-good").first).to_contain_text("on 2026-11-02 12:00 UTC")
    expect(found.locator(".item-open")).to_contain_text("east: no cosignature of it is shown")
    expect(found).to_contain_text("The keys come from this server’s policy")
    expect(window.page.locator("#verify-verdict")).to_contain_text("north, south (keys from this server)")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_keys_that_one_was_told(browser: Browser, vouched: World, size: object) -> None:
    """Pasted as lines or as a policy; they are kept for the next visit, can be taken away, and the page fits."""
    window = Window.open(browser, size=size).sign_in(vouched, vouched.administrator)  # type: ignore[arg-type]
    page = window.page
    page.goto(f"/history/{ENTRY}")
    policy = (vouched.settings.home / "witnesses.policy").read_text()
    believed(page, policy)
    expect(page.locator("#witness-said")).to_contain_text("north, south, east: believed from now on")
    assert "–" == verified(page, ENTRY)[COSIGNERS]
    expect(step(page)).to_contain_text("Of the 3 witnesses whose key you gave, 2 vouched for this entry.")
    expect(page.locator("#verify-verdict")).to_contain_text("left open")
    page.get_by_text("The witnesses whose keys you know", exact=True).click()
    page.get_by_role("button", name="Remove east").click()
    expect(page.locator("#witness-keys li")).to_have_count(2)
    page.get_by_role("button", name="Verify again").click()
    expect(step(page)).to_contain_text("north, south, by keys that you gave.")
    expect(step(page).locator(".item-good").first).to_contain_text("Verified with the key that you gave")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert [] == page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
    assert 0 == overflow(page)
    assert [] == window.complaints
    window.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("north", "That is not a verifier key"),
        ("# nothing but a comment", "no verifier key of a witness"),
        ("witness north https://north.example", "That is not a verifier key"),
    ],
    ids=["a-name", "a-comment", "a-line-without-a-key"],
)
def test_what_is_no_witness_s_key_is_refused(window: Window, text: str, said: str) -> None:
    """In words; nothing is kept."""
    window.page.goto(f"/history/{ENTRY}")
    believed(window.page, text)
    expect(window.page.locator("#witness-said")).to_contain_text(said)
    expect(window.page.locator("#witness-key")).to_have_attribute("aria-invalid", "true")
    assert None is window.page.evaluate("localStorage.getItem('accordant.witnesses')")


def test_a_log_s_key_is_no_witness_s(window: Window, vouched: World) -> None:
    """Keys of the two kinds can't be taken for each other."""
    window.page.goto(f"/history/{ENTRY}")
    believed(window.page, vouched.services.vkey)
    expect(window.page.locator("#witness-said")).to_contain_text("its type is not that of Ed25519 cosignatures")


def served(page: Page, note: bytes) -> None:
    page.route("**/log/cosigned", lambda route: route.fulfill(status=200, body=note))


def test_a_false_cosignature_is_an_alarm(window: Window, vouched: World) -> None:
    """A line under a witness's name, with its id, that its key did not make: another time, or another text."""
    note = vouched.services.published.cosigned()
    assert note is not None
    bare = note.partition(b"\n\n")[0] + b"\n\n" + b"".join(
        line + b"\n" for line in note.partition(b"\n\n")[2].splitlines() if line.startswith("— accordant".encode())
    )  # fmt: skip
    other = note_signer(vouched.settings).sign("accordant.test/log\n1\n" + "A" * 43 + "=\n")
    false = bare + cosigner("east").line(other, seconds=SECONDS)
    served(window.page, false)
    fails(window.page, verified(window.page, ENTRY), COSIGNERS)
    expect(step(window.page).locator(".item-bad")).to_contain_text("east: the cosignature under the name of east+")


def test_a_line_of_nobody_known_is_told_and_not_counted(window: Window, vouched: World) -> None:
    """Whatever the name: a witness's name with another key is another witness."""
    note = vouched.services.published.cosigned()
    assert note is not None
    served(window.page, note + Cosigner("north", cosigner("stranger")._key).line(note, seconds=SECONDS))
    assert "✓" == verified(window.page, ENTRY)[COSIGNERS]
    expect(step(window.page).locator(".item-open").last).to_contain_text("was NOT checked")


def test_a_cosigned_fork_is_an_alarm(window: Window, vouched: World) -> None:
    """The log's own key signed another history, and a witness cosigned it: both checkpoints are named."""
    signer = note_signer(vouched.settings)
    size = vouched.services.journal.head().size - 4
    fork = signer.sign(Checkpoint(signer.name, size, b"f" * 32).to_text())
    served(window.page, fork + cosigner("north").line(fork, seconds=SECONDS))
    fails(window.page, verified(window.page, ENTRY), COSIGNERS)
    expect(step(window.page)).to_contain_text("the log forked")
    expect(step(window.page).locator("pre")).to_have_count(2)


def test_a_cosigned_checkpoint_of_another_log_is_an_alarm(window: Window, vouched: World) -> None:
    """Signed by no key of this log."""
    other = NoteSigner.generate("accordant.test/log")
    note = other.sign(Checkpoint(other.name, 5, b"r" * 32).to_text())
    served(window.page, note + cosigner("north").line(note, seconds=SECONDS))
    fails(window.page, verified(window.page, ENTRY), COSIGNERS)
    expect(step(window.page)).to_contain_text("it is not this log’s")


def test_a_page_that_names_a_cosigner_without_its_line_is_seen(window: Window, vouched: World) -> None:
    """The list of who vouches is the server's word, and is held against the lines."""
    changed_page(
        window.page,
        vouched,
        ENTRY,
        lambda text: text.replace(
            '<ul class="signers">',
            '<ul class="signers"><li data-cosigner="west+01020304"><b>west</b> cosigned it</li>',
        ),
    )
    fails(window.page, verified(window.page, ENTRY), COSIGNERS)
    expect(step(window.page).locator(".item-bad")).to_contain_text("west+01020304")


def test_an_entry_behind_the_cosigned_checkpoint_is_not_vouched_for(window: Window, vouched: World) -> None:
    """And it is said how far the witness has come."""
    newest = vouched.services.journal.head().size - 1
    assert "–" == verified(window.page, newest)[COSIGNERS]
    expect(step(window.page).locator(".item-open").first).to_contain_text("does not hold this entry yet")


def test_a_browser_without_ed25519_calls_no_cosignature_verified(window: Window) -> None:
    """It says so before and after the click."""
    window.page.add_init_script(
        "const real = crypto.subtle.importKey.bind(crypto.subtle);"
        "crypto.subtle.importKey = (form, data, kind, ...rest) => kind.name === 'Ed25519'"
        " ? Promise.reject(new DOMException('no such algorithm', 'NotSupportedError'))"
        " : real(form, data, kind, ...rest);"
    )
    assert "–" == verified(window.page, ENTRY)[COSIGNERS]
    expect(window.page.locator("#verify-unable")).to_be_visible()
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")


def test_the_receipt_to_keep_is_under_a_cosigned_checkpoint(vouched: World) -> None:
    """Where one covers the entry: whoever keeps it holds two partners' word; else it is under the newest."""
    policy = Policy.from_text((vouched.settings.home / "witnesses.policy").read_bytes())
    visitor = Visitor.signed_in(vouched, vouched.administrator)
    verifier = NoteVerifier.from_vkey(vouched.services.vkey)
    for name in ("receipt.json", "receipt.tlog-proof"):
        receipt = Receipt.from_file(visitor.get(f"/history/{ENTRY}/{name}").data)
        receipt.check(verifier)
        assert (name, 2) == (name, len(policy.cosigned(receipt.checkpoint)))
        late = Receipt.from_file(visitor.get(f"/history/{vouched.services.journal.head().size - 1}/{name}").data)
        assert late.index < late.check(verifier).size
