"""Everything that can go wrong with the log, as one tree.

    LogError
    ├── DraftWrong        what was handed in can't be an entry (kind, body, index); nothing was written
    │   └── NotCanonical  a value that has no canonical JSON (RFC 8785)
    ├── NoteWrong         a key or a signed note that can't be read (C2SP signed-note)
    │   └── PolicyWrong   a policy file that can't be read (C2SP tlog-policy)
    ├── Forked            a log shows another history than a checkpoint that somebody kept; it names both
    ├── LogMissing        the database holds no log
    ├── LogExists         it holds one already
    ├── LogUnavailable    it can't be written or read now; `outcome` says whether something may have been written
    │   └── KeysUnavailable  a data key, or the key that wraps it, is not at hand or does not open
    │       └── ForgottenMeanwhile  an erasure came between the preparation of an entry and its place
    ├── ProofWrong        a proof that does not hold, or can't be read
    ├── WitnessRefused    a witness does not cosign; `reason` says why, and it may be an alarm
    ├── Tampered          stored bytes contradict each other; `seq` and `code` say where and how
    └── WrongCheckpoint   the head's checkpoint is not this log's, or not signed by the key expected

Messages are lower case, without a final period, the user's words in backticks. No database error leaves `audit`: each
becomes a LogUnavailable with the vendor's error as its cause. What a `within` raises is its caller's own and passes
through untouched, unless it is the database that broke under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

__all__ = [
    "DraftWrong",
    "ForgottenMeanwhile",
    "Forked",
    "KeysUnavailable",
    "LogError",
    "LogExists",
    "LogMissing",
    "LogUnavailable",
    "NotCanonical",
    "NoteWrong",
    "Outcome",
    "PolicyWrong",
    "ProofWrong",
    "Tampered",
    "WitnessRefused",
    "WrongCheckpoint",
    "mapped",
    "vendor_errors",
]

Outcome = Literal["nothing", "unknown"]


class LogError(Exception):
    """The root; every error that leaves `audit` is one of these."""


class DraftWrong(LogError):
    """What was handed in can't become an entry; nothing was written."""


class NotCanonical(DraftWrong):
    """A value that RFC 8785 has no form for: not JSON, a number out of range, a lone surrogate."""


class NoteWrong(LogError):
    """A verifier key, a private key or a note that can't be read."""


class PolicyWrong(NoteWrong):
    """A policy file that can't be read; the message names the line."""


class Forked(LogError):
    """Two checkpoints that can't both be of one log that only grows.

    `code` is `forked`, `rewound`, `other-key`, `retired-key` or `entries-lost`.
    """

    def __init__(self, code: str, message: str, *, kept: bytes, shown: bytes) -> None:
        super().__init__(message)
        self.code = code
        self.kept = kept
        self.shown = shown


class LogMissing(LogError):
    """The database holds no log."""


class LogExists(LogError):
    """The database holds a log already; it is never overwritten."""


class LogUnavailable(LogError):
    """The log can't be written or read now.

    `outcome` is `nothing` where it is sure that nothing was written, and `unknown` where a commit was under way: the
    caller must take it for a refusal either way. The truth is found before the next entry is written.
    """

    def __init__(self, message: str, *, outcome: Outcome = "nothing") -> None:
        super().__init__(message)
        self.outcome: Outcome = outcome


class KeysUnavailable(LogUnavailable):
    """The key store can't be read or written, or a wrapped key does not open with the wrapping key at hand."""


class ForgottenMeanwhile(KeysUnavailable):
    """A client may have been forgotten since the entry was prepared; nothing was written, and it can be said again."""


class ProofWrong(LogError):
    """An inclusion or consistency proof, or a receipt, that does not hold or can't be read."""


class WitnessRefused(LogError):
    """A witness gave no cosignature.

    `reason` is one of `forked`, `rewound`, `unknown-log`, `bad-signature`, `bad-request`, `busy`, `malformed`,
    `unreachable`.
    `forked` and `rewound` mean that the witness saw a history that this log does not extend: an alarm, not a failure.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def alarm(self) -> bool:
        """Whether the witness contradicts this log."""
        return self.reason in ("forked", "rewound")


class Tampered(LogError):
    """Stored bytes contradict each other. `seq` is the entry, None where it is the log as a whole."""

    def __init__(self, seq: int | None, code: str, message: str) -> None:
        super().__init__(message)
        self.seq = seq
        self.code = code


class WrongCheckpoint(LogError):
    """A checkpoint of another log, signed by another key, or not signed at all."""


def vendor_errors(engine: Engine) -> tuple[type[Exception], ...]:
    """What a database may throw: SQLAlchemy's errors, its driver's own (from connect hooks), the system's."""
    driver = engine.dialect.dbapi
    own = (driver.Error,) if driver is not None else ()
    return (SQLAlchemyError, OSError, *own)


@contextmanager
def mapped(engine: Engine, doing: str) -> Iterator[None]:
    """Turns what the database throws into LogUnavailable; for reading, where nothing can have been written."""
    try:
        yield
    except vendor_errors(engine) as error:
        raise LogUnavailable(f"the log's database failed while {doing} ({type(error).__name__})") from error
