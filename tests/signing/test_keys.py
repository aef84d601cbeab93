"""Keys: two kinds, one name each, and nothing else is taken."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
from base64 import b64decode, urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from governance.errors import InputWrong, NotAuthentic
from governance.signing.keys import ALGORITHMS, Alg, PrivateKey, PublicKey, der
from tests.signing import vectors

FOREIGN = {
    "RSA": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "secp384r1": lambda: ec.generate_private_key(ec.SECP384R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "Ed448": ed448.Ed448PrivateKey.generate,
    "X25519": x25519.X25519PrivateKey.generate,
}


@pytest.fixture(params=ALGORITHMS)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return PrivateKey.generate(request.param)


def test_a_fingerprint_is_the_sha256_of_the_spki_in_base64url(key: PrivateKey) -> None:
    """Anybody computes it from the PEM with openssl and sha256sum."""
    spki = b64decode("".join(key.public.pem.splitlines()[1:-1]))
    expected = "SHA256:" + urlsafe_b64encode(hashlib.sha256(spki).digest()).decode().rstrip("=")

    assert expected == key.public.fingerprint == key.public.keyid == key.fingerprint


def test_a_signature_of_64_bytes_verifies_and_no_other_does(key: PrivateKey) -> None:
    """Both algorithms sign raw bytes of one length; a changed message, signature or key refuses."""
    signature = key.sign(b"words")
    key.public.verify(signature=signature, message=b"words")

    assert len(signature) == 64
    bad = [
        (key.public, signature, b"word"),
        (key.public, signature[:-1] + bytes([signature[-1] ^ 1]), b"words"),
        (key.public, signature[:-1], b"words"),
        (key.public, signature + b"\0", b"words"),
        (key.public, signature[:32] + b"\0" + signature[32:], b"words"),
        (key.public, b"", b"words"),
        (key.public, bytes(64), b"words"),
        (PrivateKey.generate(key.alg).public, signature, b"words"),
    ]
    for public, wrong, message in bad:
        with pytest.raises(NotAuthentic):
            public.verify(signature=wrong, message=message)


def test_a_der_signature_is_not_taken_for_a_raw_one() -> None:
    """RFC 9421 §3.3.4 puts r ‖ s on the wire; DER there is no signature."""
    key = PrivateKey.generate()
    signature = der(alg=key.alg, signature=key.sign(b"words"))

    with pytest.raises(NotAuthentic):
        key.public.verify(signature=signature, message=b"words")


def test_openssl_verifies_the_der_form(tmp_path: Path) -> None:
    """`der` is what `openssl dgst` takes."""
    key = PrivateKey.generate()
    (tmp_path / "key").write_text(key.public.pem)
    (tmp_path / "message").write_bytes(b"words")
    (tmp_path / "signature").write_bytes(der(alg=key.alg, signature=key.sign(b"words")))
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature", "message"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip()) == (0, "Verified OK")


def test_the_published_signatures_verify() -> None:
    """RFC 9421 B.2.4 and B.2.6."""
    vectors.B26_KEY.public.verify(signature=b64decode(vectors.B26_SIGNATURE), message=vectors.B26_BASE)

    assert b64decode(vectors.B26_SIGNATURE) == vectors.B26_KEY.sign(vectors.B26_BASE)


@pytest.mark.parametrize("passphrase", [None, "correct horse", "ünïcode"])
def test_a_private_key_survives_its_pem(key: PrivateKey, passphrase: str | None) -> None:
    """PKCS#8, encrypted exactly where a passphrase was given."""
    pem = key.to_pem(passphrase=passphrase)

    assert (b"ENCRYPTED" in pem) == (passphrase is not None)
    assert key.fingerprint == PrivateKey.from_pem(pem, passphrase=passphrase).fingerprint


@pytest.mark.parametrize(
    ("passphrase", "reason"), [(None, "passphrase-needed"), ("", "passphrase-needed"), ("x", "passphrase-wrong")]
)
def test_a_wrong_passphrase_is_told_from_a_missing_one(key: PrivateKey, passphrase: str | None, reason: str) -> None:
    with pytest.raises(InputWrong) as caught:
        PrivateKey.from_pem(key.to_pem(passphrase="right"), passphrase=passphrase)

    assert reason == caught.value.reason


def test_a_passphrase_for_an_open_file_does_no_harm(key: PrivateKey) -> None:
    """Scripts set ACCORDANT_PASSPHRASE for all their keys."""
    assert key.fingerprint == PrivateKey.from_pem(key.to_pem(), passphrase="unused").fingerprint


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_kinds_of_keys_are_refused_by_name(kind: str) -> None:
    made = FOREIGN[kind]()
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(InputWrong, match=kind) as one:
        PublicKey.from_pem(public)
    with pytest.raises(InputWrong, match=kind) as other:
        PrivateKey.from_pem(private)
    assert ("key-not-taken", "key-not-taken") == (one.value.reason, other.value.reason)


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        ("", "key-malformed"),
        ("words", "key-malformed"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "key-malformed"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "key-malformed"),
        (vectors.A3_KEY.pem * 2, "key-malformed"),
        (vectors.A3_KEY.pem + "x" * 9_000, "key-malformed"),
        (PrivateKey.generate().to_pem().decode(), "key-private"),
    ],
)
def test_what_is_no_public_key_is_refused(pem: str, reason: str) -> None:
    with pytest.raises(InputWrong) as caught:
        PublicKey.from_pem(pem)

    assert reason == caught.value.reason


@pytest.mark.parametrize("pem", [b"", b"words", vectors.A3_KEY.pem.encode(), b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_private_key_is_refused(pem: bytes) -> None:
    with pytest.raises(InputWrong) as caught:
        PrivateKey.from_pem(pem)

    assert caught.value.reason == "key-malformed"


def test_one_key_has_one_text_and_one_name() -> None:
    """A compressed point, other line ends and words around it are the same key."""
    key = vectors.A3_KEY
    loaded = load_pem_public_key(key.pem.encode())
    assert isinstance(loaded, ec.EllipticCurvePublicKey)
    point = loaded.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    # SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING { compressed point } }
    spki = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    compressed = "-----BEGIN PUBLIC KEY-----\n" + urlsafe_b64encode(spki).decode().replace("-", "+").replace("_", "/")
    spellings = [compressed + "\n-----END PUBLIC KEY-----\n", "words\n" + key.pem, key.pem.replace("\n", "\r\n")]

    assert [key.pem] * 3 == [PublicKey.from_pem(s).pem for s in spellings]
    assert {key} == {PublicKey.from_pem(s) for s in spellings}


def test_a_private_key_shows_and_copies_nothing(key: PrivateKey) -> None:
    """Neither a log line nor a pickle holds it."""
    assert f"PrivateKey({key.alg}, {key.fingerprint})" == repr(key)
    assert "_key" not in repr(key.public)
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_an_unknown_algorithm_is_refused() -> None:
    wrong: Alg = "rsa"  # type: ignore[assignment]
    with pytest.raises(InputWrong, match="`rsa` is not taken"):
        PrivateKey.generate(wrong)
