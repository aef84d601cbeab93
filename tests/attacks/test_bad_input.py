"""Bad input and parts that fail: over HTTP a problem document and no 500, on the shell one line and the right code."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.keyfile import write_key
from governance.cli import main
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request
from governance.signing.keys import PrivateKey
from governance.verification import verify_home
from tests.agreement_world import ReferenceEngine
from tests.simulator import ORIGIN, World
from tests.test_gateway import COMPARE, OWN


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that is only asked."""
    made = World.found(tmp_path_factory.mktemp("world")).agreed().filled(clients=33)
    yield made
    made.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[World]:
    """A world of the test's own."""
    made = World.found(tmp_path).agreed().filled(clients=33)
    yield made
    made.close()


ASKED: list[tuple[dict[str, Any], str, str]] = [
    (OWN | {"party": "south"}, "improvement", "not-from-the-body"),
    (OWN | {"purpose": "improvement"}, "improvement", "not-from-the-body"),
    (OWN | {"purpose": "service"}, "improvement", "not-from-the-body"),
    (OWN | {"mou": "small"}, "improvement", "not-from-the-body"),
    (OWN | {"at": "2026-09-10T00:00:00Z"}, "improvement", "not-from-the-body"),
    (OWN | {"facts": {}}, "improvement", "not-from-the-body"),
    (OWN | {"feilds": []}, "improvement", "malformed"),
    (OWN | {"fields": "client"}, "improvement", "malformed"),
    (OWN | {"rows": 7}, "improvement", "malformed"),
    (OWN | {"view": "everything"}, "improvement", "malformed"),
    (OWN | {"limit": -1}, "improvement", "malformed"),
    (OWN | {"limit": 0}, "improvement", "malformed"),
    (OWN | {"limit": "1"}, "improvement", "malformed"),
    (OWN | {"limit": 1.5}, "improvement", "malformed"),
    (OWN | {"limit": 10**9}, "improvement", "over-a-limit"),
    (OWN | {"filters": [{"field": "days", "op": "lt", "value": "many"}]}, "improvement", "value-wrong-type"),
    (OWN | {"filters": [{"field": "client", "op": "lt", "value": "7"}]}, "improvement", "operator-wrong-type"),
    (OWN | {"filters": [{"field": "done", "op": "gt", "value": True}]}, "improvement", "operator-wrong-type"),
    (OWN | {"filters": [{"field": "days", "op": "between", "value": 7}]}, "improvement", "value-wrong-type"),
    (OWN | {"filters": [{"field": "days", "op": "like", "value": "7"}]}, "improvement", "malformed"),
    (OWN | {"filters": [{"field": "secret", "op": "eq", "value": 1}]}, "improvement", "unknown-field"),
    (COMPARE | {"filters": [{"field": "client", "op": "eq", "value": "7"}]}, "improvement", "no-clause"),
    (OWN, "no such purpose", "unknown-purpose"),
]


@pytest.mark.parametrize(("asked", "purpose", "reason"), ASKED, ids=range(len(ASKED)))
def test_a_wrong_request_is_told_and_releases_nothing(
    world: World, asked: dict[str, Any], purpose: str, reason: str
) -> None:
    """A problem document with its entry; no other entry is made."""
    size = world.services.journal.head().size
    response = world.query(world.partners["dashboard"], asked, purpose=purpose)
    found = response.json or {}
    assert ("application/problem+json", reason) == (response.mimetype, found["reason"])
    assert response.status_code == (403 if reason == "no-clause" else 400)
    assert found["entry"] == size
    assert size + 1 == world.services.journal.head().size


def test_a_body_over_64_kib_is_not_read(world: World) -> None:
    """413, and no entry of its own."""
    size = world.services.journal.head().size
    response = world.query(world.partners["dashboard"], OWN | {"fields": ["x" * 100] * 700})
    assert (413, "too-large") == (response.status_code, (response.json or {})["reason"])
    assert size == world.services.journal.head().size


@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/query/", "/v1//query", "/v1/entries/-1", "/v1/entries/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_door_or_verb_is_a_problem_document(world: World, path: str, method: str) -> None:
    """404 or 405, never a page of the framework's."""
    response = world.client.open(path, method=method, base_url=ORIGIN)
    assert response.status_code in (404, 405) or method == "OPTIONS"
    if response.status_code >= 400:
        assert "application/problem+json" == response.mimetype


