"""The way in and out: one link, one click, one session, each an entry; and everything that must not open the door."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from governance.sessions import ABSOLUTE, IDLE, LINK_LIFE
from governance.web.app import create_app
from tests.simulator import ORIGIN, World
from tests.web.console.visitor import Visitor, link_of


def kinds(world: World) -> list[str]:
    """The newest entries' kinds, oldest first."""
    return [e.kind for e in world.services.journal.entries()][-2:]


def test_a_link_and_a_click_open_a_session(founded: World) -> None:
    """And the log says whose."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    (entry,) = founded.services.journal.search(kind="sign-in")
    assert ("north", "the director of north") == (entry.body["party"], entry.body["person"])
    assert ("north",) == entry.readers
    assert 200 == visitor.get("/").status_code


def test_looking_at_a_link_does_not_spend_it(founded: World) -> None:
    """A preview that fetches the address leaves it good."""
    link = link_of(founded, founded.administrator)
    assert [200, 200] == [Visitor.of(founded).get(link).status_code for _ in range(2)]
    assert 303 == Visitor.of(founded).enter(link).status_code


def test_a_link_opens_one_session(founded: World) -> None:
    """The second click finds it spent, with a page that says what to do."""
    link = link_of(founded, founded.administrator)
    first, second = Visitor.of(founded), Visitor.of(founded)
    token = second.token(link)
    assert 303 == first.enter(link).status_code
    answer = second.post(link, {"csrf_token": token})
    assert 404 == answer.status_code
    assert "accordant console" in answer.get_data(as_text=True)
    assert 303 == second.get("/").status_code


def test_a_link_runs_out(founded: World) -> None:
    """After five minutes it is as unknown as a forged one."""
    link = link_of(founded, founded.administrator)
    founded.clock.time += LINK_LIFE
    assert 404 == Visitor.of(founded).get(link).status_code


@pytest.mark.parametrize("secret", ["x", "A" * 43, "%00", "é", "a" * 5000])
def test_a_forged_link_opens_nothing(founded: World, secret: str) -> None:
    """Whatever its form."""
    assert 404 == Visitor.of(founded).get(f"/sign-in/{secret}").status_code


def test_many_wrong_links_are_slowed_down(founded: World) -> None:
    """An address that tries ten in a minute is told to wait; whoever has a right link comes in all the same."""
    link = link_of(founded, founded.administrator)
    statuses = [Visitor.of(founded).get(f"/sign-in/{i}").status_code for i in range(12)]
    assert [404] * 10 + [429] * 2 == statuses
    assert 200 == Visitor.of(founded).get(link).status_code
    founded.clock.time += dt.timedelta(minutes=1)
    assert 404 == Visitor.of(founded).get("/sign-in/again").status_code


def test_what_is_not_there_is_a_page_that_says_so(founded: World) -> None:
    """A file of the console's that does not exist, a method that is not taken."""
    visitor = Visitor.of(founded)
    assert 404 == visitor.get("/static/none.css").status_code
    assert 405 == visitor.client.post("/mous", base_url=ORIGIN).status_code


