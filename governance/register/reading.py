"""From an entry of the log to a record: form, statement and signature, each checked on the stored bytes.

An entry of a signed kind holds `statement` (the canonical bytes, base64url) and `jws` (detached, RFC 7515 Appendix F);
what else stands in its body is for people who read the log, and is never believed. Nothing raises here: what is wrong
with an entry becomes the record's fault, so that one bad entry cannot hide the others.
"""

from __future__ import annotations

import binascii
import datetime as dt
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from governance.compiler.bundle import revision
from governance.compiler.to_text import to_text
from governance.errors import AccordantError, DocumentWrong
from governance.model.mou import Mou
from governance.register.keyring import Enrolment, Keyring
from governance.register.records import Activation, Broken, Continuation, DutyMark, Opening, Place, Proposal, Signed
from governance.signing import statement as statements
from governance.signing.jws import kid_of, verify_detached
from governance.signing.keys import PublicKey

__all__ = [
    "FACT_KINDS",
    "KINDS",
    "Compiled",
    "LogEntry",
    "Record",
    "compiled",
    "decoded",
    "encoded",
    "known",
    "read",
    "take_in",
]

# Entry kinds with a signed statement, and the type that the statement must have.
_SIGNED = {
    "enrolment": "enrolment",
    "enrolment-approval": "enrolment-approval",
    "attestation": "attestation",
    "revocation": "revocation",
    "proposal": "proposal",
    "signature": "signing",
    "decline": "signing",
    "withdrawal": "signing",
    "acknowledgement": "acknowledgement",
    "approval": "approval",
    "refusal": "refusal",
    "duty": "duty",
    "resumption": "resumption",
}
_DECISION = {"signature": "sign", "decline": "decline", "withdrawal": "withdraw"}

KINDS = frozenset(_SIGNED) | {"opening", "activation", "activation-refused", "continuation"}
# A decision may hang on each of these: their newest entry's number is the facts' version (design §2).
FACT_KINDS = frozenset(KINDS - {"opening", "proposal", "attestation", "activation-refused"})

# How far a statement's own time may lie before its entry's, and behind it (clocks differ).
_BEFORE, _BEHIND = dt.timedelta(hours=24), dt.timedelta(minutes=5)


