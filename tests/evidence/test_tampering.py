"""The tamper table: ways to cheat with an evidence file, each played, each caught with its own words.

Whoever cheats writes the list of digests anew, unless it says otherwise; what is left to catch them are the signatures,
what hangs together, and the log's own entry about the file, which catches every one of them besides.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.evidence.verifier.folder import content as content_of
from governance.signing.keys import PrivateKey
from tests.evidence.forging import LIST, changed, listed_anew, one_byte, resigned, swapped
from tests.evidence.scene import ASK, evidence, unpacked, verified
from tests.simulator import World

STRANGER = PrivateKey.generate()
# Statements of the scene: 001 north's enrolment, 011 the first proposal, 013 north's signature, 016 west's, 020 north's
# old key is revoked, 022 an acknowledgement, 026 the last signature of version 2, 027 the withdrawal.


def remove(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for path in list(folder.glob(pattern)):
            path.unlink()


def renumbered(folder: Path, number: str) -> None:
    """A statement is gone, and those behind it close the gap."""
    remove(folder, f"statements/{number}.*", f"receipts/{number}.*")
    behind = sorted({p.name.partition(".")[0] for p in (folder / "statements").iterdir()} - {"contents"})
    for name in (n for n in behind if n > number):
        for path in [*folder.glob(f"statements/{name}.*"), *folder.glob(f"receipts/{name}.*")]:
            path.rename(path.with_name(f"{int(name) - 1:03d}{path.name[3:]}"))


def text_and_digests(folder: Path) -> None:
    """Other words in the text of version 2."""
    text = (folder / "mou.txt").read_text()
    (folder / "mou.txt").write_text(text.replace("11 clients", "1 client"))


def proposal_of_a_stranger(folder: Path) -> None:
    resigned(folder, "023", STRANGER, lambda said: None)


def other_rule(folder: Path) -> None:
    """A document by which one signature would be enough."""
    document = json.loads((folder / "mou.json").read_bytes())
    document["signing"]["required"] = {"at_least": 1, "of": "everyone"}
    (folder / "mou.json").write_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def policy_of_another(folder: Path) -> None:
    manifest = json.loads((folder / "policy/.manifest").read_bytes())
    manifest["revision"] = "0" * 64
    (folder / "policy/.manifest").write_text(json.dumps(manifest))


def link(folder: Path) -> None:
    (folder / "statements/001.json").unlink()
    (folder / "statements/001.json").symlink_to("/etc/hostname")


def another_root(folder: Path) -> None:
    life = json.loads((folder / "life.json").read_bytes())
    life["root"] = STRANGER.fingerprint
    (folder / "life.json").write_text(json.dumps(life))


def another_time(folder: Path) -> None:
    path = folder / "receipts/013.tlog-proof"
    changed(path, lambda told: told.update(leaf=told["leaf"].replace('"time":"2026', '"time":"2025')))


def another_signature(folder: Path) -> None:
    """What the entry says of the signature is replaced, with the salt that is known."""
    changed(folder / "receipts/013.tlog-proof", lambda told: told["body"].update(party="south"))


def another_reader(folder: Path) -> None:
    changed(folder / "receipts/contents.tlog-proof", lambda told: told["body"].update(party="east"))


def broken_cosignature(folder: Path) -> None:
    for path in (folder / "receipts").iterdir():
        lines = path.read_bytes().split(b"\n")
        at = next((n for n, line in enumerate(lines) if "— north ".encode() in line), None)
        if at is not None:
            lines[at] = lines[at][:-6] + (b"AAAA==" if lines[at][-6:] != b"AAAA==" else b"BBBB==")
            path.write_bytes(b"\n".join(lines))


def unsigned_checkpoint(folder: Path) -> None:
    path = folder / "receipts/013.tlog-proof"
    path.write_bytes(re.sub("— accordant.test/log .*\n".encode(), b"", path.read_bytes()))


def larger_checkpoint(folder: Path) -> None:
    path = folder / "receipts/013.tlog-proof"
    path.write_bytes(path.read_bytes().replace(b"accordant.test/log\n4", b"accordant.test/log\n5"))


Way = tuple[str, Callable[[Path], object], str]
LISTED: list[Way] = [
    ("a signature is swapped with another's", lambda f: swapped(f, "statements/013.sig", "statements/014.sig"),
     "statement 013: openssl: statements/013.sig is not that key's signature of it"),
    ("two statements change places", lambda f: [swapped(f, f"statements/013.{e}", f"statements/014.{e}")
     for e in ("json", "signed", "sig", "pem")], "entry 15 of the log holds another statement, or another signature"),
    ("the same with their receipts", lambda f: [swapped(f, f"{a}13{e}", f"{a}14{e}") for a, e in (
        ("statements/0", ".json"), ("statements/0", ".signed"), ("statements/0", ".sig"), ("statements/0", ".pem"),
        ("receipts/0", ".tlog-proof"), ("receipts/0", ".opening.tlog-proof"))],
     "statement 014: is entry 15 of the log, and stands behind entry 17"),
    ("a key is replaced by another", lambda f: (f / "statements/013.pem").write_text(STRANGER.public.pem),
     "names the key SHA256:"),
    ("a key is replaced by one that is none", lambda f: (f / "statements/013.pem").write_text("key\n"),
     "its key statements/013.pem is not one public key in PEM form"),
    ("two keys lie in one file", lambda f: (f / "statements/013.pem").write_text(
        (f / "statements/013.pem").read_text() + STRANGER.public.pem), "is not one public key in PEM form"),
    ("a signature is made by another key", lambda f: resigned(f, "013", STRANGER, lambda said: None),
     "entry 15 of the log holds another statement, or another signature"),
    ("a decline becomes a signature", lambda f: resigned(f, "012", STRANGER, lambda said: (
        said.update(decision="sign"), said.pop("reason"))), "entry 13 of the log holds another statement"),
    ("a proposal is made by a stranger", proposal_of_a_stranger, "entry 32 of the log holds another statement"),
    ("an enrolment names another person", lambda f: resigned(f, "001", STRANGER, lambda said: said.update(person="me")),
     "statement 001: enrols another key than the one that signs it"),
    ("what was signed and what is shown differ", lambda f: swapped(f, "statements/013.json", "statements/014.json"),
     "statements/013.signed is not what a signature of this statement covers"),
    ("a statement is written with other spaces", lambda f: (f / "statements/013.json").write_bytes(
        (f / "statements/013.json").read_bytes().replace(b'","', b'", "', 1)), "is not in canonical form"),
    ("a needed signature is dropped", lambda f: renumbered(f, "016"), "other entries belong to this MOU's life"),
    ("the withdrawal is dropped", lambda f: renumbered(f, "027"), "other entries belong to this MOU's life"),
    ("the revocation is dropped", lambda f: renumbered(f, "020"), "other entries belong to this MOU's life"),
    ("an approval is dropped", lambda f: renumbered(f, "004"), "no version of it is signed by all who must sign it"),
    ("a statement's key is dropped", lambda f: remove(f, "statements/013.pem"), "its key statements/013.pem is not"),
    ("a statement's receipt is dropped", lambda f: remove(f, "receipts/013.tlog-proof"),
     "receipts/013.tlog-proof: is not a receipt"),
    ("the text is changed", text_and_digests, "mou.txt: is not the one of statement 023: `text_sha256` differs"),
    ("the document is changed", lambda f: one_byte(f / "mou.yaml"),
     "mou.yaml: is not the one of statement 023: `document_sha256` differs"),
    ("the signing rule is changed", other_rule,
     "mou.json: is not the one of statement 023: `policy_sha256` differs"),
    ("the policy is another's", policy_of_another, "policy: is not the policy of statement 023: its revision differs"),
    ("a rule of the policy is changed", lambda f: one_byte(f / "policy/accordant/main/main.rego"),
     "says that this file holds other things than SHA256SUMS lists"),
    ("versions change places", lambda f: [swapped(f, n, f"versions/1/{n}") for n in ("mou.txt", "mou.json")],
     "versions/1/mou.txt: is not the one of statement 011"),
    ("a file is added", lambda f: (f / "statements/028.json").write_text("{}"), "statement 028: is not a statement"),
    ("the first administrator is another", another_root, "no version of it is signed by all who must sign it"),
    ("a time in the log is changed", another_time,
     "receipts/013.tlog-proof: the proof does not lead to the root that was signed"),
    ("an entry's content is changed", another_signature, "its content is not the one that was recorded as entry 15"),
    ("who took the file is changed", another_reader, "its content is not the one that was recorded as entry 43"),
    ("a receipt is another's", lambda f: swapped(f, "receipts/013.tlog-proof", "receipts/014.tlog-proof"),
     "entry 17 of the log holds another statement"),
    ("an opening is another's", lambda f: swapped(f, "receipts/013.opening.tlog-proof",
     "receipts/014.opening.tlog-proof"), "receipts/013.opening.tlog-proof: is not of the entry that the statement"),
    ("an opening is dropped", lambda f: remove(f, "receipts/013.opening.tlog-proof"),
     "does not count: the entry that opened this signing is not in the file"),
    ("the log's signature is taken away", unsigned_checkpoint, "its checkpoint is not signed by the log's key"),
    ("a checkpoint is of a larger log", larger_checkpoint,
     "the signature of the log's key under its checkpoint does not verify"),
    ("a partner's cosignature is forged", broken_cosignature, "the cosignature of `north` under its checkpoint does"),
    ("the log's key is damaged", lambda f: one_byte(f / "log/vkey"), "log/vkey: neither it nor log/witnesses can be"),
    ("the script is changed", lambda f: (f / "verify.sh").write_bytes((f / "verify.sh").read_bytes() + b"# more\n"),
     "says that this file holds other things than SHA256SUMS lists"),
    ("the guide is changed", lambda f: one_byte(f / "VERIFY.md"), "says that this file holds other things than"),
    ("the table is of other statements", lambda f: (f / "life.json").write_bytes((f / "life.json").read_bytes().replace(
        b'"kind": "decline"', b'"kind": "signature"')), "life.json: its table is not that of the statements"),
    ("the table has two roots", lambda f: (f / "life.json").write_bytes((f / "life.json").read_bytes().replace(
        b'"mou":', b'"root": "SHA256:", "mou":')), "life.json: cannot be read"),
    ("the table is no JSON", lambda f: (f / "life.json").write_text("{"), "life.json: cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("cheat", "words"), [w[1:] for w in LISTED], ids=[w[0] for w in LISTED])
def test_each_way_to_cheat_is_caught(folder: Path, cheat: Callable[[Path], object], words: str) -> None:
    """With its own words, although the list was written anew; and the log's own entry says so, too."""
    cheat(folder)
    listed_anew(folder)
    told = verified(folder)
    assert (1, True) == (told.code, words in told.out), told.faults
    assert re.search(
        r"contents.tlog-proof: (entry 43 of the log says|its content is not|is not of the entry about)|log/vkey",
        told.faults,
    )
    assert (ASK in told.out, "") == (False, told.err)


