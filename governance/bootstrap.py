"""Puts the parts together for one home: the only place that knows them all."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Engine as Database

import audit
from audit import KeyStore, Log, witness_http
from audit.erasure import ERASURE
from audit.note import NoteSigner
from audit.witness import Post
from governance.adapters.journal import AuditJournal
from governance.adapters.published import PublishedLog
from governance.adapters.store.consents import ConsentTable
from governance.adapters.store.database import make_tables, open_database, require_writable
from governance.adapters.store.nonces import NonceTable
from governance.adapters.store.sessions import SessionTable
from governance.adapters.store.version import require_version
from governance.adapters.unverified import UnverifiedRows
from governance.adapters.vault import LogVault
from governance.agreements import Agreements, Check, Checked
from governance.compiler.bundle import Bundle
from governance.consents import Consents
from governance.continuity import Continuity, GuardedJournal
from governance.decider import Decider
from governance.enrolled import KINDS as SOURCE_KINDS
from governance.errors import LogUnavailable, NotFound
from governance.evidence import Evidence
from governance.exports import Exports
from governance.forgetting import KINDS as FORGETTING_KINDS
from governance.forgetting import Accounts, Counted, Forgetting, Retention, Schedule, Standing
from governance.gateway import Gateway
from governance.history import History
from governance.home import SystemClock, root_key, secret
from governance.keeping import Keeping
from governance.log_key import settled
from governance.model.mou import Mou
from governance.model.period import start_of
from governance.ports import Clock, Engine, Journal
from governance.readiness import asker, require_newest, require_room
from governance.register import KINDS
from governance.sessions import Sessions
from governance.settings import Settings
from governance.source_kinds import HomeSources
from governance.sources import SourceBook
from governance.web.authentic import Authenticator
from governance.web.metrics import Metrics, WatchedEngine, WatchedJournal
from governance.web.services import Services
from governance.witnesses import Witnesses
from governance.wrapping import open_keys

__all__ = ["engine_of", "open_services"]

_WATCHED = KINDS | SOURCE_KINDS | FORGETTING_KINDS
_MANY_NEW = 100  # statements that were not kept when a start found them, as after a crash; fewer wait for the end


def engine_of(settings: Settings) -> Engine:
    """The OPA server where the settings name one, else the engine in this process."""
    # Imported here, so that a profile loads the engine that it uses and not the other.
    if settings.opa_url:
        from governance.adapters.opa import OpaEngine

        return OpaEngine(settings.opa_url, timeout=settings.engine_seconds)
    from governance.adapters.rego import RegoEngine

    return RegoEngine()


def _readings_agree(engine: Engine, bundle: Bundle, mous: Sequence[Mou]) -> Checked:
    # Imported here: a start that activates nothing compares no readings.
    from governance.checking import readings_agree

    return readings_agree(engine)(bundle, mous)


def _agree_here(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
    from governance.checking import agree_here

    return agree_here(bundle, mous)


def _cookie_secret(settings: Settings) -> bytes:
    """What the console's cookies are signed with: the same in every process of the home, after a restart too."""
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"accordant console cookies")
    return derivation.derive(secret(settings, "sources.key"))


def _opened_log(
    settings: Settings, signer: NoteSigner, clock: Clock, keeping: Keeping
) -> tuple[Database, Log, AuditJournal]:
    """The database, the log in it, and the journal on that; nothing is left open where one of them fails."""
    database = open_database(settings.database_url)
    keys: KeyStore | None = None
    try:
        require_version(database, command=f"accordant upgrade --home {settings.home}")
        make_tables(database)
        keys = open_keys(settings)
        try:
            log = Log.open(database, origin=settings.log_origin, signer=signer, keys=keys, clock=clock)
        except audit.LogError as error:
            raise LogUnavailable(f"the log cannot be opened: {error}") from error
        try:
            keep = partial(keeping.looked, kinds=_WATCHED)
            return database, log, AuditJournal(log, watched=_WATCHED, since=keeping.begin(_WATCHED), keep=keep)
        except BaseException:
            log.close()
            raise
    except BaseException:
        if keys is not None:
            keys.close()
        database.dispose()
        raise


