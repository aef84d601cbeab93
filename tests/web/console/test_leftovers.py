"""What people stumbled over: addresses that nothing has, a history of one's own looks, purposes within others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from governance.agreements import Checked
from governance.compiler.bundle import Bundle
from governance.compiler.from_yaml import read
from governance.history import History
from governance.model.mou import Mou
from governance.web.console.purposes import Within, within
from governance.web.console.words import asked
from tests.agreement_world import document
from tests.simulator import DOCUMENT, ORIGIN, World
from tests.web.console.visitor import Visitor, link_of

_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
def administrator(told: World) -> Visitor:
    return Visitor.signed_in(told, told.administrator)


def test_an_address_that_nothing_has_is_a_page_for_a_browser(told: World, administrator: Visitor) -> None:
    """In the console's look, with its headers; signed in or not."""
    for visitor in (administrator, Visitor.of(told)):
        answer = visitor.get("/nonexist", headers={"Accept": _BROWSER})
        assert (404, "text/html; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
        assert "There is no page at this address" in answer.get_data(as_text=True)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "accept", "base"),
    [
        ("/nonexist", "*/*", ORIGIN),
        ("/nonexist", "application/json", ORIGIN),
        ("/v1/nonexist", _BROWSER, ORIGIN),
        ("/nonexist", _BROWSER, "http://evil.test"),
    ],
)
def test_a_program_and_another_host_get_a_problem(told: World, path: str, accept: str, base: str) -> None:
    """As before."""
    answer = told.client.get(path, headers={"Accept": accept}, base_url=base)
    assert (404, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])


def test_the_browsers_own_question_for_a_sign(told: World) -> None:
    """The way to the mark, without a session."""
    answer = Visitor.of(told).get("/favicon.ico")
    assert (301, "/static/mark.svg") == (answer.status_code, answer.headers["Location"])


def test_looks_at_the_log_stand_aside(told: World, administrator: Visitor) -> None:
    """Unless they are asked for; a switch shows them, and they stay recorded."""
    for _ in range(60):
        administrator.get("/history?kind=genesis")
    page = administrator.get("/history").get_data(as_text=True)
    assert "<b>History searched</b>" not in page
    assert "<b>Request</b>" in page
    assert "Show looks at the log too" in page
    page = administrator.get("/history?looks=1").get_data(as_text=True)
    assert "<b>History searched</b>" in page
    assert "Leave out looks at the log" in page
    assert "looks=1&amp;before=" in page or "before=" in page
    page = administrator.get("/history?kind=search").get_data(as_text=True)
    assert "<b>History searched</b>" in page
    assert "looks at the log" not in page


def test_pages_without_looks_follow_one_another(told: World) -> None:
    """Nothing is left out between two pages, and the last says that it is."""
    history = History(told.services.journal, told.services.forgetting.vault.known)
    seen: list[int] = []
    before: int | None = None
    while True:
        page = history.page(party="administrator", administrator=True, wanted={}, size=3, before=before)
        seen += [e.seq for e in page.entries]
        if page.older is None:
            break
        before = page.older
    every = [s for s in range(told.services.journal.head().size) if told.services.journal.entry(s).kind != "search"]  # type: ignore[union-attr]
    assert sorted(every, reverse=True)[-len(seen) :] == seen
    assert len(seen) == len(set(seen))
    assert 0 in seen


def test_a_link_that_was_used_says_so_when_it_is_sent_again(founded: World) -> None:
    """Whoever goes back and clicks once more hears that it was used, and that the session is there."""
    visitor, link = Visitor.of(founded), link_of(founded, founded.administrator)
    token = visitor.token(link)
    assert 303 == visitor.post(link, {"csrf_token": token}).status_code
    answer = visitor.post(link, {"csrf_token": token})
    page = answer.get_data(as_text=True)
    assert 404 == answer.status_code
    assert "was used" in page
    assert "You are signed in" in page
    assert "not ours" not in page


