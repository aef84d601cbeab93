"""Verification: everything from stored bytes, nothing from what the service believes.

Each leaf must be the one canonical form of a leaf, under its own number, none missing and none surplus, its time not
before the one before, its `prev` the hash of the leaf before, its body's hash that of the stored salt and body; the
search's table must say what the bodies say. The Merkle root of all leaves must be the one in the checkpoint, and the
checkpoint signed by the key that the verifier was told of. Remembered checkpoints (of partners, of yesterday) and those
that witnesses cosigned must be checkpoints of a beginning of this log; tiles that are kept must be the leaves' own. The
canonical form of a body is looked at wherever somebody looks into the body.

What can be found without a remembered checkpoint: every change by somebody who lacks the log's key. What can't: that
the whole database, head included, was put back to an older copy of itself, or that the key's owner signed another
history. Both contradict any checkpoint that somebody kept.

The log is gone through in pieces (`audit.piece`), by one process or several; a piece in which anything is wrong is gone
through again here, leaf by leaf, so that what is said of it depends on nothing but what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, inspect, select

from audit.careful import Claims, carefully
from audit.entry import Entry
from audit.erasure import ERASURE
from audit.errors import LogMissing, NoteWrong, Tampered, WrongCheckpoint, mapped
from audit.forgotten import Forgotten
from audit.head import Head, read_head
from audit.keys import KeyStore
from audit.log import Log
from audit.note import Checkpoint, NoteVerifier, open_note, signatures_of
from audit.piece import Piece
from audit.pieces import Plan, Seeing, pieces
from audit.place import FILED_AT, filed_below
from audit.policy import Policy
from audit.raw import not_text
from audit.report import MOST_FAULTS, Fault, Faults, Report
from audit.rotation import accepted, followed, held_roots
from audit.schema import BODIES, HEAD, LEAVES, PARTS, TERMS, as_it_lies, snapshot
from audit.sealing import Sealing
from audit.since import begin_walk, entries_before
from audit.succession import Chain
from audit.tile_check import TileCheck, tiles_there
from audit.vouched import Vouched
from audit.walk import Walk

__all__ = ["CheckEntry", "Claims", "Fault", "Progress", "Report", "verify"]

Progress = Callable[[int, int], None]
# A caller's own look at each entry (signatures, activations): pairs of a code and a sentence for what is wrong.
CheckEntry = Callable[[Entry], Iterable[tuple[str, str]] | None]

_MOST_DOUBTED = 100_000


def _itself(entry: Entry) -> Entry | None:
    return entry if entry.erased is None else None


def verify(
    source: Log | Engine,
    *,
    vkey: str,
    keys: KeyStore | None = None,
    open_keys: Callable[[], KeyStore] | None = None,
    remembered: Sequence[bytes] = (),
    progress: Progress | None = None,
    check_entry: CheckEntry | None = None,
    claims: Claims | None = None,
    jobs: int = 1,
    since: bytes | int = 0,
    policy: Policy | None = None,
) -> Report:
    """Verifies a whole log, which may be written to meanwhile: it is taken as it stands at the start.

    `vkey` may be any key that the log ever had: later ones are followed, each signed by the one before.

    `keys`: the key store of a log that is not open. `jobs`: so many processes; the report is the same. Each of several
    opens the key store for itself by `open_keys`, which has to survive pickling. `since`: a checkpoint, or a number of
    entries: what lies before is taken for what the tree says it was. `policy`: whose cosignatures the newest checkpoint
    must have. `check_entry` is `claims` in one piece. Memory is flat. `progress(done, total)` is called now and then.
    Raises NoteWrong for a `vkey` that can't be read, WrongCheckpoint for a remembered checkpoint that the key did not
    sign, ValueError for a `since` that the log has not come to, LogMissing, LogUnavailable.
    """
    engine, sealing = (source.engine, source.sealing) if isinstance(source, Log) else (source, None)
    if sealing is None:
        if keys is None:
            raise TypeError("a log that is not open is verified with its key store")
        sealing = Sealing(keys)
        as_it_lies(engine)
        as_it_lies(keys.engine)
    if jobs > 1 and open_keys is None:
        raise TypeError("several processes open the key store each for itself: say how")
    known = NoteVerifier.from_vkey(vkey)
    if check_entry is not None:
        check = check_entry
        claims = Claims(_itself, lambda _, entry: check(entry))
    with mapped(engine, "being verified"), snapshot(engine) as connection, connection.begin():
        run = _Run.of(engine, sealing, connection, known, remembered, since, claims)
    run.all(progress, jobs, open_keys)
    return run.end(policy)


@dataclass(slots=True)
class _Run:
    """One verification, from what the head says to the report."""

    engine: Engine
    sealing: Sealing
    faults: Faults
    forgotten: Forgotten
    chain: Chain
    kept: Sequence[Checkpoint]
    claims: Claims | None
    head: Head | None
    signed: Checkpoint | None
    size: int
    start: int
    walk: Walk
    plan: Plan
    vouched: Vouched
    tiles: TileCheck | None

    @classmethod
    def of(
        cls,
        engine: Engine,
        sealing: Sealing,
        connection: Connection,
        known: NoteVerifier,
        remembered: Sequence[bytes],
        since: bytes | int,
        claims: Claims | None,
    ) -> _Run:
        """Everything that is known before the first entry."""
        faults = Faults()
        chain = followed(connection, known, faults, sealing)
        kept = accepted(remembered, chain, known, faults)
        there: Sequence[Checkpoint] = accepted([since], chain, known, faults) if isinstance(since, bytes) else ()
        kept += there
        verifier = chain.newest(known)
        head, signed, size = _start(connection, verifier, faults)
        start = _since(since, size)
        filed = _filed(connection, size, faults)
        doubted = frozenset(not_text(connection, _MOST_DOUBTED))
        newest = connection.scalar(select(func.max(LEAVES.c.seq)).where(LEAVES.c.seq < size))
        vouched = Vouched.of(connection, verifier, lambda note: chain.signed(note, known)[0], faults, since=start)
        tiles = TileCheck() if tiles_there(connection) else None
        sizes = sorted({c.size for c in kept} | set(vouched.sizes) | {link.seq for link in chain.links})
        walk = Walk(faults, sizes=frozenset(sizes))
        begin_walk(engine, walk, start, there[0].root if there and there[0].size == start else None, faults)
        forgotten = Forgotten(sealing, faults)
        try:
            forgotten.recall(entries_before(engine, {ERASURE}, sealing, start) if start else ())
        except Tampered as error:  # met on the way, though nobody looked for it
            faults.add(error.seq, error.code, str(error))
        plan = Plan(start, start if newest is None else max(start, newest + 1), filed, sizes, doubted)
        return cls(
            engine,
            sealing,
            faults,
            forgotten,
            chain,
            kept,
            claims,
            head,
            signed,
            size,
            start,
            walk,
            plan,
            vouched,
            tiles,
        )

    def all(self, progress: Progress | None, jobs: int, open_keys: Callable[[], KeyStore] | None) -> None:
        """Every entry."""
        claims = self.claims
        look, kinds = (None, None) if claims is None else (claims.look, claims.kinds)
        seeing = Seeing(look, kinds, tiles=self.tiles is not None)
        found_by = pieces(self.engine, self.sealing, self.plan, seeing, jobs=jobs, open_keys=open_keys)
        with closing(found_by) as found:
            for piece in found:
                self._piece(piece)
                if progress is not None:
                    progress(piece.behind, self.size)
        if progress is not None:
            progress(self.size, self.size)
        self.walk.end(self.size, self.head.last if self.head is not None and self.head.size == self.size else None)

    def _piece(self, piece: Piece) -> None:
        if piece.empty:
            self.plan.skip(_next_stored(self.engine, piece.behind, self.size))
        elif not piece.whole:
            carefully(self.engine, piece.first, piece.behind, self.plan.filed, self.walk, self.forgotten, self.claims)
        else:
            self.walk.pass_by(piece)
            self.forgotten.take(piece.gone)
            for seq, seen in piece.notes if self.claims is not None else ():
                self.faults.add_all(seq, self.claims.judge(seq, seen) or ())  # type: ignore[union-attr]
        due, tiles = self.vouched.due(piece.behind), self.tiles if piece.tiles else None
        if not due and tiles is None:
            return
        with mapped(self.engine, "being verified"), self.engine.connect() as connection, connection.begin():
            if tiles is not None:
                tiles.take(piece, connection)
            if due:
                self.vouched.held(connection, piece.behind, self.walk.roots)
                self._forget()

    def _forget(self) -> None:
        """Roots at cosigned sizes, once they were held against: there may be many."""
        wanted = {c.size for c in self.kept} | {link.seq for link in self.chain.links}
        for size in [s for s in self.walk.roots if s not in wanted]:
            del self.walk.roots[size]

    def end(self, policy: Policy | None) -> Report:
        """What hangs on all entries together."""
        head, faults, size = self.head, self.faults, self.size
        with mapped(self.engine, "being verified"):
            for handle, what in self.forgotten.check_keys():
                faults.add(None, "key-changed", f"the key `{handle}`: {what}")
            self.forgotten.end(self.engine.connect, size)
        if head is not None:
            _held_against_head(self.walk, head, self.signed, faults)
        _held_against_remembered(self.walk, self.kept, size, faults)
        held_roots(self.chain, self.walk.roots, faults)
        upto = note = None
        with mapped(self.engine, "being verified"), self.engine.connect() as connection, connection.begin():
            self.vouched.held(connection, size, self.walk.roots, end=size)
            if head is not None:
                note = self.vouched.newest(connection, head.checkpoint, size)
                upto = None if policy is None else self.vouched.check(connection, policy, head.checkpoint, size)
            if self.tiles is not None and not faults.count:
                self.tiles.end(connection, size, faults)
        found = faults.in_order()
        erased = tuple(self.forgotten.erased)
        return Report(size, found, faults.count, len(self.kept), note, erased, self.start, upto)


def _since(since: bytes | int, size: int) -> int:
    if isinstance(since, bytes):
        return min(
            Checkpoint.from_text(signatures_of(since)[0]).size, size
        )  # one of a longer log is told when remembered checkpoints are
    if not 0 <= since <= size:
        raise ValueError(f"the log has {size} entries; it can't be verified from entry {since} on")
    return since


def _next_stored(engine: Engine, first: int, size: int) -> int:
    with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
        found = connection.scalar(select(func.min(LEAVES.c.seq)).where(LEAVES.c.seq >= first))
    return size if found is None else int(found)


def _start(
    connection: Connection, verifier: NoteVerifier, faults: Faults
) -> tuple[Head | None, Checkpoint | None, int]:
    """The head, what its checkpoint says if it is signed, and how many entries there ought to be."""
    if not inspect(connection).has_table(HEAD.name) or not inspect(connection).has_table(LEAVES.name):
        raise LogMissing("the database holds no log")
    head: Head | None = None
    signed: Checkpoint | None = None
    try:
        head = read_head(connection)
        if head is None:
            faults.add(None, "head-missing", "the log's head, which says where it ends, was taken out")
        else:
            signed = _signed(head, verifier, faults)
    except Tampered as error:
        faults.add(None, error.code, str(error))
    if signed is not None:
        size = signed.size
    elif head is not None:
        size = head.size
    else:
        size = (connection.scalar(select(func.max(LEAVES.c.seq))) or -1) + 1
    for table, code, what in (
        (LEAVES, "surplus", "entry {} was added behind the {} entries that the log's key signed"),
        (BODIES, "surplus-body", "there is a content for an entry {}, and the log has {} entries"),
        (PARTS, "surplus-body", "there is a part of the content of an entry {}, and the log has {} entries"),
        (TERMS, "index-differs", "searches know of an entry {}, and the log has {} entries"),
    ):
        outside = select(table.c.seq).where((table.c.seq >= size) | (table.c.seq < 0)).distinct()
        for seq in connection.scalars(outside.order_by(table.c.seq).limit(MOST_FAULTS)):
            faults.add(seq, code, what.format(seq, size))
    return head, signed, size


def _signed(head: Head, verifier: NoteVerifier, faults: Faults) -> Checkpoint | None:
    """What the log's key says, None where it does not say it."""
    try:
        _, signatures = signatures_of(head.checkpoint)
        if not any((s.name, s.key_id) == (verifier.name, verifier.key_id) for s in signatures):
            code = "checkpoint-key"
            message = "the log's checkpoint is signed by another key than the one that you expect"
        else:
            code, message = "checkpoint-signature", "the signature under the log's checkpoint does not verify"
        checkpoint = Checkpoint.from_text(open_note(head.checkpoint, verifier))
    except NoteWrong as error:
        faults.add(None, "checkpoint-malformed", f"the log's checkpoint can't be read: {error}")
        return None
    except WrongCheckpoint as error:
        faults.add(None, code, f"{message}: {error}")
        return None
    if checkpoint.origin != verifier.name:
        faults.add(None, "checkpoint-origin", f"the checkpoint is of the log `{checkpoint.origin}`, not of this one")
        return None
    return checkpoint


