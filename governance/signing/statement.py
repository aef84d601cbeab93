"""Statements: what a person or a program signs, each as one canonical text (RFC 8785).

    enrolment            this key is mine; signed by the key itself, so its holder is proven
    enrolment-approval   the key of that enrolment may be used; by an administrator, or an older key of the same party
    attestation          the key of that enrolment is that person's, says a signatory of another party
    revocation           a key is not used any more, and since when it may have been in other hands
    proposal             a version of an MOU is put up for signing
    signing              a party signs, declines or withdraws (design §5)
    acknowledgement      a party acknowledges its purpose under a duty
    approval, refusal    a party's answer to a request that its clause has reviewed; `duty`: one is overdue, or done
    order                a client is forgotten; the record of disclosures is held, or its hold released
    resumption           what may be missing since a restore was asked for, and data may be released again

Each names its `type` and its version `v`. `parse` takes canonical bytes only: what it returns encodes to the very same
bytes, so nothing in them goes unread, and one statement has one digest. Instants and nonces are given, never made here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import unicodedata
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from governance.errors import InputWrong
from governance.model.names import ClauseId, Slug
from governance.signing.keys import Alg, PublicKey

__all__ = [
    "Acknowledgement",
    "Approval",
    "Attestation",
    "Duty",
    "Enrolment",
    "EnrolmentApproval",
    "KeyText",
    "Order",
    "Proposal",
    "Refusal",
    "Resumption",
    "Revocation",
    "Signing",
    "Statement",
    "Use",
    "canonical",
    "parse",
]

_MOST = 32_768
_ORDER_SUBJECT = b"accordant-order-subject/v2\n"
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", re.ASCII)
# Characters that make a name look like another: controls, surrogates, and the marks that turn the direction of text.
_HIDDEN = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def _instant(value: object) -> object:
    if isinstance(value, str):
        if not _INSTANT.fullmatch(value):
            raise ValueError(f"`{value}` is not an instant in UTC, written 2026-11-02T12:00:00Z")
        return dt.datetime.fromisoformat(value)
    return value


def _utc(value: dt.datetime) -> dt.datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs its offset from UTC")
    return value.astimezone(dt.UTC)


def _written(value: dt.datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _honest(text: str) -> str:
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text) or _HIDDEN.search(text):
        raise ValueError("holds characters that cannot be seen")
    if text != text.strip() or text != unicodedata.normalize("NFC", text):
        raise ValueError("begins or ends with a blank, or is not in Unicode's normal form C")
    return text


Time = Annotated[dt.datetime, BeforeValidator(_instant), AfterValidator(_utc), PlainSerializer(_written)]
Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_honest)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fingerprint = Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9_-]{43}$")]
Nonce = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22,128}$")]
Version = Annotated[int, Field(ge=1, le=1_000_000)]
Use = Literal["signatory", "connector", "administrator", "steward"]


def canonical(value: Any) -> bytes:
    """RFC 8785. Raises InputWrong for a value that JSON cannot hold exactly."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError):
        raise InputWrong("a value that JSON cannot hold exactly (RFC 8785)", reason="not-canonical") from None


class _Statement(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1] = 1
    time: Time

    def canonical(self) -> bytes:
        """The bytes that are signed, stored and hashed."""
        # `time` and `until` are text by now. Of text and small whole numbers under keys of ASCII the sorted encoder
        # writes the bytes of RFC 8785, many times as fast.
        try:
            return _ENCODER.encode(self.model_dump(mode="json", exclude_none=True)).encode()
        except (UnicodeEncodeError, RecursionError):
            raise InputWrong("a value that JSON cannot hold exactly (RFC 8785)", reason="not-canonical") from None

    @property
    def sha256(self) -> str:
        """The digest of the canonical bytes, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()


class KeyText(BaseModel):
    """A public key as it stands in an enrolment."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    alg: Alg
    pem: Annotated[str, Field(max_length=1_000)]


