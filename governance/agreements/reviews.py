"""Reviews: requests that wait for a person, shown to those who may answer, and their signed answers.

What waits is found in the log: requests whose outcome was `review`. An answer speaks of the digest of a request, not of
one entry, so the same request asked again finds it (language, Approval).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from audit import Entry
from governance.agreements.caller import Caller, administrates, need_signatory, need_signer
from governance.agreements.desk import Desk, Paper
from governance.agreements.shown import instant
from governance.errors import InputWrong, NotFound, Refused
from governance.model.access import Request
from governance.register import Register, Signed
from governance.register.reviews import APPROVAL_LIFE, Approvers, approvers, expiry, word_fault
from governance.signing.review import request_digest, reviewed
from governance.signing.statement import Approval, Refusal

__all__ = ["Reviews"]

# Requests that waited longer than an approval would live are asked again; the log is looked through this far back.
_LOOK_BACK = APPROVAL_LIFE
_MOST = 1000


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that waits: what is reviewed of it, and who may answer."""

    entry: int
    time: dt.datetime
    mou: str
    clause: str
    request: Request
    digest: str
    who: Approvers


@dataclass(frozen=True)
class Reviews:
    """Safe from any thread."""

    desk: Desk

    def listed(self, caller: Caller) -> list[dict[str, Any]]:
        """What the caller's party asked and waits for, and what it may answer; everything to an administrator."""
        register = self.desk.register()
        return [
            self._json(w, register)
            for w in self._waiting(register)
            if administrates(caller) or caller.party in w.who.parties | {w.request.party}
        ]

    def answer(self, caller: Caller, digest: str, kind: str, statement: bytes, jws: str) -> dict[str, Any]:
        """A signed answer of one of the parties that are asked; `kind` is `approval` or `refusal`."""
        paper = Paper.of(statement, jws, Approval if kind == "approval" else Refusal)
        said = paper.said
        assert isinstance(said, Approval | Refusal)  # noqa: S101 what `of` took
        need_signatory(caller)
        need_signer(caller, paper.fingerprint)
        if said.request_sha256 != digest:
            raise InputWrong("the statement speaks of another request than the address", field="request_sha256")
        if said.party != caller.party:
            detail = f"the key is of `{caller.party}`, the statement names `{said.party}`"
            raise Refused(detail, reason="key-of-another")
        with self.desk.lock:
            register = self.desk.register()
            waiting = next((w for w in self._waiting(register) if w.digest == digest), None)
            if waiting is None or caller.party not in waiting.who.parties | {waiting.request.party}:
                raise NotFound("no request with this digest waits for an answer", reason="no-review", field="digest")
            if caller.party not in waiting.who.parties:
                raise Refused("who asks cannot approve", reason="not-an-approver")
            if (said.mou, said.clause) != (waiting.mou, waiting.clause):
                detail = f"the request relies on {waiting.mou}:{waiting.clause}, the statement names another clause"
                raise InputWrong(detail, field="clause")
            if isinstance(said, Approval) and said.until is not None and said.until <= self.desk.clock.now():
                raise InputWrong("an approval that has run out already", field="until")
            entry = self.desk.submit(
                paper,
                kind=said.type,
                claims={
                    "mou": said.mou,
                    "clause": said.clause,
                    "party": waiting.request.party,
                    "approver": said.party,
                    "request": waiting.entry,
                    "request_sha256": digest,
                },
                readers=(*waiting.who.parties, waiting.request.party),
                index={"mou": said.mou, "clause": f"{said.mou}:{said.clause}", "party": said.party},
            )
            return {"entry": entry.seq} | self._json(waiting, self.desk.register())

    def _waiting(self, register: Register) -> list[_Waiting]:
        """Requests that were answered `review`, newest first, each digest once."""
        found: dict[str, _Waiting] = {}
        since = self.desk.clock.now() - _LOOK_BACK
        for entry in self.desk.journal.search(kind="request", outcome="review", since=since, limit=_MOST):
            waiting = self._of(entry, register)
            if waiting is not None:
                found.setdefault(waiting.digest, waiting)
        return list(found.values())

    def _of(self, entry: Entry, register: Register) -> _Waiting | None:
        now = self.desk.clock.now()
        try:
            request = Request.model_validate(entry.body["request"])
            cited = entry.body["decision"]["cites"][0]
            mou_id, clause_id = str(cited["mou"]), str(cited["clause"])
        except (KeyError, IndexError, TypeError, ValidationError):
            return None
        version = register.version_at(mou_id, now)
        if version is None or version.mou is None:
            return None
        clause = next((c for c in version.mou.clauses if c.id == clause_id), None)
        who = approvers(version.mou, clause, request, register.gone(mou_id, now)) if clause else None
        if who is None:
            return None
        digest = request_digest(request, mou=mou_id, under=clause_id)
        return _Waiting(entry.seq, entry.time, mou_id, clause_id, request, digest, who)

    def _json(self, w: _Waiting, register: Register) -> dict[str, Any]:
        now = self.desk.clock.now()
        last: dict[str, Signed] = {}
        for s in register.reviews.get(w.digest, ()):
            if word_fault(s, register.keyring) is None:
                last[s.party] = s
        answers = [_answer(s) for p, s in sorted(last.items()) if p in w.who.parties]
        yes = frozenset(p for p, s in last.items() if s.kind == "approval" and expiry(s) > now)
        no = frozenset(p for p, s in last.items() if s.kind == "refusal") & w.who.parties
        # Where each must agree, one no is the answer; where one suffices, the others can still say yes.
        refused = bool(no) if w.who.each else no == w.who.parties
        state = "approved" if w.who.satisfied(yes) else "refused" if refused else "waits"
        return {
            "digest": w.digest,
            "request_entry": w.entry,
            "time": instant(w.time),
            "state": state,
            "reviewed": reviewed(w.request, mou=w.mou, under=w.clause),
            "approvers": sorted(w.who.parties),
            "each": w.who.each,
            "waits_for": sorted(w.who.parties - yes - no) if state == "waits" else [],
            "answers": answers,
        }


def _answer(s: Signed) -> dict[str, Any]:
    shown = {"party": s.party, "answer": s.kind, "entry": s.place.seq, "time": instant(s.place.time)}
    shown |= {"fingerprint": s.fingerprint}
    if s.kind == "approval":
        shown["good_until"] = instant(expiry(s))
    return shown | ({"reason": s.text("reason")} if s.text("reason") else {})