def test_one_byte_of_any_file_is_caught(folder: Path) -> None:
    """Of each kind of file one, the list left as it was: the file is named."""
    kinds: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        kinds.setdefault(re.sub(r"\d{3}", "NNN", path.relative_to(folder).as_posix()), path)
    kept = verified(folder, str(folder))
    assert 0 == kept.code
    (folder.parent / "mine").mkdir()
    mine = folder.parent / "mine"
    (mine / "verify.sh").write_bytes((folder / "verify.sh").read_bytes())
    looked = [n for n in kinds if not n.startswith("versions/") and not (n.startswith("policy/") and ".rego" in n)]
    assert {f"statements/NNN.{e}" for e in ("json", "signed", "sig", "pem")} < set(looked)
    for name in looked:
        before = kinds[name].read_bytes()
        if not before:
            continue
        one_byte(kinds[name])
        told = verified(mine, str(folder))
        assert 1 == told.code, name
        own = kinds[name].relative_to(folder).as_posix()
        if own == LIST:
            assert "NOT VERIFIED" in told.faults
        elif name != "receipts/contents.tlog-proof":
            assert f"NOT VERIFIED: {own}: is not as SHA256SUMS says: it was changed" in told.faults
        kinds[name].write_bytes(before)
    assert 0 == verified(folder).code


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("more.txt", "'more.txt'"),
        ("statements/-rf", "'statements/-rf'"),
        ("statements/$(touch executed).json", "'statements/$(touch executed).json'"),
        ("\x1b[2Jverified", "'\\x1b[2Jverified'"),
        ("new\nNOT VERIFIED", "'new\\nNOT VERIFIED'"),
        ("ünder", "'\\xfcnder'"),
    ],
)
def test_a_file_that_was_put_in_is_named(folder: Path, name: str, shown: str) -> None:
    """Whatever it is called, on one line, and nothing comes of its name."""
    (folder / name).write_text("more")
    told = verified(folder)
    assert (1, f"NOT VERIFIED: {shown}: is not in the list: it was put in") == (told.code, told.faults)
    assert not list(folder.rglob("executed"))


