"""The life of an MOU: propose, open a signing, sign, decline, withdraw; and what is shown of it (design §5).

A signing is opened first: the server gives a nonce and an entry's hash, which the statement names, so that it was made
within 24 hours of reading this very text. The signer's words come as one canonical statement with a detached signature.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from governance.agreements.caller import Caller, administrates, need_administrator, need_signatory, need_signer
from governance.agreements.desk import Desk, Paper, activated
from governance.agreements.shown import instant, mou_json, state_of, summary_json
from governance.agreements.standing import Check
from governance.compiler.bundle import compile_bundle
from governance.errors import AccordantError, Conflict, InputWrong, NotFound, Refused
from governance.model.mou import Mou
from governance.register import ADMINISTRATOR, Life, Register, VersionState
from governance.register.faults import OPENING_LIFE
from governance.register.reading import compiled, encoded
from governance.register.rules import before_turn
from governance.signing.statement import Proposal, Signing

__all__ = ["Mous"]

_KIND = {"sign": "signature", "decline": "decline", "withdraw": "withdrawal"}


@dataclass(frozen=True)
class Mous:
    """Safe from any thread. `nonce` makes an unguessable one; `activate` brings the policies in step.

    `look` compares the readings of a document before anybody signs it, and leaves the engine that decides alone.
    """

    desk: Desk
    nonce: Callable[[], str]
    activate: Callable[[], dict[str, Any] | None]
    look: Check

    # Proposing

    def propose(self, caller: Caller, document: bytes, statement: bytes, jws: str) -> dict[str, Any]:
        """Puts a version up for signing; exact bytes of document and text go into the log."""
        need_administrator(caller)
        made = compiled(document)
        paper = Paper.of(statement, jws, Proposal)
        said = paper.said
        assert isinstance(said, Proposal)  # noqa: S101 what `of` took
        need_signer(caller, paper.fingerprint)
        mou = made.mou
        if any(p.id == ADMINISTRATOR for p in mou.parties):
            raise InputWrong(f"`{ADMINISTRATOR}` is the name of the server's administrators", field="parties")
        for name, wanted in (("text_sha256", made.text_sha256), ("policy_sha256", made.policy_sha256)):
            if getattr(said, name) != wanted:
                detail = f"the document compiles to {wanted[:16]}… here, the statement says another digest"
                raise InputWrong(detail, reason=f"{name.split('_')[0]}-differs", field=name)
        if (said.mou, said.version) != (mou.id, mou.version):
            raise InputWrong(f"the document is {mou.ref}, the statement speaks of another", field="mou")
        self._require_agreement(mou)
        with self.desk.lock:
            life = self.desk.register().life(mou.id)
            highest = max((v.proposal.version for v in life.versions), default=0) if life else 0
            if mou.version <= highest:
                detail = f"version {highest} of `{mou.id}` was proposed before; raise `version`"
                raise Conflict(detail, reason="version-proposed")
            entry = self.desk.submit(
                paper,
                kind="proposal",
                claims={
                    "mou": mou.id,
                    "version": mou.version,
                    "title": mou.title,
                    "document": encoded(document),
                    "text": encoded(made.text),
                },
                readers=[p.id for p in mou.parties],
                index={"mou": mou.id},
                mou=mou.id,
            )
            return {"entry": entry.seq} | self._version_summary(mou.id, mou.version)

    def _require_agreement(self, mou: Mou) -> None:
        """Raises InputWrong where the readings differ on a document, beside those of its datasets that count."""
        counting = self.desk.register().counting_documents()
        beside = [m for m in counting if m.ref != mou.ref and m.datasets.keys() & mou.datasets.keys()]
        together = (*beside, mou)
        found = self.look(compile_bundle(together), together)
        if found.difference is not None:
            asked = json.dumps(found.difference.get("request") or {}, ensure_ascii=False)[:500]
            detail = f"the readings of its policy differ, so that nobody should sign it; on the request {asked}"
            raise InputWrong(detail, reason="readings-differ", field="document")

    # Signing

    def open(
        self, caller: Caller, mou_id: str, version: int | None = None, *, decision: str = "sign"
    ) -> dict[str, Any]:
        """Opens a signing for the caller's party; the text is given exactly as it will be signed.

        Without a version: the newest, or, to withdraw, the one that counts now.
        """
        need_signatory(caller)
        if decision not in _KIND:
            raise InputWrong(f"`{decision}` is not one of {', '.join(_KIND)}", field="decision")
        with self.desk.lock:
            register = self.desk.register()
            if version is None and decision == "withdraw":
                version = self._counting(register, mou_id)
            life, found = self._version(caller, register, mou_id, version)
            self._may(decision, caller.party, life, found)
            nonce = self.nonce()
            mou = found.mou
            if mou is None:
                raise Conflict("the stored document cannot be read", reason="document-unreadable")
            p = found.proposal
            entry = self.desk.record(
                "opening",
                {
                    "mou": mou_id,
                    "version": p.version,
                    "party": caller.party,
                    "person": caller.person,
                    "fingerprint": caller.fingerprint,
                    "nonce": nonce,
                    "text_sha256": p.text_sha256,
                    "policy_sha256": p.policy_sha256,
                },
                [x.id for x in mou.parties],
                {"mou": mou_id, "party": caller.party},
            )
        return {
            "opening": entry.leaf_hash.hex(),
            "entry": entry.seq,
            "nonce": nonce,
            "expires": instant(entry.time + OPENING_LIFE),
            "mou": mou_id,
            "version": p.version,
            "title": mou.title,
            "party": caller.party,
            "organisation": next((x.name for x in mou.parties if x.id == caller.party), caller.party),
            "person": caller.person,
            "text": encoded(p.text),
            "text_sha256": p.text_sha256,
            "policy_sha256": p.policy_sha256,
            "waits_for": list(before_turn(mou, caller.party, found.signatures, found.declines)),
        }

    def state(self, caller: Caller, mou_id: str, statement: bytes, jws: str) -> dict[str, Any]:
        """Takes in a signature, a decline or a withdrawal. The last signature needed brings the version into force."""
        paper = Paper.of(statement, jws, Signing)
        said = paper.said
        assert isinstance(said, Signing)  # noqa: S101 what `of` took
        need_signatory(caller)
        need_signer(caller, paper.fingerprint)
        if said.mou != mou_id:
            raise InputWrong(f"the statement speaks of `{said.mou}`, the address of `{mou_id}`", field="mou")
        if (said.party, said.person) != (caller.party, caller.person):
            detail = f"the key is `{caller.person}`'s of `{caller.party}`, the statement names another"
            raise Refused(detail, reason="key-of-another")
        with self.desk.lock:
            life, found = self._version(caller, self.desk.register(), mou_id, said.version)
            self._may(said.decision, caller.party, life, found)
            parties = [x.id for x in found.mou.parties] if found.mou else [caller.party]
            entry = self.desk.submit(
                paper,
                kind=_KIND[said.decision],
                claims={"mou": mou_id, "version": said.version, "party": said.party, "person": said.person},
                readers=[*parties, caller.party],
                index={"mou": mou_id, "party": said.party},
                mou=mou_id,
            )
            # The statement is durable by now: whatever becomes of the policies, it is not taken back.
            activation = activated(self.activate)
            return {"entry": entry.seq, "activation": activation} | self._version_summary(mou_id, said.version)

    def _counting(self, register: Register, mou_id: str) -> int | None:
        """The number of the version that counts now, or will first."""
        found = register.version_at(mou_id, self.desk.clock.now())
        life = register.life(mou_id)
        if found is None and life is not None and life.established:
            found = life.established[0]
        return found.proposal.version if found else None

    def _may(self, decision: str, party: str, life: Life, found: VersionState) -> None:
        """Raises Conflict where a party's word could not count, or would change nothing."""
        if decision != "withdraw":
            self._may_speak(party, life, found, signing=decision == "sign")
            return
        number = found.proposal.version
        if any(d.party == party for d in life.departures):
            raise Conflict(f"`{party}` has withdrawn already", reason="withdrawn-already")
        if not found.established:
            detail = f"version {number} was not signed by all who must; a party that will not sign declines"
            raise Conflict(detail, reason="not-signed-yet")
        state = state_of(found, life, self.desk.clock.now())
        if state in ("replaced", "ended"):
            raise Conflict(f"version {number} is {state}", reason="version-replaced")

    def _may_speak(self, party: str, life: Life, found: VersionState, *, signing: bool) -> None:
        now = self.desk.clock.now()
        state = state_of(found, life, now)
        number = found.proposal.version
        highest = max((v.proposal.version for v in life.established), default=0)
        left = [d for d in life.departures if d.party == party]
        if state in ("replaced", "expired") or number < highest:
            raise Conflict(f"version {number} is {state}; a later one counts", reason="version-replaced")
        if state == "ended":
            raise Conflict(f"version {number} ended with a withdrawal; only a later one can count", reason="mou-ended")
        if state == "lapsed":
            raise Conflict("the time within which all signatures must be there has run out", reason="offer-lapsed")
        if signing and party in found.signatures and not left:
            entry = found.signatures[party].place.seq
            raise Conflict(f"`{party}` has signed version {number} (entry {entry})", reason="signed-already")
        if not signing and party in found.declines:
            raise Conflict(f"`{party}` has declined version {number} already", reason="declined-already")

    # Showing

    def listed(self, caller: Caller, *, anew: bool = True) -> list[dict[str, Any]]:
        """Every MOU that the caller may see, read `anew` from the log's stored bytes, or as it stands."""
        register, now = self.desk.book.reread() if anew else self.desk.register(), self.desk.clock.now()
        return [
            summary_json(i, life, register, now)
            for i, life in register.lives().items()
            if life.versions and self._sees(caller, life)
        ]

    def shown(self, caller: Caller, mou_id: str) -> dict[str, Any]:
        """An MOU's state and signatures, computed from the log's stored bytes as they are now."""
        register = self.desk.book.reread()
        life = register.life(mou_id)
        if life is None or not self._sees(caller, life):
            raise self._none(mou_id)
        return mou_json(mou_id, life, register, self.desk.clock.now())

    def text(self, caller: Caller, mou_id: str, version: int | None = None) -> tuple[bytes, str]:
        """The text as it is signed, to the byte, and its digest."""
        p = self._version(caller, self.desk.register(), mou_id, version)[1].proposal
        return p.text, p.text_sha256

    def document(self, caller: Caller, mou_id: str, version: int | None = None) -> tuple[bytes, str]:
        """The document as it was proposed, to the byte, and its digest."""
        p = self._version(caller, self.desk.register(), mou_id, version)[1].proposal
        return p.document, p.document_sha256

    def _version(
        self, caller: Caller, register: Register, mou_id: str, number: int | None
    ) -> tuple[Life, VersionState]:
        """A version, by default the newest. Whoever may not see it hears the same as where there is none."""
        life = register.life(mou_id)
        if life is None or not life.versions or not self._sees(caller, life):
            raise self._none(mou_id)
        found = life.versions[-1] if number is None else life.version(number)
        if found is None:
            raise NotFound(f"no version {number} of `{mou_id}` was proposed", reason="no-version", field="version")
        return life, found

    @staticmethod
    def _sees(caller: Caller, life: Life) -> bool:
        if administrates(caller):
            return True
        # Where no document can be read any more, a party is known by the statements that fail with it.
        failing = (f.party for v in life.versions for f in v.failures)
        return caller.party in failing or any(
            caller.party in {p.id for p in v.mou.parties} for v in life.versions if v.mou
        )

    @staticmethod
    def _none(mou_id: str) -> AccordantError:
        return NotFound(f"no MOU `{mou_id}`", reason="no-mou", field="mou")

    def _version_summary(self, mou_id: str, number: int) -> dict[str, Any]:
        register, now = self.desk.register(), self.desk.clock.now()
        life = register.life(mou_id)
        version = life.version(number) if life else None
        if life is None or version is None:
            raise self._none(mou_id)
        return {
            "mou": mou_id,
            "version": number,
            "state": state_of(version, life, now),
            "missing": sorted({party for n in version.needed if n.count for party in n.missing}),
            "text_sha256": version.proposal.text_sha256,
            "policy_sha256": version.proposal.policy_sha256,
            "document_sha256": version.proposal.document_sha256,
            "withdrawals": [
                {"party": d.party, "takes_effect": instant(d.at)} for d in life.departures if d.version == number
            ],
        }
