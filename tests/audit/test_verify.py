"""Somebody has full write access to the database, and not the log's key: each way to cheat, by its own message."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine, update

from audit import Entry, Log, LogMissing, NoteSigner, NoteWrong, Tampered, WrongCheckpoint, verify
from audit.schema import BODIES
from tests.audit.tampering import cheating, restored, saved
from tests.audit.ways import FORGER, LAST, ON_BOTH, SIZE, WAYS, cut_words, new_content
from tests.audit.worlds import ORIGIN, draft, keys_of


@pytest.fixture
def whole(log: Log) -> Log:
    log.append([draft(i) for i in range(SIZE)])
    log.append([draft(i) for i in range(SIZE, LAST + 1)])
    return log


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
    before = verify(whole.engine, keys=keys_of(whole.engine), vkey=signer.vkey)
    assert before.ok, before
    with cheating(url) as cheat:
        way.trick(cheat)
    report = verify(whole.engine, keys=keys_of(whole.engine), vkey=signer.vkey)
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
    alone = verify(whole.engine, keys=keys_of(whole.engine), vkey=signer.vkey)
    assert (True, 0) == (alone.ok, alone.remembered)
    report = verify(whole.engine, keys=keys_of(whole.engine), vkey=signer.vkey, remembered=[remembered])
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
    assert verify(whole.engine, keys=keys_of(whole.engine), vkey=signer.vkey).ok
    report = verify(whole.engine, keys=keys_of(whole.engine), vkey=signer.vkey, remembered=[remembered])
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
        verify(engine, keys=keys_of(engine), vkey=signer.vkey)


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
        cheat.connection.execute(update(BODIES).values(sealed=bytes(80)))
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
    with Log.open(whole.engine, keys=keys_of(whole.engine), origin=ORIGIN, signer=signer) as again:
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
        Log.open(whole.engine, keys=keys_of(whole.engine), origin=ORIGIN, signer=signer)
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
    """Nor given other keys."""
    refused(url, "UPDATE audit_bodies SET keys = keys WHERE seq = 5")


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
