"""`verify.sh`, run for real: the right keys, a wrong one, none; its shells, its options, its words."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from governance.evidence import verify_script
from governance.signing.statement import Attestation
from tests.conftest import missing
from tests.evidence.scene import ASK, evidence, unpacked, verified
from tests.simulator import DOCUMENT, PARTIES, World
from tests.vouching import cosigner


def keys(world: World) -> list[str]:
    """The fingerprints of everybody whose key signed something."""
    names = ("north-old", "north-new", "south", "east", "west", "hub")
    return [world.administrator.key.fingerprint, *(world.partners[n].key.fingerprint for n in names)]


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_without_expectations_it_ends_with_what_must_be_asked(folder: Path, shell: str) -> None:
    """Everything holds, in whichever shell; whose the keys are no file can say."""
    if shutil.which(shell) is None:
        missing(f"the shell {shell}")
    told = verified(folder, shell=shell)
    assert (0, ASK, "") == (told.code, told.last, told.err), told.out


def test_the_expected_keys_and_no_others(folder: Path, world: World) -> None:
    """With commas, blanks, or an option for each."""
    known = keys(world)
    right = "verified: every signature holds, and every key is one that you expect"
    for words in (
        ("--expect", ",".join(known)),
        ("--expect", "\n".join(known)),
        tuple(word for key in known for word in ("--expect", key)),
    ):
        told = verified(
            folder, *words, "--log-key", world.services.vkey, "--administrator", known[0]
        )  # fmt: skip
        assert (0, right) == (told.code, told.last), told.out
    assert 7 + 1 == told.out.count("  expected")


def test_a_key_that_is_not_expected_is_a_fault(folder: Path, world: World) -> None:
    """It is named with whoever it claims to be."""
    *known, hub = keys(world)
    told = verified(folder, "--expect", ",".join(known))
    assert 1 == told.code
    assert f"key {hub}: is not one that you expect (the director of hub, hub (`hub`, signatory))" in told.faults
    assert ("not verified: 1 thing does not hold", 1) == (told.last, told.faults.count("NOT VERIFIED"))
    stranger = "SHA256:" + "A" * 43
    told = verified(folder, "--expect", stranger)
    assert (1, 7) == (told.code, told.faults.count("is not one that you expect"))
    assert f"{stranger}  signed nothing in this file" in told.out


def test_the_whole_life_is_told_in_order(folder: Path) -> None:
    """Decline, signatures, rotation, revocation, acknowledgement, amendment, withdrawal, and what counts at the end."""
    told = verified(folder)
    life = told.out.partition("Its life")[2].partition("The keys")[0]
    steps = re.findall(
        r"^  \d{3}  entry (\d+), .*?(SIGNS|DECLINES|WITHDRAWS|approved|revoked|proposed|says|acknow)", life, re.M
    )
    assert [int(entry) for entry, _ in steps] == sorted(int(entry) for entry, _ in steps)
    assert ["says", "approved"] * 5 == [word for _, word in steps[:10]]
    assert ["proposed", "DECLINES", *["SIGNS"] * 5, "says", "approved", "revoked", "revoked", "acknow", "proposed"] == [
        word for _, word in steps[10:23]
    ]
    assert ["SIGNS"] * 3 + ["WITHDRAWS"] == [word for _, word in steps[23:]]
    assert "DECLINES version 1: “the board wants to read it once more”, with key SHA256:" in life
    assert "meant to hold from 2026-10-01 to 2029-08-31, days of America/Chicago" in told.out
    assert "in wrong hands since" in life
    assert "Version 1 of `small`, A small collaborative: signed by all who must" in told.out
    assert "West (`west`): has not signed" in told.out.partition("Version 2")[2]
    assert "`hub` left (statement 027), with effect from 2026-10-12 05:00 UTC; the MOU goes on without it" in told.out


def test_two_partners_cosignatures_are_counted(folder: Path, world: World) -> None:
    """Those of the file, or those that are expected; a witness of whom nothing is there counts for nothing."""
    told = verified(folder)
    assert "witnesses that cosigned every statement's checkpoint: 2" in told.out
    assert "whose these witnesses' keys are you must ask" in told.out
    north = cosigner("north").verifier.vkey
    assert world.services.vkey in told.out
    told = verified(folder, "--witness", north, "--log-key", world.services.vkey)
    assert "witnesses that cosigned every statement's checkpoint: 1" in told.out
    assert f"{north}  27 of 27 statements" in told.out
    assert 0 == told.code
    nobody = cosigner("nobody").verifier.vkey
    told = verified(folder, "--witness", north, "--witness", nobody)
    words = f"NOT VERIFIED: witness {nobody}: did not cosign the checkpoints of 27 of 27 statements"
    assert (1, words) == (told.code, told.faults)
    told = verified(folder, "--witness", nobody)
    assert "witnesses that cosigned every statement's checkpoint: 0" in told.out


def test_a_log_key_that_is_not_expected_is_a_fault(folder: Path, tmp_path: Path) -> None:
    """Whoever knows the log's key can't be shown another log."""
    other = World.found(tmp_path / "other")
    other.close()
    told = verified(folder, "--log-key", other.services.vkey)
    assert (1, 1) == (told.code, told.faults.count("is not the log's key that you expect")), told.out


@pytest.mark.parametrize(
    "words",
    [
        ("--expect",),
        ("--expect", ""),
        ("--expect", " , "),
        ("--expect", "SHA256:short"),
        ("--expect", "*"),
        ("--log-key", "nonsense"),
        ("--witness", "a+b+c"),
        ("--unknown",),
        ("one", "two"),
        ("nowhere",),
        ("statements",),
    ],
)
def test_wrong_options(folder: Path, words: tuple[str, ...]) -> None:
    """2, a word on standard error, and no report."""
    told = verified(folder, *words)
    assert (2, "") == (told.code, told.out)
    assert told.err


def test_help_is_the_usage(folder: Path) -> None:
    """And ends with 0."""
    told = verified(folder, "--help")
    assert (0, True) == (told.code, told.out.startswith("usage: sh verify.sh [--expect"))


@pytest.mark.parametrize("missing", ["openssl", "sha256sum", "python3"])
def test_a_missing_tool_is_named(folder: Path, tmp_path: Path, missing: str) -> None:
    """3."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in {"openssl", "sha256sum", "python3", "mktemp", "dirname", "rm", "tr", "cat", "sh"} - {missing}:
        (tools / name).symlink_to(shutil.which(name) or "")
    told = verified(folder, shell=str(shutil.which("sh")), PATH=str(tools))
    assert (3, f"verify.sh: `{missing}` is missing\n", "") == (told.code, told.err, told.out)


