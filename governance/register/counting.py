"""What one statement about duties, reviews and restores counts for, or why it counts for nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from governance.model.clauses import Clause
from governance.model.mou import Mou
from governance.model.period import day_of
from governance.register.keyring import Keyring
from governance.register.records import Continuation, DutyMark, Failure, Signed
from governance.register.reviews import word_fault
from governance.register.rules import members
from governance.register.signings import Life

__all__ = ["Key", "acknowledged", "acknowledgement_duties", "mark_failure", "resumed", "word_failure"]

Key = tuple[str, str, str]  # MOU, clause, party


def acknowledgement_duties(mou: Mou) -> Iterator[Clause]:
    """The duties to acknowledge one's purpose."""
    return (c for c in mou.clauses if c.duty is not None and c.duty.action == "acknowledge-purpose")


def word_failure(signed: Signed, keyring: Keyring) -> Failure | None:
    """Why an acknowledgement, an approval or a refusal does not count by its form or its key."""
    fault = word_fault(signed, keyring)
    if fault is None:
        return None
    return signed.failure(*fault, hindsight=word_fault(signed, keyring, hindsight=False) is None)


def acknowledged(signed: Signed, life: Life | None, keyring: Keyring) -> Failure | tuple[Key, dt.date]:
    """The duty, the party and the local day that an acknowledgement counts for, or why it does not."""
    failed = word_failure(signed, keyring)
    if failed is not None:
        return failed
    mou_id, clause_id, party = signed.text("mou"), signed.text("clause"), signed.party
    for version in reversed(life.established if life else ()):
        mou = version.mou
        if mou is None:
            continue
        for clause in acknowledgement_duties(mou):
            if clause.id == clause_id and clause.duty is not None and party in members(mou, clause.duty.of):
                return (mou_id, clause_id, party), day_of(signed.place.time, mou.zone)
    return signed.failure("no-such-duty", f"`{party}` owes no acknowledgement under `{mou_id}:{clause_id}`")


def mark_failure(mark: DutyMark, keyring: Keyring) -> Failure | None:
    """Why an administrator's record about a duty does not count."""
    signed = mark.signed
    fault = signed.fault or keyring.administers(signed.fingerprint, signed.place)
    if fault is None:
        return None
    stood = signed.fault is None and keyring.administers(signed.fingerprint, signed.place, hindsight=False) is None
    return signed.failure(*fault, hindsight=stood)


def resumed(signed: Signed, continuations: Sequence[Continuation], keyring: Keyring) -> Failure | Continuation:
    """The restore that an administrator's statement confirms, or why it does not count."""
    fault = signed.fault or keyring.administers(signed.fingerprint, signed.place)
    if fault is not None:
        stood = signed.fault is None and keyring.administers(signed.fingerprint, signed.place, hindsight=False) is None
        return signed.failure(*fault, hindsight=stood)
    newest = max((c for c in continuations if c.place.seq < signed.place.seq), key=lambda c: c.place.seq, default=None)
    if newest is None or newest.hash != signed.text("continuation"):
        return signed.failure("no-such-restore", "the newest restore before it is not the one that it speaks of")
    return newest
