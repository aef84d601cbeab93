"""The log is not the one that others remember, or nobody vouches for it in time; a served home, in a process."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import NoteVerifier
from audit.cosignature import Cosigner
from audit.note import Checkpoint
from audit.policy_file import with_witness
from governance.adapters.alarms import AlarmFile
from governance.home import SystemClock, note_signer
from tests.audit.witness import litewitnessing
from tests.connectors.wire import Arrived, Reply
from tests.connectors.wire import serving as wire
from tests.faults.homes import FEW, asked, bodies, copied
from tests.faults.table import promised
from tests.serving import Served, serving
from tests.simulator import World


def told(world: World, server: Served) -> tuple[int, dict[str, Any]]:
    """A data request's status, and what was answered."""
    with asked(world, server, FEW) as answer:
        return answer.status, json.loads(answer.read())


def get(server: Served, path: str) -> tuple[int, bytes]:
    with closing(server.connect()) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def refused(row: str, world: World, server: Served) -> str:
    """That it is what the row promises, and that /readyz says the same; the words for people."""
    status, document = told(world, server)
    assert promised(row) == [(status, document["reason"])]
    assert "unavailable" == document["outcome"]
    status, ready = get(server, "/readyz")
    assert (503, document["reason"]) == (status, json.loads(ready)["parts"]["continuity"])
    return str(document["detail"])


@pytest.mark.fault("An older copy of the database is put back")
def test_an_older_copy(few: World, tmp_path: Path) -> None:
    """Served read-only, over a second restart too, until somebody has settled it."""
    row = "An older copy of the database is put back"
    world = copied(few, tmp_path)
    database = world.settings.home / "accordant.db"
    shutil.copy(database, tmp_path / "older.db")
    with serving(world.settings) as server:
        assert 200 == told(world, server)[0]
    shutil.copy(tmp_path / "older.db", database)
    for _ in range(2):
        with serving(world.settings) as server:
            assert "this home remembers" in refused(row, world, server)
            assert 200 == get(server, "/log/checkpoint")[0]
    assert [] == [b for b in bodies(world.settings, "request") if b["outcome"] != "permit"]
    AlarmFile(world.settings.home / "alarms.jsonl").settle(by="ada", reason="a test", at=SystemClock().now())
    with serving(world.settings) as server:
        assert 200 == told(world, server)[0]
    [settled] = bodies(world.settings, "alarm-settled")
    assert ["a test"] == [alarm["reason"] for alarm in settled["alarms"]]


@pytest.mark.fault("A witness saw another history of the log")
def test_a_witness_that_saw_another_history(few: World, tmp_path: Path, litewitness: Path) -> None:
    """Torchwood's: it cosigns, the log is rolled back and the home's memory with it, and the start already knows."""
    row = "A witness saw another history of the log"
    world = copied(few, tmp_path)
    shutil.copytree(world.settings.home, tmp_path / "older")
    vkey = note_signer(world.settings).vkey
    (tmp_path / "witness").mkdir()
    with litewitnessing(litewitness, tmp_path / "witness") as witness:
        witness.knows(NoteVerifier.from_vkey(vkey))
        key = witness.verifier.vkey
        policy = with_witness(b"", name="lite", vkey=key, url=witness.url, log_vkey=vkey)
        (world.settings.home / "witnesses.policy").write_bytes(policy)
        with serving(world.settings) as server:
            assert 200 == told(world, server)[0]
        with serving(world.settings) as server:  # asks at its start
            assert json.loads(get(server, "/readyz")[1])["parts"]["continuity"] == "ok"
        shutil.rmtree(world.settings.home)
        shutil.copytree(tmp_path / "older", world.settings.home)
        (world.settings.home / "witnesses.policy").write_bytes(policy)
        with serving(world.settings) as server:
            assert "the witness lite remembers" in refused(row, world, server)
    with serving(world.settings) as server:  # the witness is gone, the alarm is not
        assert "the witness lite remembers" in refused(row, world, server)


@pytest.mark.fault("Witnesses have not cosigned for longer than `checkpoint_seconds`")
def test_witnesses_that_are_overdue(few: World, tmp_path: Path) -> None:
    """Refused with the instant since when; by itself again, as soon as they cosign."""
    row = "Witnesses have not cosigned for longer than `checkpoint_seconds`"
    world = copied(few, tmp_path)
    signer = note_signer(world.settings)
    cosigner = Cosigner("w.example", Ed25519PrivateKey.generate())
    with wire() as witness:
        awake: list[bool] = []

        def answer(request: Arrived) -> Reply:
            if not awake:
                return Reply(500)
            note = request.body.partition(b"\n\n")[2]
            assert Checkpoint.from_text(note.decode().rpartition("\n\n")[0] + "\n").size
            return Reply(200, cosigner.line(note, seconds=1_800_000_000), "text/plain")

        witness.answer = answer
        path = world.settings.home / "witnesses.policy"
        vkey = cosigner.verifier.vkey
        path.write_bytes(with_witness(b"", name="w", vkey=vkey, url=witness.origin, log_vkey=signer.vkey))
        os.utime(path, (0, 0))
        with serving(world.settings, ACCORDANT_WITNESS_SECONDS="0.2", ACCORDANT_CHECKPOINT_SECONDS="0.001") as server:
            assert "since 20" in refused(row, world, server)
            awake.append(True)
            # Each answer makes entries that wait again; with so little patience only an idle log is covered.
            while json.loads(get(server, "/readyz")[1])["parts"]["continuity"] != "ok":
                pass
        with serving(world.settings, ACCORDANT_WITNESS_SECONDS="0.2") as server:
            assert 200 == told(world, server)[0]
    assert ["checkpoint-stale"] == [b["reason"] for b in bodies(world.settings, "request") if b["outcome"] != "permit"]
