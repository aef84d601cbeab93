"""Verification: everything from stored bytes, nothing from what the service believes.

Each leaf must be the one canonical form of a leaf, under its own number, none missing and none surplus, its time not
before the one before, its `prev` the hash of the leaf before, its body's hash that of the stored salt and body; the
search's table must say what the bodies say. The Merkle root of all leaves must be the one in the checkpoint, and the
checkpoint signed by the key that the verifier was told of. Remembered checkpoints (of partners, of yesterday) must be
checkpoints of a beginning of this log.

What can be found without a remembered checkpoint: every change by somebody who lacks the log's key. What can't: that
the whole database, head included, was put back to an older copy of itself, or that the key's owner signed another
history. Both contradict any checkpoint that somebody kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine, func, inspect, select

from audit.entry import Entry, Term, terms
from audit.errors import KeysUnavailable, LogMissing, NoteWrong, Tampered, WrongCheckpoint, mapped
from audit.forgotten import Forgotten
from audit.head import Head, read_head
from audit.keys import KeyStore
from audit.log import Log
from audit.note import Checkpoint, NoteVerifier, open_note, signatures_of
from audit.place import FILED_AT, filed_below
from audit.report import MOST_FAULTS, Fault, Faults, Report
from audit.rows import Stored, opened, stored, to_entry
from audit.schema import BODIES, HEAD, LEAVES, PARTS, TERMS
from audit.sealing import Lost, Sealing
from audit.walk import Walk

__all__ = ["CheckEntry", "Fault", "Progress", "Report", "verify"]

Progress = Callable[[int, int], None]
# A caller's own look at each entry (signatures, activations): pairs of a code and a sentence for what is wrong.
CheckEntry = Callable[[Entry], Iterable[tuple[str, str]] | None]

_CHUNK = 1000


def verify(
    source: Log | Engine,
    *,
    vkey: str,
    keys: KeyStore | None = None,
    remembered: Sequence[bytes] = (),
    progress: Progress | None = None,
    check_entry: CheckEntry | None = None,
) -> Report:
    """Verifies a whole log, which may be written to meanwhile: it is taken as it stands at the start.

    `keys`: the key store of a log that is not open. Memory is flat. `progress(done, total)` is called now and then.
    Raises NoteWrong for a `vkey` that can't be read, WrongCheckpoint for a remembered checkpoint that the key did not
    sign, LogMissing, LogUnavailable.
    """
    engine, sealing = (source.engine, source.sealing) if isinstance(source, Log) else (source, None)
    if sealing is None:
        if keys is None:
            raise TypeError("a log that is not open is verified with its key store")
        sealing = Sealing(keys)
    verifier = NoteVerifier.from_vkey(vkey)
    kept = [_remembered(note, verifier) for note in remembered]
    faults = Faults()
    walk = Walk(faults, sizes=frozenset(checkpoint.size for checkpoint in kept))
    forgotten = Forgotten(sealing, faults)
    with mapped(engine, "being verified"):
        with engine.connect() as connection, connection.begin():
            head, signed, size = _start(connection, verifier, faults)
            filed = _filed(connection, size, faults)
        first: int | None = 0
        while first is not None:
            with engine.connect() as connection, connection.begin():
                first = _chunk(connection, first, size, filed, walk, forgotten, check_entry)
            if progress is not None:
                progress(size if first is None else first, size)
        for handle, what in forgotten.check_keys():
            faults.add(None, "key-changed", f"the key `{handle}`: {what}")
        forgotten.end(engine.connect, size)
    walk.end(size, head.last if head is not None and head.size == size else None)
    if head is not None:
        _held_against_head(walk, head, signed, faults)
    _held_against_remembered(walk, kept, size, faults)
    checkpoint = None if head is None else head.checkpoint
    return Report(size, faults.in_order(), faults.count, len(kept), checkpoint, tuple(forgotten.erased))


def _remembered(note: bytes, verifier: NoteVerifier) -> Checkpoint:
    try:
        return Checkpoint.from_text(open_note(note, verifier))
    except NoteWrong as error:
        raise WrongCheckpoint(f"a remembered checkpoint can't be read: {error}") from error


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


def _chunk(
    connection: Connection,
    first: int,
    size: int,
    filed: int,
    walk: Walk,
    forgotten: Forgotten,
    check_entry: CheckEntry | None,
) -> int | None:
    """Verifies some entries from `first` on; the number to go on with, None at the end."""
    numbers = select(LEAVES.c.seq).where(LEAVES.c.seq >= first, LEAVES.c.seq < size).order_by(LEAVES.c.seq)
    last: int | None = connection.scalar(select(func.max(numbers.limit(_CHUNK).subquery().c.seq)))
    if last is None:
        return None
    rows = select(TERMS.c.seq, TERMS.c.key, TERMS.c.value).where(TERMS.c.seq >= first, TERMS.c.seq <= last)
    words: dict[int, set[Term]] = {}
    for seq, key, value in connection.execute(rows):
        words.setdefault(seq, set()).add((key, value))
    for row in stored(connection, first, last + 1, _CHUNK):
        if walk.step(row.seq, row.leaf):
            expected = words.get(row.seq, set()) if row.seq < filed else None
            _content(connection, row, expected, forgotten, check_entry)
    return last + 1


def _content(
    connection: Connection,
    row: Stored,
    words: set[Term] | None,
    forgotten: Forgotten,
    check_entry: CheckEntry | None,
) -> None:
    """The body against its leaf, the search's table against the body, and the caller's own look."""
    seq, faults = row.seq, forgotten.faults
    salt = body = None
    try:
        content = opened(row, forgotten.sealing)
        if content is None:
            forgotten.missing(seq)
            return
        salt, body = content
        entry = to_entry(seq, row.leaf, salt, body)
    except Lost as lost:
        forgotten.lost(seq, lost.keys)
        return
    except KeysUnavailable as error:
        faults.add(seq, "key-changed", f"the key to the content of entry {seq} can't be used: {error}")
        return
    except Tampered as error:
        if body is None and error.code == "body-changed":
            forgotten.stray(row, error)
        else:
            faults.add_body(seq, error.code, str(error), row.leaf, salt, body)
        return
    parts = forgotten.look(connection, entry)
    if words is not None and words != set(terms(entry.kind, entry.body)):
        faults.add(
            seq,
            "index-differs",
            f"entry {seq} is filed for searches under other words than its content says, so searches miss it or find "
            "it wrongly",
        )
    if check_entry is not None:
        faults.add_all(seq, check_entry(replace(entry, parts=parts) if parts else entry) or ())


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
