"""A home with many MOUs in force and a long log: agreements through the service's own statements, the bulk by hand.

The bulk are copies of what the gateway wrote about one answered request, each entry with a call and a salt of its own,
honestly chained, filed for searches and signed for by the log's key: what a start reads of a log is as real as it gets.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from audit import Draft, Log
from audit.entry import terms
from audit.head import extended
from audit.keys import Use
from audit.leaf import Leaf, to_text
from audit.rows import place_of
from audit.sealing import Sealing
from governance.adapters.store.database import open_database
from governance.home import SystemClock, note_signer
from governance.register.reading import compiled, encoded
from governance.signing.statement import Proposal, Signing
from governance.wrapping import open_keys
from scripts.bench import place
from tests.simulator import Partner, World

__all__ = ["DATASET", "lengthened", "many_mous"]

DATASET = "d0000"
_BATCH = 20_000


def many_mous(folder: Path, count: int) -> World:
    """A home in which nine parties have signed so many MOUs, each with a dataset of its own; nobody has it open."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # the building of it is not told
    world = World.found(folder, clock=SystemClock())  # type: ignore[arg-type]
    parties = (*place.PARTNERS, "backbone", "trust")
    for party in parties:
        world.enrol(party)
    world.enrol("northside", use="connector", name="dashboard")
    world.close()
    text = place.document().decode()
    engine, keys = open_database(world.settings.database_url), open_keys(world.settings)
    log = Log.open(engine, origin=world.settings.log_origin, signer=note_signer(world.settings), keys=keys)
    try:
        for number in range(count):
            document = text.replace("id: benchmarking\n", f"id: agreement-{number:04}\n", 1)
            _signed(world, log, document.replace("enrollments", f"d{number:04}").encode(), parties)
    finally:
        log.close()
        keys.close()
        engine.dispose()
    # The start finds the signatures and brings them into force.
    world.open()
    northside = world.partners["northside"]
    mapping = place.mapping("northside", mou="agreement-0000", dataset=DATASET)
    world.told(northside, "POST", "/v1/sources", {"mapping": mapping, "url": None})
    content = "\n".join(place.lines(0)).encode()
    world.told(northside, "POST", f"/v1/sources/{DATASET}/rows", body=content, content_type="text/csv")
    answer = world.query(world.partners["dashboard"], asked(), purpose="program-improvement", mou="agreement-0000")
    if answer.status_code != 200:
        raise RuntimeError(f"the home does not answer: {answer.get_data(as_text=True)}")
    answer.get_data()
    answer.close()
    world.close()
    return world


def asked() -> dict[str, object]:
    """The request that the home answers."""
    return {"dataset": DATASET, "fields": list(place.FIELDS), "rows": "own", "view": "identified", "limit": 10}


def _signed(world: World, log: Log, document: bytes, parties: Sequence[str]) -> None:
    made, now = compiled(document), dt.datetime.now(dt.UTC)
    proposal = Proposal(
        mou=made.mou.id, version=1, document_sha256=hashlib.sha256(document).hexdigest(),
        text_sha256=made.text_sha256, policy_sha256=made.policy_sha256, time=now,
    )  # fmt: skip
    body = {
        "mou": made.mou.id, "version": 1, "title": made.mou.title, "document": encoded(document),
        "text": encoded(made.text),
    }  # fmt: skip
    index = {"mou": made.mou.id}
    log.append([Draft("proposal", body | _statement(world, world.administrator, proposal), tuple(parties), index)])
    digests = {"text_sha256": made.text_sha256, "policy_sha256": made.policy_sha256}
    openings, nonces = [], {party: secrets.token_urlsafe(16) for party in parties}
    for party in parties:
        partner = world.partners[party]
        body = {
            "mou": made.mou.id, "version": 1, "party": party, "person": partner.person,
            "fingerprint": partner.key.fingerprint, "nonce": nonces[party],
        }  # fmt: skip
        openings.append(Draft("opening", body | digests, tuple(parties), index | {"party": party}))
    signatures = []
    for party, opening in zip(parties, log.append(openings), strict=True):
        partner = world.partners[party]
        said = Signing(
            mou=made.mou.id, version=1, party=party, person=partner.person, organisation=party, capacity="director",
            decision="sign", nonce=nonces[party], time=now, opening=opening.leaf_hash.hex(), **digests,
        )  # fmt: skip
        body = {"mou": made.mou.id, "version": 1, "party": party, "person": partner.person}
        signatures.append(
            Draft("signature", body | _statement(world, partner, said), tuple(parties), index | {"party": party})
        )
    log.append(signatures)


