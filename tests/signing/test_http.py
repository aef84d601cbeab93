"""Signed requests: the profile, and everything beside it refused."""

from __future__ import annotations

import datetime as dt
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import http_sf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import AccordantError, InputWrong, NotAuthentic
from governance.signing.fields import content_digest
from governance.signing.http import (
    DECLARATION_TAG,
    Declaration,
    SignatureRefused,
    SignedRequest,
    sign_request,
    signature_base,
    verify_declaration,
    verify_request,
)
from governance.signing.keys import ALGORITHMS, PrivateKey, PublicKey
from tests.signing import vectors

NOW = dt.datetime(2026, 11, 2, 12, 0, 0, tzinfo=dt.UTC)
CREATED = int(NOW.timestamp())
URI = "https://data.example.org/v1/query"
BODY = b'{"dataset":"enrollments"}'
NONCE = "mS4kPz0c9xQvTqB1Yw7uJg"
KEYS = {alg: PrivateKey.generate(alg) for alg in ALGORITHMS}
KEY = KEYS["ed25519"]
RING: dict[str, PublicKey] = {k.fingerprint: k.public for k in KEYS.values()}


@dataclass(frozen=True)
class Wire:
    """A request as it arrives."""

    headers: tuple[tuple[str, str], ...]
    method: str = "POST"
    uri: str = URI
    body: bytes = BODY

    def with_header(self, name: str, value: str | None) -> Wire:
        kept = tuple((n, v) for n, v in self.headers if n.lower() != name.lower())
        return replace(self, headers=kept + (() if value is None else ((name, value),)))

    def header(self, name: str) -> str:
        return dict(self.headers)[name]

    def declaration(self, now: dt.datetime = NOW, ring: Callable[[str], PublicKey | None] = RING.get) -> Declaration:
        return verify_declaration(
            method=self.method, target_uri=self.uri, headers=self.headers, body=self.body, resolve_key=ring, now=now
        )

    def request(self, now: dt.datetime = NOW) -> SignedRequest:
        return verify_request(
            method=self.method, target_uri=self.uri, headers=self.headers, body=self.body, resolve_key=RING.get, now=now
        )


def declared(key: PrivateKey = KEY, **changes: Any) -> Wire:
    values: dict[str, Any] = {
        "key": key,
        "method": "POST",
        "target_uri": URI,
        "now": NOW,
        "nonce": NONCE,
        "body": BODY,
        "purpose": "program-improvement",
        "mou": "benchmarking",
    }
    return Wire(tuple(sign_request(**(values | changes)).items()))


def crafted(
    *,
    names: tuple[str, ...] = ("@method", "@target-uri", "content-type", "content-digest", "data-purpose"),
    key: PrivateKey = KEY,
    headers: dict[str, str] | None = None,
    method: str = "POST",
    body: bytes = BODY,
    **parameters: Any,
) -> Wire:
    """A request whose signature is right over whatever it claims: only the profile can refuse it."""
    fields = {
        "content-type": "application/json",
        "content-digest": content_digest(body),
        "data-purpose": 'program-improvement;mou="benchmarking"',
    } | (headers or {})
    values = {"@method": method, "@target-uri": URI} | fields
    given: dict[str, Any] = {
        "created": CREATED,
        "expires": CREATED + 60,
        "nonce": NONCE,
        "keyid": key.fingerprint,
        "alg": key.alg,
        "tag": DECLARATION_TAG,
    } | parameters
    given = {k: v for k, v in given.items() if v is not None}
    items = [(name, {}) for name in names]
    params = http_sf.ser({"accordant": (items, given)}).removeprefix("accordant=")
    lines = [f'"{name}": {values.get(name, "")}' for name in names] + [f'"@signature-params": {params}']
    signature = b64encode(key.sign("\n".join(lines).encode())).decode()
    sent = fields | {"Signature-Input": f"accordant={params}", "Signature": f"accordant=:{signature}:"}
    return Wire(tuple(sent.items()), method=method, body=body)


def reason(check: Callable[[], object]) -> str:
    with pytest.raises(AccordantError) as caught:
        check()
    return caught.value.reason


# --- what is right


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


# --- what is wrong


@pytest.mark.parametrize("header", ["Signature", "Signature-Input"])
def test_an_unsigned_request_is_told_so(header: str) -> None:
    assert reason(declared().with_header(header, None).declaration) == "signature-missing"


