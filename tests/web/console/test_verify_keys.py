"""The browser follows the log's key, entry by entry, from what the log serves; no other way leads to a new one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from audit import Draft, NoteSigner
from audit.receipt import Opening
from audit.rotation import continued
from governance.adapters.store.database import open_database
from governance.home import note_signer
from governance.log_key import rotate
from governance.wrapping import open_keys
from tests.simulator import World
from tests.vouching import written
from tests.web.console.forger import Forger, leaves_of, rewritten
from tests.web.console.verifying import CHECKPOINT, COSIGNERS, HANDED_ON, KEY, MEMORY, fails, marks, verified, vouch
from tests.web.console.window import Window, browsing

pytestmark = pytest.mark.browser

TRUSTED = "JSON.parse(localStorage.getItem('accordant.trusted-key'))"


@pytest.fixture
def world(founded: World) -> World:
    """One's own, and its key will change."""
    return founded


@pytest.fixture
def browser(chromium: Path, world: World) -> Iterator[Browser]:
    with browsing(chromium, world) as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, world: World) -> Window:
    return Window.open(browser).sign_in(world, world.administrator)


def turned(world: World, window: Window, times: int = 1) -> list[str]:
    """The log's key is rotated while nobody serves; the verifier keys, the oldest first."""
    keys = [world.services.vkey]
    for _ in range(times):
        world.close()
        keys.append(rotate(world.settings, clock=world.clock).new)
        world.open()
        world.services.journal.append([Draft("not-authentic", {"counts": {}})])
    window.sign_in(world, world.administrator)
    return keys


def pasted(page: Page, vkey: str) -> None:
    """The person opens the fold, pastes a key, and clicks."""
    page.get_by_text("The key that this browser trusts", exact=True).click()
    page.get_by_label("Verifier key, one line").fill(vkey)
    page.get_by_role("button", name="Trust this key").click()
    expect(page.locator("#trust-said")).to_contain_text("Trusted from now on")


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_a_remembered_key_is_followed(window: Window, world: World, times: int) -> None:
    """The old key signed the new one in the log: no alarm, the entries are named, and the new key is trusted after."""
    verified(window.page, 1)
    keys = turned(world, window, times)
    # unasked, as soon as the page is opened: so the key is followed before the click, and the click finds it trusted
    window.page.goto("/history/1")
    expect(window.page.locator("#trusted-key")).to_have_text(keys[-1])
    expect(window.page.locator("#watch-alarm")).to_be_empty()
    assert {"vkey": keys[-1], "from": keys[0], "told": False} == {
        name: window.page.evaluate(TRUSTED)[name] for name in ("vkey", "from", "told")
    }
    assert set("✓") == set(marks(verified(window.page, 1)))
    expect(window.page.locator(".step").first).to_contain_text(f"It took the place of {keys[0]}")


def test_a_key_that_one_was_told_is_followed(window: Window, world: World) -> None:
    """An old key on paper is enough; each entry on the way is named, and what one was told stays told."""
    keys = turned(world, window, times=2)
    at = [e.seq for e in world.services.journal.entries(kinds={"log-key"})]
    window.page.goto("/history/1")
    pasted(window.page, keys[0])
    window.page.get_by_role("button", name="Verify now").click()
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✓ Verified in this browser")
    handed = window.page.locator(".step").filter(has_text=HANDED_ON)
    for seq in at:
        expect(handed).to_contain_text(f"entry {seq}: ")
    expect(window.page.locator(".step").first).to_contain_text("signed its successors")
    assert (keys[2], True) == tuple(window.page.evaluate(TRUSTED)[name] for name in ("vkey", "told"))


def test_a_key_in_the_middle_is_followed_too(window: Window, world: World) -> None:
    """Whoever knows any of the keys."""
    keys = turned(world, window, times=2)
    window.page.goto("/history/1")
    pasted(window.page, keys[1])
    window.page.get_by_role("button", name="Verify now").click()
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✓ Verified in this browser")
    assert keys[2] == window.page.evaluate(TRUSTED)["vkey"]


def changed(world: World, change: Callable[[Opening], bytes]) -> bytes:
    """What the log shows of its keys, its last line changed."""
    *lines, last = world.services.published.vkeys().splitlines(keepends=True)
    return b"".join([*lines, change(Opening.from_bytes(last.strip())) + b"\n"])


def by_another(opening: Opening) -> bytes:
    """The statement, signed by somebody who is not the old key."""
    forger = NoteSigner.generate(str(opening.body["old"]).split("+")[0])
    text = str(opening.body["statement"]).split("\n\n")[0] + "\n"
    signed = forger.sign(text).decode()
    return replace(opening, body=opening.body | {"statement": signed}).to_bytes()


def spaced(opening: Opening) -> bytes:
    """Another form of the same JSON."""
    return json.dumps(json.loads(opening.to_bytes())).encode()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda _: b"", "no entry of the log in which the trusted key hands on to it"),
        (by_another, "hashes to"),
        (spaced, "not the one form of JSON"),
    ],
    ids=["hidden", "unsigned", "another-form"],
)
def test_a_chain_that_does_not_lead_is_an_alarm(
    window: Window, world: World, what: Callable[[Opening], bytes], said: str
) -> None:
    """The server hides the entry, has another body for it, or another form: nothing is trusted anew."""
    verified(window.page, 1)
    keys = turned(world, window)
    shown = changed(world, what)
    window.page.route("**/log/vkeys", lambda route: route.fulfill(status=200, body=shown))
    window.page.goto("/history/1")
    expect(window.page.locator("#watch-alarm h3")).to_contain_text("✕")
    fails(window.page, verified(window.page, 1), KEY, CHECKPOINT)
    expect(window.page.locator(".step-bad").first).to_contain_text(said)
    assert keys[0] == window.page.evaluate(TRUSTED)["vkey"]


