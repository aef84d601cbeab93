"""`accordant audit export` and `verify --export` from the shell, against the very application that serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.cosignature import Cosigner
from audit.published import Published
from governance.bootstrap import open_services
from governance.cli import main
from governance.home import init
from governance.web.app import create_app
from governance.web.services import Services
from tests.agreement_world import ReferenceEngine
from tests.connectors.wire import Arrived, Reply, serving


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """A home, its server, and the administrator's shell."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    services: Services

    def run(self, *args: object) -> Said:
        """One command through the entry point that the shell calls."""
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in args])
        caught = self.capture.readouterr()
        return Said(int(ended.value.code or 0), caught.out, caught.err)

    def verify(self, *args: object) -> tuple[int, Any]:
        """`verify --export`, as JSON."""
        said = self.run("audit", "verify", "--export", self.folder / "log", "--json", *args)
        return said.code, json.loads(said.out)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A fresh home, whose log has its first entries."""
    for name in ("ACCORDANT_PASSPHRASE", "ACCORDANT_HOME"):
        monkeypatch.delenv(name, raising=False)
    # The server's events would stand among the commands' answers: both are this process.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with serving() as server:
        settings = init(tmp_path / "home", origin=server.origin, listen="127.0.0.1:8484")
        monkeypatch.setenv("ACCORDANT_ORIGIN", server.origin)
        monkeypatch.setenv("ACCORDANT_KEY", str(settings.keys / "administrator.pem"))
        services = open_services(settings, engine=ReferenceEngine())
        app = create_app(services)

        def answer(request: Arrived) -> Reply:
            response = app.test_client().open(
                request.path, method=request.method, data=request.body, headers=list(request.headers)
            )
            kept = ("Accordant-Entry", "Accordant-Checkpoint")
            headers = tuple((k, v) for k, v in response.headers if k in kept)
            return Reply(response.status_code, response.get_data(), response.content_type or "", headers)

        server.answer = answer
        yield Shell(tmp_path, capsys, services)
        services.close()
    structlog.reset_defaults()


def test_export_and_verify(shell: Shell) -> None:
    """The whole log in a folder, its own entry too, and the folder is whole."""
    said = shell.run("audit", "export", shell.folder / "log")
    assert 0 == said.code, said
    last = shell.services.journal.head().size - 1
    assert f"recorded as entry {last}" in said.err
    assert sorted(["bodies.jsonl", "checkpoint", "origin", "tile", "vkey"]) == sorted(
        p.name for p in (shell.folder / "log").iterdir()
    )
    code, told = shell.verify()
    assert (0, True, last + 1, last + 1) == (code, told["whole"], told["entries"], told["bodies"])
    said = shell.run("audit", "verify", "--export", shell.folder / "log")
    assert "whole:" in said.out
    assert "--vkey" in said.out


def test_export_again_over_the_old_one(shell: Shell) -> None:
    """The folder then holds the log as it is now; what was remembered before agrees."""
    shell.run("audit", "export", shell.folder / "log")
    early = shell.folder / "early"
    early.write_bytes((shell.folder / "log/checkpoint").read_bytes())
    shell.run("audit", "export", shell.folder / "log")
    vkey = shell.folder / "vkey"
    vkey.write_text(shell.services.vkey)
    code, told = shell.verify("--vkey", vkey, "--remembered", early)
    assert (0, 1, []) == (code, told["remembered"], told["faults"])


def test_what_was_remembered_is_held_against_it(shell: Shell) -> None:
    """The file that `remember` wrote is a memory as good as one checkpoint; a memory that is not there is said."""
    memory = shell.folder / "memory"
    shell.run("audit", "remember", "--memory", memory)
    shell.run("audit", "export", shell.folder / "log")
    code, told = shell.verify("--remembered", memory)
    assert (0, 1, []) == (code, told["remembered"], told["faults"])
    said = shell.run("audit", "compare", memory, "--memory", shell.folder / "none")
    assert (2, True) == (said.code, "none" in said.err)


def test_what_was_tampered_with_is_named(shell: Shell) -> None:
    """The first bad entry, in a sentence; exit code 1."""
    shell.run("audit", "export", shell.folder / "log")
    path = shell.folder / "log/bodies.jsonl"
    path.write_bytes(path.read_bytes().replace(b"administrator", b"administratrix"))
    said = shell.run("audit", "verify", "--export", shell.folder / "log")
    assert 1 == said.code
    assert said.out.startswith("NOT WHOLE: entry 0: the content of entry 0 is not the one that was recorded")


def test_a_receipt_is_held_against_an_export(shell: Shell) -> None:
    """As it came over HTTP."""
    from connectors.client import Client
    from connectors.keyfile import read_key

    shell.run("audit", "export", shell.folder / "log")
    client = Client(shell.services.settings.origin, read_key(shell.services.settings.keys / "administrator.pem"))
    receipt = shell.folder / "receipt.tlog-proof"
    receipt.write_bytes(client.read("/v1/receipts/0", accept="text/plain"))
    assert (0, []) == (lambda c, t: (c, t["faults"]))(*shell.verify("--receipt", receipt))
    receipt.write_bytes(receipt.read_bytes().replace(b"index 0", b"index 1"))
    assert (1, ["receipt-wrong"]) == (lambda c, t: (c, [f["code"] for f in t["faults"]]))(
        *shell.verify("--receipt", receipt)
    )


@pytest.mark.parametrize(
    "args",
    [
        ["--export", "/nonexistent"],
        ["--export", ".", "--home", "."],
        ["--export", ".", "--vkey", "/nonexistent"],
        ["--export", ".", "--remembered", "/nonexistent"],
        ["--receipt", "x"],
    ],
)
def test_wrong_input_is_two(shell: Shell, args: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what is wrong."""
    monkeypatch.chdir(shell.folder)
    said = shell.run("audit", "verify", *args)
    assert (2, 1) == (said.code, len(said.err.splitlines()))


