"""Cosignatures of witnesses (C2SP tlog-cosignature, `cosignature/v1`, Ed25519): "the largest that I saw".

A cosignature is a signature line under a checkpoint whose signature is eight bytes of time (seconds since 1970, big
endian) and an Ed25519 signature over

    cosignature/v1
    time 1679315147
    <the checkpoint's text>

Its key id is made with 0x04, so that no key can be taken for a log's.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import NoteWrong
from audit.note import NoteVerifier, signatures_of

__all__ = ["Cosigned", "Cosigner", "CosignatureVerifier", "cosignatures_of", "with_lines"]

_TYPE = b"\x04"
_LENGTH = 8 + 64


def _message(text: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % seconds + text


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _TYPE + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class CosignatureVerifier:
    """A witness's public key under its name."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        NoteVerifier(self.name, self.public)  # the same rules for names and keys; raises NoteWrong

    @property
    def key_id(self) -> bytes:
        """Four bytes that say which key a signature line means."""
        return _key_id(self.name, self.public)

    @property
    def vkey(self) -> str:
        """The verifier key, one line."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_TYPE + self.public).decode()}"

    @classmethod
    def from_vkey(cls, vkey: str) -> CosignatureVerifier:
        """Reads a witness's verifier key. Raises NoteWrong."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise NoteWrong("the key in a verifier key is not base64") from error
        if key[:1] != _TYPE or base64.b64encode(key).decode() != encoded:
            raise NoteWrong("the verifier key is not a witness's: its type is not that of Ed25519 cosignatures")
        verifier = cls(name, key[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteWrong("the verifier key's id does not belong to its name and key")
        return verifier

    def time_of(self, text: bytes, signature: bytes) -> int | None:
        """When it was made, in seconds since 1970; None where it is not this key's."""
        if len(signature) != _LENGTH:
            return None
        seconds = int.from_bytes(signature[:8], "big")
        if seconds >= 1 << 63:
            return None
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature[8:], _message(text, seconds))
        except (InvalidSignature, ValueError):
            return None
        return seconds


class Cosigner:
    """A witness's private key under its name: for a partner that vouches for what it saw."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = CosignatureVerifier(name, key.public_key().public_bytes_raw())

    def line(self, note: bytes, *, seconds: int) -> bytes:
        """The signature line for a checkpoint. Whoever calls it has seen that the checkpoint extends the last one."""
        text, _ = signatures_of(note)
        signature = seconds.to_bytes(8, "big") + self._key.sign(_message(text.encode(), seconds))
        encoded = base64.b64encode(self.verifier.key_id + signature)
        return f"— {self.verifier.name} ".encode() + encoded + b"\n"


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One verified cosignature: whose, when, and its line."""

    verifier: CosignatureVerifier
    seconds: int
    line: bytes


def cosignatures_of(note: bytes, witnesses: tuple[CosignatureVerifier, ...]) -> tuple[Cosigned, ...]:
    """The newest verified cosignature of each known witness. Unknown keys are passed over.

    Raises NoteWrong where the note can't be read, or a known witness's line does not verify.
    """
    text, signatures = signatures_of(note)
    known = {(w.name, w.key_id): w for w in witnesses}
    found: dict[tuple[str, bytes], Cosigned] = {}
    for signature in signatures:
        place = (signature.name, signature.key_id)
        witness = known.get(place)
        if witness is None:
            continue
        seconds = witness.time_of(text.encode(), signature.signature)
        if seconds is None:
            raise NoteWrong(f"the cosignature of `{witness.name}` does not verify")
        if place not in found or found[place].seconds < seconds:
            encoded = base64.b64encode(signature.key_id + signature.signature)
            found[place] = Cosigned(witness, seconds, f"— {witness.name} ".encode() + encoded + b"\n")
    return tuple(found[(w.name, w.key_id)] for w in witnesses if (w.name, w.key_id) in found)


def with_lines(note: bytes, lines: tuple[bytes, ...]) -> bytes:
    """The note with more signature lines, none of them twice."""
    kept = note.rpartition(b"\n\n")[2].splitlines(keepends=True)
    return note + b"".join(line for n, line in enumerate(lines) if line not in kept and line not in lines[:n])
