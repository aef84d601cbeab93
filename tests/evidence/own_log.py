"""Whoever has one evidence file and nobody's log key: puts all of it into a log of their own, without what hurts."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from audit.note import NoteSigner
from governance.signing.jws import parts, sign_detached, signing_input
from governance.signing.keys import PrivateKey, der
from tests.evidence.forging import CONTENTS, LIST, listed_anew

__all__ = ["OwnLog", "canonical"]

TIME = "2026-09-12T15:00:00"
_SALT = b"\0" * 32


def canonical(value: Any) -> str:
    """Sorted, without blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _split(leaves: list[bytes]) -> int:
    size = 1
    while size * 2 < len(leaves):
        size *= 2
    return size


def _tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = _split(leaves)
    return _hash(b"\x01" + _tree(leaves[:at]) + _tree(leaves[at:]))


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = _split(leaves)
    if index < at:
        return [*_path(index, leaves[:at]), _tree(leaves[at:])]
    return [*_path(index - at, leaves[at:]), _tree(leaves[:at])]


class OwnLog:
    """The entries that the folder's receipts open, under a key of its own, and more that one wishes for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = NoteSigner.generate((folder / "log/vkey").read_text().split("+")[0])
        self.entries: dict[int, tuple[str, str]] = {}  # what opens it, and its leaf
        self.receipts: dict[Path, int] = {}
        for path in (folder / "receipts").iterdir():
            if path.name != Path(CONTENTS).name:
                extra = path.read_text().split("\n")[1][6:]
                leaf = json.loads(base64.b64decode(extra))["leaf"]
                self.receipts[path] = json.loads(leaf)["seq"]
                self.entries[self.receipts[path]] = (extra, leaf)

    def add(self, kind: str, body: Any, *, seq: int | None = None, time: str = f"{TIME}.000000Z") -> int:
        """One more entry, or another one in a place that there is."""
        seq = max(self.entries) + 1 if seq is None else seq
        text = canonical(body)
        digest = hashlib.sha256(_SALT + text.encode()).hexdigest()
        leaf = f'{{"body":"{digest}","kind":"{kind}","prev":"{"0" * 64}","seq":{seq},"time":"{time}","v":1}}'
        opened = f'{{"body":{text},"leaf":{json.dumps(leaf)},"salt":"{_SALT.hex()}"}}'
        self.entries[seq] = (base64.b64encode(opened.encode()).decode(), leaf)
        return seq

    def state(self, kind: str, said: dict[str, Any], key: PrivateKey, *, number: str = "") -> None:
        """A statement that is signed, and its entry: at the end, or in the place of another."""
        place = self.folder / "statements"
        number_or_next = number or f"{max(int(p.name[:3]) for p in place.iterdir()) + 1:03d}"
        stem, receipt = place / number_or_next, self.folder / f"receipts/{number_or_next}.tlog-proof"
        data = canonical(said).encode()
        jws = sign_detached(key=key, payload=data)
        stem.with_suffix(".json").write_bytes(data)
        stem.with_suffix(".signed").write_bytes(signing_input(payload=data, jws=jws))
        stem.with_suffix(".sig").write_bytes(der(alg=key.alg, signature=parts(jws)[1]))
        stem.with_suffix(".pem").write_text(key.public.pem)
        body = {"statement": base64.urlsafe_b64encode(data).rstrip(b"=").decode(), "jws": jws}
        seq = self.receipts.get(receipt)
        time = json.loads(self.entries[seq][1])["time"] if seq is not None else f"{TIME}.000000Z"
        self.receipts[receipt] = self.add(kind, body, seq=seq, time=time)

    def drop(self, number: str) -> None:
        """A statement with all that belongs to it."""
        for path in [*self.folder.glob(f"statements/{number}.*"), *self.folder.glob(f"receipts/{number}.*")]:
            self.receipts.pop(path, None)
            path.unlink()

    def _receipt(self, seq: int, leaves: list[bytes]) -> bytes:
        proof = "".join(base64.b64encode(h).decode() + "\n" for h in _path(seq, leaves))
        head = f"c2sp.org/tlog-proof@v1\nextra {self.entries[seq][0]}\nindex {seq}\n{proof}\n"
        root = base64.b64encode(_tree(leaves)).decode()
        return head.encode() + self.signer.sign(f"{self.signer.name}\n{len(leaves)}\n{root}\n")

    def written(self, *, until: Any = None, **life: Any) -> None:
        """Receipts, table, list and the log's entry about it, all as they have to be."""
        told = json.loads((self.folder / "life.json").read_bytes())
        own = {p.name[:3]: seq for p, seq in sorted(self.receipts.items()) if ".opening" not in p.name}
        keys = {n: json.loads(self._header(n))["kid"] for n in own}
        rows = [
            {"number": n, "entry": seq, "kind": json.loads(self.entries[seq][1])["kind"], "fingerprint": keys[n]}
            for n, seq in own.items()
        ]
        (self.folder / "life.json").write_text(json.dumps(told | {"statements": rows} | life))
        for name, data in (("vkey", f"{self.signer.vkey}\n"), ("vkeys", ""), ("witnesses", "")):
            (self.folder / "log" / name).write_text(data)
        last = max(self.entries)
        leaves = [_hash(b"\x00" + self.entries.get(seq, ("", "unknown"))[1].encode()) for seq in range(last + 1)]
        for path, seq in self.receipts.items():
            path.write_bytes(self._receipt(seq, leaves))
        listed_anew(self.folder)
        body = {
            "entries": list(own.values()),
            "list_sha256": hashlib.sha256((self.folder / LIST).read_bytes()).hexdigest(),
            "mou": told["mou"],
            "until": last if until is None else until,
        }
        seq = self.add("evidence", body)
        leaves.append(_hash(b"\x00" + self.entries[seq][1].encode()))
        (self.folder / CONTENTS).write_bytes(self._receipt(seq, leaves))

    def _header(self, number: str) -> bytes:
        head = (self.folder / f"statements/{number}.signed").read_bytes().split(b".")[0]
        return base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4))
