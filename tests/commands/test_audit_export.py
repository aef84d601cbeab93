"""`accordant audit export` and `verify --export` from the shell, against the very application that serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

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
    assert "--vkey" in said.err


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


def test_an_export_spares_another_folder(shell: Shell) -> None:
    """It writes over nothing that is not an export of this log."""
    (shell.folder / "log").mkdir()
    (shell.folder / "log/letter").write_text("dear")
    said = shell.run("audit", "export", shell.folder / "log")
    assert (2, ["letter"]) == (said.code, [p.name for p in (shell.folder / "log").iterdir()])
