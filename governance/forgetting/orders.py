"""Orders: who may give one, and whether an entry of the log was ordered.

A party's signatory or steward orders what concerns its own clients, the administrator what concerns anybody's, and
nobody else orders anything. An order is for the log that it names, and counts once. The entry carries the statement and
its signature, so that whoever verifies the log need not believe the service that it was asked to forget.
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

__all__ = ["ELSEWHERE", "HOLD", "KINDS", "RELEASE", "RESTORED", "Paper", "order_fault", "signed_order", "taken"]

HOLD, RELEASE = "hold", "release-hold"
KINDS = frozenset({ERASURE, HOLD, RELEASE})
_ORDER = {ERASURE: "erase", HOLD: "hold", RELEASE: "release"}
# The basis of what a restore forgets again, behind the entry that continues the log.
RESTORED = "restored from a backup of before their keys were destroyed"
_OFFICERS = frozenset({SIGNATORY, "steward"})
_BEFORE, _BEHIND = dt.timedelta(hours=24), dt.timedelta(minutes=5)
_SALT = 16  # bytes, at least
ELSEWHERE = "order-of-another-log"
_UNORDERED = ""
_Fault = tuple[str, str]  # a code, and a detail


class Paper:
    """A signed order that was taken in, and the client that it is about: what the entry says of it is `recorded`."""

    def __init__(self, said: Order, data: bytes, jws: str, caller: Caller, subject: str) -> None:
        self.said, self.subject, self.fingerprint = said, subject, caller.fingerprint
        self.recorded: dict[str, Any] = {
            "basis": said.basis,
            "by": {"party": caller.party, "person": caller.person, "fingerprint": caller.fingerprint},
            "statement": encoded(data),
            "jws": jws,
        }
        if said.contributor is not None:
            self.recorded["contributor"] = said.contributor


def taken(
    order: str,
    *,
    caller: Caller,
    statement: bytes,
    jws: str,
    subject: str,
    salt: bytes,
    origin: str,
    register: Register,
    now: Any,
) -> Paper:
    """The order, verified. Raises why the caller may not give it, or why it is not one for the log of that origin."""
    said = parse(statement)
    if not isinstance(said, Order) or said.order != order:
        raise InputWrong(f"a statement that orders no `{order}` does not belong here", field="statement")
    if said.v == 1:
        detail = "an order names the log that it is for, since version 2; sign it with a newer `accordant`"
        raise InputWrong(detail, reason="order-without-log", field="statement")
    if kid_of(jws) != caller.fingerprint:
        raise Refused("the statement is signed by another key than the request", reason="key-of-another")
    officer = caller.use in _OFFICERS and caller.party == said.contributor
    if not administrates(caller) and not officer:
        detail = "a party's signatory or steward orders this for the party's own clients, an administrator for any"
        if caller.use in _OFFICERS and said.contributor is None:
            detail += f"; say whose client it is: `--contributor {caller.party}`"
        raise Refused(detail, reason="not-an-officer")
    if len(salt) < _SALT or Order.digest(salt=salt, subject=subject) != said.subject_sha256:
        raise InputWrong("the order is about another client than the request", field="subject_sha256")
    if re.search(rf"(?<!\w){re.escape(subject)}(?!\w)", said.basis, re.IGNORECASE):
        detail = "the reason names the client, and it stands in the log for ever; say it without"
        raise InputWrong(detail, reason="names-the-client", field="basis")
    fault = _statement_fault(said, statement, jws, register, Place(register.seq + 1, now), origin)
    if fault is not None:
        code, detail = fault
        raise Refused(detail, reason=code) if code else NotAuthentic(detail, reason="signature-wrong")
    return Paper(said, statement, jws, caller, subject)


def _statement_fault(
    said: Order, data: bytes, jws: str, register: Register, place: Place, origin: str | None
) -> _Fault | None:
    fingerprint = kid_of(jws)
    public, owner = register.keyring.public(fingerprint), register.key(fingerprint)
    if public is None or owner is None:
        return _UNORDERED, f"no enrolment of key {fingerprint} is in the log"
    try:
        verify_detached(key=public, payload=data, jws=jws)
    except NotAuthentic as error:
        return _UNORDERED, error.detail
    fault = register.keyring.stands(fingerprint, place)
    if fault is not None:
        return _UNORDERED, fault[1]
    administrator = owner.party == ADMINISTRATOR and owner.use == ADMINISTRATOR
    if not administrator and not (owner.use in _OFFICERS and owner.party == said.contributor):
        return _UNORDERED, f"key {fingerprint} may not order it"
    if not place.time - _BEFORE <= said.time <= place.time + _BEHIND:
        return _UNORDERED, "the order's own time is not that of its place in the log"
    if said.log is not None and said.log != origin:
        return ELSEWHERE, f"the order was given to the log `{said.log}`, and this one is `{origin}`"
    return None


def signed_order(body: Mapping[str, Any]) -> tuple[Order, bytes, str] | None:
    """The order in an entry's body, its bytes and the key that it names; None where there is none to read."""
    try:
        data, jws = decoded(body["statement"]), str(body["jws"])
        said = parse(data)
        return (said, data, kid_of(jws)) if isinstance(said, Order) else None
    except (KeyError, TypeError, ValueError, AccordantError):
        return None


def order_fault(
    kind: str, body: Mapping[str, Any], register: Register, place: Place, *, origin: str | None
) -> _Fault | None:
    """Why an entry of these kinds was not ordered, as far as a statement in it says; None: it was.

    The code is empty where nobody ordered it at all. `origin`: of the log, at that place.
    """
    found = signed_order(body)
    try:
        if found is None or found[0].order != _ORDER[kind]:
            return (
                _UNORDERED,
                "there is no signed order in it" if found is None else "the statement in it orders something else",
            )
        said, data, fingerprint = found
        if (said.basis, said.contributor, fingerprint) != (
            body["basis"],
            body.get("contributor"),
            body["by"]["fingerprint"],
        ):
            return _UNORDERED, "it says another basis, party or key than the statement that ordered it"
        if body.get("kept") and not said.keep_disclosures:
            return _UNORDERED, "it keeps what it was ordered to forget"
        return _statement_fault(said, data, str(body["jws"]), register, place, origin)
    except (KeyError, TypeError, ValueError, AccordantError):
        return _UNORDERED, "there is no signed order in it"
