"""Witnesses for tests: torchwood's litewitness, which is not ours, and a fake that answers what it likes."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from audit.cosignature import CosignatureVerifier, Cosigner
from audit.errors import ProofWrong
from audit.merkle import EMPTY
from audit.note import Checkpoint, NoteVerifier, open_note
from audit.proof import check_consistency
from audit.witness import Answered
from tests.conftest import missing
from tests.serving import free_port

__all__ = ["Fake", "Witness", "litewitnessing"]


@dataclass
class Fake:
    """A witness of our own, after the specification; `refuse` answers in its stead."""

    log: NoteVerifier
    cosigner: Cosigner
    size: int = 0
    root: bytes = EMPTY.root
    refuse: Callable[[], Answered] | None = None
    asked: int = 0

    def __call__(self, url: str, body: bytes) -> Answered:
        assert url == "https://witness.example/add-checkpoint"
        self.asked += 1
        if self.refuse is not None:
            return self.refuse()
        head, _, note = body.partition(b"\n\n")
        first, *lines = head.decode().split("\n")
        old = int(first.removeprefix("old "))
        checkpoint = Checkpoint.from_text(open_note(note, self.log))
        if old != self.size:
            return Answered(409, "text/x.tlog.size", b"%d\n" % self.size)
        if old == checkpoint.size and checkpoint.root != self.root:
            return Answered(409, "text/x.tlog.size", b"%d\n" % self.size)
        try:
            check_consistency(
                old=old, size=checkpoint.size, old_root=self.root, root=checkpoint.root,
                proof=[base64.b64decode(line) for line in lines],
            )  # fmt: skip
        except ProofWrong:
            return Answered(422, "text/plain", b"")
        self.size, self.root = checkpoint.size, checkpoint.root
        return Answered(200, "text/plain", self.cosigner.line(note, seconds=1000 + self.asked))


@dataclass(frozen=True)
class Witness:
    """A running litewitness."""

    url: str
    verifier: CosignatureVerifier
    database: Path

    def knows(self, log: NoteVerifier) -> None:
        """As `witnessctl add-log` and `add-key` write it."""
        with closing(sqlite3.connect(self.database)) as database:
            root = base64.b64encode(EMPTY.root).decode()
            database.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (log.name, root))
            database.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (log.name, log.vkey))
            database.commit()


@contextmanager
def litewitnessing(litewitness: Path, tmp_path: Path) -> Iterator[Witness]:
    """One with a key in an ssh-agent of its own; both end with the block."""
    if shutil.which("ssh-agent") is None or shutil.which("ssh-add") is None:
        missing("ssh-agent and ssh-add (OpenSSH's client)")
    key = Ed25519PrivateKey.generate()
    pem, agent = tmp_path / "witness.pem", tmp_path / "a.sock"
    pem.touch(mode=0o600)
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    port = free_port()
    database = tmp_path / "witness.db"
    events = (tmp_path / "witness.log").open("wb")
    processes = [subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=events, stderr=events)]
    try:
        _until(agent.exists)
        environ = {"SSH_AUTH_SOCK": str(agent), "PATH": "/usr/bin:/bin"}
        subprocess.run(["ssh-add", pem], env=environ, check=True, capture_output=True)
        words = ["-db", database, "-name", "witness.example/lite", "-key", fingerprint, "-ssh-agent", agent]
        words += ["-listen", f"127.0.0.1:{port}"]
        processes.append(subprocess.Popen([litewitness, *words], stdout=events, stderr=events))
        _until(lambda: _listens(port))
        verifier = CosignatureVerifier("witness.example/lite", key.public_key().public_bytes_raw())
        yield Witness(f"http://127.0.0.1:{port}", verifier, database)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)
        events.close()


def _until(ready: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < limit, "the witness did not start"
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
