"""What an entry says by itself: read in any process and any order, and handed on small.

A request's declaration is verified here, from its stored base: the key is named by its fingerprint, which is its hash,
so that it does not matter where the key came from; whether it stood then is the register's to say (`claims`). A key
that was not known when the look was made is left to be verified there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from audit import Entry
from governance.declaration import verify_recorded
from governance.errors import NotAuthentic
from governance.forgetting import KINDS as ORDERED
from governance.register import KINDS
from governance.signing.keys import PublicKey
from governance.verification.evidenced import EVIDENCE

__all__ = ["LOOKED_AT", "Asked", "Cited", "Forgot", "Left", "Look", "Permitted", "said_signature"]

LOOKED_AT = KINDS | ORDERED | {"genesis", "request", "release", "disclosure", "consent", "load", EVIDENCE}

_Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cited:
    """A clause that a decision rests on, and the digest of its words as it was recorded."""

    mou: str
    version: int
    clause: str
    text_sha256: str | None


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a permit rests on: the policies, the clauses, and the instant that was decided for."""

    revision: str
    cites: tuple[Cited, ...]
    at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `faults`: what is wrong with its declaration, whoever's key it is."""

    seq: int
    time: dt.datetime
    outcome: str
    call: str
    party: str
    keyid: str
    nonce: str
    faults: tuple[_Fault, ...]
    unverified: Mapping[str, Any] | None  # the declaration, where its key was not known here
    permitted: Permitted | None


@dataclass(frozen=True, slots=True)
class Left:
    """Data that left, or the account of it. `faults`: figures that can't be."""

    kind: str
    call: str
    party: str
    request: int | None
    faults: tuple[_Fault, ...]


@dataclass(frozen=True, slots=True)
class Forgot:
    """An entry whose content is gone; whether that was ordered is the log's verifier's to say."""

    kind: str


@dataclass(frozen=True, slots=True)
class Look:
    """Entries of the kinds that say something. Survives pickling."""

    keys: Mapping[str, str] = field(default_factory=dict)  # PEM by fingerprint

    def __call__(self, entry: Entry) -> Entry | Asked | Left | Forgot | None:
        """What has to be known of an entry; None where that is nothing."""
        if entry.erased is not None:
            return Forgot(entry.kind) if entry.kind in LOOKED_AT else None
        if entry.kind == "request":
            return self._asked(entry)
        if entry.kind in ("release", "disclosure"):
            return _left(entry)
        return entry if entry.kind in LOOKED_AT else None

    def _asked(self, entry: Entry) -> Asked:
        body = entry.body
        declared = body.get("declaration")
        declaration = declared if isinstance(declared, dict) else None
        keyid = str((declaration or {}).get("keyid"))
        pem = self.keys.get(keyid)
        faults: list[_Fault] = []
        if declaration is not None:
            if pem is not None:
                faults += said_signature(declaration, _key(pem))
            faults += _differs(body, declaration)
        elif body.get("outcome") != "bad-signature":
            faults.append(("declaration-missing", "the request carries no signed purpose declaration"))
        return Asked(
            entry.seq, entry.time, str(body.get("outcome")), str(body.get("call")), str(body.get("party")), keyid,
            str((declaration or {}).get("nonce")), tuple(faults), declaration if pem is None else None,
            _permitted(body) if body.get("outcome") == "permit" else None,
        )  # fmt: skip


@lru_cache(maxsize=4096)
def _key(pem: str) -> PublicKey:
    return PublicKey.from_pem(pem)


def said_signature(declaration: Mapping[str, Any], key: PublicKey) -> list[_Fault]:
    """Whether a declaration verifies from its stored base."""
    try:
        verify_recorded(declaration, key)
    except NotAuthentic as error:
        return [("declaration-signature", f"the purpose declaration does not verify: {error.detail}")]
    return []


def _differs(body: Mapping[str, Any], declaration: Mapping[str, Any]) -> list[_Fault]:
    """What stands in the entry beside the declaration, against it."""
    try:
        call = hashlib.sha256(b64decode(declaration["base"], validate=True)).hexdigest()
    except (KeyError, ValueError, TypeError):
        return []  # told by the signature
    if body.get("call") != call:
        return [("call-differs", "the number of the call is not that of its signed declaration")]
    asked = body.get("request")
    if isinstance(asked, dict):
        said = (asked.get("purpose"), asked.get("mou"), asked.get("party"))
        if said != (declaration.get("purpose"), declaration.get("mou"), body.get("party")):
            detail = "the request that was decided is for another purpose, memorandum or party than was declared"
            return [("request-differs", detail)]
    return []


def _permitted(body: Mapping[str, Any]) -> Permitted:
    decision, asked = body.get("decision"), body.get("request")
    decision = decision if isinstance(decision, dict) else {}
    words = {}
    clauses = body.get("clauses")
    for clause in clauses if isinstance(clauses, list) else ():
        if isinstance(clause, dict):
            words[clause.get("mou"), clause.get("version"), clause.get("clause")] = clause.get("text_sha256")
    cites = []
    said = decision.get("cites")
    for cite in said if isinstance(said, list) else ():
        ref = tuple(cite.get(name) for name in ("mou", "version", "clause")) if isinstance(cite, dict) else (None,) * 3
        version = ref[1] if isinstance(ref[1], int) else -1
        cites.append(Cited(str(ref[0]), version, str(ref[2]), words.get((ref[0], ref[1], ref[2]))))
    at: dt.datetime | None = None
    if isinstance(asked, dict) and isinstance(asked.get("at"), str):
        try:
            at = dt.datetime.fromisoformat(asked["at"])
        except ValueError:
            at = None
    return Permitted(str(decision.get("revision")), tuple(cites), at if at is not None and at.tzinfo else None)


def _left(entry: Entry) -> Left:
    body = entry.body
    faults: list[_Fault] = []
    request = body.get("request")
    if entry.kind == "release":
        figures = [body.get("rows"), body.get("bytes")]
        if any(type(figure) is not int or figure < 0 for figure in figures):
            faults.append(("release-implausible", "the account of what left names no possible number of rows or bytes"))
    else:
        subjects = body.get("subjects")
        if not isinstance(subjects, dict) or set(subjects) != {body.get("contributor")}:
            detail = "the record of a disclosure does not say whose clients' data left"
            faults.append(("disclosure-implausible", detail))
    return Left(
        entry.kind, str(body.get("call")), str(body.get("party")), request if type(request) is int else None,
        tuple(faults),
    )  # fmt: skip
