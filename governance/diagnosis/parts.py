"""`accordant doctor`: what is wrong with a home, part by part, and how to mend it. It looks, and changes nothing.

Each check tells one part; one that cannot be made because an earlier part is missing is left out. `wrong` means that
the service does not start or refuses requests because of it; `warning`, that it works and somebody should know.
"""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import audit
from audit import KeyStore, look
from governance.adapters.store.database import missing_tables, open_database, require_writable
from governance.diagnosis.files import key_findings, stale_findings
from governance.diagnosis.finding import Finding
from governance.diagnosis.sources import source_findings
from governance.errors import AccordantError, Conflict, EngineUnavailable, LogUnavailable
from governance.home import LOCK, SystemClock, locked, note_signer
from governance.readiness import require_room
from governance.settings import Settings
from governance.wrapping import open_keys

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

    from governance.ports import Clock

__all__ = ["diagnose"]

_SKEW = dt.timedelta(seconds=60)
_LEAST_OPA = (1, 0)


def diagnose(settings: Settings, *, clock: Clock | None = None) -> tuple[Finding, ...]:
    """Every part of a home whose settings could be read, in the order in which they hang on each other."""
    now = (clock or SystemClock()).now()
    found = [Finding("settings", "ok", f"{settings.home / 'accordant.toml'} can be read")]
    found += key_findings(settings)
    found += _disk(settings)
    found += _process(settings)
    with _database(settings, found) as database, _keys(settings, found if database is not None else []) as keys:
        activated: Callable[[], str | None] | None = None
        if database is not None and keys is not None:
            head = _log(settings, database, keys, found)
            if head is not None:
                found += _clock(now, head.checkpoint_time)
                found += source_findings(settings, database, keys)
                found += stale_findings(settings, database, keys)
                activated = partial(_activated, database, keys)
        found += _engine(settings, activated)
    return tuple(found)


@contextmanager
def _keys(settings: Settings, found: list[Finding]) -> Iterator[KeyStore | None]:
    try:
        keys = open_keys(settings)
    except (AccordantError, audit.LogError) as error:
        mend = "put back the folder `keys` of this home, with the wrapping key that `wrapping_key` names"
        found.append(Finding("key store", "wrong", str(error), mend, unavailable=True))
        yield None
        return
    try:
        found.append(Finding("key store", "ok", "the data keys open with the wrapping key"))
        yield keys
    finally:
        keys.close()


def _disk(settings: Settings) -> Iterator[Finding]:
    try:
        require_room(settings.home, settings.free_bytes)
    except LogUnavailable as error:
        mend = "make room where the home is, or move it to a larger disk; `free_bytes` says how little is too little"
        yield Finding("disk", "wrong", error.detail, mend)
    else:
        yield Finding("disk", "ok", "there is room where the home is")


_ALL = "whether each entry is whole, `accordant audit verify` says"


def _process(settings: Settings) -> Iterator[Finding]:
    host, _, port = settings.listen.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
        answers = True
    except OSError:
        answers = False
    served = False
    try:
        # Without a lock nobody holds it; one that the doctor made might not belong to the service's user.
        if (settings.home / LOCK).exists():
            with locked(settings):
                pass
    except Conflict:
        served = True
    except OSError as error:
        mend = "give the home to the user that the service runs as"
        yield Finding("process", "wrong", f"the lock cannot be opened ({error.strerror})", mend)
        return
    if served and not answers:
        mend = f"it is starting or hangs: read its log, then start it again; nobody listens at {settings.listen}"
        yield Finding("process", "wrong", "a process holds the home and does not answer", mend)
    elif answers and not served:
        mend = "end it, or give another address in the setting `listen`"
        yield Finding("process", "wrong", f"another program listens at {settings.listen}", mend)
    else:
        yield Finding("process", "ok", "a process serves the home" if served else "no process serves the home now")


