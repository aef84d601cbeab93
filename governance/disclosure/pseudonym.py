"""Pseudonyms: a subject becomes the same text for one recipient, MOU, clause and purpose, and another elsewhere.

HMAC-SHA-256 under a key that HKDF (RFC 5869) derives from the service's secret for exactly these four: nobody who
holds two answers for two purposes can join them, and nobody without the secret can go back. Deterministic, so that
what one clause releases this year can be joined with what it releases next year.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["derive_key", "pseudonym"]

_LENGTH = 32  # hexadecimal digits: 128 bits, far from any collision among subjects


def _joined(*parts: str) -> bytes:
    """Each part with its length before it, so that no two lists of parts give the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(e).to_bytes(8, "big") + e for e in encoded)


def derive_key(secret: bytes, *, recipient: str, mou: str, clause: str, purpose: str) -> bytes:
    """The key for one recipient, MOU, clause and purpose."""
    if len(secret) < 16:
        raise ValueError("the secret behind pseudonyms has at least 16 bytes")
    info = b"accordant pseudonym 1" + _joined(recipient, mou, clause, purpose)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def pseudonym(key: bytes, *, contributor: str | None, subject: str) -> str:
    """A subject's pseudonym. `contributor` is None where subjects are shared: then the id alone is the person."""
    message = _joined(subject) if contributor is None else _joined(contributor, subject)
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:_LENGTH]
