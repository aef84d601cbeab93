"""Detached JWS: one form, one key, one payload."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import NotAuthentic
from governance.signing.jws import TYP, kid_of, parts, sign_detached, signing_input, verify_detached
from governance.signing.keys import ALGORITHMS, PrivateKey
from tests.signing import vectors

KEYS = {alg: PrivateKey.generate(alg) for alg in ALGORITHMS}
PAYLOAD = b'{"type":"signing"}'


def b64(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).decode().rstrip("=")


def header(key: PrivateKey, **changes: object) -> dict[str, object]:
    base = {"alg": "EdDSA" if key.alg == "ed25519" else "ES256", "kid": key.fingerprint, "typ": TYP}
    return {k: v for k, v in (base | changes).items() if v is not None}


def made(key: PrivateKey, head: object, payload: bytes = PAYLOAD) -> str:
    """A token with a header of one's own, signed rightly."""
    signature = key.sign(f"{b64(head)}.{b64(payload)}".encode())
    return f"{b64(head)}..{b64(signature)}"


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_what_a_key_signs_verifies_with_it(key: PrivateKey) -> None:
    jws = sign_detached(key=key, payload=PAYLOAD)
    verify_detached(key=key.public, payload=PAYLOAD, jws=jws)

    assert key.fingerprint == kid_of(jws)
    assert header(key) == parts(jws)[0]
    assert jws.split(".")[1] == ""


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_other_libraries_verify_it_once_the_payload_is_back(key: PrivateKey) -> None:
    """RFC 7515 Appendix F: detached is the usual token with the middle left out, no `b64` and no `crit`."""
    head, _, signature = sign_detached(key=key, payload=PAYLOAD).split(".")
    whole = f"{head}.{b64(PAYLOAD)}.{signature}"

    assert PAYLOAD == jwt.PyJWS().decode(whole, key.public.pem, algorithms=["ES256", "EdDSA"])


def test_the_published_es256_signature_is_over_our_signing_input() -> None:
    """RFC 7515 A.3."""
    covered = signing_input(payload=vectors.A3_PAYLOAD, jws=f"{vectors.A3_HEADER}..{vectors.A3_SIGNATURE}")
    vectors.A3_KEY.verify(signature=vectors.b64url(vectors.A3_SIGNATURE), message=covered)
    with pytest.raises(NotAuthentic):
        vectors.A3_KEY.verify(signature=vectors.b64url(vectors.A3_SIGNATURE), message=covered + b"0")


def test_the_published_eddsa_signature_is_the_one_that_we_make() -> None:
    """RFC 8037 A.4."""
    covered = signing_input(payload=vectors.A4_PAYLOAD, jws=f"{vectors.A4_HEADER}..{vectors.A4_SIGNATURE}")

    assert vectors.A4_SIGNATURE == b64(vectors.A4_KEY.sign(covered))


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_the_signing_input_is_what_the_signature_covers(key: PrivateKey) -> None:
    """So that `openssl` verifies it without any JOSE library."""
    jws = sign_detached(key=key, payload=PAYLOAD)
    key.public.verify(signature=parts(jws)[1], message=signing_input(payload=PAYLOAD, jws=jws))


@given(payload=st.binary(max_size=200), other=st.binary(max_size=200))
def test_no_other_payload_verifies(payload: bytes, other: bytes) -> None:
    key = KEYS["ed25519"]
    jws = sign_detached(key=key, payload=payload)
    verify_detached(key=key.public, payload=payload, jws=jws)
    if other != payload:
        with pytest.raises(NotAuthentic):
            verify_detached(key=key.public, payload=other, jws=jws)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": "ES384"},
        {"alg": None},
        {"alg": ["ES256"]},
        {"kid": "SHA256:" + "A" * 43},
        {"kid": None},
        {"typ": "JWT"},
        {"typ": None},
        {"crit": ["b64"], "b64": False},
        {"jwk": {"kty": "EC"}},
        {"jku": "https://example.org/keys"},
        {"x5c": []},
        {"extra": 1},
    ],
    ids=lambda value: str(value)[:4],  # what follows is of this run: ids are the same in every process
)
def test_a_header_of_another_form_is_refused_though_rightly_signed(key: PrivateKey, changes: dict[str, object]) -> None:
    """The algorithm and the key are told by the enrolment, never by the token."""
    verify_detached(key=key.public, payload=PAYLOAD, jws=made(key, header(key)))
    with pytest.raises(NotAuthentic):
        verify_detached(key=key.public, payload=PAYLOAD, jws=made(key, header(key, **changes)))


def test_the_algorithm_of_the_other_kind_is_refused() -> None:
    one, other = KEYS.values()
    with pytest.raises(NotAuthentic):
        verify_detached(key=one.public, payload=PAYLOAD, jws=sign_detached(key=other, payload=PAYLOAD))
    swapped = made(one, header(one, alg=header(other)["alg"]))
    with pytest.raises(NotAuthentic) as caught:
        verify_detached(key=one.public, payload=PAYLOAD, jws=swapped)
    assert caught.value.reason == "signature-of-another-key"


def test_an_hmac_under_the_public_key_is_no_signature() -> None:
    """The classic confusion of algorithms."""
    key = KEYS["ed25519"]
    head = b64(header(key, alg="HS256"))
    import hashlib
    import hmac

    signature = hmac.digest(key.public.pem.encode(), f"{head}.{b64(PAYLOAD)}".encode(), hashlib.sha256)
    with pytest.raises(NotAuthentic):
        verify_detached(key=key.public, payload=PAYLOAD, jws=f"{head}..{b64(signature)}")


GOOD = sign_detached(key=KEYS["ed25519"], payload=PAYLOAD)


@pytest.mark.parametrize(
    "jws",
    [
        "",
        ".",
        "..",
        "a.b.c",
        GOOD + ".",
        GOOD.replace("..", "."),
        GOOD.replace("..", f".{b64(PAYLOAD)}."),
        GOOD + "=",
        GOOD + "\n",
        " " + GOOD,
        GOOD[:-1],
        GOOD[:-1] + "é",
        "bnVsbA.." + GOOD.split(".")[2],
        "W10.." + GOOD.split(".")[2],
        GOOD.split(".")[0] + "..",
        "A" * 2_000 + "..AA",
        "[" * 900 + "..AA",
    ],
    ids=lambda jws: f"{len(jws)}-{jws[:3]}",  # what follows is of this run: ids are the same in every process
)
def test_a_token_of_another_form_is_refused(jws: str) -> None:
    with pytest.raises(NotAuthentic):
        verify_detached(key=KEYS["ed25519"].public, payload=PAYLOAD, jws=jws)


def test_spare_bits_of_base64_cannot_hide_a_second_text() -> None:
    """86 characters hold 4 spare bits: another last character decodes to the same signature, and is refused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = GOOD[:-1] + alphabet[alphabet.index(GOOD[-1]) ^ 1]

    assert vectors.b64url(GOOD.split(".")[2]) == vectors.b64url(twin.split(".")[2])
    with pytest.raises(NotAuthentic):
        verify_detached(key=KEYS["ed25519"].public, payload=PAYLOAD, jws=twin)
    with pytest.raises(NotAuthentic):
        parts(twin)
