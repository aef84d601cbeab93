"""`accordant evidence` from the shell: a key with a passphrase, the file, and every way in which there is none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from connectors.keyfile import write_key
from governance.signing.keys import PrivateKey
from tests.commands.test_mou_life import PARTIES, Shell
from tests.commands.test_mou_life import shell as shell_with_a_proposal  # noqa: F401 a fixture
from tests.connectors.wire import Arrived, Reply
from tests.evidence.scene import ASK, verified


@pytest.fixture
def shell(shell_with_a_proposal: Shell) -> Shell:  # noqa: F811
    """Four parties have signed; the first one's key is encrypted."""
    made = shell_with_a_proposal
    for party in PARTIES:
        made.run("mou", "sign", "small", "--yes", key=party)
    path = made.folder / "north.pem"
    key = PrivateKey.from_pem(path.read_bytes())
    path.unlink()
    path.with_name("north.pem.pub").unlink()
    write_key(path, key, passphrase="a secret of north's")
    (made.folder / "passphrase").write_text("a secret of north's\n")
    return made


def unzipped(path: Path) -> Path:
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def test_a_party_takes_the_file_and_it_verifies(shell: Shell) -> None:
    """The command says what it is, where it is recorded, and what to type next."""
    file = shell.folder / "small.zip"
    said = shell.run(
        "evidence", "small", "-o", file, "--passphrase-file", shell.folder / "passphrase", key="north"
    )  # fmt: skip
    assert "" == said.out
    assert f"{file}: 13 signed statements about `small`; recorded as entry" in said.err
    assert f"unzip {file} -d {shell.folder / 'small'} && sh {shell.folder / 'small'}/verify.sh" in said.err
    assert "--expect SHA256:… --log-key VKEY --administrator SHA256:… (VERIFY.md)" in said.err
    told = verified(unzipped(file))
    assert (0, ASK) == (told.code, told.last), told.out
    keys = [k["fingerprint"] for k in shell.run("key", "list", "--json").json]
    assert 0 == verified(file.with_suffix(""), "--expect", ",".join(keys)).code


def test_json_and_the_administrator(shell: Shell) -> None:
    """For programs."""
    file = shell.folder / "a file.zip"
    told = shell.run("evidence", "small", "-o", file, "--json").json
    assert {"file": str(file), "mou": "small", "statements": 13} == {k: told[k] for k in ("file", "mou", "statements")}
    newest = shell.run("audit", "search", "--kind", "evidence", "--json").json[0]
    assert ("administrator", "small") == (newest["body"]["party"], newest["body"]["mou"])
    assert 13 == len(newest["body"]["entries"])


def taken(shell: Shell) -> int:
    """How often somebody took evidence."""
    return sum(e.kind == "evidence" for e in shell.services.journal.entries())


def test_what_has_no_file(shell: Shell) -> None:
    """An unknown MOU, a connector's key, a stranger's, a party of another MOU: a line each; nothing is left behind."""
    file = shell.folder / "small.zip"
    assert "no MOU `other`" in shell.run("evidence", "other", "-o", file, code=2).err
    assert "no MOU `../keys`" in shell.run("evidence", "../keys", "-o", file, code=2).err
    shell.enrol("north", name="etl", use="connector")
    assert "asks for data, and for no evidence" in shell.run("evidence", "small", "-o", file, key="etl", code=1).err
    shell.enrol("west")
    assert "no MOU `small`" in shell.run("evidence", "small", "-o", file, key="west", code=2).err
    write_key(shell.folder / "stranger.pem", PrivateKey.generate())
    assert shell.run("evidence", "small", "-o", file, key="stranger", code=1).err
    assert ([], 0) == (sorted(shell.folder.glob("small.zip*")), taken(shell))


def test_a_file_that_cannot_be_written(shell: Shell) -> None:
    """It is there already, its folder is not there, or it is a folder: 2, and nobody is asked."""
    file = shell.folder / "small.zip"
    file.write_text("precious")
    said = shell.run("evidence", "small", "-o", file, code=2)
    assert f"`-o`: `{file}` is there already (--force writes over it)" in said.err
    assert "precious" == file.read_text()
    said = shell.run("evidence", "small", "-o", shell.folder / "nowhere" / "small.zip", code=2)
    assert "can't be written: no such file or directory" in said.err
    shell.run("evidence", "small", "-o", shell.folder, code=2)
    shell.run("evidence", "small", code=2)
    assert 0 == taken(shell)
    shell.run("evidence", "small", "-o", file, "--force")
    assert (True, 1) == (zipfile.is_zipfile(file), taken(shell))


def test_what_breaks_off_is_no_file(shell: Shell) -> None:
    """3, and nothing stands in the file's place."""

    def half(request: Arrived, reply: Reply) -> Reply:
        return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.content_type)

    shell.lie.append(half)
    said = shell.run("evidence", "small", "-o", shell.folder / "small.zip", code=3)
    assert "is no evidence file, or broke off" in said.err
    assert [] == sorted(shell.folder.glob("small.zip*"))
    shell.lie.clear()


def test_no_server(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """3."""
    monkeypatch.setenv("ACCORDANT_ORIGIN", "http://127.0.0.1:9")
    said = shell.run("evidence", "small", "-o", shell.folder / "small.zip", code=3)
    assert "no server answers" in said.err
    assert [] == sorted(shell.folder.glob("small.zip*"))


def test_the_passphrase_is_asked_for(shell: Shell) -> None:
    """As of every command that signs."""
    said = shell.run("evidence", "small", "-o", shell.folder / "small.zip", key="north", code=2)
    assert "the key is encrypted" in said.err
    assert [] == sorted(shell.folder.glob("small.zip*"))
