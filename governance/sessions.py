"""Sign-in to the console: a one-time link, made from a person's key, opens a session (design, Who uses it).

Secrets are 256 random bits, kept as their digests only. A link lives five minutes and opens one session; the session
ends after thirty minutes without use, after twelve hours, or with its key. Opening and ending one are entries, written
in the transaction that does it: what can't be logged doesn't happen.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from audit import Draft, Entry
from governance.errors import LogUnavailable, NotFound, Refused
from governance.model.session import Session
from governance.ports import Clock, Journal
from governance.register import CONNECTOR, EnrolledKey

__all__ = ["ABSOLUTE", "IDLE", "LINK_LIFE", "Holder", "SessionStore", "Sessions"]

LINK_LIFE = dt.timedelta(minutes=5)
IDLE = dt.timedelta(minutes=30)
ABSOLUTE = dt.timedelta(hours=12)
# A use is noted at most this often, so that reading pages costs no write each.
_NOTED = dt.timedelta(minutes=1)
_LONGEST = 100


class SessionStore(Protocol):
    """Links and sessions by digest. Shared by all processes on one database; safe from any thread."""

    def put(self, connection: Any, session: Session) -> None:
        """Adds one, in the caller's transaction; in one of its own where `connection` is None."""
        ...

    def find(self, digest: str) -> Session | None:
        """One by its digest."""
        ...

    def take(self, connection: Any, digest: str) -> bool:
        """Removes one; whether it was there: of several takers one is told so. As `put` for the connection."""
        ...

    def touch(self, digest: str, seen: dt.datetime) -> None:
        """Notes a use."""
        ...

    def purge(self, *, links_before: dt.datetime, seen_before: dt.datetime, made_before: dt.datetime) -> None:
        """Removes what has run out."""
        ...


@dataclass(frozen=True, slots=True)
class Holder:
    """The person of a session: the `Caller` of every use case."""

    fingerprint: str
    party: str
    use: str
    person: str


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _spent() -> NotFound:
    return NotFound("this link is not known here, was used, or has run out: make a new one", reason="link-spent")


@dataclass(frozen=True, slots=True)
class Sessions:
    """Safe from any thread. `key` finds a key as it stands now."""

    journal: Journal
    clock: Clock
    store: SessionStore
    key: Callable[[str], EnrolledKey | None]

    def link(self, *, fingerprint: str) -> tuple[str, dt.datetime]:
        """A link's secret and the instant until which it is good. Raises Refused for a connector's key."""
        key, now = self.key(fingerprint), self.clock.now()
        if key is None or not key.active:
            raise Refused("this key does not count now", reason="key-not-active")
        if key.use == CONNECTOR:
            raise Refused("a connector's key signs requests; the console is for people", reason="not-a-person")
        self.store.purge(links_before=now - LINK_LIFE, seen_before=now - IDLE, made_before=now - ABSOLUTE)
        secret = secrets.token_urlsafe(32)
        self.store.put(None, Session(_digest(secret), fingerprint, True, now, now))
        return secret, now + LINK_LIFE

    def invited(self, secret: str) -> Holder:
        """Whom a link would sign in; it stays good. Raises NotFound."""
        found = self._found(secret, link=True)
        holder = self._holder(found) if found else None
        if found is None or holder is None or self.clock.now() >= found.made + LINK_LIFE:
            raise _spent()
        return holder

    def open(self, secret: str) -> str:
        """Spends a link on a session; the session's secret. Raises NotFound; LogUnavailable where nothing opened."""
        holder, now = self.invited(secret), self.clock.now()
        opened = secrets.token_urlsafe(32)

        def within(connection: Any, _entries: Sequence[Entry]) -> None:
            if not self.store.take(connection, _digest(secret)):
                raise _spent()
            self.store.put(connection, Session(_digest(opened), holder.fingerprint, False, now, now))

        self.journal.append([_draft("sign-in", holder)], within=within)
        return opened

    def holder(self, secret: str) -> Holder | None:
        """Whose session it is, by the key as it stands now; None where it has ended."""
        found, now = self._found(secret, link=False), self.clock.now()
        if found is None:
            return None
        if now >= found.seen + IDLE or now >= found.made + ABSOLUTE:
            self.store.take(None, found.digest)
            return None
        holder = self._holder(found)
        if holder is None:
            self.store.take(None, found.digest)
            return None
        if now >= found.seen + _NOTED:
            self.store.touch(found.digest, now)
        return holder

    def close(self, secret: str) -> None:
        """Ends a session. It ends even where that can't be logged; then LogUnavailable says so."""
        found = self._found(secret, link=False)
        holder = self._holder(found) if found else None
        if found is None or holder is None:
            return

        def within(connection: Any, _entries: Sequence[Entry]) -> None:
            self.store.take(connection, found.digest)

        try:
            self.journal.append([_draft("sign-out", holder)], within=within)
        except LogUnavailable:
            self.store.take(None, found.digest)
            raise

    def _found(self, secret: str, *, link: bool) -> Session | None:
        if not secret or len(secret) > _LONGEST:
            return None
        found = self.store.find(_digest(secret))
        return found if found is not None and found.link is link else None

    def _holder(self, session: Session) -> Holder | None:
        key = self.key(session.fingerprint)
        if key is None or not key.active or key.use == CONNECTOR:
            return None
        return Holder(key.fingerprint, key.party, key.use, key.person)


def _draft(kind: str, holder: Holder) -> Draft:
    body = {"party": holder.party, "person": holder.person, "fingerprint": holder.fingerprint}
    return Draft(kind, body, (holder.party,), {"party": holder.party}, use="content")
