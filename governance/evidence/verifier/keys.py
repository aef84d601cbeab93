"""Public keys as they lie in `NNN.pem`, and what openssl says of signatures.

A key is named by its fingerprint, `SHA256:` and the unpadded base64url of the SHA-256 of its SubjectPublicKeyInfo. A
PEM counts in its one form only, so that openssl and this program can't read different keys in the same file.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess

__all__ = ["Openssl", "fingerprint_of", "raw_signature", "unbase64", "unbase64url"]

# SubjectPublicKeyInfo of the two kinds (RFC 8410, RFC 5480), up to the key's own bytes.
_FORMS = (
    ("ed25519", bytes.fromhex("302a300506032b6570032100"), 44),
    ("p256", bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"), 91),
)
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END PUBLIC KEY-----\n")


def unbase64(text: str) -> bytes:
    """Base64 in its one form. Raises ValueError."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not base64 in its one form")
    return data


def unbase64url(text: str) -> bytes:
    """Base64url without padding, in its one form. Raises ValueError."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("not base64url in its one form")
    return data


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = b"\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return b"-----BEGIN PUBLIC KEY-----\n" + lines + b"\n-----END PUBLIC KEY-----\n"


def fingerprint_of(pem: bytes) -> tuple[str, str]:
    """The kind of a key (`p256` or `ed25519`) and its fingerprint. Raises ValueError."""
    match = _PEM.fullmatch(pem)
    if match is None:
        raise ValueError("not one public key in PEM form")
    der = base64.b64decode(match.group(1).replace(b"\n", b""), validate=True)
    kind = next((k for k, start, size in _FORMS if der.startswith(start) and len(der) == size), None)
    if kind is None or _pem(der) != pem:
        raise ValueError("neither a P-256 nor an Ed25519 key in its one form")
    digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    return kind, f"SHA256:{digest}"


def _integer(data: bytes) -> tuple[int, bytes]:
    if len(data) < 2 or data[0] != 2 or not 0 < data[1] <= 33 or len(data) < 2 + data[1]:
        raise ValueError("not an integer in DER")
    return int.from_bytes(data[2 : 2 + data[1]], "big"), data[2 + data[1] :]


def raw_signature(kind: str, signature: bytes) -> bytes:
    """The 64 bytes that a JWS carries, of what openssl takes. Raises ValueError."""
    if kind == "ed25519":
        return signature
    if len(signature) < 2 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        raise ValueError("not a signature in DER")
    r, rest = _integer(signature[2:])
    s, rest = _integer(rest)
    if rest:
        raise ValueError("more than a signature")
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Openssl:
    """Asks openssl about Ed25519 signatures, in a folder of its own."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _file(self, name: str, data: bytes) -> str:
        path = os.path.join(self._folder, name)
        with open(path, "wb") as stream:
            stream.write(data)
        return path

    def verifies(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """Whether openssl says that the signature over the message is this key's (32 bytes)."""
        words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self._file("pem", _pem(_FORMS[0][1] + public))]
        words += ["-rawin", "-in", self._file("message", message), "-sigfile", self._file("signature", signature)]
        quiet = subprocess.DEVNULL
        asked = subprocess.run(words, stdin=quiet, stdout=quiet, stderr=quiet, check=False)  # noqa: S603 of our words
        return asked.returncode == 0

    def able(self) -> bool:
        """Whether it takes a signature that holds (RFC 8032 §7.1, test 2), and refuses one that does not."""
        public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        signature = bytes.fromhex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
        return self.verifies(public, signature, b"\x72") and not self.verifies(public, signature, b"\x73")
