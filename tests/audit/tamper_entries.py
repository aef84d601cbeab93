"""Rows of the tamper table: entries edited, deleted, inserted, swapped, renumbered, reordered, and the log's head."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from audit import NoteSigner
from tests.audit.tamper_row import DATABASE, KEYS, Row
from tests.audit.tamper_scene import LAST, Scene
from tests.audit.tampering import Cheat
from tests.audit.ways import (
    FORGER,
    edit_time,
    insert_in_the_middle,
    new_content,
    renumber_after_removal,
    swap_leaves,
    swap_whole,
)
from tests.audit.worlds import ORIGIN

__all__ = ["ENTRIES"]


def by(trick: Callable[[Cheat], object]) -> Callable[[Scene], None]:
    """In the database, with the data keys at hand."""

    def does(scene: Scene) -> None:
        with scene.database() as cheat:
            trick(cheat)

    return does


def sql(*statements: str) -> Callable[[Scene], None]:
    """With the database's own tool alone."""
    return lambda scene: scene.sql(*statements)


def _replaced(seq: int, old: str, new: str) -> str:
    return (
        f"UPDATE audit_leaves SET leaf = CAST(replace(CAST(leaf AS TEXT), '{old}', '{new}') AS BLOB) WHERE seq = {seq}"
    )


def _gone(first: int, last: int) -> tuple[str, ...]:
    where = f"WHERE seq BETWEEN {first} AND {last}"
    return tuple(f"DELETE FROM {table} {where}" for table in ("audit_terms", "audit_bodies", "audit_leaves"))


def _rewound(cheat: Cheat) -> None:
    cheat.remove(LAST)
    cheat.move_head(cheat.rechain(LAST))


def _put_behind(cheat: Cheat) -> None:
    from tests.audit.ways import FORGED

    cheat.put(LAST + 1, FORGED)


def _put_in_and_renumbered(cheat: Cheat) -> None:
    """Everything is made to agree, but for the checkpoint."""
    insert_in_the_middle(cheat)
    cheat.move_head(cheat.rechain(5))


def _history(cheat: Cheat) -> None:
    new_content(cheat, 8)
    cheat.move_head(cheat.rechain(9))


def _history_but_the_tree(cheat: Cheat) -> None:
    new_content(cheat, 8)
    cheat.set_head(last=cheat.rechain(9)[-1])


def _signed_by(signer: NoteSigner) -> Callable[[Cheat], None]:
    def trick(cheat: Cheat) -> None:
        new_content(cheat, 8)
        cheat.move_head(cheat.rechain(9), signer=signer)

    return trick


def _backdated(cheat: Cheat) -> None:
    edit_time(cheat, 20, dt.timedelta(days=-30))
    cheat.move_head(cheat.rechain(21))


def _flipped(cheat: Cheat) -> None:
    note = cheat.head.checkpoint
    cheat.set_head(checkpoint=note[:-10] + (b"A" if note[-10:-9] != b"A" else b"B") + note[-9:])