@pytest.mark.parametrize("header", ["Signature", "Signature-Input", "Content-Digest", "Content-Type", "Data-Purpose"])
def test_a_header_that_stands_twice_is_refused(header: str) -> None:
    """Also where both lines say the same, and where a server in between has joined them."""
    wire = declared()
    twice = replace(wire, headers=(*wire.headers, (header.lower(), wire.header(header))))
    assert reason(twice.declaration) == "header-twice"
    joined = wire.with_header(header, f"{wire.header(header)}, {wire.header(header)}")
    with pytest.raises(AccordantError):
        joined.declaration()


@pytest.mark.parametrize(
    "change",
    [
        lambda w: replace(w, method="PUT"),
        lambda w: replace(w, uri=URI + "?"),
        lambda w: replace(w, uri=URI.replace("https", "http")),
        lambda w: replace(w, uri="https://data.example.com/v1/query"),
        lambda w: w.with_header("Content-Type", "application/json; charset=utf-8"),
        lambda w: w.with_header("Data-Purpose", 'marketing;mou="benchmarking"'),
        lambda w: w.with_header("Data-Purpose", 'program-improvement;mou="other"'),
        lambda w: w.with_header("Data-Purpose", 'program-improvement; mou="benchmarking"'),
        lambda w: w.with_header("Signature-Input", w.header("Signature-Input").replace(NONCE, "x" + NONCE[1:])),
        lambda w: w.with_header("Signature-Input", w.header("Signature-Input").replace("=179", "=178")),
        lambda w: w.with_header("Signature", f"accordant=:{b64encode(bytes(64)).decode()}:"),
        lambda w: w.with_header("Signature", "accordant=:AAAA:"),
    ],
)
def test_whatever_is_signed_cannot_be_changed(change: Callable[[Wire], Wire]) -> None:
    changed = change(declared())
    assert changed != declared()
    assert reason(lambda: changed.declaration(now=NOW)) in ("not-authentic", "signature-expired")


@pytest.mark.parametrize("body", [b"", b"{}", BODY + b" "])
def test_a_body_that_was_changed_is_refused(body: bytes) -> None:
    assert reason(replace(declared(), body=body).declaration) == "digest-wrong"


@pytest.mark.parametrize("digest", ["sha-512=:AAAA:", "sha-256=1", "sha-256", 'sha-256="AAAA"'])
def test_a_digest_without_sha256_is_refused(digest: str) -> None:
    assert reason(crafted(headers={"content-digest": digest}).declaration) == "digest-wrong"


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("@method", "@target-uri"),
        ("@method", "@target-uri", "content-type", "content-digest"),
        ("@target-uri", "content-type", "content-digest", "data-purpose"),
        ("@method", "content-type", "content-digest", "data-purpose"),
        ("@method", "@target-uri", "content-type", "data-purpose"),
        ("@method", "@target-uri", "content-type", "content-digest", "data-purpose", "date"),
        ("@method", "@target-uri", "content-type", "content-digest", "data-purpose", "@method"),
        ("@method", "@path", "content-type", "content-digest", "data-purpose"),
        ("@Method", "@target-uri", "content-type", "content-digest", "data-purpose"),
    ],
)
def test_fewer_more_or_other_components_are_refused(names: tuple[str, ...]) -> None:
    assert reason(crafted(names=names, headers={"date": "x"}).declaration) == "components-wrong"


