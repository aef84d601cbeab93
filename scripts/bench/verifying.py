"""Verification of a long log beside reading the same bytes and hashing them once; proofs from it beside a short one's.

The proof of the log (leaves, contents, chain, tree, search's words) and the claims of its entries are measured apart: a
log of copies holds requests whose signatures nobody made, so the claims are measured on the one request that is real.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import audit
from audit import Log
from audit.published import Published
from governance.adapters.store.database import open_database
from governance.home import note_signer, root_key
from governance.register import Register
from governance.settings import Settings, from_home
from governance.verification.looks import Look
from governance.wrapping import open_keys
from scripts.bench.long_home import lengthened, many_mous
from scripts.bench.measure import Row, alternate, median, repeated

__all__ = ["verified_beside_read"]

_LEAST = 0.25
_MOST = 1.5
_JOBS = 1.6
_READ = (
    "SELECT l.leaf, b.keys, b.sealed FROM audit_leaves l LEFT JOIN audit_bodies b ON b.seq = l.seq ORDER BY l.seq",
    "SELECT key, value FROM audit_terms ORDER BY seq",
)


def verified_beside_read(folder: Path, *, entries: int = 1_000_000, rounds: int = 2) -> list[Row]:
    """One job, two jobs, and proofs of inclusion."""
    place = folder / "verifying"
    place.mkdir()
    world = many_mous(place, 1)
    shutil.copytree(world.settings.home, place / "short")
    long, short = world.settings, from_home(place / "short", environ={})
    lengthened(world, entries)
    world.settings = short  # the same world, with the short log
    lengthened(world, 1_000)
    ways = (
        lambda _: _verified(long, 1),
        lambda _: _verified(long, 2),
        lambda _: _hashed(long, _READ),
        lambda _: _hashed(long, _READ[:1]),
    )
    one, two, everything, contents = (median(taken) for taken in alternate(*ways, rounds=rounds, warm=0))
    part = f"verification of {entries:,} entries, against the same bytes read from SQLite and hashed once"

    def row(what: str, ours: float, beside: float, aim: str = "", met: bool | None = None) -> Row:
        return Row(part, what, f"{ours:,.1f} s", f"{beside:,.1f} s", beside / ours, aim, met)

    found = [
        row("one job, and all that it reads", one, everything, f"≥ {_LEAST} ×", everything / one >= _LEAST),
        row("one job, and leaves and contents alone (without the search's words)", one, contents),
        row("two jobs, against one", two, one, f"≥ {_JOBS} ×", one / two >= _JOBS),
        *_claims(short),
        *_proofs(long, short, entries),
    ]
    shutil.rmtree(place)
    return found


def _verified(settings: Settings, jobs: int) -> None:
    engine, keys = open_database(settings.database_url), open_keys(settings)
    try:
        report = audit.verify(
            engine,
            vkey=note_signer(settings).vkey,
            keys=keys,
            open_keys=partial(open_keys, settings),
            jobs=jobs,
        )
    finally:
        keys.close()
        engine.dispose()
    if not report.ok:
        raise RuntimeError(f"the log is not whole: {report.faults[:3]}")


def _hashed(settings: Settings, statements: tuple[str, ...]) -> bytes:
    digest = hashlib.sha256()
    with contextlib.closing(sqlite3.connect(settings.home / "accordant.db")) as database:
        for statement in statements:
            for values in database.execute(statement):
                for value in values:
                    digest.update(value if isinstance(value, bytes) else value.encode())
    return digest.digest()


def _opened(settings: Settings) -> Log:
    engine = open_database(settings.database_url)
    return Log.open(engine, keys=open_keys(settings), origin=settings.log_origin, signer=note_signer(settings))


def _claims(settings: Settings) -> list[Row]:
    """What it costs to check the signature of a request's declaration, beside opening the entry."""
    log = _opened(settings)
    try:
        entry = next(log.entries(kinds={"request"}))  # the others are copies
        enrolled = Register.from_entries(log.entries(kinds={"enrolment"}), root=root_key(settings)).keyring.enrolments
        look = Look({name: one.key.pem for name, one in enrolled.items()})
        if look(entry).faults:  # type: ignore[union-attr]
            raise RuntimeError("the request's claims do not hold")
        ways = (repeated(lambda: look(entry), 50), repeated(lambda: log.entry(entry.seq), 50))
        ours, beside = (median(taken) / 50 for taken in alternate(*ways, rounds=10))
    finally:
        log.close()
        log.engine.dispose()
    part = "what verification adds for each request: its declaration's signature, from the stored base"
    return [Row(part, "against reading the entry", f"{ours * 1e6:,.0f} µs", f"{beside * 1e6:,.0f} µs", ours / beside)]


def _proofs(long: Settings, short: Settings, entries: int) -> list[Row]:
    """A proof that an entry is in the log, of entries anywhere in it."""
    logs = [_opened(long), _opened(short)]
    try:
        published = [Published(log) for log in logs]
        size = logs[1].head().size
        for one, log in zip(published, logs, strict=True):
            one.inclusion(0, head=log.head())  # tiles are made once
        dice = random.Random(1)  # noqa: S311 the same entries each time

        def proof(which: int) -> Callable[[], object]:
            behind = logs[which].head().size
            return lambda: published[which].inclusion(dice.randrange(behind))

        ours, beside = (median(t) / 50 for t in alternate(*(repeated(proof(n), 50) for n in (0, 1)), rounds=10))
    finally:
        for log in logs:
            log.close()
            log.engine.dispose()
    ratio = ours / beside
    part = f"a proof that an entry is in a log of {entries:,}, against a log of {size:,}"
    met = ratio <= _MOST
    return [Row(part, "of any entry", f"{ours * 1e6:,.0f} µs", f"{beside * 1e6:,.0f} µs", ratio, f"≤ {_MOST} ×", met)]
