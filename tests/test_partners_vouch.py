"""Partners as witnesses, and a real one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.note import Checkpoint
from audit.policy_file import with_witness
from tests.audit.witness import litewitnessing
from tests.simulator import World
from tests.vouching import asked, cosigner, written


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Agreed and filled, not watched yet."""
    made = World.found(tmp_path).agreed().filled(clients=12)
    yield made
    made.close()


def brought(world: World, name: str, note: bytes, *, by: str | None = None) -> Any:
    from base64 import b64encode

    line = cosigner(by or name).line(note, seconds=1_800_000_000)
    document = {"checkpoint": b64encode(note).decode(), "line": b64encode(line).decode()}
    return world.call(world.partners[name], "POST", "/v1/cosignatures", document)


def test_a_receipt_carries_two_partners_cosignatures(world: World) -> None:
    """Both on one checkpoint, and the policy of two is content with it, offline."""
    from audit import NoteVerifier
    from audit.receipt import Receipt

    policy = written(world, "north", "south", url=None)
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    entry = next(e.seq for e in world.services.journal.entries() if e.kind == "request")
    early = world.told(world.partners["north"], "GET", f"/v1/receipts/{entry}")
    note = world.client.get("/log/checkpoint").data
    assert (201, False) == ((answer := brought(world, "north", note)).status_code, answer.json["quorum"])
    asked(world)
    assert (201, True) == ((answer := brought(world, "south", note)).status_code, answer.json["quorum"])
    asked(world)
    told = world.told(world.partners["north"], "GET", f"/v1/receipts/{entry}")
    assert set(early) == set(told)
    receipt = Receipt.from_file(json.dumps(told).encode())
    signed = receipt.check(NoteVerifier.from_vkey(world.services.vkey))
    assert signed == policy.check(receipt.checkpoint)
    assert 2 == len(policy.cosigned(receipt.checkpoint))
    assert signed.size < world.services.journal.head().size
    newest = world.services.journal.head().size
    now = world.told(world.partners["north"], "GET", f"/v1/receipts/{entry}?cosigned=false")
    assert newest == Receipt.from_file(json.dumps(now).encode()).check(NoteVerifier.from_vkey(world.services.vkey)).size
    late = next(e.seq for e in world.services.journal.entries(after=signed.size - 1) if "north" in e.readers)
    answer = world.call(world.partners["north"], "GET", f"/v1/receipts/{late}?cosigned=true")
    assert (404, "no-cosignature") == (answer.status_code, answer.json["reason"])
    assert 200 == world.call(world.partners["north"], "GET", f"/v1/receipts/{late}").status_code


def test_a_strangers_cosignature_is_not_kept(world: World) -> None:
    """Nor one over another log's checkpoint, nor rubbish."""
    written(world, "north", url=None)
    world.services.witnesses.ask()
    note = world.client.get("/log/checkpoint").data
    answer = brought(world, "south", note)
    assert (400, "not-a-witness") == (answer.status_code, answer.json["reason"])
    from audit import NoteSigner

    other = NoteSigner.generate("another.example/log")
    foreign = other.sign(Checkpoint("another.example/log", 3, b"r" * 32).to_text())
    for wrong in (foreign, note.replace(b"\n\n", b"\nmore\n\n"), b"nonsense\n\nx\n"):
        line = cosigner("north").line(note, seconds=1)
        from base64 import b64encode

        document = {"checkpoint": b64encode(wrong).decode(), "line": b64encode(line).decode()}
        answer = world.call(world.partners["north"], "POST", "/v1/cosignatures", document)
        assert (400, "cosignature-wrong") == (answer.status_code, answer.json["reason"])
    assert 400 == world.call(world.partners["north"], "POST", "/v1/cosignatures", {"checkpoint": 3}).status_code
    assert 404 == world.client.get("/log/cosigned").status_code


def test_a_cosigned_fork_that_our_key_signed_is_an_alarm(world: World) -> None:
    """A partner brings what it was shown: the same key, another history."""
    from governance.home import note_signer

    written(world, "north", url=None)
    world.services.witnesses.ask()
    signer = note_signer(world.settings)
    forked = signer.sign(Checkpoint(signer.name, 5, b"f" * 32).to_text())
    answer = brought(world, "north", forked)
    assert (503, "log-contradicted") == (answer.status_code, answer.json["reason"])
    assert (503, "unavailable", "log-contradicted") == asked(world)


@pytest.mark.parametrize(("more", "code"), [(0, "rewound"), (12, "forked")])
def test_litewitness_stops_a_gateway_whose_database_was_put_back(
    world: World, litewitness: Path, tmp_path: Path, more: int, code: str
) -> None:
    """Not the home's memory, which is gone, but the witness: cosigned, rolled back or written anew from there,
    refused, and the gateway stops.
    """
    from audit import NoteVerifier

    database = Path(world.settings.database_url.removeprefix("sqlite:///"))
    (tmp_path / "witness").mkdir()
    with litewitnessing(litewitness, tmp_path / "witness") as witness:
        witness.knows(NoteVerifier.from_vkey(world.services.vkey))
        data = with_witness(b"", name="lite", vkey=witness.verifier.vkey, url=witness.url, log_vkey=world.services.vkey)
        (world.settings.home / "witnesses.policy").write_bytes(data)
        world.close()
        shutil.copy(database, tmp_path / "older.db")
        world.open()
        assert (200, "permit", None) == asked(world)
        told = world.services.witnesses.ask()
        assert (told["entries"], None) == (told["covered"], told["witnesses"][0]["reason"])
        world.close()
        shutil.copy(tmp_path / "older.db", database)
        (world.settings.home / "checkpoints").unlink()
        world.open()
        for _ in range(more):
            world.told(world.administrator, "GET", "/v1/entries?limit=1")
        world.services.watching(60.0)
        [found] = world.services.continuity.contradictions
        assert ("the witness lite", code) == (found.by, found.code)
        assert (503, "unavailable", "log-contradicted") == asked(world)