class Enrolment(_Statement):
    """A key, whose it is and what for; signed by the key itself."""

    type: Literal["enrolment"] = "enrolment"
    party: Slug
    person: Line
    organisation: Line
    capacity: Line
    use: Use
    key: KeyText
    fingerprint: Fingerprint
    nonce: Nonce

    @model_validator(mode="after")
    def _one_key(self) -> Enrolment:
        try:
            key = PublicKey.from_pem(self.key.pem)
        except InputWrong as error:
            raise ValueError(error.detail) from None
        if (key.alg, key.pem, key.fingerprint) != (self.key.alg, self.key.pem, self.fingerprint):
            raise ValueError(
                "`alg`, `pem` and `fingerprint` are not those of one key, as `accordant key new` writes it"
            )
        return self

    @property
    def public_key(self) -> PublicKey:
        """The key that is enrolled."""
        return PublicKey.from_pem(self.key.pem)


class EnrolmentApproval(_Statement):
    """The enrolment with that digest counts from here on."""

    type: Literal["enrolment-approval"] = "enrolment-approval"
    enrolment_sha256: Digest
    fingerprint: Fingerprint
    party: Slug
    use: Use


class Attestation(_Statement):
    """A signatory of `by` knows, by another way than the server, that the key is that person's of another party.

    Nothing hangs on it but what people believe: it is for whoever asks whose a key is (design §5).
    """

    type: Literal["attestation"] = "attestation"
    enrolment_sha256: Digest
    fingerprint: Fingerprint
    party: Slug
    person: Line
    organisation: Line
    by: Slug
    nonce: Nonce

    @model_validator(mode="after")
    def _others(self) -> Attestation:
        if self.by == self.party:
            raise ValueError("a key is attested by another party than its own")
        return self


class Revocation(_Statement):
    """A key ends. Signatures that it made before `compromised_since` (without it: before this) go on to hold."""

    type: Literal["revocation"] = "revocation"
    fingerprint: Fingerprint
    reason: Line
    compromised_since: Time | None = None


class Proposal(_Statement):
    """A version of an MOU is put up for signing: the document, the text that people sign, the policy that runs."""

    type: Literal["proposal"] = "proposal"
    mou: Slug
    version: Version
    document_sha256: Digest
    text_sha256: Digest
    policy_sha256: Digest


class Signing(_Statement):
    """A party's word on a version of an MOU. `opening` is the hash of the entry that opened this signing."""

    type: Literal["signing"] = "signing"
    mou: Slug
    version: Version
    text_sha256: Digest
    policy_sha256: Digest
    party: Slug
    person: Line
    organisation: Line
    capacity: Line
    decision: Literal["sign", "decline", "withdraw"]
    reason: Line | None = None
    nonce: Nonce
    opening: Digest

    @model_validator(mode="after")
    def _reasons(self) -> Signing:
        if self.decision == "decline" and self.reason is None:
            raise ValueError("who declines gives a `reason`")
        if self.decision == "sign" and self.reason is not None:
            raise ValueError("who signs gives no `reason`: a signature has no conditions")
        return self


class Acknowledgement(_Statement):
    """A party acknowledges the purpose that it may use the data for, as a duty asks."""

    type: Literal["acknowledgement"] = "acknowledgement"
    mou: Slug
    clause: ClauseId
    party: Slug
    nonce: Nonce


class Approval(_Statement):
    """`party` lets another's request through: the one whose `signing.review.request_digest` this is."""

    type: Literal["approval"] = "approval"
    request_sha256: Digest
    mou: Slug
    clause: ClauseId
    party: Slug
    until: Time | None = None
    reason: Line | None = None
    nonce: Nonce

    @property
    def good_until(self) -> dt.datetime:
        """30 days, unless it says less (language, Approval)."""
        most = self.time + dt.timedelta(days=30)
        return most if self.until is None else min(self.until, most)


