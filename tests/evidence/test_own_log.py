"""A log of one's own around what others signed: what the file can't hold against it must stand in the last line."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.signing.keys import PrivateKey
from tests.evidence.own_log import TIME, OwnLog, canonical
from tests.evidence.scene import ASK, verified
from tests.simulator import World

STRANGER = PrivateKey.generate()
RIGHT = "verified: every signature holds, and every key is one that you expect"


def expected(world: World, *more: str) -> tuple[str, str]:
    """All keys that signed."""
    names = ("north-old", "north-new", "south", "east", "west", "hub")
    keys = [world.administrator.key.fingerprint, *(world.partners[n].key.fingerprint for n in names), *more]
    return "--expect", ",".join(keys)


def proposed(log: OwnLog, key: PrivateKey, change: Callable[[dict[str, Any]], object], *, top: bool = True) -> None:
    """A third version, of the administrator alone, which lies at the top."""
    folder = log.folder
    document = json.loads((folder / "mou.json").read_bytes()) | {"version": 3}
    change(document)
    (folder / "versions/2").mkdir(parents=True)
    for name in ("mou.yaml", "mou.txt", "mou.json", "policy"):
        shutil.move(folder / name, folder / "versions/2" / name)
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    policy = hashlib.sha256(hashlib.sha256(data).digest()).hexdigest()
    for name, content in (("mou.yaml", b"x: 1\n"), ("mou.txt", b"North pays.\n"), ("mou.json", data)):
        (folder / name).write_bytes(content)
    (folder / "policy").mkdir()
    (folder / "policy/.manifest").write_text(canonical({"revision": policy}))
    said = {
        "v": 1, "type": "proposal", "mou": "small", "version": 3, "time": f"{TIME}Z", "policy_sha256": policy,
        "document_sha256": hashlib.sha256(b"x: 1\n").hexdigest(),
        "text_sha256": hashlib.sha256(b"North pays.\n").hexdigest(),
    }  # fmt: skip
    log.state("proposal", said, key)


def test_what_a_log_of_ones_own_leaves_out_is_said_to_rest_on_its_key(folder: Path, world: World) -> None:
    """Withdrawal, decline and revocations are gone: no `verified` without the log's key, and none with it."""
    log = OwnLog(folder)
    for path in sorted((folder / "statements").glob("*.json")):
        said = json.loads(path.read_bytes())
        if said.get("decision") in ("withdraw", "decline") or said["type"] == "revocation":
            log.drop(path.stem)
    log.written()
    administrator = ("--administrator", world.administrator.key.fingerprint)
    told = verified(folder, *expected(world), *administrator)
    words = f"; that nothing is missing rests on the log key {log.signer.vkey}, which you must ask"
    assert (0, f"{RIGHT.removeprefix('verified: ')}{words}") == (told.code, told.last), told.out
    told = verified(folder, *expected(world), *administrator, "--log-key", world.services.vkey)
    assert (1, True) == (told.code, "log/vkey: is not the log's key that you expect" in told.faults)


def test_what_is_left_to_ask_stands_in_the_last_line(folder: Path, world: World) -> None:
    """Of the log's key and of the administrator's, until both are told; of other keys, where none is expected."""
    root, vkey = world.administrator.key.fingerprint, world.services.vkey
    holds = RIGHT.removeprefix("verified: ")
    told = verified(folder, *expected(world), "--log-key", vkey)
    assert (0, f"{holds}; the administrator's key is {root}, which you must ask") == (told.code, told.last)
    told = verified(folder, *expected(world), "--log-key", vkey, "--administrator", root)
    assert (0, RIGHT) == (told.code, told.last), told.out
    told = verified(folder, "--log-key", vkey, "--administrator", root)
    assert (0, ASK) == (told.code, told.last)
    told = verified(folder, *expected(world), "--administrator", STRANGER.fingerprint)
    assert f"names {root} as the first administrator's key, which is not the one that you expect" in told.faults
    assert 1 == told.code
    told = verified(folder, *expected(world), "--administrator", "SHA256:short")
    assert (2, "") == (told.code, told.out)


def test_an_expected_key_that_signed_nothing_is_told_before_the_last_line(folder: Path, world: World) -> None:
    """Perhaps it is the newest, and what it signed was left out."""
    told = verified(folder, *expected(world, STRANGER.fingerprint))
    words = f"{STRANGER.fingerprint}  signed nothing in this file, and you expect it"
    assert (0, words) == (told.code, told.out.splitlines()[-2])