@pytest.mark.parametrize("content", [b"", b"\n", b"junk", b"\xff\x00"])
@pytest.mark.parametrize("option", ["--vkey", "--remembered", "--since"])
@pytest.mark.parametrize("what", ["--export", "--home"])
def test_a_file_that_is_none_is_named(shell: Shell, content: bytes, option: str, what: str) -> None:
    """No key is not the folder's own key, and no memory is not nothing to remember: option and file are told."""
    shell.run("audit", "export", shell.folder / "log")
    odd = shell.folder / "odd"
    odd.write_bytes(content)
    at = shell.folder / "log" if what == "--export" else shell.services.settings.home
    for given in (odd, shell.folder / "nowhere", shell.folder):
        said = shell.run("audit", "verify", what, at, option, given)
        assert (2, "", 1) == (said.code, said.out, len(said.err.splitlines())), said
        assert option in said.err or str(given) in said.err
        assert str(given) in said.err
        assert not {"--vkey", "--remembered", "--since"} - {option} & set(said.err.split("`"))


def test_no_key_is_none(shell: Shell) -> None:
    """An option that is given says something."""
    shell.run("audit", "export", shell.folder / "log")
    said = shell.run("audit", "verify", "--export", shell.folder / "log", "--vkey", "")
    assert (2, "accordant: `--vkey`: no key was given\n") == (said.code, said.err)


def test_an_export_spares_another_folder(shell: Shell) -> None:
    """It writes over nothing that is not an export of this log."""
    (shell.folder / "log").mkdir()
    (shell.folder / "log/letter").write_text("dear")
    said = shell.run("audit", "export", shell.folder / "log")
    assert (2, ["letter"]) == (said.code, [p.name for p in (shell.folder / "log").iterdir()])


def test_remember_and_compare(shell: Shell) -> None:
    """The first time it says so; later it proves that nothing was taken back."""
    memory = shell.folder / "memory"
    said = shell.run("audit", "remember", "--memory", memory)
    assert (0, True) == (said.code, "seen for the first time" in said.err)
    shell.run("audit", "search", "--limit", 1)
    said = shell.run("audit", "remember", "--memory", memory, "--json")
    assert (0, True, 1) == (said.code, json.loads(said.out)["consistent"], json.loads(said.out)["since"])
    assert 2 == len(memory.read_text().splitlines())
    (shell.folder / "empty").touch()
    said = shell.run("audit", "compare", memory, "--memory", shell.folder / "empty")
    assert (0, True) == (said.code, said.out.startswith("one log: 2 of theirs and 0 of yours"))
    checkpoint = shell.folder / "checkpoint"
    checkpoint.write_text(shell.run("audit", "checkpoint").out)
    assert 0 == shell.run("audit", "compare", checkpoint, "--memory", memory).code


def test_a_fork_is_an_alarm(shell: Shell) -> None:
    """It names both checkpoints, and ends with 1."""
    from audit.note import Checkpoint
    from governance.home import note_signer

    signer = note_signer(shell.services.settings)
    size = shell.services.journal.head().size
    for other, code in ((size, "forked"), (size + 5, "rewound")):
        note = signer.sign(Checkpoint(signer.name, other, bytes(32)).to_text())
        theirs, memory = shell.folder / "theirs", shell.folder / "memory"
        theirs.write_bytes(note)
        memory.write_text(json.dumps({"checkpoint": note.decode(), "vkey": signer.vkey}) + "\n")
        for words in (["compare", theirs], ["remember"]):
            said = shell.run("audit", *words, "--memory", memory)
            assert (1, True) == (said.code, said.out.startswith("ALARM: ")), said
            assert f"({code})" in said.out
            assert note.decode() in said.out
            assert shell.services.journal.head().checkpoint.decode() in said.out


def test_nothing_to_compare_is_wrong_input(shell: Shell) -> None:
    """No file, or a file that can't be read."""
    (shell.folder / "bad").write_text("{}\n")
    for name in ("absent", "bad"):
        said = shell.run("audit", "compare", shell.folder / name, "--memory", shell.folder / "memory")
        assert (2, 1) == (said.code, len(said.err.splitlines())), said


