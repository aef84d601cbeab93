"""Receipts (C2SP tlog-proof): an entry, the way from it to a root, and the checkpoint that the log's key signed.

A checkpoint (C2SP tlog-checkpoint) is a signed note; witnesses add cosignatures (C2SP tlog-cosignature). Leaves and
tree are those of RFC 6962. The same rules as in docs/log-format.md, written a second time on purpose.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from typing import Any

from governance.evidence.verifier.keys import Openssl, unbase64
from governance.evidence.verifier.strict import strict_json

__all__ = ["Log", "Receipt", "parsed_vkey"]

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_LEAF = re.compile(
    r'\{"body":"([0-9a-f]{64})","kind":"([a-z][a-z0-9-]{0,62})","prev":"[0-9a-f]{64}",'
    r'"seq":(0|[1-9][0-9]{0,15}),"time":"([0-9T:.-]{26}Z)","v":1\}'
)


def parsed_vkey(vkey: str) -> tuple[str, bytes, int, bytes]:
    """Name, key id, type and Ed25519 key of a verifier key. Raises ValueError."""
    name, key_id, encoded = (*vkey.split("+", 2), "", "")[:3]
    data = unbase64(encoded)
    if not name or len(data) != 33 or data[0] not in (1, 4):
        raise ValueError("not a verifier key of Ed25519")
    if hashlib.sha256(name.encode() + b"\n" + data).digest()[:4].hex() != key_id:
        raise ValueError("the key's id is not its")
    return name, bytes.fromhex(key_id), data[0], data[1:]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Where an inclusion proof leads (RFC 9162 §2.1.3.2). Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError("there is no such entry under this checkpoint")
    at, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ValueError("the proof is too long")
        if at & 1 or at == last:
            digest = _node(sibling, digest)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            digest = _node(digest, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ValueError("the proof is too short")
    return digest


class Receipt:
    """One receipt, its form read and its hashes recomputed; whether the log signed it is `Log.check`'s."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError with what does not hold."""
        head, blank, self.note = data.partition(b"\n\n")
        lines = head.decode("ascii", "replace").split("\n")
        if not blank or lines[0] != _FIRST_LINE or len(lines) < 3 or not lines[1].startswith("extra "):
            raise ValueError("is not a receipt with the opening of its entry")
        try:
            self._open(unbase64(lines[1][6:]))
            index, proof = lines[2], [unbase64(line) for line in lines[3:]]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("is not a receipt with the opening of its entry") from None
        if index != f"index {self.seq}":
            raise ValueError(f"says that it is of another entry than its own, {self.seq}")
        if hashlib.sha256(self._salt + self._body).hexdigest() != self._body_hash:
            raise ValueError(f"its content is not the one that was recorded as entry {self.seq}")
        text = self.note.partition(b"\n\n")[0].decode("utf-8", "replace").split("\n")
        try:
            self.origin, self.size, root = text[0], int(text[1]), unbase64(text[2])
            found = _root(self.leaf_hash, self.seq, self.size, proof)
        except (ValueError, IndexError) as error:
            raise ValueError(f"the proof does not lead to the root that was signed ({error})") from None
        if found != root:
            raise ValueError("the proof does not lead to the root that was signed")

    def _open(self, extra: bytes) -> None:
        told = strict_json(extra)
        leaf, salt = told["leaf"], told["salt"]
        behind = f',"leaf":{json.dumps(leaf)},"salt":"{salt}"}}'.encode()
        match = _LEAF.fullmatch(leaf)
        # The body's own bytes, not written anew: they stand between the two.
        if match is None or not extra.startswith(b'{"body":') or not extra.endswith(behind) or len(told) != 3:
            raise ValueError
        self._body, self._salt = extra[8 : -len(behind)], bytes.fromhex(salt)
        self._body_hash, self.kind, seq, time = match.groups()
        self.seq, self.time = int(seq), dt.datetime.fromisoformat(time.replace("Z", "+00:00"))
        self.leaf_hash = hashlib.sha256(b"\x00" + leaf.encode()).digest()
        self.body: dict[str, Any] = strict_json(self._body)


class Log:
    """The log's key, the witnesses' keys, and what openssl said of each checkpoint, asked once."""

    def __init__(self, vkey: str, witnesses: list[str], openssl: Openssl) -> None:
        """Raises ValueError."""
        self.name, self._id, kind, self._public = parsed_vkey(vkey)
        if kind != 1:
            raise ValueError("the key of a witness, not of a log")
        self.vkey, self._openssl = vkey, openssl
        parsed = {vkey: parsed_vkey(vkey) for vkey in witnesses}
        self._witnesses = {(p[0], p[1]): (vkey, p[3]) for vkey, p in parsed.items() if p[2] == 4}
        self._seen: dict[bytes, dict[str, int]] = {}

    def check(self, receipt: Receipt) -> dict[str, int]:
        """Who cosigned the receipt's checkpoint, by verifier key, and when (seconds since 1970).

        Raises ValueError where the log's key did not sign it, or the line of a known witness does not verify.
        """
        if receipt.origin != self.name:
            raise ValueError(f"is of another log, `{receipt.origin}`")
        if receipt.note not in self._seen:
            self._seen[receipt.note] = self._cosigned(receipt.note)
        return self._seen[receipt.note]

    def _cosigned(self, note: bytes) -> dict[str, int]:
        text, _, tail = note.partition(b"\n\n")
        text += b"\n"
        signed = False
        found: dict[str, int] = {}
        for line in tail.decode("utf-8", "replace").split("\n")[:-1]:
            dash, name, encoded = (*line.split(" ", 2), "", "")[:3]
            try:
                data = unbase64(encoded)
            except ValueError:
                raise ValueError("a signature under its checkpoint is no signature") from None
            place, signature = (name, data[:4]), data[4:]
            if dash == "\N{EM DASH}" and place == (self.name, self._id):
                if not self._openssl.verifies(self._public, signature, text):
                    raise ValueError("the signature of the log's key under its checkpoint does not verify")
                signed = True
            elif dash == "\N{EM DASH}" and place in self._witnesses:
                vkey, public = self._witnesses[place]
                seconds = int.from_bytes(signature[:8], "big")
                message = b"cosignature/v1\ntime %d\n" % seconds + text
                if not self._openssl.verifies(public, signature[8:], message):
                    raise ValueError(f"the cosignature of `{name}` under its checkpoint does not verify")
                found[vkey] = max(seconds, found.get(vkey, 0))
        if not signed:
            raise ValueError("its checkpoint is not signed by the log's key in log/vkey")
        return found

    def succeeds(self, known: str, openings: bytes) -> bool:
        """Whether the log's key followed from a known one: each signed the next (log/vkeys, docs/log-format.md)."""
        for line in openings.split(b"\n")[:-1]:
            if known == self.vkey:
                break
            try:
                note = strict_json(line)["body"]["statement"].encode()
                text, _, tail = note.partition(b"\n\n")
                words = (text + b"\n").decode().split("\n")
                old, new = words[1], words[2]
                signer = parsed_vkey(known)
                if old != known or not words[0].startswith("accordant-") or signer[2] != 1:
                    continue
                data = unbase64(tail.decode().split("\n")[0].split(" ")[2])
                if data[:4] == signer[1] and self._openssl.verifies(signer[3], data[4:], text + b"\n"):
                    known = new
            except (ValueError, KeyError, IndexError, TypeError, AttributeError):
                continue
        return known == self.vkey
