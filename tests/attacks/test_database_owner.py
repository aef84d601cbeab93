"""Somebody with full write access to the database: what the next request says of it, and what `audit verify` says.

What is shown here beyond tests/test_tampered_home.py, tests/register and tests/audit: decisions, facts, mappings,
nonces and policies. Leaves, chain, checkpoint and search words have every kind of cheat in tests/audit/ways.py.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import Draft
from governance.errors import AccordantError
from governance.verification import verify_home
from tests.simulator import ORIGIN, World
from tests.tampered import holding
from tests.test_gateway import COMPARE, OWN

FILLER = Draft("search", {"party": "north", "by": {}, "found": 0}, ("north",))
KINDS = (
    "source",
    "load",
    "activation",
    "signature",
    "enrolment-approval",
    "enrolment",
    "proposal",
    "opening",
    "genesis",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Somebody was let in, somebody refused, and a party has given its notice."""
    made = World.found(tmp_path).agreed().filled(clients=33)
    made.query(made.partners["dashboard"], OWN).get_data()
    made.query(made.partners["dashboard"], OWN, purpose="marketing").get_data()
    made.decide_on(made.partners["east"], "withdraw", reason="we leave")
    # Older than what a service reads again when it starts: that would not start at all (the last test).
    made.services.journal.append([FILLER] * 300)
    yield made
    with contextlib.suppress(AccordantError):
        made.close()


def _write(world: World, *statements: tuple[str, tuple[Any, ...]]) -> None:
    with contextlib.closing(sqlite3.connect(world.settings.home / "accordant.db")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for statement, values in statements:
            database.execute(statement, values)
        database.commit()


def _edit(world: World, seq: int, change: Callable[[dict[str, Any]], None]) -> None:
    """The body of an entry, in canonical form again, as an attacker who knows the format would write it."""
    entry = world.services.journal.entry(seq)
    assert entry is not None
    document = json.loads(entry.body_bytes)
    change(document.get("body", document))
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert text != entry.body_bytes
    with holding(world.settings) as cheat:
        cheat.set_body(seq, entry.salt, text)


def _last(world: World, kind: str, **said: Any) -> int:
    found = [e for e in world.services.journal.entries(kinds={kind}) if said.items() <= e.body.items()]
    return found[-1].seq


def _faults(world: World) -> set[tuple[int | None, str]]:
    return {(fault.seq, fault.code) for fault in verify_home(world.settings).faults}


def _reopened(world: World) -> int:
    """What the next request gets after a restart; 0 where the service does not start."""
    world.close()
    try:
        world.open()
    except AccordantError:
        return 0
    response = world.query(world.partners["dashboard"], OWN)
    response.get_data()
    return response.status_code


def test_a_refusal_made_a_permit(world: World) -> None:
    """The entry is named; a running service, which takes no decision from there, goes on, and opens it for nobody."""
    seq = _last(world, "request", outcome="deny")
    _edit(world, seq, lambda body: body.update(outcome="permit", reason="permitted"))
    assert (seq, "body-changed") in _faults(world)
    assert 200 == world.query(world.partners["dashboard"], OWN).status_code
    assert 503 == world.call(world.administrator, "GET", f"/v1/entries/{seq}").status_code
    assert 200 == _reopened(world)


@pytest.mark.parametrize("kind", KINDS)
def test_what_state_follows_from_made_to_say_something_else(world: World, kind: str) -> None:
    """Mapping, load, activation, signature, approval of a key, key: nobody is answered on the strength of it."""
    seq = min(e.seq for e in world.services.journal.entries(kinds={kind}))
    _edit(world, seq, lambda body: body.update({next(iter(body)): "x"}))
    assert (seq, "body-changed") in _faults(world)
    # One activation was changed, and the start made another of the same signatures; nothing hangs on the first entry.
    expected = {"source": 503, "load": 503, "activation": 200, "genesis": 200}
    status = _reopened(world)
    assert expected.get(kind, 400) == status


@pytest.mark.parametrize("kind", ["withdrawal", "revocation"])
def test_what_took_something_away_is_not_undone_by_spoiling_it(world: World, kind: str) -> None:
    """A withdrawal or a revocation that is edited is not forgotten: nothing is released until the log is mended.

    The administrator's first key may still look.
    """
    world.revoke("dashboard")
    seq = _last(world, kind)
    world.services.journal.append([FILLER] * 300)
    _edit(world, seq, lambda body: body.update(jws="a..b"))
    assert (seq, "body-changed") in _faults(world)
    world.close()
    world.open()
    world.clock.pass_(days=60)
    for name in ("dashboard", "east", "north"):
        response = world.query(world.partners[name], OWN)
        assert (503, "log-tampered") == (response.status_code, (response.json or {})["reason"])
        assert 503 == world.call(world.partners[name], "GET", "/v1/mous").status_code
    assert 200 == world.call(world.administrator, "GET", "/v1/mous").status_code


def test_a_mapping_exchanged_under_a_running_server(world: World) -> None:
    """The running server has read it before; from the next start on its party is not served, and says why."""
    seq = _last(world, "source", party="north")
    _edit(world, seq, lambda body: body.update(mapping=body["mapping"].replace("client: client", "client: program")))
    answer = world.query(world.partners["dashboard"], OWN)
    assert (200, "0") == (answer.status_code, (answer.json or {})["rows"][0][0])
    assert (seq, "body-changed") in _faults(world)
    world.close()
    with contextlib.suppress(AccordantError):
        world.open()
        response = world.query(world.partners["dashboard"], OWN)
        assert (503, "log-tampered") == (response.status_code, (response.json or {})["reason"])


def test_a_nonce_forgotten(world: World) -> None:
    """The table of nonces is emptied: the running server still remembers, and the log tells of a second counting."""
    body, headers = world.signed_query(world.partners["dashboard"], OWN)

    def send() -> int:
        response = world.client.post("/v1/query", data=body, headers=headers, base_url=ORIGIN)
        response.get_data()
        return response.status_code

    assert 200 == send()
    _write(world, ("DELETE FROM nonces", ()))
    assert 409 == send()
    world.close()
    world.open()
    assert 200 == send()  # whoever owns the database can have a request counted twice, and not unseen
    world.close()
    assert {"nonce-twice"} == {code for _, code in _faults(world)}


def test_policies_that_are_changed_do_not_answer(world: World) -> None:
    """No policy lies in the database: it is compiled from signed documents. An engine that says another revision, or
    was given other rules under another name, is not believed."""
    reading = world.reading
    revision = reading.revision
    assert 200 == world.query(world.partners["dashboard"], COMPARE).status_code
    reading.revision = "0" * 64
    asked = COMPARE | {"group_by": []}
    response = world.query(world.partners["dashboard"], asked)
    assert (503, "engine-stale") == (response.status_code, (response.json or {})["reason"])
    reading.revision = revision
    assert 200 == world.query(world.partners["dashboard"], asked).status_code
    with contextlib.closing(sqlite3.connect(world.settings.home / "accordant.db")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not [t for t in tables if "bundle" in t or "polic" in t or "decision" in t]


def test_one_of_the_newest_entries_changed(world: World) -> None:
    """A service that starts reads them again, and does not start before the log is what it was."""
    world.query(world.partners["dashboard"], OWN, purpose="marketing").get_data()
    seq = _last(world, "request", outcome="deny")
    _edit(world, seq, lambda body: body.update(outcome="permit", reason="permitted"))
    assert (seq, "body-changed") in _faults(world)
    assert 0 == _reopened(world)
