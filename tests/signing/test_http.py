"""Signed requests: the profile, and what is within it."""

from __future__ import annotations

import datetime as dt
import re
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from governance.errors import NotAuthentic
from governance.signing.fields import content_digest
from governance.signing.http import (
    DECLARATION_TAG,
    sign_request,
    signature_base,
)
from governance.signing.keys import PrivateKey
from tests.signing import vectors
from tests.signing.calls import BODY, KEY, KEYS, NONCE, NOW, URI, Wire, crafted, declared, reason


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_declaration_says_who_declared_what(key: PrivateKey) -> None:
    wire = declared(key)
    found = wire.declaration()

    assert ("program-improvement", "benchmarking") == (found.purpose, found.mou)
    assert (key.fingerprint, key.alg, NONCE) == (found.keyid, found.alg, found.nonce)
    assert (NOW, NOW + dt.timedelta(seconds=120)) == (found.created, found.expires)
    key.public.verify(signature=found.signature, message=found.base)
    assert b'"data-purpose": program-improvement;mou="benchmarking"\n' in found.base


def test_the_base_builder_makes_the_published_base() -> None:
    """RFC 9421 B.2.6, byte for byte; and the published signature is over it."""
    made = signature_base(components=vectors.B26_COMPONENTS, parameters=vectors.B26_PARAMETERS)

    assert (vectors.B26_PARAMS, vectors.B26_BASE) == made
    assert b64decode(vectors.B26_SIGNATURE) == vectors.B26_KEY.sign(made[1])


def test_the_published_ecdsa_signature_verifies_over_our_base() -> None:
    """RFC 9421 B.2.4: r ‖ s, 64 bytes."""
    _, base = signature_base(components=vectors.B24_COMPONENTS, parameters=vectors.B24_PARAMETERS)
    vectors.B24_KEY.verify(signature=b64decode(vectors.B24_SIGNATURE), message=base)
    with pytest.raises(NotAuthentic):
        vectors.B24_KEY.verify(signature=b64decode(vectors.B24_SIGNATURE), message=base + b" ")


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_another_library_signs_what_we_verify_and_verifies_what_we_sign(key: PrivateKey) -> None:
    """`http-message-signatures` on both ends, over the same profile."""
    import http_message_signatures as hms
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    class Ring(hms.HTTPSignatureKeyResolver):
        def resolve_private_key(self, key_id: str) -> Any:
            return load_pem_private_key(key.to_pem(), None)

        def resolve_public_key(self, key_id: str) -> Any:
            return load_pem_public_key(key.public.pem.encode())

    class Message:
        def __init__(self, headers: dict[str, str]) -> None:
            self.method, self.url, self.headers = "POST", URI, headers

    alg = {"ed25519": hms.algorithms.ED25519, "ecdsa-p256-sha256": hms.algorithms.ECDSA_P256_SHA256}[key.alg]
    components = ("@method", "@target-uri", "content-type", "content-digest", "data-purpose")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)

    theirs = Message(
        {
            "Content-Type": "application/json",
            "Content-Digest": content_digest(BODY),
            "Data-Purpose": 'research;mou="benchmarking"',
        }
    )
    hms.HTTPMessageSigner(signature_algorithm=alg, key_resolver=Ring()).sign(
        theirs,
        key_id=key.fingerprint,
        created=now,
        expires=now + dt.timedelta(seconds=60),
        nonce=NONCE,
        tag=DECLARATION_TAG,
        label="accordant",
        include_alg=True,
        covered_component_ids=components,
        use_existing_digest=True,
    )
    assert Wire(tuple(theirs.headers.items())).declaration(now=now).purpose == "research"

    ours = Message(dict(declared(key, now=now).headers))
    verifier = hms.HTTPMessageVerifier(signature_algorithm=alg, key_resolver=Ring())
    (result,) = verifier.verify(ours, expect_tag=DECLARATION_TAG, require_components=components)
    assert result.parameters["keyid"] == key.fingerprint


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("DELETE", b""), ("POST", b""), ("POST", BODY)])
def test_other_requests_are_signed_with_or_without_a_body(method: str, body: bytes) -> None:
    headers = sign_request(key=KEY, method=method, target_uri=URI, now=NOW, nonce=NONCE, body=body)
    found = Wire(tuple(headers.items()), method=method, body=body).request()

    assert ("accordant-request", method, bool(body)) == (found.tag, found.method, b"content-digest" in found.base)


def test_an_empty_body_may_be_signed_as_a_body() -> None:
    body = ("@method", "@target-uri", "content-type", "content-digest")
    assert crafted(names=body, body=b"", tag="accordant-request").request().method == "POST"


def test_components_and_parameters_stand_in_any_order() -> None:
    names = ("data-purpose", "content-digest", "@target-uri", "content-type", "@method")
    wire = crafted(names=names)
    assert wire.declaration().mou == "benchmarking"
    given = re.sub(r"(;created=\d+)(.*)$", r"\2\1", wire.header("Signature-Input"))
    assert given != wire.header("Signature-Input")
    assert reason(wire.with_header("Signature-Input", given).declaration) == "not-authentic"


@pytest.mark.parametrize("purpose", ["program-improvement", "2nd-look", "a_b", "dpv:ResearchAndDevelopment"])
def test_every_purpose_of_the_language_can_be_declared(purpose: str) -> None:
    """A token where it can be one, else a string (RFC 9651: a token begins with a letter)."""
    assert (purpose, "m-1") == (lambda d: (d.purpose, d.mou))(declared(purpose=purpose, mou="m-1").declaration())


def test_blanks_around_a_header_and_the_case_of_its_name_do_not_matter() -> None:
    wire = declared()
    sent = tuple((name.upper(), f" \t{value} ") for name, value in wire.headers)
    assert wire.declaration() == replace(wire, headers=sent).declaration()


def test_other_digests_are_passed_over() -> None:
    digest = f"sha-512=:AAAA:, {content_digest(BODY)}, unixsum=:AA==:"
    assert crafted(headers={"content-digest": digest}).declaration().purpose == "program-improvement"


@pytest.mark.parametrize(
    "nonce",
    ["A1" * 16, "mS4kPz0c9xQvTqB1Yw7uJg==", "mS4kPz0c9xQvTqB1Yw7u+/", "4f9c2f6e-64a5-4c1c-9c3e-0f8f3e4b6a11"],
)
def test_a_nonce_of_128_bits_is_enough(nonce: str) -> None:
    assert nonce == declared(nonce=nonce).declaration().nonce