def test_a_locked_database_is_a_503_and_is_got_over(own: World) -> None:
    """Whoever holds SQLite's write lock stops releases, not the service."""
    lock = sqlite3.connect(own.settings.home / "accordant.db", isolation_level=None)
    lock.execute("PRAGMA locking_mode = NORMAL")
    lock.execute("BEGIN IMMEDIATE")
    response = own.query(own.partners["dashboard"], OWN)
    assert (503, "log-unavailable") == (response.status_code, (response.json or {})["reason"])
    assert "unavailable" == response.headers["Accordant-Outcome"]
    lock.rollback()
    lock.close()
    assert 200 == own.query(own.partners["dashboard"], OWN).status_code


@pytest.mark.parametrize("door", ["data", "other"])
def test_a_log_that_cannot_be_written_is_a_503(own: World, door: str) -> None:
    """A full disk: nothing is released, nothing is changed, and the next request is served."""
    own.faults.fail = 1
    if door == "data":
        response = own.query(own.partners["dashboard"], OWN)
    else:
        response = own.call(own.partners["north"], "GET", "/v1/entries")
    assert (503, "log-unavailable") == (response.status_code, (response.json or {})["reason"])
    assert 200 == own.query(own.partners["dashboard"], OWN).status_code


class Stopping(ReferenceEngine):
    """An engine that goes away between two decisions."""

    gone = False

    def decide(self, request: Request, facts: Facts) -> Decision:
        if self.gone:
            raise EngineUnavailable("the engine does not answer", reason="engine-unreachable")
        return super().decide(request, facts)


def test_an_engine_that_stops_between_two_requests_releases_nothing(tmp_path: Path) -> None:
    """503, recorded; served again when it is back."""
    world = World.found(tmp_path)
    world.close()
    world.reading = Stopping()
    world.open()
    world.agreed().filled(clients=33)
    assert 200 == world.query(world.partners["dashboard"], OWN).status_code
    world.reading.gone = True
    asked = OWN | {"fields": ["client", "days"]}
    response = world.query(world.partners["dashboard"], asked)
    assert (503, "engine-unreachable") == (response.status_code, (response.json or {})["reason"])
    *_, entry = world.services.journal.entries(kinds={"request"})
    assert "unavailable" == entry.body["outcome"]
    world.reading.gone = False
    assert 200 == world.query(world.partners["dashboard"], asked).status_code
    world.close()
    assert () == verify_home(world.settings).faults


def test_a_source_that_is_gone_is_a_503(own: World) -> None:
    """The file that was loaded is not there: no figure over whoever is left."""
    next((own.settings.data / "south").rglob("*.parquet")).unlink()
    response = own.query(own.partners["hub"], COMPARE)
    assert 503 == response.status_code
    assert (response.json or {})["reason"] in ("source-file-missing", "source-unreadable")


SHELL: list[tuple[list[str], int]] = [
    (["mou", "check", "{bad}"], 2),
    (["mou", "check", "{none}"], 2),
    (["mou", "check", "{folder}"], 2),
    (["mou", "text", "{binary}"], 2),
    (["mou", "compile", "{bad}", "-o", "{folder}/out"], 2),
    (["mou", "decide", "{bad}", "--requests", "{bad}"], 2),
    (["mou", "nonsense"], 2),
    (["source", "check", "{bad}"], 2),
    (["serve", "--home", "{none}"], 2),
    (["audit", "verify", "--home", "{none}"], 2),
    (["request", "--dataset", "d", "--fields", "a", "--rows", "own", "--view", "identified", "--purpose", "p",
      "--mou", "m", "--key", "{none}"], 2),
    (["request", "--dataset", "d", "--fields", "a", "--rows", "mine", "--view", "identified", "--purpose", "p"], 2),
    (["mou", "status", "m", "--key", "{key}"], 3),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code"), SHELL, ids=range(len(SHELL)))
def test_the_shell_says_one_thing_and_its_code(
    words: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 for wrong input, 3 for a part that does not answer; a line a fault, never a traceback."""

    (tmp_path / "bad").write_text("a: [\n")
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    write_key(tmp_path / "key", PrivateKey.generate("ed25519"))
    monkeypatch.setenv("ACCORDANT_ORIGIN", "http://127.0.0.1:1")
    places = {name: str(tmp_path / name) for name in ("bad", "binary", "none", "key")} | {"folder": str(tmp_path)}
    with pytest.raises(SystemExit) as ended:
        main([word.format(**places) for word in words])
    said = capsys.readouterr()
    assert code == ended.value.code, said.err
    assert "" == said.out
    # `mou check` tells each fault, and then that the document does not stand.
    assert (2 if words[1] == "check" and words[0] == "mou" else 1) == len(said.err.strip().splitlines())
    assert "Traceback" not in said.err
    assert "unforeseen" not in said.err
