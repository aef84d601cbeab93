"""Keys: enrol, approve, attest, revoke, list. Each but the last is a signed, logged statement (design §5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from governance.agreements.caller import Caller, administrates, need_signatory, need_signer
from governance.agreements.desk import Desk, Paper, activated
from governance.agreements.shown import key_json
from governance.errors import Conflict, InputWrong, NotFound, TooMany
from governance.register import ADMINISTRATOR, EnrolledKey
from governance.register.reading import encoded
from governance.signing.statement import Attestation, Enrolment, EnrolmentApproval, Revocation

__all__ = ["Keys"]

# Anybody can hand in an enrolment; this many may wait for approval from one day, so that nobody fills the log.
_WAITING_A_DAY = 1000
_WAITING_A_PARTY = 20


@dataclass(frozen=True)
class Keys:
    """The life of keys. Safe from any thread."""

    desk: Desk
    activate: Callable[[], dict[str, Any] | None]

    def enroll(self, statement: bytes, jws: str) -> dict[str, Any]:
        """Takes in an enrolment, signed by the very key that it enrols. It counts for nothing until it is approved."""
        paper = Paper.of(statement, jws, Enrolment)
        said = paper.said
        assert isinstance(said, Enrolment)  # noqa: S101 what `of` took
        if paper.fingerprint != said.fingerprint:
            raise InputWrong("an enrolment is signed by the key that it enrols", field="jws")
        if (said.party == ADMINISTRATOR) != (said.use == ADMINISTRATOR):
            detail = f"the use `{ADMINISTRATOR}` and the party `{ADMINISTRATOR}` belong together"
            raise InputWrong(detail, reason="use-of-another", field="use")
        with self.desk.lock:
            register = self.desk.register()
            known = register.key(said.fingerprint)
            if known is not None and known.state != "pending":
                raise Conflict(f"key {said.fingerprint} is enrolled already ({known.state})", reason="key-known")
            day = self.desk.clock.now() - dt.timedelta(days=1)
            waiting = [
                e
                for e in register.keyring.enrolments.values()
                if e.signed.place.time > day and register.keyring.approval(e.key.fingerprint) is None
            ]
            of_party = sum(e.party == said.party for e in waiting)
            if of_party >= _WAITING_A_PARTY or len(waiting) >= _WAITING_A_DAY:
                raise TooMany("too many enrolments wait for approval", reason="too-many-enrolments")
            entry = self.desk.submit(
                paper,
                kind="enrolment",
                claims={"party": said.party, "person": said.person, "use": said.use, "fingerprint": said.fingerprint},
                readers=(said.party,),
                index={"party": said.party},
            )
            return {"entry": entry.seq} | self._json(said.fingerprint)

    def approve(self, caller: Caller, fingerprint: str, statement: bytes, jws: str) -> dict[str, Any]:
        """An administrator, or an older signatory's key of the same party, lets an enrolled key count."""
        paper = Paper.of(statement, jws, EnrolmentApproval)
        said = paper.said
        assert isinstance(said, EnrolmentApproval)  # noqa: S101 what `of` took
        need_signer(caller, paper.fingerprint)
        with self.desk.lock:
            key = self._named(fingerprint, said.fingerprint)
            if key.state != "pending":
                raise Conflict(f"key {fingerprint} is {key.state} already", reason="key-known")
            if (said.party, said.use) != (key.party, key.use):
                detail = f"the key asks for {key.use} of `{key.party}`, the approval says {said.use} of `{said.party}`"
                raise InputWrong(detail, reason="enrolment-differs", field="statement")
            entry = self.desk.submit(
                paper,
                kind="enrolment-approval",
                claims={"party": key.party, "fingerprint": fingerprint, "by": caller.party},
                readers=(key.party,),
                index={"party": key.party},
            )
            return {"entry": entry.seq} | self._json(fingerprint)

    def attest(self, caller: Caller, fingerprint: str, statement: bytes, jws: str) -> dict[str, Any]:
        """A signatory of another party says whose a key is; nothing but belief hangs on it."""
        paper = Paper.of(statement, jws, Attestation)
        said = paper.said
        assert isinstance(said, Attestation)  # noqa: S101 what `of` took
        need_signatory(caller)
        need_signer(caller, paper.fingerprint)
        with self.desk.lock:
            seen, key = self._seen(caller), self._named(fingerprint, said.fingerprint)
            if seen is not None and key.party not in seen:
                raise self._none(fingerprint)
            if key.party == caller.party or key.revoked is not None:
                what = "of your own party" if key.party == caller.party else "revoked"
                raise Conflict(f"key {fingerprint} is {what}; an attestation would say nothing", reason="not-attested")
            entry = self.desk.submit(
                paper,
                kind="attestation",
                claims={"party": key.party, "fingerprint": fingerprint, "by": caller.party},
                readers=(key.party, caller.party),
                index={"party": caller.party},
            )
            return {"entry": entry.seq} | self._json(fingerprint)

    def revoke(self, caller: Caller, fingerprint: str, statement: bytes, jws: str) -> dict[str, Any]:
        """Ends a key: by itself, by a signatory of its party, or by an administrator."""
        paper = Paper.of(statement, jws, Revocation)
        said = paper.said
        assert isinstance(said, Revocation)  # noqa: S101 what `of` took
        need_signer(caller, paper.fingerprint)
        with self.desk.lock:
            key = self._named(fingerprint, said.fingerprint)
            if key.state == "revoked" and said.compromised_since is None:
                raise Conflict(f"key {fingerprint} is revoked already", reason="key-revoked")
            entry = self.desk.submit(
                paper,
                kind="revocation",
                claims={"party": key.party, "fingerprint": fingerprint, "by": caller.party, "reason": said.reason},
                readers=(key.party,),
                index={"party": key.party},
            )
            # A signature may have fallen with it: what decides follows at once, or nothing decides until it can.
            return {"entry": entry.seq, "activation": activated(self.activate)} | self._json(fingerprint)

    def listed(self, caller: Caller) -> list[dict[str, Any]]:
        """All keys to an administrator; to anybody else those of their party and of parties they share an MOU with."""
        seen, register = self._seen(caller), self.desk.register()
        return [key_json(k, register) for k in register.every_key() if seen is None or k.party in seen]

    def shown(self, caller: Caller, fingerprint: str) -> dict[str, Any]:
        """One key with its enrolment as its holder signed it, so that nobody need believe us."""
        key, seen = self._key(fingerprint), self._seen(caller)
        if seen is not None and key.party not in seen:
            raise self._none(fingerprint)
        enrolment = self.desk.register().keyring.enrolments.get(fingerprint)
        signed = (
            {
                "entry": enrolment.signed.place.seq,
                "statement": encoded(enrolment.data),
                "jws": enrolment.jws,
                "sha256": enrolment.digest,
            }
            if enrolment
            else None
        )
        return key_json(key, self.desk.register()) | {"enrolment": signed}

    def _json(self, fingerprint: str) -> dict[str, Any]:
        return key_json(self._key(fingerprint), self.desk.register())

    def _seen(self, caller: Caller) -> set[str] | None:
        """The parties whose keys a caller sees; None: all."""
        if administrates(caller):
            return None
        seen = {caller.party, ADMINISTRATOR}
        for life in self.desk.register().lives().values():
            for version in life.versions:
                parties = {p.id for p in version.mou.parties} if version.mou else set()
                if caller.party in parties:
                    seen |= parties
        return seen

    def _named(self, path: str, said: str) -> EnrolledKey:
        if path != said:
            raise InputWrong(f"the statement speaks of key {said}, the address of `{path}`", field="statement")
        return self._key(path)

    def _key(self, fingerprint: str) -> EnrolledKey:
        key = self.desk.register().key(fingerprint)
        if key is None:
            raise self._none(fingerprint)
        return key

    @staticmethod
    def _none(fingerprint: str) -> NotFound:
        return NotFound(f"no key `{fingerprint}` was ever enrolled", reason="no-key", field="fingerprint")
