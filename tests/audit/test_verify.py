"""Somebody has full write access to the database, and not the log's key: each way to cheat, by its own message."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, create_engine, delete, insert, update

from audit import Draft, Entry, Log, LogMissing, NoteSigner, NoteWrong, Tampered, WrongCheckpoint, verify
from audit.entry import Prepared
from audit.leaf import Leaf, body_hash
from audit.schema import BODIES, HEAD, LEAVES, TERMS
from tests.audit.tampering import Cheat, cheating, restored, saved
from tests.audit.worlds import ORIGIN, draft

SIZE = 300  # the first 300 entries are filed for searches, ten more are not yet
LAST = SIZE + 9
FORGER = NoteSigner.generate(ORIGIN)
FORGED = Prepared.of(Draft("request", {"number": 999}, ("hope-house",), {"party": "hope-house"}))


@pytest.fixture
def whole(log: Log) -> Log:
    log.append([draft(i) for i in range(SIZE)])
    log.append([draft(i) for i in range(SIZE, LAST + 1)])
    return log


def edit_time(cheat: Cheat, seq: int, by: dt.timedelta) -> None:
    cheat.edit_leaf(seq, time=Leaf.from_bytes(cheat.leaf(seq)).time + by)


def swap_bodies(cheat: Cheat) -> None:
    three, seven = cheat.body(3), cheat.body(7)
    cheat.set_body(3, *seven)
    cheat.set_body(7, *three)


def swap_leaves(cheat: Cheat) -> None:
    three, four = cheat.leaf(3), cheat.leaf(4)
    cheat.set_leaf(3, four)
    cheat.set_leaf(4, three)


def swap_whole(cheat: Cheat) -> None:
    """Two entries change places, numbers and all."""
    three, four = Leaf.from_bytes(cheat.leaf(3)), Leaf.from_bytes(cheat.leaf(4))
    bodies = cheat.body(3), cheat.body(4)
    cheat.edit_leaf(3, body=four.body)
    cheat.edit_leaf(4, body=three.body)
    cheat.set_body(3, *bodies[1])
    cheat.set_body(4, *bodies[0])


def new_content(cheat: Cheat, seq: int) -> None:
    """Leaf and body of one entry rewritten together, its search words too."""
    cheat.edit_leaf(seq, body=FORGED.body_hash)
    cheat.set_body(seq, FORGED.salt, FORGED.body_bytes)
    cheat.connection.execute(delete(TERMS).where(TERMS.c.seq == seq))
    if seq < SIZE:
        words = [{"seq": seq, "key": key, "value": value} for key, value in FORGED.terms]
        cheat.connection.execute(insert(TERMS), words)


def renumber_after_removal(cheat: Cheat) -> None:
    cheat.remove(5)
    cheat.shift(6, -1)


def insert_in_the_middle(cheat: Cheat) -> None:
    cheat.shift(5, 1)
    cheat.put(5, FORGED)


def insert_with_everything_renumbered(cheat: Cheat) -> None:
    """All but the checkpoint agrees with it."""
    cheat.connection.execute(delete(TERMS))
    insert_in_the_middle(cheat)
    cheat.move_head(cheat.rechain(5))


def rewrite_history(cheat: Cheat) -> None:
    new_content(cheat, 5)
    cheat.move_head(cheat.rechain(6))


def rewrite_all_but_the_tree(cheat: Cheat) -> None:
    """As before, but the compact range is left, so that the head agrees with its checkpoint."""
    new_content(cheat, 5)
    cheat.set_head(last=cheat.rechain(6)[-1])


def sign_with_another_key(cheat: Cheat) -> None:
    new_content(cheat, 5)
    cheat.move_head(cheat.rechain(6), signer=FORGER)


def flip_signature(cheat: Cheat) -> None:
    note = cheat.head.checkpoint
    cheat.set_head(checkpoint=note[:-10] + (b"A" if note[-10:-9] != b"A" else b"B") + note[-9:])


def cut_the_end(cheat: Cheat) -> None:
    cheat.remove(LAST)


def cut_the_end_and_rewind_the_head(cheat: Cheat) -> None:
    cheat.remove(LAST)
    cheat.move_head(cheat.rechain(LAST))


def put_behind(cheat: Cheat) -> None:
    cheat.put(LAST + 1, FORGED)


def put_behind_and_move_the_head(cheat: Cheat) -> None:
    cheat.put(LAST + 1, FORGED)
    cheat.move_head(cheat.rechain(LAST + 1))


def backdate_with_links_right(cheat: Cheat) -> None:
    edit_time(cheat, 5, dt.timedelta(days=-30))
    cheat.move_head(cheat.rechain(6))


def delete_word(cheat: Cheat) -> None:
    cheat.connection.execute(delete(TERMS).where(TERMS.c.seq == 5, TERMS.c.key == "party"))


def add_word(cheat: Cheat) -> None:
    cheat.connection.execute(insert(TERMS).values(seq=5, key="reader", value="hope-house"))


def change_word(cheat: Cheat) -> None:
    cheat.connection.execute(update(TERMS).where(TERMS.c.seq == 5, TERMS.c.key == "kind").values(value="consent"))


def cut_words(cheat: Cheat) -> None:
    cheat.connection.execute(delete(TERMS).where(TERMS.c.seq >= 5))


def words_for_nothing(cheat: Cheat) -> None:
    cheat.connection.execute(insert(TERMS).values(seq=LAST + 7, key="kind", value="request"))


def body_for_nothing(cheat: Cheat) -> None:
    cheat.connection.execute(insert(BODIES).values(seq=LAST + 7, salt=bytes(32), body=b"{}"))


def body_not_canonical(cheat: Cheat) -> None:
    """Rewritten with its leaf, in a form that the log never writes."""
    cheat.edit_leaf(5, body=body_hash(bytes(32), b'{"a": 1}'))
    cheat.set_body(5, bytes(32), b'{"a": 1}')


def leaf_far_away(cheat: Cheat) -> None:
    cheat.connection.execute(insert(LEAVES).values(seq=2**52, leaf=cheat.leaf(LAST)))


def unreadable_head(cheat: Cheat) -> None:
    cheat.set_head(frontier=b"\x00")


def other_log_s_checkpoint(cheat: Cheat) -> None:
    other = NoteSigner.generate("other.example/log")
    cheat.move_head(cheat.rechain(LAST), signer=other)


@dataclass(frozen=True)
class Way:
    """One way to cheat, and what the verifier says of it first."""

    trick: Callable[[Cheat], object]
    code: str
    seq: int | None
    says: str
    also: tuple[str, ...] = ()


WAYS = {
    "a time is edited": Way(
        lambda c: edit_time(c, 5, dt.timedelta(microseconds=1)),
        "leaf-changed",
        5,
        "entry 5 was changed after it was recorded",
        ("root-differs",),
    ),
    "a kind is edited": Way(
        lambda c: c.edit_leaf(5, kind="consent"), "leaf-changed", 5, "entry 5 was changed", ("index-differs",)
    ),
    "the first entry is edited": Way(
        lambda c: edit_time(c, 0, dt.timedelta(seconds=-1)),
        "leaf-changed",
        0,
        "entry 0 was changed after it was recorded",
    ),
    "the last entry is edited": Way(
        lambda c: edit_time(c, LAST, dt.timedelta(microseconds=1)),
        "leaf-changed",
        LAST,
        f"entry {LAST} was changed after",
    ),
    "a link is edited": Way(
        lambda c: c.edit_leaf(5, prev=bytes(32)),
        "chain-broken",
        5,
        "neither follows from entry 4 nor leads to what comes after",
    ),
    "the first link is edited": Way(
        lambda c: c.edit_leaf(0, prev=b"\x01" * 32), "chain-broken", 0, "says that another entry came before it"
    ),
    "a leaf in another form": Way(
        lambda c: c.set_leaf(5, c.leaf(5).replace(b":1}", b": 1}")),
        "leaf-malformed",
        5,
        "not in the form in which entries are written",
    ),
    "leaf and body rewritten": Way(
        lambda c: new_content(c, 5), "leaf-changed", 5, "entry 5 was changed", ("root-differs",)
    ),
    "a body is edited": Way(
        lambda c: c.set_body(5, c.body(5)[0], c.body(5)[1].replace(b"5", b"6")),
        "body-changed",
        5,
        "the content of entry 5 was changed",
    ),
    "a salt is edited": Way(
        lambda c: c.set_body(5, bytes(32), c.body(5)[1]), "body-changed", 5, "the content of entry 5 was changed"
    ),
    "bodies are swapped": Way(swap_bodies, "body-swapped", 3, "entry 3 was given the content of entry 7"),
    "a body not canonical": Way(
        body_not_canonical, "body-malformed", 5, "not in its canonical form", ("leaf-changed",)
    ),
    "a body is deleted": Way(
        lambda c: c.connection.execute(delete(BODIES).where(BODIES.c.seq == 5)),
        "body-missing",
        5,
        "the content of entry 5 is missing",
    ),
    "a body for no entry": Way(body_for_nothing, "surplus-body", LAST + 7, f"a content for an entry {LAST + 7}"),
    "the last is deleted": Way(cut_the_end, "missing", LAST, f"entry {LAST} is missing"),
    "the last is deleted, head rewound": Way(
        cut_the_end_and_rewind_the_head, "missing", LAST, f"entry {LAST} is missing", ("head-differs",)
    ),
    "some in the middle are deleted": Way(lambda c: c.remove(5, last=7), "missing", 5, "entries 5 to 7 are missing"),
    "one is deleted, the rest renumbered": Way(
        renumber_after_removal, "renumbered", 5, "the entry stored as number 5 says that it is number 6"
    ),
    "everything is deleted": Way(lambda c: c.remove(0, last=LAST), "missing", 0, f"entries 0 to {LAST} are missing"),
    "one is put behind": Way(
        put_behind, "surplus", LAST + 1, f"added behind the {LAST + 1} entries that the log's key signed"
    ),
    "one is put behind, head moved": Way(
        put_behind_and_move_the_head, "surplus", LAST + 1, "was added behind", ("head-differs",)
    ),
    "one far behind": Way(leaf_far_away, "surplus", 2**52, "was added behind"),
    "one is put in": Way(insert_in_the_middle, "index-differs", 5, "", ("renumbered", "surplus")),
    "one is put in, all made to agree": Way(
        insert_with_everything_renumbered, "index-differs", 0, "their table was cut off", ("surplus", "root-differs")
    ),
    "two leaves are swapped": Way(swap_leaves, "renumbered", 3, "stored as number 3 says that it is number 4"),
    "two entries change places": Way(swap_whole, "chain-broken", 4, "neither follows from entry 3", ("root-differs",)),
    "history is rewritten": Way(
        rewrite_history, "head-differs", None, "they disagree about what the entries are", ("root-differs",)
    ),
    "history is rewritten, the tree's hashes left": Way(
        rewrite_all_but_the_tree, "root-differs", None, "the first that differs is among entries 0 to 255"
    ),
    "signed with another key": Way(
        sign_with_another_key, "checkpoint-key", None, "signed by another key than the one that you expect"
    ),
    "another log's checkpoint": Way(other_log_s_checkpoint, "checkpoint-key", None, "signed by `other.example/log+"),
    "a signature is forged": Way(flip_signature, "checkpoint-signature", None, "does not verify"),
    "a checkpoint of nonsense": Way(
        lambda c: c.set_head(checkpoint=b"x"), "checkpoint-malformed", None, "can't be read"
    ),
    "the head is deleted": Way(lambda c: c.connection.execute(delete(HEAD)), "head-missing", None, "was taken out"),
    "the head is not readable": Way(unreadable_head, "head-differs", None, "can't be read"),
    "the head's last hash": Way(
        lambda c: c.set_head(last=bytes(32)), "leaf-changed", LAST, f"entry {LAST} was changed"
    ),
    "the head's size": Way(
        lambda c: c.set_head(size=0, frontier=b""),
        "head-differs",
        None,
        "stands at 0 entries and its signed checkpoint at 310",
    ),
    "the head's time": Way(
        lambda c: c.set_head(time="2026-01-01T00:00:00.000000Z"), "head-differs", None, "dated before the last entry"
    ),
    "backdated, links right": Way(
        backdate_with_links_right, "time-back", 5, "dated before the entry that it follows", ("root-differs",)
    ),
    "a search word is deleted": Way(delete_word, "index-differs", 5, "so searches miss it"),
    "a reader is added": Way(add_word, "index-differs", 5, "so searches miss it"),
    "a kind is changed for searches": Way(change_word, "index-differs", 5, "so searches miss it"),
    "search words cut off": Way(cut_words, "index-differs", 5, "no entry from 5 on"),
    "search words for no entry": Way(words_for_nothing, "index-differs", LAST + 7, f"know of an entry {LAST + 7}"),
}


# The verifier reads the same rows whichever database holds them: some ways suffice to show it on PostgreSQL.
ON_BOTH = (
    "a time is edited",
    "bodies are swapped",
    "a body is deleted",
    "some in the middle are deleted",
    "one is put behind, head moved",
    "two leaves are swapped",
    "signed with another key",
    "a search word is deleted",
)


@pytest.mark.parametrize(
    ("name", "url"),
    [(name, "sqlite") for name in WAYS]
    + [pytest.param(name, "postgresql", marks=pytest.mark.postgresql) for name in ON_BOTH],
    indirect=["url"],
)
def test_each_way_is_caught(name: str, whole: Log, url: str, signer: NoteSigner) -> None:
    """The first bad entry, the kind of fault, and a sentence."""
    way = WAYS[name]
    whole.close()
    before = verify(whole.engine, vkey=signer.vkey)
    assert before.ok, before
    with cheating(url) as cheat:
        way.trick(cheat)
    report = verify(whole.engine, vkey=signer.vkey)
    assert report.first is not None, "not found out"
    assert (way.code, way.seq) == (report.first.code, report.first.seq), [str(f) for f in report.faults][:6]
    assert way.says in str(report.first)
    assert set(way.also) <= {fault.code for fault in report.faults}, report.faults[:6]


def test_an_older_copy_is_caught_only_by_who_remembers(whole: Log, url: str, signer: NoteSigner) -> None:
    """An older copy of the whole database contradicts nothing in itself; any checkpoint that somebody kept tells."""
    older = saved(url)
    whole.append([draft(1)])
    remembered = whole.head().checkpoint
    whole.close()
    restored(url, older)
    alone = verify(whole.engine, vkey=signer.vkey)
    assert (True, 0) == (alone.ok, alone.remembered)
    report = verify(whole.engine, vkey=signer.vkey, remembered=[remembered])
    assert report.first is not None
    assert ("rewound", 1) == (report.first.code, report.remembered)
    assert f"entries {LAST + 1} to {LAST + 1} are gone" in str(report.first)


def test_the_key_s_owner_is_caught_only_by_who_remembers(whole: Log, url: str, signer: NoteSigner) -> None:
    """Whoever holds the key can write another history and sign it; not one that earlier checkpoints agree with."""
    remembered = whole.head().checkpoint
    whole.close()
    with cheating(url) as cheat:
        new_content(cheat, 5)
        cheat.move_head(cheat.rechain(6), signer=signer)
    assert verify(whole.engine, vkey=signer.vkey).ok
    report = verify(whole.engine, vkey=signer.vkey, remembered=[remembered])
    assert report.first is not None
    assert "history-differs" == report.first.code


def test_remembered_checkpoints_of_every_size_agree(log: Log, signer: NoteSigner) -> None:
    """Each checkpoint that the log ever signed is one of a beginning of it."""
    kept = [log.head().checkpoint]
    for i in range(40):
        log.append([draft(i)] * (1 + i % 3))
        kept.append(log.head().checkpoint)
    report = verify(log, vkey=signer.vkey, remembered=kept)
    assert report.ok, report
    assert len(kept) == report.remembered


def test_what_the_verifier_is_given_is_checked(whole: Log, signer: NoteSigner) -> None:
    """A wrong key is the caller's mistake; a remembered checkpoint that the key did not sign proves nothing."""
    with pytest.raises(NoteWrong):
        verify(whole, vkey="nonsense")
    for note in (FORGER.sign(f"{ORIGIN}\n1\n" + "A" * 43 + "=\n"), b"nonsense", signer.sign("a\nb\n")):
        with pytest.raises(WrongCheckpoint):
            verify(whole, vkey=signer.vkey, remembered=[note])
    report = verify(whole, vkey=FORGER.vkey)
    assert report.first is not None
    assert "checkpoint-key" == report.first.code


