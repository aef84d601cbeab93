"""`accordant audit witness`, `cosign` and `alarms` from the shell, against the very application that serves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import NoteVerifier
from audit.cosignature import Cosigner
from audit.memory import recalled
from audit.note import Checkpoint
from audit.policy import Policy
from audit.receipt import Receipt
from governance.adapters.alarms import AlarmFile
from governance.home import note_signer
from tests.commands.test_audit_export import Said, Shell
from tests.commands.test_audit_export import shell as shell_of_a_new_home  # noqa: F401 a fixture


@pytest.fixture
def shell(shell_of_a_new_home: Shell) -> Shell:  # noqa: F811
    """The administrator's."""
    return shell_of_a_new_home


def vkey(name: str) -> str:
    return Cosigner(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))).verifier.vkey


def home(shell: Shell) -> Path:
    return shell.services.settings.home


def witness(shell: Shell, *words: object) -> Said:
    return shell.run("audit", "witness", *words, "--home", home(shell))


def policy(shell: Shell) -> Policy:
    return Policy.from_text((home(shell) / "witnesses.policy").read_bytes())


def test_witnesses_are_added_listed_and_removed(shell: Shell) -> None:
    """In the policy's own form; a majority of them has to agree."""
    assert (0, "") == (witness(shell, "list").code, witness(shell, "list").out)
    for name in ("a.example", "b.example", "c.example"):
        assert 0 == witness(shell, "add", f"https://{name}", vkey(name)).code
    told = json.loads(witness(shell, "list", "--json").out)
    assert ("witnesses", 2) == (told["quorum"], told["needed"])
    assert ["a.example", "b.example", "c.example"] == [w["name"] for w in told["witnesses"]]
    assert [shell.services.vkey] == [log.verifier.vkey for log in policy(shell).logs]
    said = witness(shell, "remove", "b.example")
    assert (0, True) == (said.code, "next round" in said.err)
    assert "2 of 2" in witness(shell, "list").err
    assert 0 == witness(shell, "add", vkey("d.example"), "--name", "dora", "--quorum", "1").code
    assert [None] == [w.url for w in policy(shell).witnesses if w.name == b"dora"]
    assert "1 of 3" in witness(shell, "list").err


@pytest.mark.parametrize(
    "words",
    [
        ["add"],
        ["add", "https://a.example"],
        ["add", "ftp://a.example", vkey("a")],
        ["add", "https://a.example", vkey("a"), "more"],
        ["add", vkey("a"), "--quorum", "2"],
        ["add", vkey("a"), "--name", "two words"],
        ["remove", "nobody"],
    ],
)
def test_what_makes_no_policy_changes_nothing(shell: Shell, words: list[str]) -> None:
    """One line, and 2."""
    said = witness(shell, *words)
    assert (2, 1) == (said.code, len(said.err.splitlines())), said
    assert not (home(shell) / "witnesses.policy").exists()


def test_what_was_arranged_by_hand_is_left_alone(shell: Shell) -> None:
    """And said."""
    a, b = vkey("a"), vkey("b")
    text = f"# ours\nwitness a {a}\nwitness b {b}\ngroup mine all a b\nquorum mine\n"
    (home(shell) / "witnesses.policy").write_text(text)
    said = witness(shell, "add", vkey("c"))
    assert (2, True) == (said.code, "by hand" in said.err)
    assert text == (home(shell) / "witnesses.policy").read_text()
    assert 0 == witness(shell, "list").code
    (home(shell) / "witnesses.policy").write_text("nonsense\n")
    assert (2, 2) == (witness(shell, "list").code, witness(shell, "add", vkey("c")).code)


def test_asking_tells_what_each_said(shell: Shell) -> None:
    """1 where the quorum is not there, 0 where nobody need agree."""
    assert 0 == shell.run("audit", "witness", "ask").code
    witness(shell, "add", "http://127.0.0.1:9", vkey("a"))
    said = shell.run("audit", "witness", "ask")
    assert (1, True) == (said.code, "no witness answers" in said.out), said
    witness(shell, "remove", "a")
    assert 0 == shell.run("audit", "witness", "ask", "--json").code


def partner(shell: Shell, name: str) -> Path:
    """A partner's witness key, which the policy knows."""
    file = shell.folder / f"{name}.pem"
    made = shell.run("audit", "witness", "key", file, "--name", f"{name}.example/witness")
    assert (0, 0o600) == (made.code, file.stat().st_mode & 0o777)
    assert 0 == witness(shell, "add", made.out.strip(), "--name", name).code
    shell.services.witnesses.ask()
    return file


def cosign(shell: Shell, file: Path, *words: object) -> Said:
    return shell.run("audit", "cosign", "--witness-key", file, *words)