def test_links_are_not_followed(folder: Path) -> None:
    """To a file or a folder: nothing behind them is read."""
    link(folder)
    (folder / "away").symlink_to("/etc")
    told = verified(folder)
    assert 1 == told.code
    assert "'statements/001.json': is a link or a device, and no plain file: it was put in" in told.faults
    assert "'away': is a link or a device" in told.faults
    assert "statements/001.json: belongs to the file and is not here: it was taken out" in told.faults
    os.mkfifo(folder / "pipe")
    assert "'pipe': is a link or a device" in verified(folder).faults


def test_a_pipe_does_not_keep_anybody_waiting(folder: Path) -> None:
    """In the place of a file that openssl or Python would read: after the listing nothing is opened any more."""
    outside = folder.parent / "outside"
    outside.mkdir()
    for name in ("receipts/contents.tlog-proof", "statements/001.pem", "life.json"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    (folder / "log").rename(outside / "log")
    (folder / "log").symlink_to(outside / "log")
    told = verified(folder)
    lines = told.faults.splitlines()
    assert (1, "") == (told.code, told.err)
    assert lines == [line for line in lines if "is a link or a device" in line or "it was taken out" in line]
    assert 4 == told.faults.count("is a link or a device")
    assert (b"", b"") == (content_of(str(folder), "life.json"), content_of(str(folder), "log"))
    (folder / "VERIFY.md").unlink()
    (folder / "VERIFY.md").symlink_to("/etc/hostname")
    assert b"" == content_of(str(folder), "VERIFY.md")


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "statements/../../outside", "-", "a  b", "verify.sh "])
def test_a_list_that_names_other_places_is_refused(folder: Path, name: str) -> None:
    """It is not looked at what lies there."""
    (folder.parent / "outside").write_text("outside")
    with (folder / LIST).open("a") as stream:
        stream.write(f"{'0' * 64}  {name}\n")
    told = verified(folder)
    assert (1, True) == (told.code, f"SHA256SUMS: names {name!a}, which is no part of an" in told.faults)