def test_no_log_at_all(engine: Engine, signer: NoteSigner) -> None:
    """An empty database is said to be one."""
    with pytest.raises(LogMissing):
        verify(engine, vkey=signer.vkey)


def test_the_caller_looks_at_each_entry_too(whole: Log, signer: NoteSigner) -> None:
    """What governance knows of an entry (signatures, nonces) becomes a fault with the entry's number."""
    seen: list[int] = []

    def check(entry: Entry) -> list[tuple[str, str]] | None:
        seen.append(entry.seq)
        return [("nonce-twice", "entry 7 counts a nonce again")] if entry.body["number"] == 7 else None

    report = verify(whole, vkey=signer.vkey, check_entry=check)
    assert list(range(LAST + 1)) == seen
    assert [(7, "nonce-twice")] == [(fault.seq, fault.code) for fault in report.faults]


def test_progress_ends_at_the_end(whole: Log, signer: NoteSigner) -> None:
    """For a bar."""
    calls: list[tuple[int, int]] = []
    verify(whole, vkey=signer.vkey, progress=lambda done, total: calls.append((done, total)))
    assert (LAST + 1, LAST + 1) == calls[-1]
    assert calls == sorted(calls)


def test_many_faults_are_counted_and_some_are_listed(whole: Log, url: str, signer: NoteSigner) -> None:
    """Memory stays bounded whatever was done."""
    with cheating(url) as cheat:
        cheat.connection.execute(update(BODIES).values(salt=bytes(32)))
    report = verify(whole, vkey=signer.vkey)
    assert (LAST + 1, 100) == (report.count, len(report.faults))
    assert report.first is not None
    assert 0 == report.first.seq