def _filed(connection: Connection, size: int, faults: Faults) -> int:
    """Behind the last entry that the search's table holds; the newest few hundred need not be in it yet."""
    filed = filed_below(connection, size)
    if size - filed >= FILED_AT:
        faults.add(filed, "index-differs", f"searches know of no entry from {filed} on: their table was cut off")
    return filed


def _held_against_head(walk: Walk, head: Head, signed: Checkpoint | None, faults: Faults) -> None:
    if signed is not None and (signed.size, signed.root) != (head.size, head.root):
        faults.add(
            None,
            "head-differs",
            f"the log's head stands at {head.size} entries and its signed checkpoint at {signed.size}, "
            "or they disagree about what the entries are",
        )
    if walk.time is not None and head.checkpoint_time < walk.time:
        faults.add(None, "head-differs", "the log's head is dated before the last entry")
    tree = walk.tree
    if signed is None or tree is None or tree.size != signed.size or tree.root == signed.root:
        return
    where = ""
    if head.root == signed.root:
        spans = zip(tree.spans(), tree.peaks, head.frontier.peaks, strict=True)
        first, behind = next(span for span, stored_peak, peak in spans if stored_peak != peak)
        where = f"; the first that differs is among entries {first} to {behind - 1}"
    faults.add(None, "root-differs", f"the entries are not those that the log's key signed{where}")


def _held_against_remembered(walk: Walk, kept: Sequence[Checkpoint], size: int, faults: Faults) -> None:
    for checkpoint in sorted(kept, key=lambda c: c.size):
        if checkpoint.size > size:
            faults.add(
                None,
                "rewound",
                f"a remembered checkpoint, signed by the log's own key, says that the log had {checkpoint.size} "
                f"entries; now it has {size}: it was put back, and entries {size} to {checkpoint.size - 1} are gone",
            )
        elif checkpoint.size in walk.roots and walk.roots[checkpoint.size] != checkpoint.root:
            faults.add(
                None,
                "history-differs",
                f"the first {checkpoint.size} entries are not those that the log's key signed in a remembered "
                "checkpoint: the history was written anew",
            )
