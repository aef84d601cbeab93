"""Receipts (C2SP tlog-proof): one file that proves, without asking anybody, that an entry is in the log.

    c2sp.org/tlog-proof@v1
    extra <base64>
    index 42
    <base64 of a hash, a line each, from the leaf's sibling up>

    <the checkpoint, a signed note, with whatever cosignatures it has>

`extra` is `{"body":...,"leaf":"<the leaf's text>","salt":"<hex>"}` in canonical JSON: the leaf, whose hash the proof
starts from, and the opening of its body. It is not trusted: the leaf must lead to the signed root, and the body must
have the hash that the leaf says.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from audit.canonical import canonical, parse
from audit.entry import Entry
from audit.errors import NotCanonical, ProofWrong
from audit.leaf import Leaf, body_hash
from audit.note import Checkpoint, NoteVerifier, open_note
from audit.proof import check_inclusion

__all__ = ["Opening", "Receipt"]

_FIRST = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_MOST = 63


def _unbase64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofWrong(f"{what} is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise ProofWrong(f"{what} is not in the one form of base64")
    return data


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not the number of an entry")
    return value


@dataclass(frozen=True, slots=True)
class Opening:
    """What stands in an entry: its leaf, and the salt and body that the leaf's `body` is the hash of.

    Where the content was erased there is neither, and `erased` is the number of the erasure: the leaf alone is proved.
    """

    leaf: bytes
    salt: bytes
    body: dict[str, Any]
    erased: int | None = None

    def to_bytes(self) -> bytes:
        """Canonical JSON, as `extra` carries it."""
        value: dict[str, Any] = {"body": self.body, "leaf": self.leaf.decode(), "salt": self.salt.hex()}
        data, _ = canonical(value if self.erased is None else {"erased": self.erased, "leaf": value["leaf"]})
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> Opening:
        """Raises ProofWrong."""
        try:
            value = parse(data)
            if set(value) == {"erased", "leaf"}:
                return cls(value["leaf"].encode(), b"", {}, _number(value["erased"]))
            if set(value) != {"body", "leaf", "salt"} or not isinstance(value["body"], dict):
                raise ValueError("other members")
            return cls(value["leaf"].encode(), bytes.fromhex(value["salt"]), value["body"])
        except (NotCanonical, ValueError, AttributeError, TypeError) as error:
            raise ProofWrong("the receipt's `extra` does not hold an entry's leaf, salt and body") from error

    def check(self) -> Leaf:
        """The leaf, once the body was seen to be its. Raises ProofWrong."""
        try:
            leaf = Leaf.from_bytes(self.leaf)
            body, _ = canonical(self.body)
        except NotCanonical as error:
            raise ProofWrong(f"the receipt's entry is not in the form of an entry: {error}") from error
        if self.erased is None and body_hash(self.salt, body) != leaf.body:
            raise ProofWrong(f"the receipt's content is not the one that was recorded as entry {leaf.seq}")
        return leaf


@dataclass(frozen=True, slots=True)
class Receipt:
    """A position in the log, the way from there to a signed root, and the checkpoint that signs it."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @classmethod
    def of(cls, entry: Entry, *, proof: tuple[bytes, ...], checkpoint: bytes) -> Receipt:
        """The receipt of an entry with the opening of its body, for those who may see it."""
        return cls(entry.seq, proof, checkpoint, Opening(entry.leaf, entry.salt, entry.body, entry.erased).to_bytes())

    @property
    def opening(self) -> Opening:
        """The entry. Raises ProofWrong where the receipt carries none."""
        if self.extra is None:
            raise ProofWrong("the receipt does not say of which entry it is")
        return Opening.from_bytes(self.extra)

    @property
    def erased(self) -> int | None:
        """The erasure under which the entry's content went, as the receipt says; None where it does not say so."""
        try:
            return self.opening.erased
        except ProofWrong:
            return None

    def to_text(self) -> bytes:
        """As a file `.tlog-proof`."""
        lines = [_FIRST]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines += [f"index {self.index}", *(base64.b64encode(digest).decode() for digest in self.proof), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def from_text(cls, data: bytes) -> Receipt:
        """Reads the file; nothing is verified. Raises ProofWrong."""
        head, found, checkpoint = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise ProofWrong("not a receipt") from error
        if not found or lines.pop(0) != _FIRST or not lines:
            raise ProofWrong(f"not a receipt: its first line would be `{_FIRST}`")
        extra = None
        if lines[0].startswith("extra "):
            extra = _unbase64(lines.pop(0)[6:], "the receipt's `extra`")
        if not lines or not lines[0].startswith("index ") or _INDEX.fullmatch(lines[0][6:]) is None:
            raise ProofWrong("the receipt does not say the number of its entry")
        index = int(lines.pop(0)[6:])
        if len(lines) > _MOST:
            raise ProofWrong(f"a proof has {_MOST} hashes at most")
        proof = tuple(_unbase64(line, "a hash of the receipt's proof") for line in lines)
        return cls(index, proof, checkpoint, extra)

    @classmethod
    def from_file(cls, data: bytes) -> Receipt:
        """As `from_text`, and also what `GET /v1/receipts/{entry}` answers as JSON. Raises ProofWrong."""
        if not data.lstrip().startswith(b"{"):
            return cls.from_text(data)
        try:
            told = json.loads(data)
            erased = _number(told["erased"]) if "erased" in told else None
            opening = Opening(told["leaf"].encode(), bytes.fromhex(told["salt"]), told["body"], erased)
            proof = tuple(_unbase64(line, "a hash of the receipt's proof") for line in told["proof"])
            checkpoint = _unbase64(told["checkpoint"], "the receipt's checkpoint")
            return cls(int(told["seq"]), proof, checkpoint, opening.to_bytes())
        except (ValueError, KeyError, TypeError, AttributeError, NotCanonical) as error:
            raise ProofWrong("not a receipt: a member of it is missing or malformed") from error

    def check(self, verifier: NoteVerifier) -> Checkpoint:
        """The checkpoint, once everything holds: signature, entry, content, proof.

        Raises ProofWrong, WrongCheckpoint or NoteWrong with what does not.
        """
        checkpoint = Checkpoint.from_text(open_note(self.checkpoint, verifier))
        if checkpoint.origin != verifier.name:
            raise ProofWrong(f"the receipt is of the log `{checkpoint.origin}`, not of `{verifier.name}`")
        leaf = self.opening.check()
        if leaf.seq != self.index:
            raise ProofWrong(f"the receipt says that it is of entry {self.index}, and its entry is number {leaf.seq}")
        check_inclusion(
            leaf_hash=Leaf.hash(self.opening.leaf),
            index=self.index,
            size=checkpoint.size,
            proof=self.proof,
            root=checkpoint.root,
        )
        return checkpoint
