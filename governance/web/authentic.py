"""Who signed a request: RFC 9421 over the request as it arrived, the key from the register, the nonce counted once.

Requests with unknown keys, bad signatures beyond a few a minute, bodies that are too large and known keys over their
rate are counted and reported in one entry an hour: nobody can fill the log from outside.

An unknown key and a bad signature take the same time: a signature is verified either way, and the entry that a bad one
of a known key makes is not waited for.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Request

from audit import Draft
from governance.errors import NotAuthentic, TooLarge, TooMany
from governance.gateway import DataCall, Requester
from governance.model.limits import Limits
from governance.ports import Clock, Journal, Nonces
from governance.register import EnrolledKey
from governance.signing.http import (
    SignatureRefused,
    SignedRequest,
    verify_declaration,
    verify_head,
    verify_request,
)
from governance.signing.keys import PublicKey

__all__ = ["Authenticator", "Caller", "Strangers"]

_BAD_SIGNATURES_A_MINUTE = 10


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a key, and what the key was enrolled for."""

    fingerprint: str
    party: str
    use: str
    person: str


class Strangers:
    """Counts what must not become an entry each; one entry an hour says how many. Safe from any thread."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._over_rate: dict[str, int] = {}  # by key; there are no more of them than are enrolled
        self._hour = clock.now().replace(minute=0, second=0, microsecond=0)

    def count(self, reason: str, *, keyid: str | None = None) -> None:
        """Counts one, and writes the last hour's entry when the hour has turned. `keyid`: a known key over its rate."""
        # Before: what is counted now belongs to the hour that has begun.
        self.turn()
        with self._lock:
            self._counts[reason] = self._counts.get(reason, 0) + 1
            if keyid is not None:
                self._over_rate[keyid] = self._over_rate.get(keyid, 0) + 1

    def turn(self) -> None:
        """Writes the entry of an hour that has passed, if anything was counted in it."""
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if hour <= self._hour or not self._counts:
                self._hour = max(hour, self._hour)
                return
            body: dict[str, Any] = {"since": self._hour.isoformat(), "counts": self._counts}
            if self._over_rate:
                body["over_rate"] = self._over_rate
            self._counts, self._over_rate, self._hour = {}, {}, hour
        self._journal.append([Draft("not-authentic", body, use="content")])