def test_a_log_that_is_written_to_meanwhile(whole: Log, signer: NoteSigner) -> None:
    """It is taken as it stood at the start."""
    more: list[int] = []

    def grow(entry: Entry) -> None:
        if entry.seq % 100 == 0:
            more.append(whole.append([draft(1)])[0].seq)

    report = verify(whole, vkey=signer.vkey, check_entry=grow)
    assert report.ok, report
    assert LAST + 1 == report.size
    assert 4 == len(more)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a body is edited", "body-changed"),
        ("a leaf in another form", "leaf-malformed"),
        ("a body is deleted", "body-missing"),
        ("some in the middle are deleted", "missing"),
        ("two leaves are swapped", "renumbered"),
    ],
)
def test_reading_finds_what_an_entry_s_own_leaf_tells(name: str, code: str, whole: Log, url: str) -> None:
    """Nothing is given out that contradicts itself, and the error names the entry."""
    with cheating(url) as cheat:
        WAYS[name].trick(cheat)
    for read in (
        lambda: list(whole.entries()),
        lambda: whole.entry(5) and whole.entry(3),
        lambda: whole.search(limit=1000),
    ):
        with pytest.raises(Tampered) as caught:
            read()
        assert (code, True) == (caught.value.code, caught.value.seq in (3, 4, 5, 7))


