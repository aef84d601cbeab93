"""What the endpoints work with, made once by `bootstrap` and handed to `create_app`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from governance.agreements import Agreements
from governance.consents import Consents
from governance.continuity import Continuity
from governance.evidence import Evidence
from governance.exports import Exports
from governance.forgetting import Accounts, Forgetting, Retention, Schedule
from governance.gateway import Gateway
from governance.history import History
from governance.ports import Clock, Journal, Published, Vouching
from governance.sessions import Sessions
from governance.settings import Settings
from governance.sources import SourceBook
from governance.web.authentic import Authenticator, Caller
from governance.web.metrics import Metrics

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """Every part is safe from any thread."""

    settings: Settings
    clock: Clock
    journal: Journal
    vkey: str
    authenticator: Authenticator
    agreements: Agreements
    gateway: Gateway
    history: History
    published: Published
    exports: Exports
    evidence: Evidence
    forgetting: Forgetting
    retention: Retention
    accounts: Accounts
    schedule: Schedule
    sources: SourceBook
    consents: Consents
    metrics: Metrics
    uploads: threading.BoundedSemaphore
    sessions: Sessions
    cookie_secret: bytes
    continuity: Continuity
    witnesses: Vouching
    ready: Callable[[], dict[str, str]]
    watching: Callable[[float], None]
    closing: Callable[[], None]

    @property
    def authenticate(self) -> Callable[..., Caller]:
        """Who signed a Flask request; raises NotAuthentic."""
        return self.authenticator.caller

    def close(self) -> None:
        """Writes what is queued and lets go of everything."""
        self.closing()
