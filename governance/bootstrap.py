"""Puts the parts together for one home: the only place that knows them all."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import Engine as Database

import audit
from audit import Log
from audit.note import NoteSigner
from governance.adapters.journal import AuditJournal
from governance.adapters.published import PublishedLog
from governance.adapters.store.consents import ConsentTable
from governance.adapters.store.database import make_tables, open_database
from governance.adapters.store.nonces import NonceTable
from governance.adapters.unverified import UnverifiedRows
from governance.agreements import Agreements, Check
from governance.consents import Consents
from governance.decider import Decider
from governance.errors import AccordantError, EngineUnavailable, LogUnavailable, NotFound
from governance.exports import Exports
from governance.gateway import Gateway
from governance.history import History
from governance.home import SystemClock, note_signer, root_key, secret
from governance.model.mou import Mou
from governance.model.period import start_of
from governance.ports import Clock, Engine, Journal
from governance.register import KINDS
from governance.settings import Settings
from governance.source_kinds import HomeSources
from governance.sources import KINDS as SOURCE_KINDS
from governance.sources import SourceBook
from governance.web.authentic import Authenticator
from governance.web.services import Services

__all__ = ["engine_of", "open_services"]


def engine_of(settings: Settings) -> Engine:
    """The OPA server where the settings name one, else the engine in this process."""
    # Imported here, so that a profile loads the engine that it uses and not the other.
    if settings.opa_url:
        from governance.adapters.opa import OpaEngine

        return OpaEngine(settings.opa_url, timeout=settings.engine_seconds)
    from governance.adapters.rego import RegoEngine

    return RegoEngine()


def _opened_log(settings: Settings, signer: NoteSigner, clock: Clock) -> tuple[Database, Log, AuditJournal]:
    """The database, the log in it, and the journal on that; nothing is left open where one of them fails."""
    database = open_database(settings.database_url)
    try:
        make_tables(database)
        try:
            log = Log.open(database, origin=settings.log_origin, signer=signer, clock=clock)
        except audit.LogError as error:
            raise LogUnavailable(f"the log cannot be opened: {error}") from error
        try:
            return database, log, AuditJournal(log, watched=KINDS | SOURCE_KINDS)
        except BaseException:
            log.close()
            raise
    except BaseException:
        database.dispose()
        raise


def open_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    engine: Engine | None = None,
    check: Check | None = None,
    wrap: Callable[[Journal], Journal] | None = None,
) -> Services:
    """Opens a home's database, log and engine. Raises what is wrong with any of them, and leaves nothing open then.

    Tests give a `clock`, an `engine`, a `check` and a `wrap` that puts faults around the log.
    """
    clock = clock or SystemClock()
    root, signer = root_key(settings), note_signer(settings)
    database, log, plain = _opened_log(settings, signer, clock)
    journal: Journal = wrap(plain) if wrap else plain
    nonces = NonceTable(database)
    deciding = engine or engine_of(settings)
    if check is None:
        from governance.checking import readings_agree

        check = readings_agree(deciding)
    agreements = Agreements.open(
        journal=journal,
        clock=clock,
        root=root,
        engine=deciding,
        check=check,
        nonce=lambda: secrets.token_urlsafe(16),
        claims=UnverifiedRows(database),
    )
    decider = Decider(policies=agreements.policies, book=agreements.book)

    def known(mou_id: str) -> Mou:
        found = next((m for m in reversed(documents()) if m.id == mou_id), None)
        if found is None:
            raise NotFound(f"no MOU `{mou_id}`", reason="no-mou", field="mou")
        return found

    def documents() -> list[Mou]:
        """Of each MOU the versions that are signed and have begun; while none is, the newest that is proposed."""
        register, now = agreements.book.current(), clock.now()
        found: list[Mou] = []
        for life in register.lives().values():
            signed = [v.mou for v in life.established if v.mou is not None]
            begun = [m for m in signed if start_of(m.effective, m.zone) <= now]
            offered = [v.mou for v in life.versions if v.mou is not None]
            found += begun or signed or offered[-1:]
        return found

    sources = SourceBook(
        journal=journal,
        kinds=HomeSources(settings.data, seconds=settings.query_seconds, hosts=settings.source_hosts),
        cipher=Fernet(secret(settings, "sources.key")),
        data=Path(settings.data),
        document=known,
    )
    consents = Consents(journal=journal, clock=clock, store=ConsentTable(database), documents=documents)
    gateway = Gateway(
        journal=journal,
        clock=clock,
        decider=decider,
        sources=sources,
        consents=consents,
        nonces=nonces,
        pseudonym_key=secret(settings, "pseudonym.key"),
        limits=settings.limits,
    )
    authenticator = Authenticator(
        origin=settings.origin,
        resolve=agreements.book.key,
        clock=clock,
        nonces=nonces,
        journal=journal,
        limits=settings.limits,
    )
    agreements.policies.start()
    closed = threading.Event()

    def close() -> None:
        if not closed.is_set():
            closed.set()
            log.close()
            database.dispose()

    def ready() -> dict[str, str]:
        parts = {}
        for name, ask in (("log", journal.head), ("policies", agreements.policies.refresh)):
            try:
                found = ask()
                parts[name] = "ok" if found is not None or name == "log" else "no memorandum is active yet"
            except (AccordantError, EngineUnavailable) as error:
                parts[name] = error.reason
        return parts

    return Services(
        settings=settings,
        clock=clock,
        journal=journal,
        vkey=signer.vkey,
        authenticator=authenticator,
        agreements=agreements,
        gateway=gateway,
        history=History(journal),
        published=PublishedLog(log),
        exports=Exports(journal),
        sources=sources,
        consents=consents,
        ready=ready,
        closing=close,
    )