@pytest.mark.parametrize("name", ["a reader is added", "a kind is changed for searches", "search words cut off"])
def test_searching_finds_false_words(name: str, whole: Log, url: str) -> None:
    """A search never gives an entry for words that its content does not hold, and misses none by a cut table."""
    with cheating(url) as cheat:
        WAYS[name].trick(cheat)
    reads = [
        lambda: whole.search(reader="hope-house"),
        lambda: whole.search(kind="consent"),
        lambda: list(whole.entries(kinds=["consent"])),
    ]
    wrong = {"a reader is added": reads[:1], "a kind is changed for searches": reads[1:]}.get(name, reads)
    for read in wrong:
        with pytest.raises(Tampered) as caught:
            read()
        assert ("index-differs", 5) == (caught.value.code, caught.value.seq)


def test_a_cut_table_of_words_is_mended_on_opening(whole: Log, url: str, signer: NoteSigner) -> None:
    """It is derived from the bodies."""
    whole.close()
    with cheating(url) as cheat:
        cut_words(cheat)
    with Log.open(whole.engine, origin=ORIGIN, signer=signer) as again:
        assert LAST + 1 == len(again.search(party="aspire", limit=1000))
        assert verify(again, vkey=signer.vkey).ok


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("the last is deleted", Tampered, "missing"),
        ("one is put behind", Tampered, "surplus"),
        ("the last entry is edited", Tampered, "leaf-changed"),
        ("history is rewritten", Tampered, "head-differs"),
        ("the head is not readable", Tampered, "head-differs"),
        ("signed with another key", WrongCheckpoint, None),
        ("a signature is forged", WrongCheckpoint, None),
        ("a checkpoint of nonsense", WrongCheckpoint, None),
        ("the head is deleted", LogMissing, None),
    ],
)
def test_a_log_whose_end_is_wrong_does_not_open(
    name: str, error: type[Exception], code: str | None, whole: Log, url: str, signer: NoteSigner
) -> None:
    """In no time: the head is held against its checkpoint and the last leaf."""
    whole.close()
    with cheating(url) as cheat:
        WAYS[name].trick(cheat)
    with pytest.raises(error) as caught:
        Log.open(whole.engine, origin=ORIGIN, signer=signer)
    assert code == getattr(caught.value, "code", None)