@pytest.mark.parametrize("parameter", [";req", ";sf", ";bs", ';key="a"', ";tr"])
def test_a_component_with_a_parameter_is_refused(parameter: str) -> None:
    wire = crafted()
    given = wire.header("Signature-Input").replace('"content-digest"', f'"content-digest"{parameter}')
    assert reason(wire.with_header("Signature-Input", given).declaration) == "signature-malformed"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        *(({name: None}, "signature-malformed") for name in ("created", "expires", "nonce", "keyid", "alg", "tag")),
        ({"created": "1"}, "signature-malformed"),
        ({"created": True}, "signature-malformed"),
        ({"created": 1.5}, "signature-malformed"),
        ({"keyid": 1}, "signature-malformed"),
        ({"nonce": b"0123456789abcdef"}, "signature-malformed"),
        ({"tag": http_sf.Token("accordant-declaration")}, "signature-malformed"),
        ({"context": "x"}, "signature-malformed"),
        ({"tag": "accordant-request"}, "tag-wrong"),
        ({"tag": ""}, "tag-wrong"),
        ({"alg": "hmac-sha256"}, "algorithm-not-taken"),
        ({"alg": "none"}, "algorithm-not-taken"),
        ({"alg": "rsa-pss-sha512"}, "algorithm-not-taken"),
        ({"alg": "ecdsa-p256-sha256"}, "not-authentic"),
        ({"keyid": "SHA256:" + "A" * 43}, "not-authentic"),
        ({"keyid": KEYS["ecdsa-p256-sha256"].fingerprint}, "not-authentic"),
        ({"expires": CREATED}, "lifetime-wrong"),
        ({"expires": CREATED - 1}, "lifetime-wrong"),
        ({"expires": CREATED + 301}, "lifetime-wrong"),
        ({"created": 0, "expires": 999_999_999_999_999}, "lifetime-wrong"),
        ({"created": -999_999_999_999_999, "expires": -999_999_999_999_900}, "signature-expired"),
        ({"created": 999_999_999_999_800, "expires": 999_999_999_999_900}, "signature-early"),
        ({"nonce": ""}, "nonce-weak"),
        ({"nonce": "x" * 21}, "nonce-weak"),
        ({"nonce": "0123456789abcdef0123456789abcde"}, "nonce-weak"),
        ({"nonce": "4f9c2f6e-64a5-4c1c-9c3e-0f8f3e4b6a1"}, "nonce-weak"),
        ({"nonce": "x" * 129}, "nonce-weak"),
        ({"nonce": "=" * 22}, "nonce-weak"),
        ({"nonce": NONCE + "==="}, "nonce-weak"),
        ({"nonce": NONCE + " words"}, "nonce-weak"),
    ],
    ids=str,
)
def test_parameters_beside_the_profile_are_refused(parameters: dict[str, Any], expected: str) -> None:
    assert expected == reason(crafted(**parameters).declaration)


@pytest.mark.parametrize(
    ("created", "expires", "expected"),
    [
        (0, 300, None),
        (60, 61, None),
        (61, 62, "signature-early"),
        (-359, -59, None),
        (-360, -60, None),
        (-361, -61, "signature-expired"),
    ],
)
def test_clocks_may_differ_by_a_minute(created: int, expires: int, expected: str | None) -> None:
    wire = crafted(created=CREATED + created, expires=CREATED + expires)
    if expected is None:
        assert wire.declaration().nonce == NONCE
    else:
        assert expected == reason(wire.declaration)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Signature-Input", ""),
        ("Signature-Input", "accordant"),
        ("Signature-Input", "accordant=1"),
        ("Signature-Input", "accordant=(1 2)"),
        ("Signature-Input", "accordant=("),
        ("Signature-Input", "accordant=()" + ";a" * 2_000),
        ("Signature-Input", 'accordant=("@method");created=1;created=1'),
        ("Signature-Input", "é"),
        ("Signature-Input", "accordant=()\n"),
        ("Signature", "accordant"),
        ("Signature", "accordant=:!:"),
        ("Signature", 'accordant="AAAA"'),
        ("Signature", "accordant=(:AAAA:)"),
        ("Signature", "accordant=:AAAA:;a=1"),
        ("Signature", "other=:AAAA:"),
        ("Signature", "Accordant=:AAAA:"),
    ],
)
def test_malformed_signature_headers_are_refused(header: str, value: str) -> None:
    assert reason(declared().with_header(header, value).declaration) == "signature-malformed"


def test_a_second_signature_is_refused() -> None:
    """Also one under a label that is not ours: who put it there, and over what?"""
    wire = declared()
    for header in ("Signature", "Signature-Input"):
        value = wire.header(header)
        wire = wire.with_header(header, f"{value}, other{value.removeprefix('accordant')}")
    assert reason(wire.declaration) == "signature-malformed"


