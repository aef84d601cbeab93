"""What lies in the file, who gets it, and that the same state gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from audit import Draft, NoteVerifier
from audit.policy import Policy
from audit.receipt import Receipt
from governance.cli import main
from governance.compiler.bundle import compile_bundle
from governance.evidence import verify_script
from governance.evidence.packing import packed
from governance.history import KINDS
from governance.register.reading import compiled
from governance.signing.jws import verify_detached
from governance.signing.keys import PublicKey
from governance.signing.statement import parse
from tests.evidence.scene import FIRST, SECOND, cosigned, evidence, unpacked, verified
from tests.simulator import DOCUMENT, World
from tests.tampered import rewritten


def files(content: bytes) -> dict[str, bytes]:
    """The files of a ZIP."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_documents_and_policies_are_those_that_were_proposed(content: bytes) -> None:
    """To the byte; the policy is what `mou compile` makes of the document."""
    found = files(content)
    for place, document in (("", SECOND), ("versions/1/", FIRST)):
        made = compiled(document.encode())
        assert (document.encode(), made.text) == (found[f"{place}mou.yaml"], found[f"{place}mou.txt"])
        policy = {f"{place}policy/{name}": data for name, data in compile_bundle((made.mou,)).files.items()}
        assert policy == {name: data for name, data in found.items() if name.startswith(f"{place}policy/")}
        digest = hashlib.sha256(hashlib.sha256(found[f"{place}mou.json"]).digest()).hexdigest()
        assert made.policy_sha256 == digest


def test_statements_are_those_of_the_log(content: bytes, world: World) -> None:
    """Canonical bytes as stored, the JWS's signing input, the signature, the key."""
    found = files(content)
    table = json.loads(found["life.json"])
    assert [] == table["left_out"]
    assert world.administrator.key.fingerprint == table["root"]
    assert 27 == len(table["statements"])
    for row in table["statements"]:
        entry = world.services.journal.entry(row["entry"])
        assert entry is not None
        stem = f"statements/{row['number']}"
        data, key = found[f"{stem}.json"], PublicKey.from_pem(found[f"{stem}.pem"])
        assert entry.body["statement"] == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        assert (entry.kind, key.fingerprint) == (row["kind"], row["fingerprint"])
        verify_detached(key=key, payload=data, jws=entry.body["jws"])
        assert found[f"{stem}.signed"].split(b".")[0].decode() == entry.body["jws"].split(".")[0]
        assert parse(data).canonical() == data
        assert (b"\x30" if key.alg != "ed25519" else b"") == found[f"{stem}.sig"][: key.alg != "ed25519"]


def test_each_receipt_carries_both_partners_cosignatures(content: bytes, world: World) -> None:
    """By our own verifier, and by the policy of two."""
    found = files(content)
    policy = Policy.from_text((world.settings.home / "witnesses.policy").read_bytes())
    log = NoteVerifier.from_vkey(found["log/vkey"].decode().strip())
    receipts = [name for name in found if name.startswith("receipts/") and "contents" not in name]
    assert 27 + 10 == len(receipts)
    for name in receipts:
        receipt = Receipt.from_text(found[name])
        receipt.check(log)
        policy.check(receipt.checkpoint)
        assert 2 == len(policy.cosigned(receipt.checkpoint))
    contents = Receipt.from_text(found["receipts/contents.tlog-proof"])
    contents.check(log)
    assert hashlib.sha256(found["SHA256SUMS"]).hexdigest() == contents.opening.body["list_sha256"]
    assert [w.verifier.vkey for w in policy.witnesses] == found["log/witnesses"].decode().split()


def test_other_peoples_keys_are_not_in_it(content: bytes, world: World) -> None:
    """A connector's key signed nothing about the MOU, and its party's signatories are named all the same."""
    words = b"".join(files(content).values())
    assert world.partners["connector"].key.fingerprint.encode() not in words
    assert b"PRIVATE" not in words


def test_the_same_state_gives_the_same_bytes(content: bytes, world: World) -> None:
    """But for the log's entry about the taking, which is a new one; no time, no order and no owner of a file."""
    again = files(evidence(world, "south"))
    assert files(content).keys() == again.keys()
    fresh = {"receipts/contents.tlog-proof"}
    assert fresh == {name for name, data in files(content).items() if again[name] != data}
    some = {"b.sh": b"#!/bin/sh\n", "a": b"a"}
    assert packed(some) == packed(dict(reversed(some.items())))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {(1980, 1, 1, 0, 0, 0)} == {info.date_time for info in archive.infolist()}
        assert sorted(archive.namelist()) == archive.namelist()


def test_the_taking_is_an_entry_that_parties_may_read(content: bytes, world: World) -> None:
    """Who took it, of which MOU."""
    assert "evidence" in KINDS
    found = world.told(world.partners["hub"], "GET", "/v1/entries?kind=evidence")["entries"]
    assert ("north", "small") == (found[-1]["body"]["party"], found[-1]["body"]["mou"])
    assert ["east", "hub", "north", "south", "west"] == found[-1]["readers"]


