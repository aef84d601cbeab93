"""Everything that can go wrong, as one tree.

    AccordantError
    ├── InputWrong            the caller's words are wrong; nothing was changed          CLI 2, HTTP 400
    │   ├── DocumentWrong     an MOU, template or mapping file with faults, all of them at once
    │   ├── RequestInvalid    a request that is not a decision's business (language, The decision, 1)
    │   ├── TooLarge          over a limit in bytes                                       HTTP 413
    │   └── NotFound          no such MOU, entry, party, source                           HTTP 404
    ├── NotAuthentic          unknown key, bad signature, wrong origin                    CLI 1, HTTP 401
    │   ├── LogForked         a server shows another log than a client saw before         CLI 1
    │   └── Replayed          a nonce that was counted already                            HTTP 409
    ├── Refused               understood, and the answer is no                            CLI 1, HTTP 403
    │   ├── RequestRefused    a data request: deny, gap or review, with its decision
    │   ├── Conflict          the state has moved on: signed already, void, replaced      HTTP 409
    │   └── TooMany           over a rate or a number in flight                           HTTP 429
    └── Unavailable           a part that is needed does not answer; nothing is released  CLI 3, HTTP 503
        ├── EngineUnavailable the policy engine, with a reason of its own
        ├── LogUnavailable    the audit log cannot be written, or a commit's outcome is unknown
        ├── SourceUnavailable a partner's database or file
        └── HomeInUse         another process serves the home

Messages are lower case, without a final period, the user's words in backticks. `reason` is a stable code for
programs; `detail` may be shown to the caller, so it never holds a row, a secret or a path of the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.model.access import Decision

__all__ = [
    "AccordantError",
    "Conflict",
    "DocumentWrong",
    "EngineUnavailable",
    "Fault",
    "HomeInUse",
    "InputWrong",
    "LogForked",
    "LogUnavailable",
    "NotAuthentic",
    "NotFound",
    "Refused",
    "Replayed",
    "RequestInvalid",
    "RequestRefused",
    "SourceUnavailable",
    "TooLarge",
    "TooMany",
    "Unavailable",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document, at a place that a person can go to."""

    message: str
    file: str = "<document>"
    line: int = 0
    column: int = 0
    clause: str | None = None
    path: tuple[str | int, ...] = ()
    expected: str | None = None
    level: str = "error"  # or "warning": said, but the document stands
    code: str = "fault"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        clause = f" clause {self.clause}:" if self.clause else ""
        expected = f" (expected {self.expected})" if self.expected else ""
        return f"{where}: {self.level}:{clause} {self.message}{expected}"


class AccordantError(Exception):
    """The root; every error that leaves a use case is one of these."""

    reason = "error"

    def __init__(self, detail: str, *, reason: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if reason is not None:
            self.reason = reason


class InputWrong(AccordantError):
    """The caller's input is wrong; `field` names the part, where there is one."""

    reason = "invalid-input"

    def __init__(self, detail: str, *, reason: str | None = None, field: str | None = None) -> None:
        super().__init__(detail, reason=reason)
        self.field = field


class DocumentWrong(InputWrong):
    """A document with faults; all that were found, in the order of the file."""

    reason = "document-wrong"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(f) for f in self.faults) or "the document is wrong")


class RequestInvalid(InputWrong):
    """A request that no document given can speak about, or that is malformed (language, The decision, 1)."""

    reason = "invalid-request"


class TooLarge(InputWrong):
    """More bytes than a limit allows."""

    reason = "too-large"


class NotFound(InputWrong):
    """Nothing of that name."""

    reason = "not-found"


class NotAuthentic(AccordantError):
    """Who speaks could not be established: unknown key, bad signature, missing component, skewed clock."""

    reason = "not-authentic"


class LogForked(NotAuthentic):
    """What a server shows and what was seen of its log before can't both be of one log. Both are kept here."""

    reason = "log-forked"
    kept: bytes = b""
    shown: bytes = b""


class Replayed(NotAuthentic):
    """The nonce was counted before (RFC 9421 §7.2.2)."""

    reason = "replayed-nonce"


class Refused(AccordantError):
    """Understood, and the answer is no."""

    reason = "refused"


class RequestRefused(Refused):
    """A data request with a decision that is not a permit."""

    def __init__(self, decision: Decision, detail: str) -> None:
        super().__init__(detail, reason=decision.reason)
        self.decision = decision


class Conflict(Refused):
    """The state of things does not allow it (any more)."""

    reason = "conflict"


class TooMany(Refused):
    """Over a limit on rate or on requests in flight."""

    reason = "too-many-requests"


class Unavailable(AccordantError):
    """A part that is needed does not answer; fail closed."""

    reason = "unavailable"


class EngineUnavailable(Unavailable):
    """The policy engine gave no answer that counts.

    `reason` is one of `engine-unreachable`, `engine-timeout`, `engine-undefined`, `engine-malformed`,
    `engine-error`, `engine-incomplete`, `engine-stale`.
    """

    reason = "engine-error"


class LogUnavailable(Unavailable):
    """The log cannot be written or its state is unknown: what can't be logged doesn't happen."""

    reason = "log-unavailable"


class SourceUnavailable(Unavailable):
    """A source does not answer, or answers with what its mapping does not describe."""

    reason = "source-unavailable"


class HomeInUse(Unavailable):
    """Another process serves the home: one at a time has its log in hand."""

    reason = "home-in-use"
