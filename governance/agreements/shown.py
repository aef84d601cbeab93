"""Keys, versions and MOUs as JSON for those who ask: what state they are in, and whose keys stand behind them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from governance.model.period import start_of
from governance.register import Activation, EnrolledKey, Failure, Life, Register, Signed, VersionState
from governance.register.counting import acknowledgement_duties
from governance.register.facts import due_days

__all__ = ["acknowledgements_of", "instant", "key_json", "mou_json", "state_of", "summary_json", "version_json"]

# The state that an MOU is shown in is its version's that comes first here.
_ORDER = ("in force", "signed", "signing", "ended", "expired", "fails", "declined", "lapsed", "replaced")


def instant(value: dt.datetime | None) -> str | None:
    """RFC 3339, in UTC."""
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z") if value else None


def key_json(key: EnrolledKey, register: Register) -> dict[str, Any]:
    """A key; `enrolment_sha256` is what an approval names. `attested_by`: other parties that know whose it is."""
    return {
        "fingerprint": key.fingerprint,
        "party": key.party,
        "person": key.person,
        "use": key.use,
        "state": key.state,
        "alg": key.key.alg,
        "pem": key.key.pem,
        "enrolment_entry": key.enrolled,
        "enrolment_sha256": key.digest or None,
        "approval_entry": key.approved,
        "approved_by": key.approved_by,
        "revocation_entry": key.revoked.seq if key.revoked else None,
        "compromised_since": instant(key.compromised_since),
        "attested_by": [
            {
                "party": a.text("by"),
                "fingerprint": a.fingerprint,
                "entry": a.place.seq,
                "time": instant(a.place.time),
            }
            for a in register.keyring.attested(key.fingerprint)
        ],
    }


def state_of(version: VersionState, life: Life, now: dt.datetime, active: Activation | None = None) -> str:
    """Where a version stands at an instant; only `in force` lets requests through.

    `fails`: a signature (or the proposal) that is there does not count, or a version that counted once, says the
    last activation, has lost its ground.
    """
    mou = version.mou
    if version.established and mou is not None:
        if any(d.ends == "all" and d.at <= now for d in life.departures):
            return "ended"
        later = (v.mou for v in life.established if v.mou and v.proposal.version > version.proposal.version)
        if any(start_of(m.effective, m.zone) <= now for m in later):
            return "replaced"
        if now < start_of(mou.effective, mou.zone):
            return "signed"
        over = start_of(mou.expires + dt.timedelta(days=1), mou.zone)
        return "in force" if now < over else "expired"
    missing = {party for n in version.needed for party in n.missing}
    counted = active is not None and any(
        d[:2] == (version.proposal.id, version.proposal.version) for d in active.documents
    )
    if counted or version.accepted is not None or any(_fatal(f, missing) for f in version.failures):
        return "fails"
    if version.declined:
        return "declined"
    return "lapsed" if version.closes is not None and version.closes <= now else "signing"


def _fatal(failure: Failure, missing: set[str]) -> bool:
    if failure.kind == "proposal":
        return True
    return failure.kind == "signature" and failure.party in missing and failure.reason != "offer-lapsed"


def _statement_json(signed: Signed, register: Register) -> dict[str, Any]:
    key = register.key(signed.fingerprint)
    shown = {
        "party": signed.party,
        "person": signed.text("person"),
        "organisation": signed.text("organisation"),
        "capacity": signed.text("capacity"),
        "fingerprint": signed.fingerprint,
        "approved_by": key.approved_by if key else None,
        "entry": signed.place.seq,
        "time": instant(signed.place.time),
    }
    return shown | ({"reason": signed.text("reason")} if signed.text("reason") else {})


def version_json(version: VersionState, life: Life, register: Register, now: dt.datetime) -> dict[str, Any]:
    """A version: its state, its digests, who signed with which key, who is missing, and what fails."""
    p, mou = version.proposal, version.mou
    active, newest = register.activation, register.refused or register.activation
    key = (p.id, p.version, p.document_sha256)
    left_out = register.left_out.get(key)
    return {
        "version": p.version,
        "title": mou.title if mou else None,
        "state": state_of(version, life, now, active),
        "effective": mou.effective.isoformat() if mou else None,
        "expires": mou.expires.isoformat() if mou else None,
        "parties": [x.model_dump(mode="json") for x in mou.parties] if mou else [],
        "document_sha256": p.document_sha256,
        "text_sha256": p.text_sha256,
        "policy_sha256": p.policy_sha256,
        "proposed": {
            "entry": p.signed.place.seq,
            "time": instant(p.signed.place.time),
            "fingerprint": p.signed.fingerprint,
        },
        "closes": instant(version.closes),
        "signatures": [_statement_json(s, register) for s in version.signatures.values()],
        "declines": [_statement_json(s, register) for s in version.declines.values()],
        "missing": sorted({party for n in version.needed if n.count for party in n.missing}),
        "still_needed": max((n.count for n in version.needed), default=0),
        "failures": [f.as_json() for f in version.failures],
        "activated": active is not None and key in active.documents,
        # Signed, and the readings differ on it: what it speaks of is not released to its parties.
        "left_out": {"entry": newest.place.seq, "difference": dict(left_out)}
        if newest is not None and left_out is not None and version.established
        else None,
    }


def summary_json(mou_id: str, life: Life, register: Register, now: dt.datetime) -> dict[str, Any]:
    """One line about an MOU: the version that matters most now."""
    if not life.versions:
        # Statements about it stand in the log, and no proposal that can be read.
        return {"id": mou_id, "title": None, "version": None, "state": "fails", "in_force": None, "signed": 0} | {
            "missing": [],
            "failing": len(life.failures),
            "left_out": [],
        }
    active = register.activation
    states = {v.proposal.version: state_of(v, life, now, active) for v in life.versions}
    first = min(life.versions, key=lambda v: (_ORDER.index(states[v.proposal.version]), -v.proposal.version))
    in_force = next((n for n, state in states.items() if state == "in force"), None)
    return {
        "id": mou_id,
        "title": first.mou.title if first.mou else None,
        "version": first.proposal.version,
        "state": states[first.proposal.version],
        "in_force": in_force,
        "signed": len(first.signatures),
        "missing": sorted({party for n in first.needed if n.count for party in n.missing}),
        "failing": sum(len(v.failures) for v in life.versions) + len(life.failures),
        "left_out": [number for i, number, _ in sorted(register.left_out) if i == mou_id],
    }


def mou_json(mou_id: str, life: Life, register: Register, now: dt.datetime) -> dict[str, Any]:
    """An MOU's whole life. `failures` holds what does not count and stands in no version."""
    inside = {f.seq for v in life.versions for f in v.failures}
    return summary_json(mou_id, life, register, now) | {
        "versions": [version_json(v, life, register, now) for v in reversed(life.versions)],
        "withdrawals": [
            {
                "party": d.party,
                "version": d.version,
                "takes_effect": instant(d.at),
                "ends": d.ends,
                "entry": d.signed.place.seq,
                "fingerprint": d.signed.fingerprint,
            }
            for d in life.departures
        ],
        "failures": [f.as_json() for f in register.failures_of(mou_id) if f.seq not in inside],
        "activation": {"entry": register.activation.place.seq, "revision": register.activation.revision}
        if register.activation
        else None,
    }


def acknowledgements_of(register: Register, party: str, now: dt.datetime) -> list[dict[str, Any]]:
    """A party's acknowledgement duties in the versions that count now, with the last day and the next ones."""
    found = []
    for mou_id in register.lives():
        version = register.version_at(mou_id, now)
        if version is None or version.mou is None or party in register.gone(mou_id, now):
            continue
        for clause in acknowledgement_duties(version.mou):
            last = register.acknowledged_on(mou_id, clause.id, party)
            days = due_days(version.mou, clause, party, last)
            if days is not None:
                due, overdue_from = days
                found.append(
                    {
                        "mou": mou_id,
                        "version": version.proposal.version,
                        "clause": clause.id,
                        "title": clause.title,
                        "party": party,
                        "action": "acknowledge-purpose",
                        "last": last.isoformat() if last else None,
                        "due": due.isoformat(),
                        "overdue": start_of(overdue_from, version.mou.zone) <= now,
                    }
                )
    return found
