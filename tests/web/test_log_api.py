"""The log over HTTP: tiles for everybody, receipts as proofs, exports that are recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import NoteVerifier
from audit.export import written
from audit.export_check import verify_export
from audit.note import Checkpoint, open_note
from audit.receipt import Receipt
from audit.tiles import tiles_of
from tests.simulator import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with a signed agreement: its log has some tens of entries."""
    made = World.found(tmp_path).agreed()
    yield made
    made.close()


def checkpoint(world: World) -> Checkpoint:
    verifier = NoteVerifier.from_vkey(world.services.vkey)
    return Checkpoint.from_text(open_note(world.client.get("/log/checkpoint").data, verifier))


def test_every_tile_is_open_to_everybody(world: World, tmp_path: Path) -> None:
    """What is served is an export, byte for byte; a checkpoint may not be cached for long."""
    size = checkpoint(world).size
    for tile in tiles_of(size):
        answer = world.client.get(f"/log/{tile.path}")
        assert (200, "application/octet-stream") == (answer.status_code, answer.content_type)
        assert "public, max-age=2" == answer.headers["Cache-Control"]
    written(
        tmp_path / "export",
        checkpoint=world.client.get("/log/checkpoint").data,
        vkey=world.services.vkey,
        read=lambda path: world.client.get(f"/log/{path}").data,
    )
    assert verify_export(tmp_path / "export", vkey=world.services.vkey).report.ok
    assert "public, max-age=2" == world.client.get("/log/checkpoint").headers["Cache-Control"]


def test_full_tiles_may_be_kept_for_ever(world: World) -> None:
    """They never change."""
    for _ in range(260 - checkpoint(world).size):
        world.told(world.administrator, "GET", "/v1/entries?limit=1")
    for name in ("tile/0/000", "tile/entries/000"):
        answer = world.client.get(f"/log/{name}")
        assert "public, max-age=31536000, immutable" == answer.headers["Cache-Control"]
    assert 8192 == len(world.client.get("/log/tile/0/000").data)


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/0/001.p/1", "tile/0/000.p/255", "tile/9/000", "tile/x", "tile/0/000.p/0", "tile/0/0"]
)
def test_what_is_not_there_is_not_served(world: World, path: str) -> None:
    """Neither a tile that is not full yet, nor another way to write a name."""
    answer = world.client.get(f"/log/{path}")
    assert (404, "no-tile") == (answer.status_code, answer.json["reason"])


def text_receipt(world: World, partner: str, entry: int) -> tuple[int, bytes]:
    from governance.signing.http import sign_request

    path = f"/v1/receipts/{entry}"
    headers = sign_request(
        key=world.partners[partner].key, method="GET", target_uri="http://accordant.test" + path,
        now=world.clock.now(), nonce="n" * 32, body=b"", content_type="application/json",
    )  # fmt: skip
    answer = world.client.get(path, headers=headers | {"Accept": "text/plain"}, base_url="http://accordant.test")
    return answer.status_code, answer.data


def first_read_by(world: World, party: str) -> int:
    return next(e.seq for e in world.services.journal.entries() if party in e.readers)


def test_a_receipt_is_a_tlog_proof(world: World) -> None:
    """For those who may see the entry; it holds offline, in both forms."""
    verifier = NoteVerifier.from_vkey(world.services.vkey)
    entry = first_read_by(world, "north")
    status, text = text_receipt(world, "north", entry)
    assert 200 == status
    told = world.told(world.partners["north"], "GET", f"/v1/receipts/{entry}")
    for data in (text, json.dumps(told).encode()):
        receipt = Receipt.from_file(data)
        assert receipt.check(verifier).size > entry
        assert (entry, told["body"]) == (receipt.index, receipt.opening.body)
    assert base64.b64encode(Receipt.from_text(text).checkpoint).decode() == told["checkpoint"]


def test_a_receipt_is_not_for_others(world: World) -> None:
    """In neither form."""
    hidden = next(e.seq for e in world.services.journal.entries() if "north" not in e.readers)
    assert 404 == text_receipt(world, "north", hidden)[0]
    assert 404 == world.call(world.partners["north"], "GET", f"/v1/receipts/{hidden}").status_code


def exported(world: World, partner: str) -> tuple[list[dict[str, object]], Checkpoint, int]:
    who = world.administrator if partner == "administrator" else world.partners[partner]
    answer = world.call(who, "POST", "/v1/exports", {})
    assert 200 == answer.status_code
    lines = [json.loads(line) for line in answer.data.splitlines()]
    note = base64.b64decode(answer.headers["Accordant-Checkpoint"])
    signed = Checkpoint.from_text(open_note(note, NoteVerifier.from_vkey(world.services.vkey)))
    return lines, signed, int(answer.headers["Accordant-Entry"])


def test_an_export_is_an_entry_of_its_own(world: World) -> None:
    """It comes first, so the export holds it."""
    lines, signed, entry = exported(world, "administrator")
    recorded = world.services.journal.entry(entry)
    assert recorded is not None
    assert ("export", "administrator", "all") == (recorded.kind, recorded.body["party"], recorded.body["bodies"])
    assert [*range(entry + 1)] == [line["seq"] for line in lines[:-1]]
    assert {"end": signed.size} == lines[-1]


def test_an_export_opens_what_the_caller_may_see(world: World) -> None:
    """A partner gets the bodies of the entries that it may read, no others."""
    lines, signed, _ = exported(world, "north")
    readable = [e.seq for e in world.services.journal.entries(until=signed.size - 1) if "north" in e.readers]
    assert readable == [line["seq"] for line in lines[:-1]]


def test_an_export_that_cannot_be_recorded_opens_nothing(world: World) -> None:
    """What can't be logged doesn't happen."""
    world.faults.fail = 1
    answer = world.call(world.administrator, "POST", "/v1/exports", {})
    assert 503 == answer.status_code
    assert b"salt" not in answer.data


def test_a_connector_exports_nothing(world: World) -> None:
    """Its key may only ask."""
    answer = world.call(world.partners["dashboard"], "POST", "/v1/exports", {})
    assert (403, "not-a-reader") == (answer.status_code, answer.json["reason"])