def test_a_refusal_shows_the_nearest_request(told: World, administrator: Visitor) -> None:
    """It is recorded with the refusal, and shown in words."""
    gap = {"dataset": "visits", "fields": ["client", "grade"], "rows": "all", "view": "identified"}
    assert 403 == told.query(told.partners["dashboard"], gap).status_code
    (entry,) = told.services.journal.search(kind="request", outcome="gap", limit=1)
    assert entry.body["nearest"]["dataset"] == "visits"
    text = administrator.text(f"/history/{entry.seq}")
    assert "The nearest request that would have passed" in text
    assert asked(entry.body["nearest"]) in text


def test_a_rate_says_of_what() -> None:
    """In the one sentence that an entry is told in."""
    said = asked({"measures": [{"measure": "rate", "field": "done"}, {"measure": "clients"}], "dataset": "visits"})
    assert said.startswith("rate of done, clients from visits")


def test_purposes_within_others() -> None:
    """Each agreement's tree is followed to its root; a term stands for its node; the root itself is not told."""
    tree = (
        b"{title: improvement}\n  marketing: {title: marketing}\n"
        b"  fundraising: {title: fundraising, broader: marketing, dpv: 'dpv:F'}\n"
        b"  letters: {title: letters, broader: fundraising}"
    )
    mou = read(document().replace(b"{title: improvement}", tree)).mou
    assert (Within("small", "letters", ("fundraising", "marketing")),) == within((mou, mou), "letters")
    assert (Within("small", "fundraising", ("marketing",)),) == within((mou,), "dpv:F")
    assert () == within((mou,), "marketing")
    assert () == within((mou,), "unknown")


def test_the_entry_says_what_the_purpose_is_within(tmp_path: Path) -> None:
    """A clause about marketing that refuses fundraising explains itself."""
    line = "  marketing: {title: marketing}\n"
    tree = DOCUMENT.replace(line, line + "  fundraising: {title: fundraising, broader: marketing}\n")
    world = World.found(tmp_path).agreed(tree).filled(6)
    try:
        others = {"dataset": "visits", "fields": ["client"], "rows": "others", "view": "identified"}
        assert 403 == world.query(world.partners["dashboard"], others, purpose="fundraising").status_code
        (refused,) = world.services.journal.search(kind="request", outcome="deny")
        text = Visitor.signed_in(world, world.administrator).text(f"/history/{refused.seq}")
        assert "In small, “fundraising” is within “marketing”: what is said of that holds for it too." in text
    finally:
        world.close()


def test_a_list_is_read_from_what_is_known(told: World, administrator: Visitor) -> None:
    """Overview, list and what waits look at no entry that was read before; one agreement is read anew."""
    book = told.services.agreements.book
    known = book.folded
    for path in ("/", "/mous", "/waiting"):
        administrator.get(path)
        assert book.folded is known
    administrator.get("/mous/small")
    assert book.folded is not known


def test_a_document_that_was_left_out_is_an_alarm(tmp_path: Path) -> None:
    """On the overview, in the list, and on its page with the request on which the readings differ; nothing passes."""
    odd: list[dict[str, object]] = []

    def check(_bundle: Bundle, _mous: Sequence[Mou]) -> Checked:
        return Checked(1, ("reference",), odd[0] if odd else None)

    world = World.found(tmp_path, check=check)
    try:
        for party in ("north", "south", "east", "hub"):
            world.enrol(party)
        world.propose(document().decode())
        odd.append({"request": {"party": "<north>"}, "answers": {"embedded": {"reason": "engine-error"}}})
        for party in ("north", "south", "east", "hub"):
            world.decide_on(world.partners[party], "sign")
        visitor = Visitor.signed_in(world, world.administrator)
        for path in ("/", "/mous"):
            assert "Left out: version 1" in visitor.text(path)
        page = visitor.get("/mous/small").get_data(as_text=True)
        assert "Version 1 is signed and does not count" in page
        assert "engine-error" in page
        assert "<north>" not in page
        answer = world.call(world.partners["north"], "GET", "/v1/mous/small").json
        assert answer["left_out"] == [1]
    finally:
        world.close()
