"""Bodies as they lie on the disk: AES-256-GCM (NIST SP 800-38D), so that whoever has no key learns nothing.

    keys     the ids of the data keys that it takes, 24 bytes each: the party's, then those of the subjects named
    sealed   nonce (12 bytes) ‖ ciphertext of salt (32 bytes) ‖ canonical body ‖ tag (16 bytes)

The associated data is the entry's number (8 bytes, big-endian) ‖ its leaf's hash (32 bytes), for a part also its number
in the entry (4 bytes): a ciphertext that is moved to another place does not open. One key is used as it is; several
make one by HKDF-SHA256 (RFC 5869) over their concatenation with the info `accordant body v1`, so that a body which
names subjects is forgotten with the first of their keys. Nonces are random: a party's key serves one month, far from
the 2^32 messages up to which that is safe.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from audit.errors import Tampered
from audit.keys import HANDLE, DataKey, KeyStore, Use
from audit.wrapping import NONCE

__all__ = ["SALT", "Lost", "Sealing", "month_of"]

SALT = 32
_INFO = b"accordant body v1"
_CIPHERS = 4096


class Lost(Exception):
    """A key that it takes is not in the store: what is under it was forgotten, rightly or not. `keys`: their ids."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        super().__init__("a data key is gone")
        self.keys = tuple(keys)


@lru_cache(64)  # the entries of a batch have one time
def month_of(time: dt.datetime) -> str:
    """The period of a party's key."""
    return f"{time.year:04}-{time.month:02}"


@dataclass(slots=True)
class _Ring:
    """Ciphers of the keys that were used of late."""

    ciphers: dict[bytes, AESGCM]
    lock: threading.Lock


class Sealing:
    """Encrypts and opens with the keys of a store. Safe from any thread."""

    def __init__(self, keys: KeyStore) -> None:
        self.keys = keys
        self._ring = _Ring({}, threading.Lock())

    def forget(self) -> None:
        """Drops every key from memory."""
        self._ring.ciphers = {}
        self.keys.forget()

    def seal(
        self, plain: bytes, *, use: Use, holder: str, time: dt.datetime, named: Sequence[DataKey], place: bytes
    ) -> tuple[bytes, bytes]:
        """A body: the ids of its keys, and what is stored of it. Raises KeysUnavailable."""
        party = self.keys.of_party(use, holder, "" if use == "record" else month_of(time))
        return self.seal_with((party, *named), plain, place)

    def seal_with(self, keys: Sequence[DataKey], plain: bytes, place: bytes) -> tuple[bytes, bytes]:
        """The ids of the keys, and what is stored."""
        ids = keys[0].id if len(keys) == 1 else b"".join([key.id for key in keys])
        cipher = self._ring.ciphers.get(ids) or self._cipher(ids, keys)
        nonce = secrets.token_bytes(NONCE)
        return ids, nonce + cipher.encrypt(nonce, plain, place)

    def open(self, seq: int, ids: bytes, sealed: bytes, place: bytes) -> bytes:
        """What was sealed. Raises Lost where a key is gone, Tampered where it does not open, KeysUnavailable."""
        cipher = self._ring.ciphers.get(ids)
        if cipher is None:
            wanted = [ids[i : i + HANDLE] for i in range(0, len(ids), HANDLE)]
            found = self.keys.by_id(wanted)
            if len(found) < len(set(wanted)) or not wanted:
                raise Lost([i for i in wanted if i not in found])
            cipher = self._cipher(ids, [found[i] for i in wanted])
        try:
            return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place)
        except (InvalidTag, ValueError) as error:
            message = f"the content of entry {seq} was changed after it was recorded, or is another entry's"
            raise Tampered(seq, "body-changed", message) from error

    def _cipher(self, ids: bytes, keys: Sequence[DataKey]) -> AESGCM:
        secret = keys[0].secret
        if len(keys) > 1:
            together = b"".join(key.secret for key in keys)
            secret = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(together)
        cipher = AESGCM(secret)
        with self._ring.lock:
            if len(self._ring.ciphers) >= _CIPHERS:
                self._ring.ciphers = {}
            self._ring.ciphers[ids] = cipher
        return cipher
