"""Why a proposal, or a party's word on it, does not count, as things stood at its place in the log.

Each check has a stable code and a sentence for people. The digests are held against what the stored document compiles
to now, so that a changed clause, text or policy fails every signature that was given to the other one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.register.keyring import SIGNATORY, Keyring
from governance.register.records import Broken, Opening, Proposal, Signed

__all__ = ["OPENING_LIFE", "MouRecords", "proposal_fault", "statement_fault"]

# How long a signing that was opened may be signed (design §5).
OPENING_LIFE = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class MouRecords:
    """Everything that the log holds about one MOU."""

    proposals: tuple[Proposal, ...] = ()
    openings: Mapping[str, Opening] = field(default_factory=dict)  # by the hex of the entry's leaf hash
    statements: tuple[Signed, ...] = ()  # signatures, declines, withdrawals, in the log's order
    broken: tuple[Broken, ...] = ()


def proposal_fault(proposal: Proposal, keyring: Keyring) -> tuple[str, str] | None:
    """Why a proposal does not count."""
    s = proposal.signed
    if s.fault is not None:
        return s.fault
    if proposal.mou is None:
        return "document-unreadable", "the stored document is no valid MOU"
    if (proposal.mou.id, proposal.mou.version) != (proposal.id, proposal.version):
        return "document-differs", f"the stored document is {proposal.mou.ref}, the proposal speaks of {proposal.ref}"
    if s.text("document_sha256") != proposal.document_sha256:
        return "document-differs", "the stored document is not the one that was proposed"
    if s.text("text_sha256") not in ("", proposal.text_sha256):
        return "text-differs", "the stored text is not the one that was proposed"
    if proposal.text_sha256 != proposal.compiled_text_sha256:
        return "text-differs", "the stored text is not what the stored document says"
    # Signers agree to a text, not to its proposer: a proposer's key that turns out bad later takes nothing away.
    return keyring.administers(s.fingerprint, s.place, hindsight=False)


def statement_fault(
    s: Signed,
    proposal: Proposal,
    records: MouRecords,
    keyring: Keyring,
    used: set[str],
    *,
    also: frozenset[str] = frozenset(),
) -> tuple[str, str] | None:
    """Why a signature, decline or withdrawal does not count, as things stood at its place. Marks its opening as used.

    `also`: parties of the version before, which sign a new version even where it leaves them out.
    """
    if s.fault is not None:
        return s.fault
    party, place = s.party, s.place
    opening = records.openings.get(s.text("opening"))
    wrong = _key_fault(s, keyring) or _digest_fault(s, proposal)
    if wrong is not None:
        return wrong
    if proposal.mou is not None and party not in {p.id for p in proposal.mou.parties} | also:
        return "not-a-party", f"`{party}` is not a party of {proposal.ref}"
    if proposal.signed.place.seq >= place.seq:
        return "before-proposal", "the statement stands before the proposal"
    if opening is None:
        return "no-opening", "the entry that opened the signing is not in the log"
    if (opening.mou, opening.version, opening.party) != (proposal.id, proposal.version, party):
        return "opening-of-another", "the signing was opened for another party or version"
    if opening.nonce != s.text("nonce"):
        return "nonce-differs", "the nonce is not the one that the server gave for this signing"
    if not opening.place.seq < place.seq or not place.time - opening.place.time <= OPENING_LIFE:
        return "opening-expired", "the signing was opened more than 24 hours before"
    if opening.hash in used:
        return "opening-used", "the signing that was opened had been used for another statement"
    used.add(opening.hash)
    return None


def _key_fault(s: Signed, keyring: Keyring) -> tuple[str, str] | None:
    fault = keyring.stands(s.fingerprint, s.place, hindsight=False)
    if fault is not None:
        return fault
    enrolment = keyring.enrolments.get(s.fingerprint)
    if enrolment is None or enrolment.use != SIGNATORY:
        return "not-a-signatory", f"key {s.fingerprint} is not a signatory's"
    if enrolment.party != s.party:
        return "key-of-another", f"key {s.fingerprint} is enrolled for `{enrolment.party}`, not for `{s.text('party')}`"
    return None


def _digest_fault(s: Signed, proposal: Proposal) -> tuple[str, str] | None:
    if s.text("text_sha256") != proposal.compiled_text_sha256:
        return "text-differs", (
            f"what was signed is the text {s.text('text_sha256')[:16]}…; "
            f"the stored document says {proposal.compiled_text_sha256[:16] or 'nothing'}…"
        )
    if s.text("text_sha256") != proposal.text_sha256:
        return "text-differs", (
            f"what was signed is the text {s.text('text_sha256')[:16]}…; "
            f"the stored text is {proposal.text_sha256[:16]}…"
        )
    if s.text("policy_sha256") != proposal.policy_sha256:
        return "policy-differs", (
            f"what was signed is the policy {s.text('policy_sha256')[:16]}…; "
            f"the stored document compiles to {proposal.policy_sha256[:16]}…"
        )
    return None