class _Rates:
    """A bucket a key: so many requests a minute, evenly filled."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._rate, self._clock = per_minute, clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, dt.datetime]] = {}

    def take(self, name: str) -> bool:
        now = self._clock.now()
        with self._lock:
            left, then = self._buckets.get(name, (float(self._rate), now))
            left = min(self._rate, left + max(0.0, (now - then).total_seconds()) * self._rate / 60)
            self._buckets[name] = (left - 1 if left >= 1 else left, now)
            return left >= 1


class Authenticator:
    """Verifies Flask requests against the register. Safe from any thread."""

    def __init__(
        self,
        *,
        origin: str,
        resolve: Callable[[str], EnrolledKey | None],
        clock: Clock,
        nonces: Nonces,
        journal: Journal,
        limits: Limits,
    ) -> None:
        self._origin, self._resolve, self._clock = origin.rstrip("/"), resolve, clock
        self._nonces, self._journal, self._limits = nonces, journal, limits
        self._rates = _Rates(limits.per_minute, clock)
        self._bad = _Rates(_BAD_SIGNATURES_A_MINUTE, clock)
        self.strangers = Strangers(journal, clock)

    def target_uri(self, request: Request) -> str:
        """The target URI that signatures cover: our public origin, never the Host header, with path and query."""
        path = quote(request.environ.get("PATH_INFO", "/"), safe="/:@!$&'()*+,;=~-._%", encoding="latin-1")
        query = request.environ.get("QUERY_STRING", "")
        return self._origin + path + (f"?{query}" if query else "")

    def caller(self, request: Request, *, body: bytes | None = None) -> Caller:
        """The signer of any request but a data request; its nonce is counted. Raises NotAuthentic."""
        content = self.read_body(request) if body is None else body
        return self._counted(request, lambda **said: (verify_request(body=content, **said), b""))[0]

    def _counted(self, request: Request, verify: Callable[..., tuple[SignedRequest, bytes]]) -> tuple[Caller, bytes]:
        try:
            signed, digest = verify(
                method=request.method,
                target_uri=self.target_uri(request),
                headers=list(request.headers.items()),
                resolve_key=self._public,
                now=self._clock.now(),
            )
        except NotAuthentic as error:
            self.strangers.count(error.reason)
            raise
        key = self._known(signed.keyid)
        self._pace(key)
        self._nonces.count_alone(keyid=signed.keyid, nonce=signed.nonce, expires=signed.expires)
        return Caller(key.fingerprint, key.party, key.use, key.person), digest

    def data_call(self, request: Request) -> DataCall:
        """The signer and the declaration of a data request; the gateway counts its nonce with its entry."""
        body = self.read_body(request)
        target = self.target_uri(request)
        try:
            declaration = verify_declaration(
                method=request.method,
                target_uri=target,
                headers=list(request.headers.items()),
                body=body,
                resolve_key=self._public,
                now=self._clock.now(),
            )
        except SignatureRefused as error:
            self._record_bad(error, target)
            raise
        except NotAuthentic as error:
            self.strangers.count(error.reason)
            raise
        key = self._known(declaration.keyid)
        self._pace(key)
        return DataCall(Requester(key.party, key.fingerprint, key.person), declaration, body)

    def _record_bad(self, error: SignatureRefused, target: str) -> None:
        """A bad signature in the name of a known key is an entry, a few a minute; the rest is counted."""
        key = self._resolve(error.keyid) if error.keyid else None
        if key is None or not key.active or not self._bad.take(key.fingerprint):
            self.strangers.count(error.reason if key is not None and key.active else "unknown-key")
            return
        # Without a query: nobody has signed for it, and it may hold anything, a client's id too.
        told = target.partition("?")[0]
        body = {"outcome": "bad-signature", "reason": error.reason, "party": key.party, "target": told}
        index = {"party": key.party, "connector": key.fingerprint, "outcome": "bad-signature"}
        # Not waited for: how long the answer takes would tell whether the key is known here.
        self._journal.append_soon([Draft("request", body, (key.party,), index, use="content")])

    def sender(self, request: Request) -> tuple[Caller, bytes]:
        """Before a large body is read: who signed for it, and the SHA-256 that it must have. Raises NotAuthentic.

        The signature covers the body's digest, and its nonce is counted here: nobody but the owner of a key has a
        byte read, and no one's words are used for another body, or twice.
        """
        return self._counted(request, lambda **said: verify_head(**said))

    def read_body(self, request: Request) -> bytes:
        """The body, which can be read once. Raises TooLarge."""
        most = self._limits.body
        if request.content_length is not None and request.content_length > most:
            self.strangers.count("too-large")
            raise TooLarge(f"the body has {request.content_length} bytes; at most {most} are allowed")
        content = request.stream.read(most + 1)
        if len(content) > most:
            self.strangers.count("too-large")
            raise TooLarge(f"the body has more than the {most} bytes that are allowed")
        return content

    def _public(self, keyid: str) -> PublicKey | None:
        # A pending key's signature is verified too: only who holds it is told that it waits.
        key = self._resolve(keyid)
        return key.key if key is not None and key.state != "revoked" else None

    def _known(self, keyid: str) -> EnrolledKey:
        key = self._resolve(keyid)
        if key is not None and key.state == "pending":
            self.strangers.count("key-pending")
            detail = "this key is enrolled and waits for its approval; tell its fingerprint to whoever approves it"
            raise NotAuthentic(detail, reason="key-pending")
        if key is None or not key.active:
            # Revoked between the two looks.
            raise SignatureRefused(keyid=None)
        return key

    def _pace(self, key: EnrolledKey) -> None:
        if not self._rates.take(key.fingerprint):
            self.strangers.count("too-many-requests", keyid=key.fingerprint)
            raise TooMany(f"more than {self._limits.per_minute} requests a minute with this key")