def test_a_statement_that_stands_in_no_log_is_an_alarm(window: Window, world: World) -> None:
    """Signed by the old key, and the log that the new key signs holds another entry in its place."""
    verified(window.page, 1)
    turned(world, window)
    seq = next(e.seq for e in world.services.journal.entries(kinds={"log-key"}))
    Forger(rewritten(leaves_of(world), seq), note_signer(world.settings)).serve(window.page)
    steps = verified(window.page, 1)
    assert ("✓", "✕") == (steps[KEY], steps[HANDED_ON])
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")
    expect(window.page.locator("#verify-steps .step-bad").first).to_contain_text(f"holds another entry {seq}")


def test_a_log_that_was_written_anew_before_the_rotation_is_an_alarm(window: Window, world: World) -> None:
    """The old key signed its successor over other entries than those that stand before it now."""
    window.page.goto("/history/1")
    old = world.services.vkey
    turned(world, window)
    leaves = leaves_of(world)
    seq = next(e.seq for e in world.services.journal.entries(kinds={"log-key"}))
    # the rotation's own leaf is kept: only what stands before it is another
    forged = [*rewritten(leaves, 0)[:seq], *leaves[seq:]]
    window.page.goto("/history/1")
    pasted(window.page, old)
    Forger(forged, note_signer(world.settings)).serve(window.page)
    window.page.get_by_role("button", name="Verify now").click()
    expect(window.page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")
    expect(window.page.locator("#verify-steps .step-bad").first).to_contain_text(
        "had signed for other entries before it"
    )
    assert old == window.page.evaluate(TRUSTED)["vkey"]


def test_a_retired_key_counts_no_more(window: Window, world: World) -> None:
    """Whoever has the old key shows it, with a log that goes on under it: the log's own entry says that it is over."""
    old = note_signer(world.settings)
    turned(world, window)
    Forger(leaves_of(world), old).serve(window.page)
    window.page.route("**/log/vkey", lambda route: route.fulfill(status=200, body=old.vkey + "\n"))
    fails(window.page, verified(window.page, 1), KEY)
    expect(window.page.locator(".step-bad").first).to_contain_text("its own log names")
    assert None is window.page.evaluate(TRUSTED)


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
def test_a_log_that_goes_on_under_another_name_is_followed(window: Window, world: World, named: bool) -> None:
    """After a restore: the old key hands on; what was seen of entries that the log itself names as lost is no alarm."""
    verified(window.page, 1)
    seen = int(window.page.evaluate("Object.entries(localStorage).find(([k]) => k.includes('last-checkpoint'))[1]")
               .split("\\n")[1])  # fmt: skip
    old = note_signer(world.settings)
    world.close()
    engine, keys = open_database(world.settings.database_url), open_keys(world.settings)
    new = NoteSigner.generate(world.settings.log_origin + "/2")
    missing = {"from": seen, "until": seen + 90, "checkpoint": ""} if named else None
    entry = continued(engine, old=old, new=new, keys=keys, body={"missing": missing}, clock=world.clock)
    keys.close()
    engine.dispose()
    (world.settings.keys / "log.key").write_bytes(new.to_pem())
    world.settings = replace(world.settings, log_origin=new.name)
    world.open()
    window.sign_in(world, world.administrator)
    if named:
        # a checkpoint of entries that were lost, as this browser would have kept it
        later = old.sign(f"{old.name}\n{entry.seq + 40}\n{'A' * 43}=\n").decode()
        kept = json.dumps({"note": later, "at": "2026-11-02T12:00:00.000Z"})
        window.page.evaluate("([k, v]) => localStorage.setItem(k, v)", [f"accordant.last-checkpoint.{old.name}", kept])
    window.page.goto("/history/1")
    expect(window.page.locator("#trusted-key")).to_have_text(new.vkey)
    expect(window.page.locator("#watch-alarm")).to_be_empty()
    assert set("✓") == set(marks(verified(window.page, 1)))


def test_entries_that_were_lost_and_not_named_are_an_alarm(window: Window, world: World) -> None:
    """A checkpoint of the old key that counts more entries than its successor leaves to it."""
    old = note_signer(world.settings)
    verified(window.page, 1)
    turned(world, window)
    later = old.sign(f"{old.name}\n900\n{'A' * 43}=\n").decode()
    kept = json.dumps({"note": later, "at": "2026-11-02T12:00:00.000Z"})
    window.page.evaluate("([k, v]) => localStorage.setItem(k, v)", [f"accordant.last-checkpoint.{old.name}", kept])
    steps = verified(window.page, 1)
    fails(window.page, steps, MEMORY)
    alarm = window.page.locator("#verify-steps .step-bad")
    expect(alarm).to_contain_text("its key had been retired before")
    expect(alarm.locator("pre")).to_have_count(2)


def test_cosignatures_under_a_key_that_was_rotated_still_count(window: Window, world: World) -> None:
    """The cosigned checkpoint is signed by the key of before, and the log says that it was its key."""
    written(world, "north", url=None)
    world.services.witnesses.ask()
    vouch(world, "north")
    turned(world, window)
    assert "✓" == verified(window.page, 1)[COSIGNERS]
    expect(window.page.locator(".item-good")).to_contain_text("north cosigned the checkpoint of")
