"""The leaf: what the chain and the tree are made of. Small, canonical JSON, without personal data, never migrated.

    {"body":"<hex>","kind":"request","prev":"<hex>","seq":7,"time":"2026-11-02T12:00:00.000000Z","v":1}

`prev` is the hash of the leaf before (64 zeros for the first), where a leaf's hash is RFC 6962's, SHA-256(0x00 ‖ leaf).
`body` is SHA-256(salt ‖ canonical body): the salt, 32 random bytes, keeps anybody from guessing a body from its hash.
`time` is RFC 3339 in UTC with six digits, and never decreases. Reading is strict: bytes that differ from the one
canonical form in a single space are not a leaf.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from audit.errors import NotCanonical
from audit.merkle import leaf_hash

__all__ = ["FIRST", "KIND", "Leaf", "body_hash", "from_text", "to_text", "written"]

# What stands in `prev` of the first leaf.
FIRST = bytes(32)

KIND = re.compile(r"[a-z][a-z0-9-]{0,62}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):\d{2}:\d{2}\.\d{6}Z", re.ASCII)
_LEAF = re.compile(
    rb'\{"body":"([0-9a-f]{64})","kind":"([a-z][a-z0-9-]{0,62})","prev":"([0-9a-f]{64})",'
    rb'"seq":(0|[1-9][0-9]{0,15}),"time":"([0-9T:.-]{26}Z)","v":1\}'
)
_MOST = 2**53 - 1


@lru_cache(64)  # the entries of a batch have one time
def to_text(instant: dt.datetime) -> str:
    """An instant as it stands in a leaf."""
    return instant.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> dt.datetime:
    """The instant that a leaf's `time` says. Raises NotCanonical."""
    if _TIME.fullmatch(text) is None:
        raise NotCanonical(f"`{text}` is not a time of a leaf")
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise NotCanonical(f"`{text}` is not a time of a leaf: {error}") from error


def body_hash(salt: bytes, body: bytes) -> bytes:
    """What a leaf says of its body."""
    return hashlib.sha256(salt + body).digest()


def written(seq: int, kind: str, time: str, prev: bytes, body: bytes) -> bytes:
    """A leaf's bytes from what was checked already: `kind` is one, `time` is `to_text` of an instant."""
    return (
        f'{{"body":"{body.hex()}","kind":"{kind}","prev":"{prev.hex()}","seq":{seq},"time":"{time}","v":1}}'
    ).encode()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf; `prev` and `body` are hashes of 32 bytes."""

    seq: int
    kind: str
    time: dt.datetime
    prev: bytes
    body: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.seq <= _MOST:
            raise NotCanonical(f"{self.seq} is not a number of an entry")
        if KIND.fullmatch(self.kind) is None:
            raise NotCanonical(f"`{self.kind}` is not a kind: small letters, digits and hyphens, a letter first")
        if self.time.tzinfo is None:
            raise NotCanonical("the time of a leaf needs its offset from UTC")
        if len(self.prev) != 32 or len(self.body) != 32:
            raise NotCanonical("a hash has 32 bytes")

    def to_bytes(self) -> bytes:
        """The canonical form (RFC 8785): nothing in a leaf needs escaping, and the keys stand in order."""
        return written(self.seq, self.kind, to_text(self.time), self.prev, self.body)

    @classmethod
    def from_bytes(cls, data: bytes) -> Leaf:
        """Reads stored bytes. Raises NotCanonical for anything but the canonical form of a version 1 leaf."""
        found = _LEAF.fullmatch(data)
        if found is None:
            raise NotCanonical("not the canonical form of a leaf of version 1")
        body, kind, prev, seq, time = (part.decode() for part in found.groups())
        return cls(int(seq), kind, from_text(time), bytes.fromhex(prev), bytes.fromhex(body))

    @staticmethod
    def hash(data: bytes) -> bytes:
        """The RFC 6962 leaf hash of a leaf's bytes."""
        return leaf_hash(data)
