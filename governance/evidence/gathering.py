"""Which entries of the log belong to an MOU's life, as they are stored; nothing here is written anew.

Everything that was signed about the MOU (proposals, signatures, declines, withdrawals, acknowledgements, duties), and
everything that was signed about the keys behind it: the enrolments, approvals and revocations of whoever signed one of
these, of every approved signatory's key of its parties, and so on up to the administrator's first key; and what these
signatories attested of each other's keys. What was put
into the log by somebody who could not sign is left out, and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import Entry
from governance.errors import LogUnavailable
from governance.register import SIGNATORY, Broken, Enrolment, Life, Proposal, Register, Signed
from governance.register.reading import decoded, read
from governance.register.records import DutyMark
from governance.signing.jws import kid_of
from governance.signing.keys import PublicKey
from governance.signing.statement import Enrolment as EnrolmentStatement
from governance.signing.statement import parse

__all__ = ["Gathered", "Kept", "gather", "parties_of"]

_ABOUT_MOUS = frozenset({"proposal", "signature", "decline", "withdrawal", "acknowledgement", "duty"})
_ABOUT_KEYS = frozenset({"enrolment", "enrolment-approval", "revocation", "attestation"})


@dataclass(frozen=True, slots=True)
class Kept:
    """One statement as the log holds it, the key that verifies it, and the entry that opened it, where one did."""

    entry: Entry
    data: bytes
    jws: str
    key: PublicKey
    said: Mapping[str, Any]

    @property
    def opening(self) -> str:
        """The hash of the entry that opened the signing; empty where none did."""
        return str(self.said.get("opening", ""))

    @property
    def about(self) -> str:
        """The key that it is about; empty for a statement about an MOU."""
        return str(self.said.get("fingerprint", "")) if self.entry.kind in _ABOUT_KEYS else ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """An MOU's life in the log's order, and the entries that claim to belong to it and were not signed as they say."""

    kept: tuple[Kept, ...]
    left_out: tuple[Mapping[str, Any], ...]


def parties_of(life: Life) -> frozenset[str]:
    """Every party of every version."""
    return frozenset(p.id for v in life.versions if v.mou is not None for p in v.mou.parties)


def gather(entries: Iterable[Entry | Broken], mou_id: str, life: Life, register: Register) -> Gathered:
    """Raises LogUnavailable where an entry that may belong to it was changed: no evidence is made of the rest."""
    kept: list[Kept] = []
    strays: list[tuple[Entry, str]] = []
    for entry in _statements(entries, mou_id):
        one = _kept(entry, register)
        if isinstance(one, str):
            strays.append((entry, one))
        elif one.about or one.said.get("mou") == mou_id:
            kept.append(one)
    # An attestation by somebody who is no party brings nobody else's keys in.
    keys = _keys([k for k in kept if k.entry.kind != "attestation"], life, register)
    kept = [k for k in kept if k.entry.kind != "attestation" or k.key.fingerprint in keys]
    left_out = tuple(
        {"entry": entry.seq, "kind": entry.kind, "reason": reason}
        for entry, reason in strays
        if entry.body.get("mou") == mou_id or entry.body.get("fingerprint") in keys
    )
    return Gathered(tuple(k for k in kept if not k.about or k.about in keys), left_out)


def _keys(kept: Sequence[Kept], life: Life, register: Register) -> set[str]:
    """The keys that the life rests on: whoever signed, whoever signed about those keys, and so on."""
    parties = parties_of(life)
    enrolled = (k for k in register.every_key() if k.party in parties and k.use == SIGNATORY)
    keys = {k.fingerprint for k in enrolled if k.approved is not None}
    signers = {k.key.fingerprint for k in kept if not k.about}
    keys |= signers
    signers = {k.key.fingerprint for k in kept if k.about in keys}
    while not signers <= keys:
        keys |= signers
        signers = {k.key.fingerprint for k in kept if k.about in keys}
    return keys


def _statements(entries: Iterable[Entry | Broken], mou_id: str) -> Iterator[Entry]:
    for entry in entries:
        if isinstance(entry, Broken):
            may_belong = entry.kind in _ABOUT_KEYS | _ABOUT_MOUS | {"opening", ""}
            if may_belong and entry.claims.get("mou", mou_id) == mou_id:
                detail = f"entry {entry.place.seq} was changed; no evidence is made of what is left"
                raise LogUnavailable(detail, reason="log-tampered")
        elif entry.kind in _ABOUT_KEYS | _ABOUT_MOUS:
            yield entry


def _kept(entry: Entry, register: Register) -> Kept | str:
    """The statement of an entry; or why nobody need take it for one."""
    record = read(entry, register.keyring)
    signed = record.signed if isinstance(record, Enrolment | Proposal | DutyMark) else record
    if not isinstance(signed, Signed):
        return "entry-broken"
    if signed.fault is not None and signed.fault[0] != "time-differs":
        return signed.fault[0]
    data, jws = decoded(entry.body["statement"]), str(entry.body["jws"])
    said = parse(data)
    key = said.public_key if isinstance(said, EnrolmentStatement) else register.keyring.public(kid_of(jws))
    return Kept(entry, data, jws, key, signed.statement) if key is not None else "key-unknown"