@pytest.mark.parametrize("answer", [0, 1])
def test_an_openssl_that_says_the_same_to_everything_is_not_believed(folder: Path, tmp_path: Path, answer: int) -> None:
    """It is asked about a signature that holds, and about one that does not."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "openssl").write_text(f"#!/bin/sh\nexit {answer}\n")
    (tools / "openssl").chmod(0o755)
    told = verified(folder, PATH=f"{tools}:{os.environ['PATH']}")
    assert (3, True) == (told.code, "cannot verify Ed25519" in told.err)


def test_a_copy_of_ones_own_verifies_another_folder(folder: Path, tmp_path: Path) -> None:
    """Whoever distrusts the script in the folder brings another; from anywhere, by whatever path."""
    (tmp_path / "mine").mkdir()
    shutil.copy(folder / "verify.sh", tmp_path / "mine")
    assert verify_script() == (folder / "verify.sh").read_bytes()
    (folder / "verify.sh").write_text("#!/bin/sh\necho verified: everything\n")
    told = verified(tmp_path / "mine", str(folder))
    assert (1, True) == (told.code, "verify.sh: is not as SHA256SUMS says" in told.faults)
    odd = tmp_path / '-o d\'d "$(touch x)"*'
    odd.mkdir()
    shutil.copytree(folder, odd / "e")
    shutil.copy(tmp_path / "mine" / "verify.sh", odd / "e")
    told = verified(odd / "e")
    assert (0, ASK) == (told.code, told.last), told.out
    assert not (odd / "e" / "x").exists()


def test_it_leaves_the_folder_as_it_was(folder: Path) -> None:
    """A read-only medium will do, and nothing is left behind."""
    before = sorted((str(p), p.stat().st_mtime_ns) for p in folder.rglob("*"))
    assert 0 == verified(folder).code
    assert before == sorted((str(p), p.stat().st_mtime_ns) for p in folder.rglob("*"))


def test_the_lines_of_verify_md_work_as_they_stand(folder: Path) -> None:
    """Each block of VERIFY.md, typed into a shell."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (folder / "VERIFY.md").read_text(), re.M | re.S)
    assert 6 == len(blocks)
    outs = []
    for block in blocks:
        ran = subprocess.run(["sh", "-c", block], cwd=folder, capture_output=True, text=True, check=False)
        assert (0, "") == (ran.returncode, ran.stderr), block
        assert "NOT VERIFIED" not in ran.stdout, ran.stdout
        outs.append(ran.stdout)
    _, by_hand, signatures, _, fingerprints, digests = outs
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert len(names) - 2 == by_hand.count(": OK")
    told = json.loads(by_hand[by_hand.index('{"body"') :])
    assert f"{told['body']['list_sha256']}  SHA256SUMS" in by_hand
    assert 27 == len(re.findall(r"Verified OK|Signature Verified Successfully", signatures))
    expected = re.search(r"--expect (\S+)", (folder / "VERIFY.md").read_text())
    assert expected is not None
    assert sorted(expected.group(1).split(",")) == fingerprints.split()
    signing = json.loads((folder / "statements" / "026.json").read_text())
    assert f"{signing['text_sha256']}  mou.txt" in digests
    assert f"{signing['policy_sha256']}  -" in digests
    (folder / "statements" / "003.json").write_bytes(b"{}")
    ran = subprocess.run(["sh", "-c", blocks[3]], cwd=folder, capture_output=True, text=True, check=False)
    assert "NOT VERIFIED: statements/003" in ran.stdout