def test_a_signatory_is_not_the_first_administrator(folder: Path, world: World) -> None:
    """A root that the file enrols is refused, and one that signed nothing has to be expected."""
    log = OwnLog(folder)
    log.written(root=world.partners["north-old"].key.fingerprint)
    told = verified(folder, *expected(world))
    assert "names a key as the first administrator's that statement 001 enrols" in told.faults
    assert 1 == told.code
    log = OwnLog(folder)
    log.written(root=STRANGER.fingerprint)
    told = verified(folder, *expected(world))
    assert f"key {STRANGER.fingerprint}: is not one that you expect (the first administrator)" in told.faults


NONE: dict[str, Callable[[dict[str, Any]], object]] = {
    "nobody": lambda d: d.update(signing={"required": {"at_least": 0, "of": "everyone"}}),
    "less than nobody": lambda d: d.update(signing={"required": {"at_least": -1, "of": "everyone"}}),
    "a truth value": lambda d: d.update(signing={"required": {"at_least": True, "of": "everyone"}}),
    "more than there are": lambda d: d.update(signing={"required": {"at_least": 6, "of": "everyone"}}),
    "of no party": lambda d: d.update(signing={"required": {"at_least": 1, "of": {"parties": []}}}),
    "no parties": lambda d: d.update(signing={"required": "everyone"}, parties=[]),
    "a party twice": lambda d: d.update(parties=[d["parties"][0], *d["parties"]]),
    "an amendment by nobody": lambda d: d.update(amendment={"required": {"at_least": 0, "of": "everyone"}}),
}


@pytest.mark.parametrize("name", NONE)
def test_a_version_that_nobody_has_to_sign_is_refused(folder: Path, world: World, name: str) -> None:
    """Whatever the administrator writes into the document, no version is signed by all who must without them."""
    log = OwnLog(folder)
    proposed(log, world.administrator.key, NONE[name])
    log.written(top=3)
    told = verified(folder, *expected(world))
    assert (1, True) == (told.code, "NOT VERIFIED: mou.json: does not say who must sign: " in told.faults), told.out
    assert "Version 3 of `small`" not in told.out


@pytest.mark.parametrize("least", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(folder: Path, world: World, least: float) -> None:
    """JSON has no such words, and Python's reader takes them."""
    log = OwnLog(folder)
    proposed(log, world.administrator.key, lambda d: d.update(signing={"required": {"at_least": least, "of": []}}))
    log.written(top=3)
    told = verified(folder, *expected(world))
    assert (1, True) == (told.code, "mou.json: is not the document of statement 028" in told.faults)


def test_the_top_of_the_folder_is_the_version_that_counts(folder: Path, world: World) -> None:
    """Not one that nobody signed, though it is told as such."""
    log = OwnLog(folder)
    proposed(log, world.administrator.key, lambda d: None)
    log.written(top=3)
    told = verified(folder, *expected(world))
    words = "life.json: says that version 3 lies at the top of the folder; the one that counts is 2"
    assert (1, f"NOT VERIFIED: {words}") == (told.code, told.faults), told.out


def test_an_approval_of_another_time_approves_nothing(folder: Path, world: World) -> None:
    """It is told as not counting, and does not count: nor does what the key signed, and approved."""
    log = OwnLog(folder)
    said = json.loads((folder / "statements/002.json").read_bytes())
    log.state("enrolment-approval", said | {"time": "2026-08-01T15:00:00Z"}, world.administrator.key, number="002")
    log.written()
    told = verified(folder, *expected(world))
    assert "does not count: its own time is not that of its place in the log" in told.out
    assert "does not count: its key was not approved by then" in told.out
    assert "NOT VERIFIED: the MOU: no version of it is signed by all who must sign it" in told.faults


@pytest.mark.parametrize("until", [5, 10**6, True, "100"])
def test_the_log_says_up_to_where_the_file_goes(folder: Path, world: World, until: object) -> None:
    """At least to the last statement, and not beyond the entry that says so."""
    OwnLog(folder).written(until=until)
    told = verified(folder, *expected(world))
    assert (1, True) == (told.code, "does not say up to which entry before it the file goes" in told.faults)