class LogEntry(Protocol):
    """What is read of an entry: stored bytes, held against the leaf by whoever gives it."""

    @property
    def seq(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def time(self) -> dt.datetime: ...
    @property
    def leaf_hash(self) -> bytes: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


Record = Signed | Enrolment | Proposal | Opening | DutyMark | Activation | Continuation | Broken | None


def encoded(data: bytes) -> str:
    """Base64url without padding (RFC 4648 §5)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: object) -> bytes:
    """The bytes of `encoded`; raises ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("not text")
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64url") from None
    if encoded(data) != text:
        raise ValueError("not base64url in its one form")
    return data


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a document means now: its text and its policy, and their digests in hex."""

    mou: Mou
    text: bytes
    text_sha256: str
    policy_sha256: str


# By the document's digest: a pure function's answers.
_MADE: dict[bytes, Compiled] = {}
_MOST_MADE = 4096


def compiled(document: bytes) -> Compiled:
    """Compiles a document. Raises DocumentWrong with all its faults. The same bytes have the same answer."""
    digest = hashlib.sha256(document).digest()
    found = _MADE.get(digest)
    if found is None:
        # Imported here: a start whose documents were all compiled before reads no YAML.
        from governance.compiler.from_yaml import read as read_document

        mou = read_document(document).mou
        text = to_text(mou).encode()
        found = Compiled(mou, text, hashlib.sha256(text).hexdigest(), revision((mou,)))
        if len(_MADE) < _MOST_MADE:
            _MADE[digest] = found
    return found


def read(entry: LogEntry | Broken, keyring: Keyring) -> Record:
    """One entry's record; None where its kind is no business of the register's."""
    if isinstance(entry, Broken):
        return entry if entry.kind in KINDS or not entry.kind else None
    if entry.kind not in KINDS:
        return None
    place = Place(entry.seq, entry.time)
    try:
        if entry.kind == "opening":
            return _opening(entry, place)
        if entry.kind == "continuation":
            return Continuation(place, entry.leaf_hash.hex())
        if entry.kind in ("activation", "activation-refused"):
            return _activation(entry, place)
        return _signed(entry, place, keyring)
    except (KeyError, TypeError, ValueError, AccordantError) as error:
        said = error.detail if isinstance(error, AccordantError) else "members are missing or of the wrong type"
        return Broken(place, entry.kind, f"the body has not the form of its kind: {said}", dict(entry.body))


# By leaf hash, which covers every byte of an entry: statements that were read and whose signatures verified. Whose the
# key is by then, and whether it stands, is asked anew.
_VERIFIED: dict[bytes, Signed] = {}
_MOST_VERIFIED = 65_536


def _signed(entry: LogEntry, place: Place, keyring: Keyring) -> Record:
    known = _VERIFIED.get(entry.leaf_hash)
    if known is not None and (known.place, known.kind) == (place, entry.kind) and keyring.public(known.fingerprint):
        return known
    record = _anew(entry, place, keyring)
    room = len(_VERIFIED) < _MOST_VERIFIED
    if room and isinstance(record, Signed) and record.fault is None and any(entry.leaf_hash):
        _VERIFIED[entry.leaf_hash] = record
    return record


def _anew(entry: LogEntry, place: Place, keyring: Keyring) -> Record:
    data, jws = decoded(entry.body["statement"]), entry.body["jws"]
    if not isinstance(jws, str):
        raise TypeError("jws")
    said = statements.parse(data)
    if said.type != _SIGNED[entry.kind]:
        raise ValueError("the statement is of another kind")
    if isinstance(said, statements.Signing) and said.decision != _DECISION[entry.kind]:
        raise ValueError("the statement says another decision")
    fingerprint = kid_of(jws)
    own = said.public_key if isinstance(said, statements.Enrolment) else None
    signed = Signed(
        place=place,
        kind=entry.kind,
        fingerprint=fingerprint,
        statement=said.model_dump(mode="json", exclude_none=True),
        sha256=hashlib.sha256(data).hexdigest(),
        fault=_time_fault(said.time, place)
        or _signature_fault(fingerprint, data, jws, keyring.public if own is None else lambda _: own),
    )
    if isinstance(said, statements.Enrolment):
        if signed.fault is not None:
            return signed
        return Enrolment(signed, said.public_key, said.party, said.use, said.person, signed.sha256, data, jws)
    if isinstance(said, statements.Proposal):
        return _proposal(entry.body, signed, said)
    if isinstance(said, statements.Duty):
        return DutyMark(signed, (said.mou, said.clause, said.party), said.status == "overdue")
    return signed


def _time_fault(said: dt.datetime, place: Place) -> tuple[str, str] | None:
    if place.time - _BEFORE <= said <= place.time + _BEHIND:
        return None
    return "time-differs", "the statement's own time is not that of its place in the log"


def _signature_fault(
    fingerprint: str, data: bytes, jws: str, key_of: Callable[[str], PublicKey | None]
) -> tuple[str, str] | None:
    key = key_of(fingerprint)
    if key is None:
        return "key-unknown", f"no enrolment of key {fingerprint} is in the log"
    wrong = _verified(key, data, jws)
    return ("signature-wrong", f"{wrong} (key {fingerprint})") if wrong else None


# A log that is read again asks the same question: the answer depends on nothing but key, bytes and signature.
@lru_cache(maxsize=65_536)
def _verified(key: PublicKey, data: bytes, jws: str) -> str | None:
    try:
        verify_detached(key=key, payload=data, jws=jws)
    except AccordantError as error:
        return error.detail
    return None


def _proposal(body: Mapping[str, Any], signed: Signed, said: statements.Proposal) -> Proposal:
    document, text = decoded(body["document"]), decoded(body["text"])
    now: Compiled | None = None
    with suppress(DocumentWrong):
        now = compiled(document)
    return Proposal(
        signed=signed,
        id=said.mou,
        version=said.version,
        document=document,
        text=text,
        mou=now.mou if now else None,
        document_sha256=hashlib.sha256(document).hexdigest(),
        text_sha256=hashlib.sha256(text).hexdigest(),
        compiled_text_sha256=now.text_sha256 if now else "",
        policy_sha256=now.policy_sha256 if now else "",
    )


def _opening(entry: LogEntry, place: Place) -> Opening:
    body = entry.body
    names = [body[n] for n in ("mou", "party", "nonce")]
    if not all(isinstance(n, str) for n in names) or not isinstance(body["version"], int):
        raise TypeError("opening")
    return Opening(place, entry.leaf_hash.hex(), body["mou"], body["version"], body["party"], body["nonce"])


def _activation(entry: LogEntry, place: Place) -> Activation:
    body = entry.body
    documents = frozenset((m["id"], m["version"], m["document_sha256"]) for m in body["mous"])
    if not isinstance(body["revision"], str):
        raise TypeError("revision")
    refused = entry.kind == "activation-refused"
    left_out = {(m["id"], m["version"], m["document_sha256"]): dict(m["difference"]) for m in body.get("left_out", ())}
    if refused and "difference" in body:  # as it was recorded once: all or nothing
        left_out = {key: dict(body["difference"]) for key in documents}
    return Activation(place, body["revision"], documents, int(body.get("cases", 0)), refused, left_out)


def known() -> Mapping[bytes, Compiled]:
    """What was compiled in this process, by the document's digest."""
    return dict(_MADE)


def take_in(made: Mapping[bytes, Compiled]) -> None:
    """As if it had been compiled here: from somebody who can vouch for it, and for its being of this very program."""
    _MADE.update(made)