def test_verify_sh_may_be_executed(content: bytes, folder: Path) -> None:
    """The file says so of it and of nothing else, to whatever unpacks it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert ["verify.sh"] == [name for name, mode in modes.items() if mode & stat.S_IXUSR]
    script = folder / "verify.sh"
    script.chmod(stat.S_IMODE(modes["verify.sh"]))
    ran = subprocess.run([script], capture_output=True, text=True, check=False)
    assert (0, ASK) == (ran.returncode, ran.stdout.splitlines()[-1])


def test_an_mou_that_waits_for_a_signature_is_not_verified(tmp_path: Path) -> None:
    """The statements hold, and who is missing is said; a decline is told with its reason."""
    world = World.found(tmp_path)
    for party in PARTIES:
        world.enrol(party)
    world.propose()
    for party in PARTIES[:3]:
        world.decide_on(world.partners[party], "sign")
    world.decide_on(world.partners["hub"], "decline", reason="not for us")
    told = verified(unpacked(evidence(world, "hub"), tmp_path / "e"))
    assert 1 == told.code
    assert "NOT VERIFIED: the MOU: no version of it is signed by all who must sign it" == told.faults
    assert "2 must still sign, of: west, hub" in told.out
    assert "The hub (`hub`): declined" in told.out
    world.close()


def test_an_mou_that_ended_for_all_says_so(tmp_path: Path) -> None:
    """Its signatures hold all the same: this is evidence of what was agreed, and until when."""
    world = World.found(tmp_path).agreed(DOCUMENT.replace("notice: P30D,", "ends: all,"))
    world.decide_on(world.partners["north"], "withdraw", reason="it was an honour")
    told = verified(unpacked(evidence(world), tmp_path / "e"))
    assert (0, ASK) == (told.code, told.last)
    assert "with effect from 2026-09-10 15:00 UTC; with this the MOU ends for all" in told.out
    world.close()


def attested(world: World, name: str, *, by: str) -> None:
    """A signatory of another party says whose a key is."""
    whose, partner = world.partners[name], world.partners[by]
    key = world.services.agreements.book.current().key(whose.key.fingerprint)
    assert key is not None
    said = Attestation(
        enrolment_sha256=key.digest, fingerprint=key.fingerprint, party=whose.party, person=whose.person,
        organisation=whose.party, by=partner.party, nonce="n" * 22, time=world.clock.now(),
    )  # fmt: skip
    world.told(partner, "POST", f"/v1/keys/{key.fingerprint}/attestation", world.statement(partner, said))


def test_attestations_stand_beside_the_keys(tmp_path: Path) -> None:
    """By signatories of the MOU's other parties; what a party of another MOU says brings no key of its own in."""
    world = World.found(tmp_path).agreed()
    attested(world, "north", by="south")
    attested(world, "north", by="hub")
    folder = unpacked(evidence(world), tmp_path / "e")
    told = verified(folder)
    assert (0, ASK) == (told.code, told.last), told.out
    assert "(`north`, signatory), attested by `hub`, `south`" in told.out
    short = world.partners["north"].key.fingerprint[:15]
    words = f"`south` attests that key {short}… is of the director of north, north (`north`)"
    assert words in told.out
    world.revoke("hub", since=world.clock.now() - dt.timedelta(hours=1))
    world.enrol("hub", name="hub-new")
    world.decide_on(world.partners["hub-new"], "sign")
    told = verified(unpacked(evidence(world), tmp_path / "later"))
    assert "(`north`, signatory), attested by `south`" in told.out
    assert (0, 2) == (told.code, told.out.count("does not count: its key was in wrong hands since"))
    world.close()


def test_a_signature_of_a_compromised_key_does_not_count(tmp_path: Path) -> None:
    """Found out later: the file says so, as the service does, and the version is not signed by all any more."""
    world = World.found(tmp_path).agreed()
    world.revoke("west", since=world.clock.now() - dt.timedelta(hours=1))
    told = verified(unpacked(evidence(world), tmp_path / "e"))
    assert 1 == told.code
    assert "does not count: its key was in wrong hands since" in told.out
    assert "1 must still sign, of: west" in told.out
    shown = world.told(world.administrator, "GET", "/v1/mous/small")["versions"][0]
    assert (["west"], ["north", "south", "east", "hub"]) == (
        shown["missing"], [s["party"] for s in shown["signatures"]]
    )  # fmt: skip
    world.close()
