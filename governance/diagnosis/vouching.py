"""Who vouches for the log, who remembers another one, and how far a quorum of witnesses covers it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

import audit
from audit import Head, look
from audit.cosigned import CosignatureStore
from audit.errors import PolicyWrong
from audit.note import Checkpoint, NoteVerifier
from audit.policy import Policy
from governance.adapters.alarms import AlarmFile
from governance.diagnosis.finding import Finding
from governance.errors import InputWrong
from governance.home_memory import ALARMS, POLICY, HomeMemory, text_of
from governance.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

__all__ = ["vouching_findings"]

_PART = "witnesses"
_ACT = (
    "keep a copy of everything as it is and tell the partners; once you know why: `accordant audit alarms --settle"
    " REASON`, and start the service again"
)


def vouching_findings(
    settings: Settings, database: Database, head: Head, *, verifier: NoteVerifier, now: dt.datetime
) -> Iterator[Finding]:
    """What the service would be read-only or refuse for, or that all is well."""
    found = list(_wrong(settings, database, head, verifier, now))
    if found:
        yield from found
        return
    policy = _policy(settings)
    if policy.quorum is None:
        detail = "nobody contradicts the log; no quorum of witnesses is asked for (`accordant audit witness add`)"
        yield Finding(_PART, "ok", detail)
        return
    covered = _covered(database, policy)
    detail = f"nobody contradicts the log; a quorum covers {covered} of {head.size} entries"
    yield Finding(_PART, "ok", detail)


def _policy(settings: Settings) -> Policy:
    try:
        return Policy.from_text((settings.home / POLICY).read_bytes())
    except FileNotFoundError:
        return Policy()


def _covered(database: Database, policy: Policy) -> int:
    note = CosignatureStore(database).satisfying(policy)
    return 0 if note is None else Checkpoint.from_text(text_of(note)).size


def _wrong(
    settings: Settings, database: Database, head: Head, verifier: NoteVerifier, now: dt.datetime
) -> Iterator[Finding]:
    try:
        standing = [a.found for a in AlarmFile(settings.home / ALARMS).read() if a.settled_by is None]
        own = HomeMemory(settings, verifier).own()
    except InputWrong as error:
        yield Finding(_PART, "wrong", error.detail, "put the file back from a copy; move it away only if you know why")
        return
    for one in standing:
        yield Finding(_PART, "wrong", f"{one.sentence} ({one.code}); the service is read-only", _ACT)
    known = max((one.checkpoint for one in own), key=lambda checkpoint: checkpoint.size, default=None)
    if known is not None and not standing and (known.size > head.size or _other(known, head)):
        detail = f"this home remembers {known.size} entries with the root {known.root.hex()}, and the database holds "
        detail += f"{head.size} with the root {head.root.hex()}"
        yield Finding(_PART, "wrong", detail, _ACT)
    try:
        policy = _policy(settings)
        covered = _covered(database, policy) if policy.quorum is not None else head.size
    except (OSError, PolicyWrong) as error:
        mend = f"correct {settings.home / POLICY}; `accordant audit witness list` reads it"
        yield Finding(_PART, "wrong", f"the witnesses' policy can't be read: {error}", mend)
        return
    except audit.LogError as error:
        yield Finding(_PART, "wrong", f"what witnesses cosigned can't be read: {error}", "mend the log first")
        return
    if covered >= head.size:
        return
    try:
        first = look.recorded_at(database, covered)
        changed = dt.datetime.fromtimestamp((settings.home / POLICY).stat().st_mtime, dt.UTC)
    except (OSError, audit.LogError):
        return  # told by the part that is about the log
    waited = (now - max(first, min(changed, now))).total_seconds() if first is not None else 0.0
    if waited > settings.checkpoint_seconds:
        detail = f"the entries from {covered} on have waited {int(waited)} s for a quorum of witnesses"
        mend = "see why they do not cosign: `accordant audit witness ask`, then `accordant audit witness remove`"
        yield Finding(_PART, "wrong", f"{detail}; no data is released", mend)


def _other(known: Checkpoint, head: Head) -> bool:
    return known.size == head.size and known.root != head.root