@pytest.mark.parametrize("statement", ["UPDATE audit_leaves SET leaf = leaf", "DELETE FROM audit_leaves WHERE seq = 5"])
def test_the_database_itself_refuses(statement: str, whole: Log, url: str, signer: NoteSigner) -> None:
    """Entries are never changed, whoever asks."""
    refused(url, statement)
    assert verify(whole, vkey=signer.vkey).ok


def refused(url: str, statement: str) -> None:
    engine = create_engine(url)
    with pytest.raises(Exception, match="entries of the log are never changed"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def test_bodies_are_never_changed(whole: Log, url: str) -> None:
    """Nor given another salt."""
    refused(url, "UPDATE audit_bodies SET salt = salt WHERE seq = 5")


def test_the_ways_round_the_triggers(whole: Log, url: str) -> None:
    """SQLite's REPLACE deletes without the trigger for DELETE; PostgreSQL's TRUNCATE without that for rows."""
    if url.startswith("sqlite"):
        for table in ("audit_leaves", "audit_bodies"):
            refused(url, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE seq = 5")
    else:
        refused(url, "TRUNCATE audit_leaves CASCADE")
        refused(
            url,
            "INSERT INTO audit_leaves SELECT * FROM audit_leaves WHERE seq = 5 "
            "ON CONFLICT (seq) DO UPDATE SET leaf = ''",
        )