def test_the_log_is_whole_after_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`audit verify` knows such an entry."""
    world = World.found(tmp_path).agreed()
    evidence(world)
    world.close()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["audit", "verify", "--home", str(world.settings.home)])
    assert (0, True) == (int(ended.value.code or 0), "whole: 26 entries" in capsys.readouterr().out)


def test_who_gets_it(world: World) -> None:
    """Parties and administrators, those that left and stewards included; no connector, nobody else."""
    assert evidence(world, "administrator")
    assert evidence(world, "hub")
    world.enrol("north", use="steward", name="steward")
    assert evidence(world, "steward")
    world.enrol("elsewhere")
    for name, status, reason in (("elsewhere", 404, "no-mou"), ("connector", 403, "not-a-reader")):
        answer = world.call(world.partners[name], "POST", "/v1/mous/small/evidence")
        assert (status, reason) == (answer.status_code, answer.json["reason"])
    assert 404 == world.call(world.administrator, "POST", "/v1/mous/none/evidence").status_code
    assert 401 == world.client.post("/v1/mous/small/evidence").status_code


def test_what_cannot_be_logged_is_not_handed_out(tmp_path: Path) -> None:
    """Nothing of the file leaves where its entry can't be written."""
    world = World.found(tmp_path).agreed()
    world.faults.fail = 1
    answer = world.call(world.partners["north"], "POST", "/v1/mous/small/evidence")
    assert (503, False) == (answer.status_code, answer.data.startswith(b"PK"))
    world.close()


def test_no_evidence_is_made_of_a_log_that_was_changed(tmp_path: Path) -> None:
    """An entry that may belong to the MOU's life and is not what its leaf says: 503, and its number."""
    world = World.found(tmp_path).agreed()
    seq = next(e.seq for e in world.services.journal.entries() if e.kind == "signature")
    rewritten(world.settings, seq, b'"party":"north"', b'"party":"south"')
    answer = world.call(world.administrator, "POST", "/v1/mous/small/evidence")
    assert (503, "log-tampered") == (answer.status_code, answer.json["reason"])
    assert f"entry {seq} was changed" in answer.json["detail"]
    world.close()


def test_after_the_logs_key_was_rotated(tmp_path: Path) -> None:
    """Receipts are under checkpoints of the newest key; whoever knows the old one is led to it."""
    from governance.log_key import rotate

    world = World.found(tmp_path).agreed()
    cosigned(world, "north", "south")
    old = world.services.vkey
    world.close()
    rotate(world.settings)
    world.open()
    folder = unpacked(evidence(world), tmp_path / "e")
    told = verified(folder, "--log-key", old)
    assert 0 == told.code, told.out
    assert "cosigned every statement's checkpoint: 0" in told.out
    (folder / "log/vkeys").write_bytes(
        b"{}\n" + (folder / "log/vkeys").read_bytes().replace(b"log-key/v1", b"log-key/v2")
    )
    assert "nor did that one hand over to it" in verified(folder, "--log-key", old).faults
    world.close()


def test_what_was_put_into_the_log_unsigned_is_left_out_and_named(tmp_path: Path) -> None:
    """Somebody who runs the server appends a signature that nobody made, and a copy of one that was made.

    The first is no statement, and must not spoil the evidence for all time; the second is told, and does not count.
    """
    world = World.found(tmp_path).agreed()
    journal = world.services.journal
    first, second = [e for e in journal.entries() if e.kind == "signature"][:2]
    readers = ("east", "hub", "north", "south", "west")
    claims = {name: value for name, value in first.body.items() if name != "filing"}
    forged = claims | {"jws": second.body["jws"]}
    made = journal.append([Draft("signature", forged, readers), Draft("signature", claims, readers)])
    content = evidence(world)
    told = json.loads(files(content)["life.json"])
    assert [{"entry": made[0].seq, "kind": "signature", "reason": "signature-wrong"}] == told["left_out"]
    said = verified(unpacked(content, tmp_path / "e"))
    assert (0, True) == (said.code, "does not count: it says the same as statement 012" in said.out), said.out
    assert 1 == said.out.count("does not count")
    assert f"entry {made[0].seq} of the log claims to be a signature and was not signed: left out" in said.out
    world.close()


@pytest.mark.parametrize("name", ["mou.json", "mou.txt"])
def test_another_mou_is_another_file(tmp_path: Path, name: str) -> None:
    """Of two MOUs each has its own life, and the keys that both rest on."""
    world = World.found(tmp_path).agreed()
    other = DOCUMENT.replace("id: small", "id: other").replace("A small collaborative", "Another one")
    world.propose(other)
    for party in ("north", "south", "east", "west", "hub"):
        world.decide_on(world.partners[party], "sign", mou="other")
    small, another = files(evidence(world)), files(evidence(world, mou="other"))
    assert small[name] != another[name]
    assert (16, 16) == tuple(len(json.loads(f["life.json"])["statements"]) for f in (small, another))
    assert verify_script() == small["verify.sh"] == another["verify.sh"]
    assert 0 == verified(unpacked(evidence(world, mou="other"), tmp_path / "e")).code
    world.close()