@contextmanager
def _database(settings: Settings, found: list[Finding]) -> Iterator[Database | None]:
    where = settings.shown()["database_url"]
    path = Path(where.removeprefix("sqlite:///"))
    if where.startswith("sqlite:///") and not path.is_file():
        mend = "put the backup's file there, or correct `database_url`; never make an empty one"
        found.append(Finding("database", "wrong", f"there is no file {path}", mend, unavailable=True))
        yield None
        return
    database = None
    try:
        database = open_database(settings.database_url)
        require_writable(database)
        missing = [*look.missing_tables(database), *missing_tables(database)]
    except (AccordantError, audit.LogError) as error:
        mend = (
            "start the database; check `database_url`, the password, and that the service's user may write there"
            " (a read-only disk, a lock that another program holds)"
        )
        found.append(Finding("database", "wrong", f"{where}: {error}", mend, unavailable=True))
        if database is not None:
            database.dispose()
        yield None
        return
    try:
        if missing:
            mend = "this is not the database of a home, or half a backup: restore it, or correct `database_url`"
            found.append(Finding("database", "wrong", f"tables are missing: {', '.join(missing)}", mend))
        else:
            found.append(Finding("database", "ok", f"{where} can be written and has its tables"))
        yield database
    finally:
        database.dispose()


def _log(settings: Settings, database: Database, keys: KeyStore, found: list[Finding]) -> audit.Head | None:
    try:
        signer = note_signer(settings)
        head = look.head_of(database, origin=settings.log_origin, verifier=signer.verifier, keys=keys)
    except audit.LogMissing as error:
        mend = "restore the backup; `accordant init` makes another home, with another log"
        found.append(Finding("log", "wrong", str(error), mend))
    except audit.WrongCheckpoint as error:
        mend = "keys/log.key and `log_origin` belong to this very log: put back those that it was made with"
        found.append(Finding("log", "wrong", str(error), mend))
    except (AccordantError, audit.LogError) as error:
        mend = "run `accordant audit verify`, keep a copy of everything as it is, and tell the partners"
        found.append(Finding("log", "wrong", str(error), mend))
    else:
        found.append(Finding("log", "ok", f"{head.size} entries, the head is signed by the log's key; {_ALL}"))
        return head
    return None


def _clock(now: dt.datetime, written: dt.datetime) -> Iterator[Finding]:
    if written > now + _SKEW:
        mend = "set this machine's clock (a time service such as chrony or systemd-timesyncd keeps it)"
        ahead = int((written - now).total_seconds())
        yield Finding("clock", "wrong", f"the log's newest entry is {ahead} s ahead of this clock", mend)
    else:
        yield Finding("clock", "ok", "the clock is not behind the log")


def _activated(database: Database, keys: KeyStore) -> str | None:
    revision = None
    for entry in look.entries_of(database, {"activation"}, keys=keys):
        revision = str(entry.body.get("revision"))
    return revision


def _engine(settings: Settings, activated: Callable[[], str | None] | None) -> Iterator[Finding]:
    try:
        if not settings.opa_url:
            _embedded()
            yield Finding("engine", "ok", "the engine in this process works")
            return
        yield from _server(settings, None if activated is None else activated())
    except EngineUnavailable as error:
        mend = (
            f"start OPA where `opa_url` says ({settings.opa_url}), and see that nothing stands between"
            if settings.opa_url
            else "install the package `regopy` anew, of the version that accordant asks for"
        )
        yield Finding("engine", "wrong", f"{error.detail} ({error.reason})", mend, unavailable=True)
    except (AccordantError, audit.LogError) as error:
        yield Finding("engine", "wrong", str(error), "mend the log first")


def _embedded() -> None:
    from governance.compiler.bundle import compile_bundle

    try:
        from governance.adapters.rego import RegoEngine
    except ImportError as error:
        raise EngineUnavailable(f"the engine cannot be loaded ({error.name})", reason="engine-error") from None
    engine = RegoEngine()
    try:
        engine.load(compile_bundle(()))
    finally:
        engine.close()


def _server(settings: Settings, revision: str | None) -> Iterator[Finding]:
    from governance.adapters.opa import OpaEngine

    server = OpaEngine(settings.opa_url, timeout=settings.engine_seconds)
    try:
        version, loaded = server.version(), server.loaded()
    finally:
        server.close()
    numbers = tuple(int(n) for n in version.split(".")[:2] if n.isdecimal())
    if numbers < _LEAST_OPA:
        mend = "install OPA 1.0 or later"
        yield Finding("engine", "wrong", f"OPA {version} is too old", mend)
    elif revision is not None and loaded != revision:
        mend = "start the service: it tells OPA again. If it stays so, something else feeds this OPA"
        yield Finding("engine", "warning", f"OPA {version} has another revision than the log names", mend)
    else:
        yield Finding("engine", "ok", f"OPA {version} answers" + (" for the revision that counts" if revision else ""))
