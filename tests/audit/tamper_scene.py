"""The log that the tamper table is played on: entries of every sort, an erasure, kept tiles, a witness that cosigned.

0        a draft                          5        a request that names a client who is erased later
1        a consent of a client, a part    6 - 299  drafts; up to here there was a backup
2        a request that names the client  300 - 305  drafts
3        who was told of whose clients    306      the erasure of the other client: entry 5 and the part of entry 4
4        another client's consent         307 - 309  drafts
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from audit import Draft, Log, NoteSigner, Part, verify
from audit.cosignature import Cosigner
from audit.cosigned import CosignatureStore
from audit.errors import LogError
from audit.export import body_line
from audit.export_check import verify_export
from audit.keys import KeyStore
from audit.policy import Policy
from audit.published import Published
from audit.report import Fault
from audit.witnessing import ask
from tests.audit.exported import export_of
from tests.audit.tampering import Cheat, cheating
from tests.audit.test_sealing import erase
from tests.audit.witness import Fake
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of, opened

__all__ = ["ERASURE", "FILED", "LAST", "Scene", "built"]

FILED, ERASURE, LAST = 300, 306, 309
WITNESS = "https://witness.example"
_CLIENT, _GONE = "client-4711", "client-gone"


def _of_client(subject: str) -> list[Draft]:
    """A consent with a part, and a request whose body names the client."""
    index = {"party": "aspire"}
    said = Part("aspire", subject, {"subject": subject, "purpose": "research"})
    consent = Draft("consent", {"file": "x"}, ("aspire",), index, subjects={"aspire": [subject]}, parts=(said,))
    request = Draft("request", {"filter": subject}, ("aspire",), index, use="content", names=(("aspire", subject),))
    return [consent, request]


@dataclass(frozen=True)
class Scene:
    """A copy of the log that one may do anything to, with every key that there is."""

    folder: Path
    signer: NoteSigner
    cosigner: Cosigner
    note: bytes  # the checkpoint of LAST + 1 entries, with the witness's cosignature: what people remember
    witness: Fake  # what it saw

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/log.db"

    @property
    def export(self) -> Path:
        """A folder that an auditor took along."""
        return self.folder / "export"

    @property
    def policy(self) -> Policy:
        lines = f"log {self.signer.vkey}\nwitness partner {self.cosigner.verifier.vkey} {WITNESS}\nquorum partner\n"
        return Policy.from_text(lines.encode())

    def copy(self, folder: Path) -> Scene:
        shutil.copytree(self.folder, folder)
        seen = Fake(self.signer.verifier, self.cosigner, self.witness.size, self.witness.root)
        return Scene(folder, self.signer, self.cosigner, self.note, seen)

    @contextmanager
    def database(self) -> Iterator[Cheat]:
        """Full write access to the database, and the data keys."""
        with cheating(self.url) as cheat:
            yield cheat

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        with opened(self.url) as engine:
            yield engine

    @contextmanager
    def keys(self) -> Iterator[KeyStore]:
        """The key store, opened with the wrapping key."""
        with self.engine() as engine, closing(keys_of(engine)) as keys:
            yield keys

    @contextmanager
    def key_rows(self) -> Iterator[sqlite3.Connection]:
        """The file of the data keys, without the wrapping key."""
        with closing(sqlite3.connect(f"{self.folder}/log.db.keys")) as connection, connection:
            yield connection

    def sql(self, *statements: str) -> None:
        """As typed into the database's own tool, triggers dropped."""
        with self.database() as cheat:
            for statement in statements:
                cheat.connection.exec_driver_sql(statement)

    def put_back(self) -> None:
        """The backup of the first 300 entries in place of what is there."""
        for path in self.folder.glob("log.db*"):
            path.unlink()
        for path in (self.folder / "backup").iterdir():
            shutil.copy(path, self.folder)

    @contextmanager
    def opened(self, signer: NoteSigner | None = None) -> Iterator[Log]:
        """As the service opens it."""
        with self.engine() as engine, closing(keys_of(engine)) as keys:
            clock = TestClock()
            with Log.open(engine, keys=keys, origin=ORIGIN, signer=signer or self.signer, clock=clock) as log:
                yield log

    # Who looks

    def verified(self, remembered: Sequence[bytes] = (), policy: Policy | None = None) -> tuple[Fault, ...]:
        """What `audit verify` finds in the database."""
        with self.engine() as engine, closing(keys_of(engine)) as keys:
            return verify(engine, keys=keys, vkey=self.signer.vkey, remembered=remembered, policy=policy).faults

    def exported(self) -> tuple[Fault, ...]:
        """What it finds in the folder that an auditor took along, with the key as the auditor knows it."""
        return verify_export(self.export, vkey=self.signer.vkey).report.faults

    def refuses(self) -> bool:
        """Whether a start of the log refuses."""
        try:
            with self.opened():
                return False
        except LogError:
            return True

    def alarms(self) -> list[str]:
        """What the witness says of the newest checkpoint."""
        with self.opened() as log:
            asked = ask(Published(log), CosignatureStore(log.engine), self.policy, post=self.witness)
            return [str(outcome.detail) for outcome in asked.alarms]

    def bytes(self) -> str:
        """A digest of all that is stored: every table's rows, and the export's files."""
        digest = hashlib.sha256()
        for name in ("log.db", "log.db.keys"):
            with closing(sqlite3.connect(self.folder / name)) as connection:
                tables = sorted(t for (t,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
                for table in tables:
                    rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
                    digest.update(repr((table, sorted(rows, key=repr))).encode())
        for path in sorted(p for p in self.export.rglob("*") if p.is_file()):
            digest.update(str(path.relative_to(self.export)).encode() + path.read_bytes())
        return digest.hexdigest()


def built(folder: Path) -> Scene:
    """The log as it ought to be."""
    folder.mkdir()
    signer = NoteSigner.generate(ORIGIN)
    cosigner = Cosigner("partner.example/w", Ed25519PrivateKey.generate())
    with opened(f"sqlite:///{folder}/log.db") as engine, closing(keys_of(engine)) as keys:
        log = Log.create(engine, keys=keys, origin=ORIGIN, signer=signer, clock=TestClock())
        told = Draft(
            "disclosure", {}, ("aspire",), {"party": "aspire"}, "disclosure", {"aspire": [_CLIENT, "client-1"]}
        )
        first = [draft(0), *_of_client(_CLIENT), told, *_of_client(_GONE)]
        log.append([*first, *(draft(n) for n in range(len(first), FILED))])
        Published(log).file("tile/0/000")  # a tile is kept
        log.close()
    _kept(folder, folder / "backup")
    with (
        opened(f"sqlite:///{folder}/log.db") as engine,
        closing(keys_of(engine)) as keys,
        Log.open(engine, keys=keys, origin=ORIGIN, signer=signer, clock=TestClock()) as log,
    ):
        log.append([draft(n) for n in range(FILED, ERASURE)])
        assert erase(log, _GONE).seq == ERASURE
        log.append([draft(n) for n in range(ERASURE + 1, LAST + 1)])
        witness = Fake(log.verifier, cosigner)
        scene = Scene(folder, signer, cosigner, log.head().checkpoint, witness)
        ask(Published(log), CosignatureStore(engine), scene.policy, post=witness)
        note = Published(log).checkpoint()
        export_of(log, folder / "export", bodies=False)
        _bodies(log, folder / "export" / "bodies.jsonl")
    return Scene(folder, signer, cosigner, note, witness)


def _bodies(log: Log, path: Path) -> None:
    there = (e for e in log.entries() if e.erased is None)
    path.write_bytes(b"".join(body_line(e.seq, e.salt, e.body_bytes) for e in there))


def _kept(folder: Path, backup: Path) -> None:
    backup.mkdir()
    for path in folder.glob("log.db*"):
        shutil.copy(path, backup)
