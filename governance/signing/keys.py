"""Keys: P-256 (FIPS 186-5) and Ed25519 (RFC 8032), nothing else, and never a shared secret.

A key is named by its fingerprint, `SHA256:` and the unpadded base64url of the SHA-256 of its SubjectPublicKeyInfo
(RFC 5280 §4.1.2.7) in DER. The same name is the `keyid` of RFC 9421 and the `kid` of RFC 7515. A PEM is decoded and
encoded anew, so that one key has one text and one fingerprint, however it was written.

Signatures are raw bytes: 64 for both, r ‖ s for ECDSA (RFC 9421 §3.3.4, RFC 7518 §3.4). `der` makes what openssl takes.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from governance.errors import InputWrong, NotAuthentic

__all__ = ["ALGORITHMS", "Alg", "PrivateKey", "PublicKey", "der"]

Alg = Literal["ed25519", "ecdsa-p256-sha256"]
ALGORITHMS: tuple[Alg, ...] = ("ecdsa-p256-sha256", "ed25519")

_ECDSA = ec.ECDSA(hashes.SHA256())
_PEM_MOST = 8_192  # a key of these two kinds has under 400 bytes; a certificate bundle is no key


def _alg(key: object) -> Alg:
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        if isinstance(key.curve, ec.SECP256R1):
            return "ecdsa-p256-sha256"
        raise InputWrong(f"a key on the curve `{key.curve.name}`; only P-256 is taken", reason="key-not-taken")
    kind = type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey")
    raise InputWrong(f"a key of the kind `{kind}`; only P-256 and Ed25519 are taken", reason="key-not-taken")


def der(*, alg: Alg, signature: bytes) -> bytes:
    """A raw signature as `openssl` takes it: DER for ECDSA, unchanged for Ed25519."""
    if alg == "ed25519":
        return signature
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Made by `from_pem` only. Two are equal when their fingerprints are."""

    alg: Alg = field(compare=False)
    pem: str = field(compare=False)
    fingerprint: str
    _key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey = field(compare=False, repr=False)

    @classmethod
    def from_pem(cls, pem: str | bytes) -> PublicKey:
        """Raises InputWrong for anything but one SubjectPublicKeyInfo of a kind that is taken."""
        data = pem.encode() if isinstance(pem, str) else pem
        if b"PRIVATE KEY" in data:
            raise InputWrong("a private key where a public one belongs; keep it to yourself", reason="key-private")
        if len(data) > _PEM_MOST or data.count(b"-----BEGIN") != 1:
            raise InputWrong("not one public key in PEM form (`BEGIN PUBLIC KEY`)", reason="key-malformed")
        try:
            loaded = load_pem_public_key(data)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise InputWrong("not a public key in PEM form (`BEGIN PUBLIC KEY`)", reason="key-malformed") from None
        return cls._of(loaded)

    @classmethod
    def _of(cls, key: object) -> PublicKey:
        alg = _alg(key)
        assert isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)  # noqa: S101 what `_alg` took
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = urlsafe_b64encode(hashlib.sha256(spki).digest()).rstrip(b"=").decode("ascii")
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
        return cls(alg, pem, f"SHA256:{digest}", key)

    @property
    def keyid(self) -> str:
        """The fingerprint."""
        return self.fingerprint

    def verify(self, *, signature: bytes, message: bytes) -> None:
        """Raises NotAuthentic unless this key made the (raw) signature over the message."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            elif len(signature) != 64:
                raise NotAuthentic("the signature does not verify")
            else:
                self._key.verify(der(alg="ecdsa-p256-sha256", signature=signature), message, _ECDSA)
        except InvalidSignature:
            raise NotAuthentic("the signature does not verify") from None


class PrivateKey:
    """A signer's key. It stays on the signer's machine; the service knows it only as a type of its own few keys."""

    __slots__ = ("_key", "public")

    def __init__(self, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self.public: PublicKey = PublicKey._of(key.public_key())

    @classmethod
    def generate(cls, alg: Alg = "ecdsa-p256-sha256") -> PrivateKey:
        """A new key, from the operating system's randomness."""
        if alg == "ed25519":
            return cls(ed25519.Ed25519PrivateKey.generate())
        if alg == "ecdsa-p256-sha256":
            return cls(ec.generate_private_key(ec.SECP256R1()))
        raise InputWrong(f"`{alg}` is not taken; `ecdsa-p256-sha256` and `ed25519` are", reason="key-not-taken")

    @classmethod
    def from_pem(cls, pem: bytes, *, passphrase: str | None = None) -> PrivateKey:
        """Raises InputWrong: `passphrase-needed`, `passphrase-wrong`, `key-malformed` or `key-not-taken`."""
        encrypted = b"ENCRYPTED" in pem
        if encrypted and not passphrase:
            raise InputWrong("the private key is encrypted; its passphrase is needed", reason="passphrase-needed")
        try:
            loaded = load_pem_private_key(pem, passphrase.encode() if encrypted and passphrase else None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            if encrypted:
                raise InputWrong("the passphrase does not open the private key", reason="passphrase-wrong") from None
            raise InputWrong("not a private key in PEM form (`BEGIN PRIVATE KEY`)", reason="key-malformed") from None
        _alg(loaded)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)  # noqa: S101 `_alg` took it
        return cls(loaded)

    def to_pem(self, *, passphrase: str | None = None) -> bytes:
        """PKCS#8 (RFC 5958), encrypted under a passphrase where one is given."""
        cover: KeySerializationEncryption = NoEncryption()
        if passphrase:
            cover = BestAvailableEncryption(passphrase.encode())
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cover)

    @property
    def alg(self) -> Alg:
        """The algorithm of its signatures."""
        return self.public.alg

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its public key."""
        return self.public.fingerprint

    def sign(self, message: bytes) -> bytes:
        """A raw signature of 64 bytes."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        r, s = decode_dss_signature(self._key.sign(message, _ECDSA))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def __repr__(self) -> str:
        return f"PrivateKey({self.public.alg}, {self.public.fingerprint})"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled")
