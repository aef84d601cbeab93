"""Signed requests: everything beside the profile is refused, each with its reason."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import http_sf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import AccordantError, InputWrong, NotAuthentic
from governance.signing import http
from governance.signing.http import (
    SignatureRefused,
    sign_request,
)
from governance.signing.keys import PrivateKey
from tests.signing.calls import BODY, CREATED, KEY, KEYS, NONCE, NOW, URI, Wire, crafted, declared, reason


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
    ids=lambda value: str(value)[:16],  # what follows may be a key of this run: ids are the same in every process
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


@pytest.mark.parametrize("header", ["Signature", "Signature-Input"])
def test_half_of_a_second_signature_is_refused(header: str) -> None:
    value = declared().header(header)
    both = f"{value}, other{value.removeprefix('accordant')}"
    assert reason(declared().with_header(header, both).declaration) == "signature-malformed"


def test_a_long_header_is_refused_before_it_costs_anything() -> None:
    long = crafted(headers={"data-purpose": f'program-improvement;mou="{"a" * 2_100}"'})
    assert reason(long.declaration) == "signature-malformed"


@pytest.mark.parametrize("alg", KEYS)
def test_nobodys_key_lets_nobody_in(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an unknown key is verified against only costs time: even its own signature is refused."""
    monkeypatch.setitem(http._NOBODY, alg, KEYS[alg].public)
    wire = declared(KEYS[alg])
    assert reason(lambda: wire.declaration(ring=lambda _: None)) == "not-authentic"


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
    ids=lambda value: str(value)[:16],  # what follows may be a key of this run: ids are the same in every process
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
