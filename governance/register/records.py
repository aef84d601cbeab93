"""What the log says about agreements, entry by entry, as frozen records; and why one of them does not count.

A record is what remains of an entry once its form was read and its signature verified: `fault` holds the reason where
that failed. Whether a record *counts* (its key stood, its turn had come, it was in time) is computed from all records
together, in `keyring`, `signings` and `reviews`, for a later entry may take an earlier one's ground away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from governance.model.mou import Mou

__all__ = ["Activation", "Broken", "Continuation", "DutyMark", "Failure", "Opening", "Place", "Proposal", "Signed"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the log, and when by the server's clock: the time of a later place is never earlier."""

    seq: int
    time: dt.datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """A statement that does not count, and why; `reason` is a stable code, `detail` a sentence for people."""

    seq: int
    kind: str
    reason: str
    detail: str
    party: str | None = None
    person: str | None = None
    fingerprint: str | None = None
    mou: str | None = None
    version: int | None = None
    hindsight: bool = False  # it counted at its place; a later entry took its ground away, which is no fault of the log

    def as_json(self) -> dict[str, Any]:
        """The failure as a JSON object, without what is not known."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"entry": values.pop("seq")} | {k: v for k, v in values.items() if v is not None and v is not False}


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement with a signature. `fault` says what is wrong with its form or signature, if anything is."""

    place: Place
    kind: str
    fingerprint: str
    statement: Mapping[str, Any]
    sha256: str = ""  # of the statement's bytes
    fault: tuple[str, str] | None = None

    @property
    def party(self) -> str:
        """Whose word it is, as the statement says: whether the key is that party's is the keyring's."""
        return self.text("party")

    def text(self, name: str) -> str:
        """A member that is text; empty where it is absent or anything else."""
        value = self.statement.get(name)
        return value if isinstance(value, str) else ""

    @property
    def version(self) -> int | None:
        """The version that the statement names, where it names one."""
        value = self.statement.get("version")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def failure(self, reason: str, detail: str, *, hindsight: bool = False) -> Failure:
        """This statement does not count, and why."""
        return Failure(
            seq=self.place.seq,
            kind=self.kind,
            reason=reason,
            detail=detail,
            party=self.party or None,
            person=self.text("person") or None,
            fingerprint=self.fingerprint or None,
            mou=self.text("mou") or None,
            version=self.version,
            hindsight=hindsight,
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version as it was proposed, and what its document means now. `mou` is None where it can't be read."""

    signed: Signed
    id: str
    version: int
    document: bytes
    text: bytes
    mou: Mou | None
    document_sha256: str
    text_sha256: str
    compiled_text_sha256: str
    policy_sha256: str

    @property
    def ref(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True)
class Opening:
    """The server opened a signing for one party and one version; `hash` is the hex of the entry's leaf hash."""

    place: Place
    hash: str
    mou: str
    version: int
    party: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Activation:
    """The policies that count since then: the revision, and the documents that it was compiled from."""

    place: Place
    revision: str
    documents: frozenset[tuple[str, int, str]]  # id, version, SHA-256 of the document
    cases: int
    refused: bool = False
    # Signed, and not among them: the readings differ there, on the request that stands beside each.
    left_out: Mapping[tuple[str, int, str], Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Continuation:
    """The log was restored from a backup, and goes on from here; `hash` is the hex of the entry's leaf hash."""

    place: Place
    hash: str


@dataclass(frozen=True, slots=True)
class DutyMark:
    """An administrator recorded that a duty is overdue, or that it was done."""

    signed: Signed
    key: tuple[str, str, str]  # MOU, clause, party
    overdue: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry whose stored bytes are not what its leaf says, or whose body has not its kind's form."""

    place: Place
    kind: str
    detail: str
    claims: Mapping[str, Any]  # what its body says of itself; nobody vouches for it

    def failure(self) -> Failure:
        """The failure that status shows for it."""

        def text(name: str) -> str | None:
            value = self.claims.get(name)
            return value if isinstance(value, str) else None

        version = self.claims.get("version")
        return Failure(
            seq=self.place.seq,
            kind=self.kind,
            reason="entry-broken",
            detail=self.detail,
            party=text("party"),
            person=text("person"),
            mou=text("mou"),
            version=version if isinstance(version, int) else None,
        )