def test_a_path_out_of_the_folder_is_caught(content: bytes, tmp_path: Path) -> None:
    """A ZIP with `../` in a name: whatever an unpacker makes of it lies in the folder unlisted, or not at all."""
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("../statements/outside.json", "{}")
    told = verified(unpacked(target.getvalue(), tmp_path / "e"))
    assert (1, True) == (told.code, "outside.json': is not in the list: it was put in" in told.faults)


def test_missing_parts_are_named(folder: Path) -> None:
    """With the list as it was."""
    remove(folder, "statements/013.sig", "policy/.manifest", "receipts/contents.tlog-proof")
    told = verified(folder)
    for name in ("statements/013.sig", "policy/.manifest", "receipts/contents.tlog-proof"):
        assert f"NOT VERIFIED: {name}: belongs to the file and is not here: it was taken out" in told.faults
    (folder / LIST).write_bytes(b"")
    assert "SHA256SUMS: the list is missing, or broken off" in verified(folder).faults


def test_nothing_of_the_folder_is_run(folder: Path) -> None:
    """No module and no program of it, even where the PATH and the environment would have them found."""
    mark = folder.parent / "run"
    for name in ("json", "re", "os", "hashlib", "sitecustomize", "usercustomize", "zoneinfo"):
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'w')\n")
    for name in ("openssl", "sha256sum", "python3", "rm", "tr"):
        (folder / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (folder / name).chmod(0o755)
    (folder / "env.sh").write_text(f"touch {mark}\n")
    path = f".::{os.environ['PATH']}:statements/.."
    for shell in ("sh", "bash"):
        told = verified(
            folder, shell=shell, PATH=path, PYTHONPATH=".", PYTHONSTARTUP="json.py", PYTHONINSPECT="1", ENV="./env.sh",
            BASH_ENV="./nothing.sh", CDPATH="/", PYTHONHOME="",
        )  # fmt: skip
        assert (1, 13) == (told.code, told.faults.count("it was put in"))
        assert not mark.exists()


def test_words_that_a_terminal_would_obey_are_not_passed_on(folder: Path) -> None:
    """A statement that nobody of good will would sign."""
    resigned(folder, "012", STRANGER, lambda said: said.update(reason="\x1b[8m hidden \u202e"))
    listed_anew(folder)
    told = verified(folder)
    assert (1, False, False) == (told.code, "\x1b" in told.out, "\u202e" in told.out)


def test_receipts_from_another_log(folder: Path, tmp_path: Path) -> None:
    """Another log with the same name: its key is not the one in log/vkey."""
    other = World.found(tmp_path / "other").agreed()
    foreign = unpacked(evidence(other), tmp_path / "foreign")
    other.close()
    for number in ("001", "002"):
        (folder / f"receipts/{number}.tlog-proof").write_bytes((foreign / f"receipts/{number}.tlog-proof").read_bytes())
    listed_anew(folder)
    told = verified(folder)
    assert "receipts/001.tlog-proof: its checkpoint is not signed by the log's key in log/vkey" in told.faults
    # With the other log's key in the file nothing else holds any more.
    (folder / "log/vkey").write_bytes((foreign / "log/vkey").read_bytes())
    listed_anew(folder)
    assert "receipts/013.tlog-proof: its checkpoint is not signed by the log's key" in verified(folder).faults


def test_a_whole_forgery_is_told_by_its_keys_alone(folder: Path, world: World, tmp_path: Path) -> None:
    """Whoever makes keys, log and all of their own gets a file that holds: hence the question whose the keys are."""
    other = World.found(tmp_path / "other").agreed()
    forged = unpacked(evidence(other), tmp_path / "forged")
    other.close()
    told = verified(forged)
    assert (0, ASK) == (told.code, told.last)
    expected = [world.partners[n].key.fingerprint for n in ("north-old", "north-new", "south", "east", "west", "hub")]
    told = verified(forged, "--expect", ",".join([*expected, world.administrator.key.fingerprint]))
    assert (1, 6) == (told.code, told.faults.count("is not one that you expect"))
    assert 1 == verified(forged, "--log-key", world.services.vkey).code
