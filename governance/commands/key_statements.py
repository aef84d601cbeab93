"""The statements behind `accordant key`: made and signed here, sent to the server, and read back with suspicion."""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from connectors.client import Client
from governance.commands.connection import nonce, now, signed
from governance.errors import Conflict, InputWrong, NotAuthentic
from governance.signing.jws import verify_detached
from governance.signing.keys import PrivateKey
from governance.signing.statement import Attestation, Enrolment, EnrolmentApproval, KeyText, Revocation, parse

__all__ = ["approve", "attest", "build", "enrol", "fetch", "instant", "revoke"]

_S = TypeVar("_S", bound=BaseModel)


def build(kind: type[_S], **values: Any) -> _S:
    """A statement of what a person typed. Raises InputWrong, naming the option."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        field = "--" + ".".join(str(p) for p in first["loc"]).replace("_", "-")
        raise InputWrong(f"{message[:1].lower()}{message[1:]}", field=field) from None


def instant(text: str, *, field: str) -> dt.datetime:
    """A day (its first moment) or an instant; UTC where no offset is given."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InputWrong(
            f"`{text}` is neither a day nor an instant such as 2026-10-01T08:00:00Z", field=field
        ) from None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def enrol(client: Client, key: PrivateKey, who: Mapping[str, str]) -> dict[str, Any]:
    """Sends an enrolment, signed by the key that it enrols; the request is unsigned, for nobody knows the key yet."""
    statement = build(
        Enrolment,
        **who,
        key=KeyText(alg=key.alg, pem=key.public.pem),
        fingerprint=key.fingerprint,
        nonce=nonce(),
        time=now(),
    )
    answer = client.post("/v1/keys", signed(statement, key), signed=False) or {}
    return {"fingerprint": key.fingerprint, "state": "pending", "enrolment_sha256": statement.sha256} | answer


def fetch(client: Client, fingerprint: str) -> Enrolment:
    """The enrolment of a key as its holder signed it. What the server says about a key is not believed, only this."""
    found = client.get(f"/v1/keys/{quote(fingerprint, safe=':')}")
    if isinstance(found, dict) and found.get("enrolment") is None and found.get("approved_by") == "root":
        detail = (
            f"`{fingerprint}` is the first administrator's key: no statement enrols it, the server's settings name it"
        )
        raise Conflict(detail, reason="root-is-pinned")
    try:
        encoded, jws = found["enrolment"]["statement"], found["enrolment"]["jws"]
        data = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        statement = parse(data)
    except (KeyError, TypeError, ValueError, InputWrong):
        raise NotAuthentic(f"the server has no enrolment of `{fingerprint}` that can be read") from None
    if not isinstance(statement, Enrolment) or statement.fingerprint != fingerprint:
        raise NotAuthentic(f"the server answers with another statement than the enrolment of `{fingerprint}`")
    verify_detached(key=statement.public_key, payload=data, jws=str(jws))
    return statement


def approve(client: Client, key: PrivateKey, enrolment: Enrolment) -> dict[str, Any]:
    """Sends the approval of exactly that enrolment."""
    statement = EnrolmentApproval(
        enrolment_sha256=enrolment.sha256,
        fingerprint=enrolment.fingerprint,
        party=enrolment.party,
        use=enrolment.use,
        time=now(),
    )
    answer = client.post(f"/v1/keys/{enrolment.fingerprint}/approval", signed(statement, key)) or {}
    return {"fingerprint": enrolment.fingerprint, "state": "active"} | answer


def attest(client: Client, key: PrivateKey, enrolment: Enrolment, *, by: str) -> dict[str, Any]:
    """Sends the word of `by` that exactly that enrolment is of who it says."""
    statement = build(
        Attestation,
        enrolment_sha256=enrolment.sha256,
        fingerprint=enrolment.fingerprint,
        party=enrolment.party,
        person=enrolment.person,
        organisation=enrolment.organisation,
        by=by,
        nonce=nonce(),
        time=now(),
    )
    answer = client.post(f"/v1/keys/{enrolment.fingerprint}/attestation", signed(statement, key)) or {}
    return {"fingerprint": enrolment.fingerprint} | answer


def revoke(
    client: Client, key: PrivateKey, fingerprint: str, *, reason: str, since: dt.datetime | None
) -> dict[str, Any]:
    """Sends a revocation."""
    statement = build(Revocation, fingerprint=fingerprint, reason=reason, compromised_since=since, time=now())
    answer = client.post(f"/v1/keys/{fingerprint}/revocation", signed(statement, key)) or {}
    return {"fingerprint": fingerprint, "state": "revoked"} | answer
