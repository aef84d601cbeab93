"""A person who opens an entry and clicks *Verify now*, and a server that shows another page than the real one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from playwright.sync_api import Page, expect
from werkzeug.test import TestResponse

from tests.simulator import World
from tests.vouching import cosigner
from tests.web.console.visitor import Visitor

__all__ = [
    "BODY",
    "CHAIN",
    "CHECKPOINT",
    "COSIGNERS",
    "DECLARATION",
    "HANDED_ON",
    "INCLUSION",
    "KEY",
    "LEAF",
    "MEMORY",
    "SECONDS",
    "TREE",
    "WORDS",
    "changed_page",
    "fails",
    "marks",
    "real_page",
    "verified",
    "vouch",
]

KEY = "The key that the log is believed by"
CHECKPOINT = "The checkpoint, and who signed it"
MEMORY = "The same log as at your last visit"
LEAF = "The entry in the log is the one on this page"
BODY = "The content is the one that was recorded"
INCLUSION = "The entry is in the log that was signed"
CHAIN = "It follows the entry before it"
DECLARATION = "The declaration was signed by the connector"
WORDS = "The clauses’ words are those that decided"
TREE = "The receipt and the tree on this page are the log’s"
HANDED_ON = "The key was handed on in the log itself"
COSIGNERS = "Who else saw this log"
SECONDS = 1_793_620_800  # 2 November 2026


def verified(page: Page, seq: int) -> dict[str, str]:
    """The steps' titles and signs, once there is a verdict."""
    page.goto(f"/history/{seq}")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#verify-verdict h3")).to_be_visible(timeout=20_000)
    expect(page.locator("#verify-button")).not_to_have_attribute("aria-disabled", "true")
    found = {}
    for item in page.locator("#verify-steps > .step").all():
        title = item.locator("b").first.text_content() or ""
        spoken = item.locator("b .sr").text_content() or ""
        found[title.removesuffix(spoken)] = item.locator(".mark").first.inner_text()
    return found


def marks(steps: dict[str, str]) -> str:
    """The signs alone."""
    return "".join(steps.values())


def fails(page: Page, steps: dict[str, str], *names: str) -> None:
    """Exactly these do not hold, and the verdict says so."""
    assert list(names) == [name for name, mark in steps.items() if mark == "✕"]
    expect(page.locator("#verify-verdict h3")).to_have_text("✕ Not verified")
    for name in names:
        expect(page.locator("#verify-verdict")).to_contain_text(name.lower())
    expect(page.locator("#verify-verdict .facts")).to_have_count(0)


def real_page(world: World, seq: int) -> TestResponse:
    """What the server shows an administrator."""
    return Visitor.signed_in(world, world.administrator).get(f"/history/{seq}")


def changed_page(page: Page, world: World, seq: int, change: Callable[[str], str]) -> None:
    """The server's page, but for one thing."""
    real = real_page(world, seq)
    text = real.get_data(as_text=True)
    made = change(text)
    assert made != text
    headers = {k: v for k, v in real.headers.items() if k != "Content-Length"}
    page.route(f"**/history/{seq}", lambda route: route.fulfill(status=200, headers=headers, body=made))


def vouch(world: World, name: str) -> None:
    """A partner vouches for a checkpoint: the last that somebody vouched for, or that of now."""
    note = world.services.published.cosigned() or world.services.published.checkpoint()
    line = cosigner(name).line(note, seconds=SECONDS)
    document = {"checkpoint": b64encode(note).decode(), "line": b64encode(line).decode()}
    world.told(world.administrator, "POST", "/v1/cosignatures", document)
