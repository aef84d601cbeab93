"""Orders: who may give one, and whether an entry of the log was ordered.

A party's signatory or steward orders what concerns its own clients, the administrator what concerns anybody's, and
nobody else orders anything. The entry carries the statement and its signature, so that whoever verifies the log need
not believe the service that it was asked to forget.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from audit.erasure import ERASURE
from governance.agreements.caller import Caller, administrates
from governance.errors import AccordantError, InputWrong, NotAuthentic, Refused
from governance.register import ADMINISTRATOR, SIGNATORY, Place, Register
from governance.register.reading import decoded, encoded
from governance.signing.jws import kid_of, verify_detached
from governance.signing.statement import Order, parse

__all__ = ["HOLD", "KINDS", "RELEASE", "RESTORED", "Paper", "order_fault", "taken"]

HOLD, RELEASE = "hold", "release-hold"
KINDS = frozenset({ERASURE, HOLD, RELEASE})
_ORDER = {ERASURE: "erase", HOLD: "hold", RELEASE: "release"}
# The basis of what a restore forgets again, behind the entry that continues the log.
RESTORED = "restored from a backup of before their keys were destroyed"
_OFFICERS = frozenset({SIGNATORY, "steward"})
_BEFORE, _BEHIND = dt.timedelta(hours=24), dt.timedelta(minutes=5)
_SALT = 16  # bytes, at least


class Paper:
    """A signed order that was taken in, and the client that it is about: what the entry says of it is `recorded`."""

    def __init__(self, said: Order, data: bytes, jws: str, caller: Caller, subject: str) -> None:
        self.said, self.subject = said, subject
        self.recorded: dict[str, Any] = {
            "basis": said.basis,
            "by": {"party": caller.party, "person": caller.person, "fingerprint": caller.fingerprint},
            "statement": encoded(data),
            "jws": jws,
        }
        if said.contributor is not None:
            self.recorded["contributor"] = said.contributor


def taken(
    order: str, *, caller: Caller, statement: bytes, jws: str, subject: str, salt: bytes, register: Register, now: Any
) -> Paper:
    """The order, verified. Raises why the caller may not give it, or why it is not one."""
    said = parse(statement)
    if not isinstance(said, Order) or said.order != order:
        raise InputWrong(f"a statement that orders no `{order}` does not belong here", field="statement")
    if kid_of(jws) != caller.fingerprint:
        raise Refused("the statement is signed by another key than the request", reason="key-of-another")
    officer = caller.use in _OFFICERS and caller.party == said.contributor
    if not administrates(caller) and not officer:
        detail = "a party's signatory or steward orders this for the party's own clients, an administrator for any"
        raise Refused(detail, reason="not-an-officer")
    if len(salt) < _SALT or Order.digest(salt=salt, subject=subject) != said.subject_sha256:
        raise InputWrong("the order is about another client than the request", field="subject_sha256")
    if re.search(rf"(?<!\w){re.escape(subject)}(?!\w)", said.basis):
        detail = "the reason names the client, and it stands in the log for ever; say it without"
        raise InputWrong(detail, reason="names-the-client", field="basis")
    fault = _statement_fault(said, statement, jws, register, Place(register.seq + 1, now))
    if fault is not None:
        raise NotAuthentic(fault, reason="signature-wrong")
    return Paper(said, statement, jws, caller, subject)


def _statement_fault(said: Order, data: bytes, jws: str, register: Register, place: Place) -> str | None:
    fingerprint = kid_of(jws)
    public, owner = register.keyring.public(fingerprint), register.key(fingerprint)
    if public is None or owner is None:
        return f"no enrolment of key {fingerprint} is in the log"
    try:
        verify_detached(key=public, payload=data, jws=jws)
    except NotAuthentic as error:
        return error.detail
    fault = register.keyring.stands(fingerprint, place)
    if fault is not None:
        return fault[1]
    administrator = owner.party == ADMINISTRATOR and owner.use == ADMINISTRATOR
    if not administrator and not (owner.use in _OFFICERS and owner.party == said.contributor):
        return f"key {fingerprint} may not order it"
    if not place.time - _BEFORE <= said.time <= place.time + _BEHIND:
        return "the order's own time is not that of its place in the log"
    return None


def order_fault(kind: str, body: Mapping[str, Any], register: Register, place: Place) -> str | None:
    """Why an entry of these kinds was not ordered, as far as a statement in it says; None: it was."""
    try:
        data, jws = decoded(body["statement"]), str(body["jws"])
        said = parse(data)
        if not isinstance(said, Order) or said.order != _ORDER[kind]:
            return "the statement in it orders something else"
        by = body["by"]["fingerprint"]
        if (said.basis, said.contributor, kid_of(jws)) != (body["basis"], body.get("contributor"), by):
            return "it says another basis, party or key than the statement that ordered it"
        if body.get("kept") and not said.keep_disclosures:
            return "it keeps what it was ordered to forget"
        return _statement_fault(said, data, jws, register, place)
    except (KeyError, TypeError, ValueError, AccordantError):
        return "there is no signed order in it"
