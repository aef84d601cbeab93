"""The one way by which a signed statement becomes an entry.

Whether it would count is asked of the register itself, on an entry as it would be: so what is refused at the door and
what fails when the log is read again are one rule. What is refused leaves no entry. From the question to the entry one
lock is held; should another process come between the two, the register's answer on the real entry is told instead.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit import Draft, Entry
from governance.agreements.book import RegisterBook
from governance.errors import AccordantError, Conflict, InputWrong, NotAuthentic, Refused, Unavailable
from governance.ports import Clock, Journal
from governance.register import Failure, Register
from governance.register.reading import encoded
from governance.signing.jws import kid_of
from governance.signing.statement import Statement, parse

__all__ = ["Desk", "Paper", "activated", "as_error"]

_NOT_AUTHENTIC = frozenset({"signature-wrong", "key-unknown"})
_REFUSED = frozenset(
    {
        "approves-itself",
        "key-compromised",
        "key-not-approved",
        "key-of-another",
        "key-revoked",
        "may-not-approve",
        "may-not-revoke",
        "not-a-party",
        "not-a-signatory",
        "not-an-administrator",
        "root-is-pinned",
    }
)
_WRONG = frozenset(
    {
        "document-differs",
        "document-unreadable",
        "entry-broken",
        "enrolment-differs",
        "no-enrolment",
        "no-opening",
        "no-proposal",
        "no-such-duty",
        "no-such-restore",
        "nonce-differs",
        "opening-of-another",
        "policy-differs",
        "text-differs",
        "time-differs",
    }
)


def as_error(failure: Failure) -> AccordantError:
    """The error that a caller gets for a statement that would not count."""
    if failure.reason in _NOT_AUTHENTIC:
        return NotAuthentic(failure.detail, reason=failure.reason)
    if failure.reason in _REFUSED:
        return Refused(failure.detail, reason=failure.reason)
    if failure.reason in _WRONG:
        return InputWrong(failure.detail, reason=failure.reason, field="statement")
    return Conflict(failure.detail, reason=failure.reason)


def activated(activate: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
    """Activates after an entry that is durable already: a part that does not answer takes nothing of it back."""
    try:
        return activate()
    except Unavailable as error:
        return {"state": "waits", "reason": error.reason, "detail": error.detail}


@dataclass(frozen=True, slots=True)
class Paper:
    """A statement as it was handed in: its canonical bytes, what they say, and the detached signature."""

    data: bytes
    jws: str
    said: Statement

    @classmethod
    def of(cls, data: bytes, jws: str, kind: type[Statement] | tuple[type[Statement], ...]) -> Paper:
        """Raises InputWrong or NotAuthentic for what has not the form of a statement of this kind."""
        said = parse(data)
        if not isinstance(said, kind):
            raise InputWrong(f"a statement of type `{said.type}` does not belong here", field="statement")
        kid_of(jws)
        return cls(data, jws, said)

    @property
    def fingerprint(self) -> str:
        """The key that the signature names."""
        return kid_of(self.jws)


@dataclass(frozen=True, slots=True)
class _Would:
    """An entry as it would be."""

    seq: int
    kind: str
    time: dt.datetime
    body: Mapping[str, Any]
    leaf_hash: bytes = bytes(32)


@dataclass(frozen=True)
class Desk:
    """Takes statements in. Safe from any thread; hold `lock` around a look at the register and what follows from it."""

    journal: Journal
    book: RegisterBook
    clock: Clock
    lock: Any = field(default_factory=threading.RLock)

    def submit(
        self,
        paper: Paper,
        *,
        kind: str,
        claims: Mapping[str, Any],
        readers: Sequence[str],
        index: Mapping[str, str | tuple[str, ...]],
        mou: str | None = None,
    ) -> Entry:
        """Appends the statement's entry, durable once this returns. Raises why it would not count."""
        body = {**claims, "statement": encoded(paper.data), "jws": paper.jws}
        with self.lock:
            register = self.book.current()
            would = _Would(register.seq + 1, kind, self.clock.now(), body)
            failure = register.advance(would).failure_at(would.seq, mou_id=mou)
            if failure is not None:
                raise as_error(failure)
            entry = self.record(kind, body, readers, index)
            failure = self.book.current().failure_at(entry.seq, mou_id=mou)
            if failure is not None:
                raise as_error(failure)
            return entry

    def record(
        self,
        kind: str,
        body: Mapping[str, Any],
        readers: Sequence[str],
        index: Mapping[str, str | tuple[str, ...]],
    ) -> Entry:
        """Appends an entry of ours, without a statement."""
        (entry,) = self.journal.append([Draft(kind, dict(body), tuple(sorted(set(readers))), dict(index))])
        return entry

    def register(self) -> Register:
        """The register now."""
        return self.book.current()