def test_another_label_is_refused() -> None:
    wire = declared()
    for header in ("Signature", "Signature-Input"):
        wire = wire.with_header(header, wire.header(header).replace("accordant=", "sig1=", 1))
    assert reason(wire.declaration) == "signature-malformed"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "purpose-missing"),
        ("", "purpose-missing"),
        ("program-improvement", "purpose-malformed"),
        ('program-improvement;mou=""', "purpose-malformed"),
        ("program-improvement;mou", "purpose-malformed"),
        ("program-improvement;mou=benchmarking", "purpose-malformed"),
        ('program-improvement;mou="a";mou="b"', "purpose-malformed"),
        ('program-improvement;mou="a";clause="2.1"', "purpose-malformed"),
        ('program-improvement, research;mou="a"', "purpose-malformed"),
        ('("program-improvement");mou="a"', "purpose-malformed"),
        ('"";mou="a"', "purpose-malformed"),
        ('1;mou="a"', "purpose-malformed"),
        ('?1;mou="a"', "purpose-malformed"),
        (':AAAA:;mou="a"', "purpose-malformed"),
        ('%"x";mou="a"', "purpose-malformed"),
    ],
)
def test_a_purpose_is_one_item_with_its_mou(value: str | None, expected: str) -> None:
    """The caller's words are wrong, which is a 400 that names the header, whoever signed."""
    wire = crafted().with_header("data-purpose", value)
    with pytest.raises(InputWrong) as caught:
        wire.declaration()

    assert (expected, "Data-Purpose") == (caught.value.reason, caught.value.field)


def test_a_request_that_declares_nothing_cannot_pass_for_a_declaration_nor_the_other_way() -> None:
    plain = sign_request(key=KEY, method="POST", target_uri=URI, now=NOW, nonce=NONCE, body=BODY)
    wire = Wire((*plain.items(), ("Data-Purpose", 'marketing;mou="m"')))

    assert reason(wire.declaration) == "tag-wrong"
    assert reason(declared().request) == "tag-wrong"
    assert reason(crafted(tag="accordant-request").request) == "components-wrong"


def test_a_request_with_a_body_signs_it() -> None:
    bare = sign_request(key=KEY, method="POST", target_uri=URI, now=NOW, nonce=NONCE)
    assert reason(Wire(tuple(bare.items()), body=BODY).request) == "components-wrong"


def test_an_unknown_key_and_a_bad_signature_are_one_answer() -> None:
    """Same text, same reason; only the log learns which key it was."""
    unknown = declared(PrivateKey.generate())
    forged = declared().with_header("Signature", f"accordant=:{b64encode(bytes(64)).decode()}:")
    with pytest.raises(SignatureRefused) as one:
        unknown.declaration()
    with pytest.raises(SignatureRefused) as other:
        forged.declaration()

    assert (one.value.detail, one.value.reason) == (other.value.detail, other.value.reason)
    assert (None, KEY.fingerprint) == (one.value.keyid, other.value.keyid)
    assert KEY.fingerprint not in other.value.detail


def test_a_register_that_answers_with_another_key_is_not_believed() -> None:
    """The keyid is the fingerprint: whoever changes the table cannot make one key stand for another."""
    thief = PrivateKey.generate("ed25519")
    wire = crafted(key=thief, keyid=KEY.fingerprint)
    assert reason(lambda: wire.declaration(ring=lambda _: thief.public)) == "not-authentic"


@pytest.mark.parametrize(
    "values",
    [
        {"purpose": None},
        {"mou": None},
        {"nonce": "short"},
        {"lifetime": dt.timedelta(seconds=301)},
        {"lifetime": dt.timedelta(0)},
        {"purpose": "é"},
        {"mou": "a\nb"},
    ],
    ids=str,
)
def test_nothing_beside_the_profile_is_signed(values: dict[str, Any]) -> None:
    with pytest.raises(InputWrong):
        declared(**values)


FUZZED = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=120)


@settings(max_examples=300)
@given(
    header=st.sampled_from(["Signature", "Signature-Input", "Content-Digest", "Data-Purpose", "Content-Type"]),
    value=FUZZED,
)
def test_no_header_can_make_it_raise_anything_else(header: str, value: str) -> None:
    with pytest.raises((NotAuthentic, InputWrong)):
        declared().with_header(header, value + "x").declaration()


@settings(max_examples=300)
@given(data=st.data())
def test_one_character_changed_anywhere_is_refused(data: st.DataObject) -> None:
    """In any signed header, or in the signature's own."""
    wire = declared()
    header = data.draw(st.sampled_from([name for name, _ in wire.headers]))
    value = wire.header(header)
    place = data.draw(st.integers(0, len(value) - 1))
    char = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != value[place]))
    changed = wire.with_header(header, value[:place] + char + value[place + 1 :])
    if header == "Signature" and place == len(value) - 4:
        return  # spare bits of base64: the same bytes, and no part of what is counted
    with pytest.raises((NotAuthentic, InputWrong)):
        changed.declaration()
