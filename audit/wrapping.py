"""The key-encryption key: it wraps data keys and nothing else, and never lies beside what it wraps.

AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits; the associated data is the data key's identity, so that a
wrapped key that is put in the place of another does not open. Rotation wraps each data key anew; entries stay as they
are.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.errors import KeysUnavailable

__all__ = ["NONCE", "WrappingKey"]

NONCE = 12  # bytes before a ciphertext


class WrappingKey:
    """32 bytes that a file, a variable or a key service gave. `id` names it and says nothing of it."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise KeysUnavailable(f"a wrapping key has 32 bytes, and this one {len(secret)}")
        self.id = hashlib.sha256(b"accordant wrapping key\x00" + secret).hexdigest()[:16]
        self._cipher = AESGCM(secret)

    def wrap(self, key: bytes, identity: bytes) -> bytes:
        """Nonce and ciphertext of a data key."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, key, identity)

    def unwrap(self, wrapped: bytes, identity: bytes) -> bytes:
        """The data key. Raises KeysUnavailable where this key did not wrap it for this identity."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE], wrapped[NONCE:], identity)
        except (InvalidTag, ValueError) as error:
            raise KeysUnavailable(f"the wrapping key `{self.id}` does not open a data key") from error