@pytest.mark.parametrize("path", ["/sign-out", "/sign-in/x"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_is_no_upload(founded: World, path: str, kind: str) -> None:
    """Whoever sends more than a body may have is refused before any of it is read."""
    most = founded.settings.max_body
    answer = founded.client.post(path, data=b"x" * (most + 1), content_type=kind, base_url=ORIGIN)
    assert 413 == answer.status_code


def test_a_connector_has_no_console(founded: World) -> None:
    """Its key signs requests."""
    answer = founded.call(founded.partners["dashboard"], "POST", "/v1/sessions", {})
    assert (403, "not-a-person") == (answer.status_code, answer.json["reason"])


def test_an_unsigned_call_gets_no_link(founded: World) -> None:
    """Nor does one in another's name."""
    assert 401 == founded.client.post("/v1/sessions", json={}, base_url=ORIGIN).status_code


def test_a_link_of_a_key_revoked_since_opens_nothing(founded: World) -> None:
    """The key's standing counts when the link is used."""
    link = link_of(founded, founded.partners["north"])
    founded.revoke("north")
    assert 404 == Visitor.of(founded).get(link).status_code


def test_a_revoked_key_ends_its_sessions(founded: World) -> None:
    """At the next request."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    founded.revoke("north")
    assert 303 == visitor.get("/").status_code


@pytest.mark.parametrize(("step", "steps", "open_"), [(IDLE, 1, False), (IDLE / 2, 4, True), (IDLE / 2, 48, False)])
def test_a_session_ends_without_use_and_after_its_day(
    founded: World, step: dt.timedelta, steps: int, open_: bool
) -> None:
    """Use keeps it open, but not for ever."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    for _ in range(steps):
        founded.clock.time += step
        status = visitor.get("/data").status_code
    assert (200 if open_ else 303) == status
    assert steps * step <= ABSOLUTE


def test_signing_out_ends_the_session_on_the_server(founded: World) -> None:
    """A copy of the cookie is of no use, and the log says that it ended."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    cookie = visitor.client.get_cookie("accordant", domain="accordant.test")
    assert cookie is not None
    assert 303 == visitor.post("/sign-out", {"csrf_token": visitor.token("/data")}).status_code
    assert "sign-out" == kinds(founded)[-1]
    copy = Visitor.of(founded)
    copy.client.set_cookie("accordant", cookie.value, domain="accordant.test")
    assert 303 == copy.get("/").status_code


def test_what_cannot_be_logged_opens_nothing(founded: World) -> None:
    """The link stays good for when the log is back."""
    link = link_of(founded, founded.administrator)
    visitor = Visitor.of(founded)
    token = visitor.token(link)
    founded.faults.fail = 1
    assert 503 == visitor.post(link, {"csrf_token": token}).status_code
    assert 303 == visitor.get("/").status_code
    assert 303 == visitor.enter(link).status_code


def test_signing_out_ends_even_what_cannot_be_logged(founded: World) -> None:
    """Nobody stays signed in because a disk is full."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    token = visitor.token("/data")
    founded.faults.fail = 1
    assert 503 == visitor.post("/sign-out", {"csrf_token": token}).status_code
    assert 303 == visitor.get("/").status_code


def test_a_link_made_by_one_process_opens_in_another(founded: World) -> None:
    """And a restart ends nothing that should last."""
    link = link_of(founded, founded.partners["north"])
    founded.close()
    founded.open()
    visitor = Visitor.of(founded)
    assert 303 == visitor.enter(link).status_code
    cookie = visitor.client.get_cookie("accordant", domain="accordant.test")
    founded.close()
    founded.open()
    again = Visitor.of(founded)
    assert cookie is not None
    again.client.set_cookie("accordant", cookie.value, domain="accordant.test")
    assert 200 == again.get("/").status_code


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_a_form_from_elsewhere_is_refused(founded: World, token: str | None) -> None:
    """Without the token of a page of ours no post does anything."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    data = {} if token is None else {"csrf_token": token}
    assert 400 == visitor.post("/sign-out", data).status_code
    assert 200 == visitor.get("/").status_code


def test_another_site_is_refused_by_what_the_browser_says(founded: World) -> None:
    """`Sec-Fetch-Site`, beside the token."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    token = visitor.token("/data")
    answer = visitor.post("/sign-out", {"csrf_token": token}, headers={"Sec-Fetch-Site": "cross-site"})
    assert 403 == answer.status_code


def test_another_host_name_reads_nothing(founded: World) -> None:
    """A name that was bound to our address by somebody else."""
    visitor = Visitor.signed_in(founded, founded.partners["north"])
    assert 404 == visitor.get("/", base_url="http://evil.test").status_code


def test_over_tls_the_cookie_is_bound_to_the_host(founded: World) -> None:
    """`__Host-`: secure, this host alone, the whole of it; and the browser is told to stay with TLS."""
    origin = "https://accordant.test"
    services = replace(founded.services, settings=replace(founded.settings, origin=origin))
    visitor = Visitor(create_app(services).test_client())
    secret, _ = services.sessions.link(fingerprint=founded.administrator.key.fingerprint)
    answer = visitor.get(f"/sign-in/{secret}", base_url=origin)
    name, *attributes = answer.headers["Set-Cookie"].replace("=", ";", 1).split("; ")
    assert name.startswith("__Host-accordant;")
    assert ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"] == sorted(attributes)
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.postgresql
def test_sessions_live_in_postgresql_too(tmp_path: Path, postgresql_url: str) -> None:
    """Opened, used, ended."""
    world = World.found(tmp_path, database_url=postgresql_url)
    visitor = Visitor.signed_in(world, world.administrator)
    world.clock.time += IDLE / 2
    assert 200 == visitor.get("/").status_code
    link_of(world, world.administrator)
    assert 303 == visitor.post("/sign-out", {"csrf_token": visitor.token("/data")}).status_code
    assert 303 == visitor.get("/").status_code
    world.close()
