"""Statements: one canonical text each, nothing unread in it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from governance.errors import InputWrong
from governance.signing import statement as s
from governance.signing.keys import PrivateKey

TIME = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)
NONCE = "mS4kPz0c9xQvTqB1Yw7uJg"
HEX = "ab" * 32
KEY = PrivateKey.generate()
WHO = {
    "party": "northside",
    "person": "the director of Northside",
    "organisation": "Northside Early Learning",
    "capacity": "director",
}
ABOUT = {"mou": "benchmarking", "version": 1, "text_sha256": HEX, "policy_sha256": HEX}

VALUES: dict[type[Any], dict[str, Any]] = {
    s.Enrolment: WHO
    | {
        "use": "signatory",
        "key": s.KeyText(alg=KEY.alg, pem=KEY.public.pem),
        "fingerprint": KEY.fingerprint,
        "nonce": NONCE,
    },
    s.EnrolmentApproval: {
        "enrolment_sha256": HEX,
        "fingerprint": KEY.fingerprint,
        "party": "northside",
        "use": "signatory",
    },
    s.Attestation: {
        "enrolment_sha256": HEX,
        "fingerprint": KEY.fingerprint,
        "party": "northside",
        "person": "the director",
        "organisation": "Northside Early Learning",
        "by": "southport",
        "nonce": NONCE,
    },
    s.Revocation: {"fingerprint": KEY.fingerprint, "reason": "laptop stolen", "compromised_since": TIME},
    s.Proposal: ABOUT | {"document_sha256": HEX},
    s.Signing: WHO | ABOUT | {"decision": "decline", "reason": "too broad", "nonce": NONCE, "opening": HEX},
    s.Acknowledgement: {"mou": "benchmarking", "clause": "4.1", "party": "northside", "nonce": NONCE},
    s.Approval: {
        "request_sha256": HEX,
        "mou": "benchmarking",
        "clause": "2.3",
        "party": "northside",
        "until": TIME + dt.timedelta(days=3),
        "nonce": NONCE,
    },
    s.Refusal: {
        "request_sha256": HEX,
        "mou": "benchmarking",
        "clause": "2.3",
        "party": "northside",
        "reason": "not this year",
        "nonce": NONCE,
    },
    s.Duty: {"mou": "benchmarking", "clause": "4.2", "party": "northside", "status": "overdue", "nonce": NONCE},
    s.Order: {
        "v": 2,
        "order": "erase",
        "log": "data.example/log",
        "basis": "the client asked",
        "subject_sha256": HEX,
        "keep_disclosures": False,
        "nonce": NONCE,
    },
    s.Resumption: {"continuation": HEX, "reason": "every party was asked", "nonce": NONCE},
}


def build(kind: type[Any], **changes: Any) -> Any:
    values = VALUES[kind] | {"time": TIME} | changes
    return kind(**{k: v for k, v in values.items() if v is not None})


def document(kind: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(build(kind).canonical())
    return found


def encoded(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_every_kind_is_tested() -> None:
    assert set(get_args(s.Statement)) == set(VALUES)


@pytest.mark.parametrize("kind", VALUES)
def test_a_statement_is_read_back_as_itself(kind: type[Any]) -> None:
    made = build(kind)
    data = made.canonical()

    assert made == s.parse(data)
    assert type(made) is type(s.parse(data))
    assert hashlib.sha256(data).hexdigest() == made.sha256
    assert encoded(json.loads(data)) == data


def test_the_canonical_text_of_a_signing() -> None:
    """Golden: people sign these very bytes, and they never change."""
    expected = (
        '{"capacity":"director","decision":"sign","mou":"benchmarking","nonce":"mS4kPz0c9xQvTqB1Yw7uJg",'
        f'"opening":"{HEX}","organisation":"Northside Early Learning","party":"northside",'
        f'"person":"the director of Northside","policy_sha256":"{HEX}","text_sha256":"{HEX}",'
        '"time":"2026-11-02T12:00:00Z","type":"signing","v":1,"version":1}'
    )
    assert expected == build(s.Signing, decision="sign", reason=None).canonical().decode()


@pytest.mark.parametrize("kind", VALUES)
def test_a_statement_is_frozen(kind: type[Any]) -> None:
    with pytest.raises(ValidationError):
        build(kind).time = TIME


@pytest.mark.parametrize("kind", VALUES)
def test_an_unknown_a_missing_or_another_typed_member_is_refused_by_name(kind: type[Any]) -> None:
    whole = document(kind)
    for name in whole:
        for wrong in (whole | {name: ["x"]}, {k: v for k, v in whole.items() if k != name}):
            if name in ("until", "compromised_since", "v") and name not in wrong:
                continue  # optional, or with a default: the canonical form holds it
            if kind is s.Signing and name == "reason" and name not in wrong:
                continue  # tested below, as a rule on two members
            with pytest.raises(InputWrong) as caught:
                s.parse(encoded(wrong))
            assert caught.value.field is not None
            assert caught.value.field.split(".")[0] == name
    with pytest.raises(InputWrong, match="extra") as caught:
        s.parse(encoded(whole | {"condition": "only if"}))
    assert caught.value.field == "condition"


@pytest.mark.parametrize("kind", VALUES)
def test_other_bytes_of_the_same_statement_are_refused(kind: type[Any]) -> None:
    """Spaces, another order, escapes, a repeated key, a missing version, other spellings of an instant."""
    data = build(kind).canonical()
    whole = json.loads(data)
    version = f'"v":{whole["v"]}'.encode()
    variants = [
        data + b"\n",
        b" " + data,
        json.dumps(whole).encode(),
        json.dumps(dict(reversed(whole.items())), separators=(",", ":")).encode(),
        data.replace(b'"type"', b'"\\u0074ype"'),
        data.replace(version, version + b".0"),
        data.replace(version, version + b"," + version),
        data.replace(version, b'"v":true'),
        encoded({k: v for k, v in whole.items() if k != "v"}),
        encoded(whole | {"time": "2026-11-02T12:00:00.000000Z"}),
        encoded(whole | {"time": "2026-11-02T12:00:00+00:00"}),
        encoded(whole | {"time": "2026-11-02T13:00:00+01:00"}),
        encoded(whole | {"time": 1_793_620_800}),
        b"\xef\xbb\xbf" + data,
        data.decode().encode("utf-16"),
    ]
    for variant in variants:
        assert variant != data
        with pytest.raises(InputWrong):
            s.parse(variant)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"signing"',
        b"\xff",
        b"[" * 30_000,
        b"{" * 30_000,
        b'{"type":"none","v":1}',
        b'{"type":["signing"],"v":1}',
        b'{"type":null}',
        b'{"a":NaN,"type":"duty"}',
        b" " * 40_000,
    ],
)
def test_what_is_no_statement_is_refused(data: bytes) -> None:
    with pytest.raises(InputWrong) as caught:
        s.parse(data)

    assert caught.value.reason == "statement-malformed"


@given(data=st.binary(max_size=200))
def test_no_bytes_make_it_raise_anything_else(data: bytes) -> None:
    with pytest.raises(InputWrong):
        s.parse(data)


@pytest.mark.parametrize("member", ["person", "organisation", "capacity"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a\nb",
        "a\x00",
        "\u202edirector",
        "a\u200bb",
        " director",
        "director ",
        "e\u0301",
        "a\u2028b",
        "x" * 501,
    ],
    ids=repr,
)
def test_words_that_hide_something_are_refused(member: str, text: str) -> None:
    """Controls, marks that turn the direction, blanks at the ends, two forms of one letter."""
    with pytest.raises(InputWrong) as caught:
        s.parse(encoded(document(s.Signing) | {member: text}))

    assert member == caught.value.field


@given(text=st.text(min_size=1, max_size=60))
def test_words_of_any_alphabet_survive(text: str) -> None:
    try:
        made = build(s.Signing, person=text)
    except ValidationError:
        return
    assert text == getattr(s.parse(made.canonical()), "person", None)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (s.Signing, {"decision": "decline", "reason": None}),
        (s.Signing, {"decision": "sign", "reason": "only if"}),
        (s.Signing, {"decision": "maybe"}),
        (s.Signing, {"opening": "AB" * 32}),
        (s.Signing, {"opening": "ab" * 31}),
        (s.Signing, {"version": 0}),
        (s.Signing, {"version": True}),
        (s.Signing, {"nonce": "short"}),
        (s.Signing, {"party": "Northside"}),
        (s.Refusal, {"reason": None}),
        (s.Duty, {"status": "late"}),
        (s.Revocation, {"fingerprint": "SHA256:short"}),
        (s.Revocation, {"time": dt.datetime(2026, 11, 2, 12)}),  # noqa: DTZ001 a naive instant is the fault
        (s.Enrolment, {"use": "owner"}),
        (s.Enrolment, {"fingerprint": PrivateKey.generate().fingerprint}),
        (s.Enrolment, {"key": s.KeyText(alg="ed25519", pem=KEY.public.pem)}),
        (s.Enrolment, {"key": s.KeyText(alg=KEY.alg, pem=KEY.public.pem + "\n")}),
        (s.Enrolment, {"key": s.KeyText(alg=KEY.alg, pem="words")}),
        (s.Enrolment, {"key": s.KeyText(alg=KEY.alg, pem=PrivateKey.generate("ed25519").public.pem)}),
    ],
)
def test_statements_that_say_nothing_clear_cannot_be_built(kind: type[Any], changes: dict[str, Any]) -> None:
    build(kind)
    with pytest.raises(ValidationError):
        build(kind, **changes)


@pytest.mark.parametrize("decision", ["sign", "withdraw"])
def test_who_signs_or_withdraws_needs_no_reason(decision: str) -> None:
    assert decision == build(s.Signing, decision=decision, reason=None).decision


@pytest.mark.parametrize(("days", "expected"), [(None, 30), (3, 3), (30, 30), (31, 30)])
def test_an_approval_is_good_for_thirty_days_unless_it_says_less(days: int | None, expected: int) -> None:
    until = None if days is None else TIME + dt.timedelta(days=days)
    assert TIME + dt.timedelta(days=expected) == build(s.Approval, until=until).good_until


def test_an_instant_is_written_in_utc_whatever_its_offset() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    same = TIME.astimezone(zone)
    assert build(s.Duty).canonical() == build(s.Duty, time=same).canonical()


def test_microseconds_are_kept() -> None:
    made = build(s.Duty, time=TIME.replace(microsecond=5))
    assert b'"2026-11-02T12:00:00.000005Z"' in made.canonical()
    assert made == s.parse(made.canonical())


def test_an_enrolment_holds_the_key_that_signs_it() -> None:
    assert KEY.public == build(s.Enrolment).public_key


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**60, {1: 2}, pytest.param(object(), id="object"), b"x"], ids=repr
)
def test_what_json_cannot_hold_exactly_has_no_canonical_form(value: object) -> None:
    with pytest.raises(InputWrong):
        s.canonical({"value": value})