class Refusal(_Statement):
    """`party` does not let a request through, and says why."""

    type: Literal["refusal"] = "refusal"
    request_sha256: Digest
    mou: Slug
    clause: ClauseId
    party: Slug
    reason: Line
    nonce: Nonce


class Duty(_Statement):
    """A duty of a party is overdue, or done."""

    type: Literal["duty"] = "duty"
    mou: Slug
    clause: ClauseId
    party: Slug
    status: Literal["overdue", "done"]
    nonce: Nonce


class Order(_Statement):
    """A client of `contributor` (of any, without it) is forgotten, or the record of whom it was shown to is held.

    `subject_sha256` is over a salt and the client's id. The salt is handed in with the order and kept nowhere, so that
    the order, which stands in the log for ever, says of nobody who it was. `log` is the origin of the log that is to
    forget, and no other does. Version 1 named no log, and its digest ran salt and id together: it is read where it
    stands, and no new one is taken.
    """

    v: Literal[1, 2] = 2  # type: ignore[assignment]  # the one type that has had two
    type: Literal["order"] = "order"
    order: Literal["erase", "hold", "release"]
    log: Annotated[Line | None, Field(validate_default=True)] = None
    contributor: Slug | None = None
    basis: Line
    subject_sha256: Digest
    keep_disclosures: bool
    nonce: Nonce

    @model_validator(mode="after")
    def _keeps(self) -> Order:
        if self.keep_disclosures and self.order != "erase":
            raise ValueError("only an order to erase says what it keeps")
        return self

    @field_validator("log")
    @classmethod
    def _names(cls, log: str | None, info: ValidationInfo) -> str | None:
        version = info.data.get("v")
        if version == 1 and log is not None:
            raise ValueError("an order of version 1 names no `log`")
        if version == 2 and log is None:
            raise ValueError("an order names the `log` that it is for, by its origin")
        return log

    @staticmethod
    def digest(*, salt: bytes, subject: str) -> str:
        """What an order names a client by: each part behind its length, so that no two pairs are one."""
        name = subject.encode("utf-8", "surrogatepass")
        parts = b"".join(len(part).to_bytes(4, "big") + part for part in (salt, name))
        return hashlib.sha256(_ORDER_SUBJECT + parts).hexdigest()


class Resumption(_Statement):
    """After a restore: the parties were asked what is missing behind the entry with that hash; it was done anew."""

    type: Literal["resumption"] = "resumption"
    continuation: Digest
    reason: Line
    nonce: Nonce


Statement = (
    Enrolment
    | EnrolmentApproval
    | Attestation
    | Revocation
    | Proposal
    | Signing
    | Acknowledgement
    | Approval
    | Refusal
    | Duty
    | Order
    | Resumption
)
_ANY: TypeAdapter[Statement] = TypeAdapter(Annotated[Statement, Field(discriminator="type")])


def parse(data: bytes) -> Statement:
    """A statement from its canonical bytes. Raises InputWrong, naming the field, for anything else."""
    if len(data) > _MOST:
        raise InputWrong(f"a statement of {len(data)} bytes; at most {_MOST} are read", reason="statement-malformed")
    try:
        document = json.loads(data.decode("utf-8"))  # a key that stands twice falls at the end
    except (ValueError, RecursionError):
        raise InputWrong("a statement is one JSON object (RFC 8785)", reason="statement-malformed") from None
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise InputWrong("a statement names its `type`", reason="statement-malformed", field="type")
    try:
        statement = _ANY.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # The union's tag leads the place; the person knows it as the statement's type.
        place = ".".join(str(p) for p in first["loc"][1:]) or "type"
        message = first["msg"].removeprefix("Value error, ")
        detail = f"{message[:1].lower()}{message[1:]}"
        raise InputWrong(detail, reason="statement-malformed", field=place) from None
    if statement.canonical() != data:
        raise InputWrong("the statement's bytes are not in canonical form (RFC 8785)", reason="statement-malformed")
    return statement