def test_a_receipt_by_itself(shell: Shell) -> None:
    """Offline, without a home and an export: which entry, when, under which root; and who vouches, where asked."""
    receipt, key = shell.folder / "receipt", shell.services.vkey
    vkey = shell.folder / "vkey"
    vkey.write_text(key + "\n")
    published = Published(shell.services.journal._log)
    entry = shell.services.journal.entry(0)
    assert entry is not None
    receipt.write_bytes(published.receipt(entry).to_text())
    for given in (key, vkey):
        said = shell.run("audit", "verify", "--receipt", receipt, "--vkey", given)
        assert (0, True) == (said.code, f"it proves that entry 0, a `{entry.kind}`, was recorded" in said.out), said
    told = json.loads(shell.run("audit", "verify", "--receipt", receipt, "--vkey", key, "--json").out)
    assert (True, 0, []) == (told["proves"], told["entry"], told["cosigned"])
    witness = Cosigner("partner.example", Ed25519PrivateKey.generate())
    policy = shell.folder / "policy"
    policy.write_text(f"witness partner {witness.verifier.vkey}\nquorum partner\n")
    asked = ("audit", "verify", "--receipt", receipt, "--vkey", key, "--policy", policy)
    said = shell.run(*asked)
    assert (1, True, True) == (said.code, "(quorum-missing)" in said.out, "what it means: Fewer" in said.out)
    note = published.receipt(entry).checkpoint
    receipt.write_bytes(receipt.read_bytes() + witness.line(note, seconds=1_800_000_000))
    said = shell.run(*asked)
    assert (0, True) == (said.code, "cosigned by `partner`" in said.out), said
    receipt.write_bytes(receipt.read_bytes().replace(b"index 0", b"index 1"))
    said = shell.run("audit", "verify", "--receipt", receipt, "--vkey", key)
    assert (1, True) == (said.code, "NOT PROVEN: the receipt does not verify" in said.out), said
    for wrong in (["--receipt", receipt], ["--receipt", receipt, "--vkey", key, "--since", "1"],
                  ["--receipt", receipt, "--vkey", shell.folder / "none"]):  # fmt: skip
        assert 2 == shell.run("audit", "verify", *wrong).code


def test_a_home_from_a_checkpoint_on_by_two_processes(shell: Shell) -> None:
    """What was not looked at is said; a policy that lies in the home is asked for without being named."""
    home = shell.services.settings.home
    checkpoint = shell.folder / "checkpoint"
    checkpoint.write_bytes(shell.services.journal.head().checkpoint)
    size = shell.services.journal.head().size
    shell.run("audit", "search", "--limit", 1)
    for since in (checkpoint, size):
        said = shell.run("audit", "verify", "--home", home, "--since", since, "--jobs", 2)
        assert (0, True) == (said.code, f"from entry {size} on; what lies before was not looked at again" in said.out)
    witness = Cosigner("partner.example", Ed25519PrivateKey.generate())
    (home / "witnesses.policy").write_text(f"witness partner {witness.verifier.vkey}\nquorum partner\n")
    said = shell.run("audit", "verify", "--home", home)
    assert (1, True) == (said.code, said.out.startswith("NOT WHOLE: the log: the checkpoint lacks")), said
    assert "      what it means: Fewer independent witnesses" in said.out
    told = json.loads(shell.run("audit", "verify", "--home", home, "--json").out)
    assert (["quorum-missing"], 0) == ([fault["code"] for fault in told["faults"]], told["vouched"])
    (home / "witnesses.policy").write_text("nonsense")
    assert 2 == shell.run("audit", "verify", "--home", home).code
    assert 2 == shell.run("audit", "verify", "--home", home, "--since", shell.folder / "none").code


def test_a_receipt_is_kept_and_proves_by_itself(shell: Shell) -> None:
    """From the server into a file, or to standard output; verified without the server."""
    kept = shell.folder / "0.tlog-proof"
    assert 0 == shell.run("audit", "receipt", 0, "-o", kept).code
    assert kept.read_text().startswith("c2sp.org/tlog-proof@v1\n")
    assert shell.run("audit", "receipt", 0).out.startswith("c2sp.org/tlog-proof@v1\n")
    told = shell.run("audit", "verify", "--receipt", kept, "--vkey", shell.services.vkey)
    assert (0, True) == (told.code, "entry 0" in told.out)
    assert 2 == shell.run("audit", "receipt", 999).code


def test_an_export_is_its_owners_to_read(shell: Shell) -> None:
    """It may hold content; and what it can't know stands in the answer, not beside it."""
    folder = shell.folder / "log"
    assert 0 == shell.run("audit", "export", folder).code
    assert (0o700, 0o600) == (folder.stat().st_mode & 0o777, (folder / "bodies.jsonl").stat().st_mode & 0o777)
    told = shell.run("audit", "verify", "--export", folder).out
    assert "the key is the folder's own" in told
    assert "nobody can tell whether another log was shown" in told