ENTRIES = (
    Row(
        "edits the time of an entry",
        sql(_replaced(20, '"time":"2026-11-02T12', '"time":"2026-11-02T11')),
        (DATABASE,),
        "leaf-changed",
        "entry 20 was changed after it was recorded: what follows carries the fingerprint of what it said",
        also=("time-back",),
    ),
    Row(
        "edits the kind of an entry, so that a request looks like a search",
        sql(_replaced(21, '"kind":"request"', '"kind":"search"')),
        (DATABASE,),
        "leaf-changed",
        "entry 21 was changed after it was recorded",
    ),
    Row(
        "edits the very last entry, which no other follows",
        sql(_replaced(LAST, '"time":"2026-11-02T', '"time":"2026-11-03T')),
        (DATABASE,),
        "leaf-changed",
        f"entry {LAST} was changed after it was recorded",
        refused=True,
    ),
    Row(
        "cuts an entry's tie to the one before it",
        by(lambda c: c.edit_leaf(22, prev=bytes(32))),
        (DATABASE, KEYS),
        "chain-broken",
        "entry 22 neither follows from entry 21 nor leads to what comes after it",
    ),
    Row(
        "makes the first entry follow another log",
        by(lambda c: c.edit_leaf(0, prev=b"\x01" * 32)),
        (DATABASE, KEYS),
        "chain-broken",
        "entry 0 says that another entry came before it",
    ),
    Row(
        "writes an entry in another form that means the same",
        sql(_replaced(23, ":1}", ": 1}")),
        (DATABASE,),
        "leaf-malformed",
        "entry 23 is not in the form in which entries are written",
    ),
    Row(
        "deletes one entry",
        sql(*_gone(24, 24)),
        (DATABASE,),
        "missing",
        "entry 24 is missing",
    ),
    Row(
        "deletes several entries",
        sql(*_gone(25, 27)),
        (DATABASE,),
        "missing",
        "entries 25 to 27 are missing",
    ),
    Row(
        "truncates the log to nothing",
        sql(*_gone(0, LAST), "DELETE FROM audit_parts"),
        (DATABASE,),
        "missing",
        f"entries 0 to {LAST} are missing",
        refused=True,
    ),
    Row(
        "deletes the last entry and puts the head back by one",
        by(_rewound),
        (DATABASE,),
        "missing",
        f"entry {LAST} is missing",
        also=("head-differs",),
        refused=True,
    ),
    Row(
        "deletes one entry and renumbers all that follow",
        by(renumber_after_removal),
        (DATABASE, KEYS),
        "renumbered",
        "the entry stored as number 5 says that it is number 6",
        refused=True,
    ),
    Row(
        "inserts an entry in the middle",
        by(insert_in_the_middle),
        (DATABASE, KEYS),
        "renumbered",
        "the entry stored as number 6 says that it is number 5",
        also=("surplus",),
        refused=True,
    ),
    Row(
        "inserts an entry in the middle, renumbers and chains all that follow, and moves the head",
        by(_put_in_and_renumbered),
        (DATABASE, KEYS),
        "head-differs",
        f"the log's head stands at {LAST + 2} entries and its signed checkpoint at {LAST + 1}",
        also=("root-differs", "surplus"),
        refused=True,
    ),
    Row(
        "appends an entry behind the last",
        by(_put_behind),
        (DATABASE, KEYS),
        "surplus",
        f"entry {LAST + 1} was added behind the {LAST + 1} entries",
        refused=True,
    ),
    Row(
        "reorders: two entries change their rows",
        by(swap_leaves),
        (DATABASE, KEYS),
        "renumbered",
        "the entry stored as number 3 says that it is number 4",
    ),
    Row(
        "reorders: two entries change places, numbers and content and all",
        by(swap_whole),
        (DATABASE, KEYS),
        "chain-broken",
        "entry 4 neither follows from entry 3",
        also=("root-differs",),
    ),
    Row(
        "rewrites an entry and chains everything behind it anew",
        by(_history),
        (DATABASE, KEYS),
        "head-differs",
        "or they disagree about what the entries are",
        also=("root-differs",),
        refused=True,
    ),
    Row(
        "does so, and leaves the head's hashes as they were",
        by(_history_but_the_tree),
        (DATABASE, KEYS),
        "root-differs",
        "the entries are not those that the log's key signed; the first that differs is among entries 0 to 255",
    ),
    Row(
        "does so, and signs the result with a key of one's own under the log's name",
        by(_signed_by(FORGER)),
        (DATABASE, KEYS),
        "checkpoint-key",
        f"signed by another key than the one that you expect: signed by `{ORIGIN}+",
        refused=True,
    ),
    Row(
        "does so, and signs the result as another log",
        by(_signed_by(NoteSigner.generate("other.example/log"))),
        (DATABASE, KEYS),
        "checkpoint-key",
        "signed by another key than the one that you expect: signed by `other.example/log+",
        refused=True,
    ),
    Row(
        "forges the signature under the checkpoint",
        by(_flipped),
        (DATABASE,),
        "checkpoint-signature",
        "the signature under the log's checkpoint does not verify",
        refused=True,
    ),
    Row(
        "replaces the checkpoint by words",
        by(lambda c: c.set_head(checkpoint=b"all is well")),
        (DATABASE,),
        "checkpoint-malformed",
        "the log's checkpoint can't be read",
        refused=True,
    ),
    Row(
        "takes the head out",
        sql("DELETE FROM audit_head"),
        (DATABASE,),
        "head-missing",
        "the log's head, which says where it ends, was taken out",
        refused=True,
    ),
    Row(
        "sets the head to an empty log",
        by(lambda c: c.set_head(size=0, frontier=b"")),
        (DATABASE,),
        "head-differs",
        f"the log's head stands at 0 entries and its signed checkpoint at {LAST + 1}",
        refused=True,
    ),
    Row(
        "dates the head before the last entry, to hide how old it is",
        by(lambda c: c.set_head(time="2026-01-01T00:00:00.000000Z")),
        (DATABASE,),
        "head-differs",
        "the log's head is dated before the last entry",
    ),
    Row(
        "backdates an entry by a month and chains everything behind it anew",
        by(_backdated),
        (DATABASE, KEYS),
        "time-back",
        "entry 20 is dated before the entry that it follows",
        also=("root-differs",),
        refused=True,
    ),
    Row(
        "hides an entry from searches by a party",
        sql("DELETE FROM audit_terms WHERE seq = 28 AND key = 'party'"),
        (DATABASE,),
        "index-differs",
        "entry 28 is filed for searches under other words than its content says",
    ),
    Row(
        "cuts off the table that searches are answered from",
        sql("DELETE FROM audit_terms WHERE seq >= 20"),
        (DATABASE,),
        "index-differs",
        "searches know of no entry from 20 on: their table was cut off",
    ),
    Row(
        "files words for an entry that does not exist",
        sql(f"INSERT INTO audit_terms (seq, key, value) VALUES ({LAST + 7}, 'kind', 'request')"),
        (DATABASE,),
        "index-differs",
        f"searches know of an entry {LAST + 7}, and the log has {LAST + 1} entries",
    ),
    Row(
        "alters a kept tile, so that proofs are made from false hashes",
        sql("UPDATE audit_tiles SET hashes = zeroblob(8192)"),
        (DATABASE,),
        "tile-differs",
        "the kept hashes of entries from 0 on are not theirs: `tile/0/000`",
    ),
    Row(
        "keeps a tile for entries that do not exist",
        sql("INSERT INTO audit_tiles (level, number, root, hashes) SELECT level, 7, root, hashes FROM audit_tiles"),
        (DATABASE,),
        "tile-surplus",
        "a tile is kept for entries from 1792 on, and the log ends at 310",
    ),
)
