"""Duties: acknowledging one's purpose, and what an administrator records as overdue or done (language, Duty)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from governance.agreements.caller import Caller, administrates, need_administrator, need_signatory, need_signer
from governance.agreements.desk import Desk, Paper
from governance.agreements.shown import acknowledgements_of
from governance.errors import Conflict, InputWrong, Refused
from governance.model.clauses import Clause
from governance.model.mou import Mou
from governance.register import Register
from governance.register.rules import members
from governance.signing.statement import Acknowledgement
from governance.signing.statement import Duty as DutyStatement

__all__ = ["Duties"]


def _reckoned(clause: Clause) -> bool:
    """Whether days are counted for the duty, so that no recorded fact says whether it is overdue (decisions R10)."""
    duty = clause.duty
    return duty is not None and duty.action == "acknowledge-purpose" and duty.every is not None


@dataclass(frozen=True)
class Duties:
    """Safe from any thread."""

    desk: Desk

    def acknowledge(self, caller: Caller, statement: bytes, jws: str) -> dict[str, Any]:
        """A signatory acknowledges its party's purpose under a duty; it counts on the local day of its entry."""
        paper = Paper.of(statement, jws, Acknowledgement)
        said = paper.said
        assert isinstance(said, Acknowledgement)  # noqa: S101 what `of` took
        need_signatory(caller)
        need_signer(caller, paper.fingerprint)
        if said.party != caller.party:
            detail = f"the key is of `{caller.party}`, the statement names `{said.party}`"
            raise Refused(detail, reason="key-of-another")
        with self.desk.lock:
            mou = self._mou(said.mou)
            entry = self.desk.submit(
                paper,
                kind="acknowledgement",
                claims={"mou": said.mou, "clause": said.clause, "party": said.party, "person": caller.person},
                readers=[p.id for p in mou.parties],
                index={"mou": said.mou, "clause": f"{said.mou}:{said.clause}", "party": said.party},
            )
            register, now = self.desk.register(), self.desk.clock.now()
            found = acknowledgements_of(register, said.party, now)
            duty = next((d for d in found if (d["mou"], d["clause"]) == (said.mou, said.clause)), {})
            return {"entry": entry.seq} | duty

    def mark(self, caller: Caller, statement: bytes, jws: str) -> dict[str, Any]:
        """An administrator records that a party's duty is overdue, or done."""
        need_administrator(caller)
        paper = Paper.of(statement, jws, DutyStatement)
        said = paper.said
        assert isinstance(said, DutyStatement)  # noqa: S101 what `of` took
        need_signer(caller, paper.fingerprint)
        with self.desk.lock:
            register = self.desk.register()
            mou = self._mou(said.mou)
            clause = next((c for c in mou.clauses if c.id == said.clause and c.duty is not None), None)
            if clause is None or clause.duty is None or said.party not in members(mou, clause.duty.of):
                detail = f"`{said.party}` owes no duty under `{said.mou}:{said.clause}`"
                raise InputWrong(detail, reason="no-such-duty", field="clause")
            if _reckoned(clause):
                detail = f"`{said.mou}:{said.clause}` is reckoned from acknowledgements, not recorded"
                raise InputWrong(detail, reason="duty-is-reckoned", field="clause")
            is_overdue = (said.mou, said.clause, said.party) in register.overdue()
            if is_overdue == (said.status == "overdue"):
                state = "overdue" if is_overdue else "not overdue"
                detail = f"`{said.mou}:{said.clause}` of `{said.party}` is {state} already"
                raise Conflict(detail, reason="duty-unchanged")
            entry = self.desk.submit(
                paper,
                kind="duty",
                claims={"mou": said.mou, "clause": said.clause, "party": said.party, "status": said.status},
                readers=[p.id for p in mou.parties],
                index={"mou": said.mou, "clause": f"{said.mou}:{said.clause}", "party": said.party},
            )
            return {"entry": entry.seq, "mou": said.mou, "clause": said.clause, "party": said.party} | {
                "status": said.status
            }

    def listed(self, caller: Caller) -> list[dict[str, Any]]:
        """The caller's party's duties in the versions that count now; those of all parties to an administrator."""
        register, now = self.desk.register(), self.desk.clock.now()
        found: list[dict[str, Any]] = []
        for party in self._parties(register) if administrates(caller) else (caller.party,):
            found += acknowledgements_of(register, party, now) + self._recorded(register, party)
        return sorted(found, key=lambda d: (d["mou"], d["party"], d["clause"]))

    def _recorded(self, register: Register, party: str) -> list[dict[str, Any]]:
        now = self.desk.clock.now()
        found = []
        for mou_id in register.lives():
            version = register.version_at(mou_id, now)
            if version is None or version.mou is None:
                continue
            for clause in version.mou.clauses:
                duty = clause.duty
                if duty is None or _reckoned(clause) or party not in members(version.mou, duty.of):
                    continue
                found.append(
                    {
                        "mou": mou_id,
                        "version": version.proposal.version,
                        "clause": clause.id,
                        "title": clause.title,
                        "party": party,
                        "action": duty.action,
                        "every": str(duty.every) if duty.every else None,
                        "within": str(duty.within) if duty.within else None,
                        "after": duty.after,
                        "overdue": (mou_id, clause.id, party) in register.overdue(),
                    }
                )
        return found

    @staticmethod
    def _parties(register: Register) -> tuple[str, ...]:
        return tuple(sorted({p.id for m in register.in_force_documents() for p in m.parties}))

    def _mou(self, mou_id: str) -> Mou:
        version = self.desk.register().version_at(mou_id, self.desk.clock.now())
        if version is None or version.mou is None:
            raise InputWrong(f"no version of `{mou_id}` is in force or was", reason="no-mou-in-force", field="mou")
        return version.mou