def open_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    engine: Engine | None = None,
    check: Check | None = None,
    wrap: Callable[[Journal], Journal] | None = None,
    keeping: Keeping | None = None,
    trial: bool = False,
    post: Post = witness_http.post,
) -> Services:
    """Opens a home's database, log and engine. Raises what is wrong with any of them, and leaves nothing open then.

    `trial`: only to see whether it opens; nothing is activated, nor loaded into the engine, and `keeping` hands what
    was found to the service that follows. Tests give a `clock`, an `engine`, a `check`, a `wrap` that puts faults
    around the log, and a `post` that witnesses are asked by.
    """
    clock = clock or SystemClock()
    root, signer = root_key(settings), settled(settings)
    keeping = keeping or Keeping(settings)
    database, log, plain = _opened_log(settings, signer, clock, keeping)
    metrics = Metrics()
    continuity = Continuity(size=lambda: log.head().size, clock=clock, seconds=settings.checkpoint_seconds)
    witnesses = Witnesses(settings=settings, log=log, clock=clock, continuity=continuity, post=post)
    try:
        witnesses.look()
    except BaseException:
        log.close()
        log.sealing.keys.close()
        database.dispose()
        raise
    watched = WatchedJournal(GuardedJournal(plain, continuity), metrics)
    journal: Journal = wrap(watched) if wrap else watched
    nonces = NonceTable(database)
    deciding = engine or engine_of(settings)
    look = check or _agree_here
    if check is None:
        check = partial(_readings_agree, deciding)
    claims = UnverifiedRows(database, log.sealing)
    agreements = Agreements.open(
        journal=journal,
        clock=clock,
        root=root,
        engine=WatchedEngine(deciding, metrics),
        check=check,
        look=look,
        nonce=lambda: secrets.token_urlsafe(16),
        claims=claims,
        kept=keeping.bundle,
        register=keeping.register,
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
    forgetting_lock = threading.RLock()
    consents = Consents(
        journal=journal, clock=clock, store=ConsentTable(database), documents=documents, lock=forgetting_lock
    )
    vault = LogVault(log, home=settings.home, keys=settings.keys)
    events = structlog.get_logger("accordant.forgetting")
    newest = plain.last_of({ERASURE})
    if vault.last_erasure() > newest:
        events.warning("older-database", erasure=vault.last_erasure(), strays=vault.forget_strays(last=newest))
    standing = Standing(journal, clock, agreements.book, vault)
    forgetting = Forgetting(
        journal=journal,
        clock=clock,
        book=agreements.book,
        vault=vault,
        standing=standing,
        still=sources.holding,
        lock=forgetting_lock,
        origin=settings.log_origin,
        counted=Counted(standing),
    )
    days = (settings.retention_days, settings.disclosure_retention_days)
    retention = Retention(journal, clock, vault, standing, *days)
    schedule = Schedule(
        journal=journal,
        vault=vault,
        forgetting=forgetting,
        retention=retention,
        sweep=sources.sweep,
        report=events.info,
    )
    gateway = Gateway(
        journal=journal,
        clock=clock,
        decider=decider,
        sources=sources,
        consents=consents,
        nonces=nonces,
        pseudonym_key=secret(settings, "pseudonym.key"),
        limits=settings.limits,
        standing=continuity.require,
        clients=vault.known,
    )
    authenticator = Authenticator(
        origin=settings.origin,
        resolve=agreements.book.key,
        clock=clock,
        nonces=nonces,
        journal=journal,
        limits=settings.limits,
    )
    if trial:
        keeping.hand_over(plain.looked(), agreements.book.current())
    else:
        with suppress(LogUnavailable, OSError):  # it is tried again at each round
            witnesses.tell(journal, parties=lambda: [p.id for m in documents() for p in m.parties])
        agreements.policies.start()
        keeping.read(agreements.book.current(), agreements.policies.made, fewest=_MANY_NEW)
    closed = threading.Event()

    def close() -> None:
        if not closed.is_set():
            closed.set()
            schedule.stop()
            if not trial:
                witnesses.stop()
            sources.close()
            log.close()
            plain.keep_now()
            keeping.read(agreements.book.folded, agreements.policies.made, fewest=_MANY_NEW if trial else 1)
            log.sealing.keys.close()
            database.dispose()

    published = PublishedLog(log)
    return Services(
        settings=settings,
        clock=clock,
        journal=journal,
        vkey=signer.vkey,
        authenticator=authenticator,
        agreements=agreements,
        gateway=gateway,
        history=History(journal, vault.known),
        published=published,
        exports=Exports(journal),
        evidence=Evidence(journal, agreements.book, published, witnesses, signer.vkey, claims),
        forgetting=forgetting,
        retention=retention,
        accounts=Accounts(journal, vault, standing),
        schedule=schedule,
        sources=sources,
        consents=consents,
        metrics=metrics,
        uploads=threading.BoundedSemaphore(settings.uploads_in_flight),
        sessions=Sessions(journal=journal, clock=clock, store=SessionTable(database), key=agreements.book.key),
        cookie_secret=_cookie_secret(settings),
        continuity=continuity,
        witnesses=witnesses,
        ready=asker(
            {
                "database": lambda: require_writable(database),
                "disk": lambda: require_room(settings.home, settings.free_bytes),
                "log": lambda: require_newest(journal),
                "engine": agreements.policies.probe,
                "continuity": continuity.probe,
            }
        ),
        watching=lambda seconds: witnesses.start(wait=seconds),
        closing=close,
    )