def _statement(world: World, partner: Partner, said: Proposal | Signing) -> dict[str, str]:
    travelling = world.statement(partner, said)
    return {"statement": travelling["statement"], "jws": travelling["jws"]}


def lengthened(world: World, size: int) -> int:
    """Brings the log of a home that nobody has open to `size` entries; the number of entries that were there before."""
    engine, keys = open_database(world.settings.database_url), open_keys(world.settings)
    try:
        log = Log.open(engine, origin=world.settings.log_origin, signer=note_signer(world.settings), keys=keys)
        samples = [e for e in log.search(limit=10) if e.kind in ("request", "disclosure", "release")][::-1]
        # Everything is filed by hand here, so what is waiting has to be filed too.
        waiting = [(n, *term) for n, words in log._sequencer.place.unfiled for term in words]
        head = log.head()
        log.close()
    finally:
        engine.dispose()
    sealing = Sealing(keys)
    before = head.size
    with contextlib.closing(sqlite3.connect(world.settings.home / "accordant.db")) as database:
        # Made in one go and checked afterwards by every start; a crash here only costs the bench.
        for pragma in ("synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
            database.execute(f"PRAGMA {pragma}")
        (index,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_terms_found'").fetchone()
        database.execute("DROP INDEX audit_terms_found")
        database.executemany("INSERT INTO audit_terms VALUES (?, ?, ?)", waiting)
        hashes: list[bytes] = []
        last = head.last
        time = max(head.checkpoint_time, dt.datetime.now(dt.UTC))
        made = _copies([(e.kind, e.body_bytes, str(e.body["call"]).encode(), terms(e.kind, e.body)) for e in samples])
        for first in range(before, size, _BATCH):
            leaves, bodies, words = [], [], []
            stamp = to_text(time + dt.timedelta(milliseconds=first - before))
            for seq in range(first, min(first + _BATCH, size)):
                kind, salt, body, filed = next(made)
                digest = hashlib.sha256(salt + body).hexdigest()
                leaf = (
                    f'{{"body":"{digest}","kind":"{kind}","prev":"{last.hex()}","seq":{seq},"time":"{stamp}","v":1}}'
                ).encode()
                last = Leaf.hash(leaf)
                hashes.append(last)
                leaves.append((seq, leaf))
                use: Use = "disclosure" if kind == "disclosure" else "content"
                holder = next(value for key, value in filed if key == "party")
                place = place_of(seq, last)
                ids, sealed = sealing.seal(salt + body, use=use, holder=holder, time=time, named=(), place=place)
                bodies.append((seq, ids, sealed))
                words += [(seq, key, value) for key, value in filed]
            database.executemany("INSERT INTO audit_leaves VALUES (?, ?)", leaves)
            database.executemany("INSERT INTO audit_bodies VALUES (?, ?, ?)", bodies)
            database.executemany("INSERT INTO audit_terms VALUES (?, ?, ?)", words)
        database.execute(index)
        if hashes:
            newest = time + dt.timedelta(milliseconds=size - before)
            head = extended(head, hashes, time=newest, signer=note_signer(world.settings))
        row = (head.size, head.last, head.frontier.to_bytes(), to_text(head.checkpoint_time), head.checkpoint)
        database.execute("UPDATE audit_head SET size = ?, last = ?, frontier = ?, time = ?, checkpoint = ?", row)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    keys.close()
    return before


def _copies(
    samples: Sequence[tuple[str, bytes, bytes, tuple[tuple[str, str], ...]]],
) -> Iterator[tuple[str, bytes, bytes, tuple[tuple[str, str], ...]]]:
    while True:
        call = secrets.token_hex(16).encode()
        for kind, body, old, filed in samples:
            yield kind, os.urandom(32), body.replace(old, call), filed