def test_two_partners_vouch_for_one_receipt(shell: Shell) -> None:
    """Each by a command, at different times; the policy of two is content, offline."""
    north, south = partner(shell, "north"), partner(shell, "south")
    said = cosign(shell, north)
    assert (0, True) == (said.code, "more cosignatures" in said.err), said
    shell.run("audit", "search", "--limit", "1")
    said = cosign(shell, south, "--json")
    assert 0 == said.code, said
    told = json.loads(said.out)
    assert [True, False] == [one["quorum"] for one in told]
    assert told[0]["size"] < told[1]["size"]
    verifier = NoteVerifier.from_vkey(shell.services.vkey)
    from connectors.client import Client
    from connectors.keyfile import read_key

    settings = shell.services.settings
    client = Client(settings.origin, read_key(settings.keys / "administrator.pem"))
    receipt = Receipt.from_file(client.read("/v1/receipts/0", accept="text/plain"))
    assert receipt.check(verifier) == policy(shell).check(receipt.checkpoint)
    assert 2 == len(policy(shell).cosigned(receipt.checkpoint))


def test_a_partner_cosigns_no_fork(shell: Shell) -> None:
    """It remembers what it cosigned, in a file of its own."""
    north = partner(shell, "north")
    assert 0 == cosign(shell, north).code
    place = north.with_name("north.pem.cosigned")
    [kept] = recalled(place)
    assert shell.services.vkey == kept.vkey
    signer = note_signer(shell.services.settings)
    other = signer.sign(Checkpoint(signer.name, kept.checkpoint.size, b"f" * 32).to_text())
    line = json.dumps({"checkpoint": other.decode(), "vkey": signer.vkey}, ensure_ascii=False)
    place.write_text(line + "\n")
    said = cosign(shell, north)
    assert (1, True) == (said.code, "ALARM" in said.out), said
    assert b"f" * 32 == recalled(place)[0].checkpoint.root


def test_a_key_that_is_no_witnesss(shell: Shell) -> None:
    """One line, and 2; a stranger's cosignature is not taken either."""
    assert 2 == shell.run("audit", "witness", "key", shell.folder / "x.pem", "--name", "two words").code
    assert 2 == cosign(shell, shell.folder / "nothing.pem").code
    key = shell.services.settings.keys / "administrator.pem"
    key.with_name("administrator.pem.vkey").write_text(vkey("a") + "\n")
    assert 2 == cosign(shell, key).code
    file = shell.folder / "stranger.pem"
    shell.run("audit", "witness", "key", file, "--name", "stranger.example")
    said = cosign(shell, file)
    assert (2, True) == (said.code, "no witness of the policy" in said.err), said


def test_every_command_remembers_and_raises_the_alarm(shell: Shell) -> None:
    """Beside the key; one line and 1 where the log was rewound."""
    said = shell.run("audit", "search", "--limit", "1")
    assert (0, True) == (said.code, "first contact" in said.err), said
    [memory] = shell.services.settings.keys.glob("administrator.pem.*.seen")
    assert "first contact" not in shell.run("audit", "search", "--limit", "1").err
    signer = note_signer(shell.services.settings)
    same = signer.sign(Checkpoint(signer.name, 1, b"r" * 32).to_text())
    memory.write_text(json.dumps({"checkpoint": same.decode(), "vkey": signer.vkey}, ensure_ascii=False) + "\n")
    said = shell.run("audit", "search", "--limit", "1")
    assert (1, 1) == (said.code, len(said.err.splitlines())), said
    assert "ALARM" in said.err
    assert (b"r" * 32).hex() in said.err


def test_alarms_are_shown_and_settled(shell: Shell) -> None:
    """1 while one stands; settling needs a reason."""
    assert 0 == shell.run("audit", "alarms", "--home", home(shell)).code
    north = partner(shell, "north")
    signer = note_signer(shell.services.settings)
    forked = signer.sign(Checkpoint(signer.name, 1, b"f" * 32).to_text())
    shutil.copy(north, shell.folder / "copy.pem")
    (home(shell) / "remembered").mkdir()
    (home(shell) / "remembered/east").write_bytes(forked)
    shell.services.witnesses.look()  # type: ignore[attr-defined]
    said = shell.run("audit", "alarms", "--home", home(shell))
    assert 1 == said.code
    for words in ("the file remembered/east", (b"f" * 32).hex(), "STANDS", forked.decode()):
        assert words in said.out
    assert 2 == shell.run("audit", "alarms", "--home", home(shell), "--settle", " ").code
    assert 0 == shell.run("audit", "alarms", "--home", home(shell), "--settle", "a test").code
    [alarm] = AlarmFile(home(shell) / "alarms.jsonl").read()
    assert "a test" == alarm.reason
    told = json.loads(shell.run("audit", "alarms", "--home", home(shell), "--json").out)
    assert ["a test"] == [one["reason"] for one in told]
