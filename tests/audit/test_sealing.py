"""Bodies lie on the disk as ciphertext, each bound to its place; what is forgotten stays provable as a leaf."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, insert, select, update

from audit import Draft, Entry, Log, NoteSigner, Part, Tampered, verify
from audit.erasure import ERASURE, Erased, clean, erase_rows, finish, named_under, runs
from audit.export_check import verify_export
from audit.keys import DATA_KEYS
from audit.published import Published
from audit.receipt import Opening, Receipt
from audit.schema import BODIES, ERASED, ERASED_KEYS, NAMED, PARTS
from tests.audit.exported import export_of
from tests.audit.tampering import cheating
from tests.audit.worlds import ORIGIN, draft, keys_of

NAME = "client-4711"


def told(*, subject: str = NAME) -> list[Draft]:
    """A consent of the subject, a request that names it, and a disclosure that tells of it and another."""
    index = {"party": "aspire"}
    return [
        Draft(
            "consent",
            {"file": "x"},
            ("aspire",),
            index,
            subjects={"aspire": [subject]},
            parts=(Part("aspire", subject, {"subject": subject, "purpose": "research"}),),
        ),
        Draft("request", {"filter": subject}, ("aspire",), index, use="content", names=(("aspire", subject),)),
        Draft("disclosure", {}, ("aspire",), index, use="disclosure", subjects={"aspire": [subject, "client-1"]}),
    ]


def erase(log: Log, subject: str = NAME) -> Entry:
    """As an order to forget a client is carried out."""
    ids = [key.id for key in log.sealing.keys.naming(subject)]
    with log.engine.connect() as connection:
        erased = named_under(connection, ids, log.sealing)
    body = {"basis": "the client asked", "erased": erased.to_body()}
    (entry,) = log.append(
        [Draft(ERASURE, body)], within=lambda connection, made: erase_rows(connection, erased, under=made[0].seq)
    )
    log.sealing.keys.destroy(ids)
    log.sealing.forget()
    return entry


def test_nothing_on_the_disk_can_be_read(log: Log, engine: Engine) -> None:
    """No column of any table holds what a body says."""
    log.append([Draft("request", {"words": "teaching in the mornings"}, ("aspire",), {"party": "aspire"}), *told()])
    with engine.connect() as connection:
        stored = b"".join(bytes(row.sealed) for table in (BODIES, PARTS) for row in connection.execute(select(table)))
    assert b"mornings" not in stored
    assert NAME.encode() not in stored
    assert "teaching in the mornings" == next(log.entries()).body["words"]


def test_a_body_names_clients_by_handles(log: Log) -> None:
    """Who stands behind them, and what is said of each, is told to whoever may see the body."""
    consent, _, disclosure = log.append(told())
    assert NAME.encode() not in consent.body_bytes + disclosure.body_bytes
    found = log.details(disclosure)
    assert [NAME, "client-1"] == [found.subjects[handle] for handle in disclosure.body["subjects"]["aspire"]]
    (part,) = log.details(consent).parts
    assert part is not None
    assert {"subject": NAME, "purpose": "research"} == part.value
    assert [2, 0] == [entry.seq for entry in log.search(subject=NAME)]
    assert [] == list(log.search(subject="nobody"))


def test_what_was_erased_is_neither_there_nor_a_fault(log: Log, signer: NoteSigner) -> None:
    """The verifier names the erasure; other clients' content and every proof stand."""
    log.append([draft(), *told(), *told(subject="client-1")])
    erasure = erase(log)
    report = verify(log, vkey=signer.vkey)
    assert report.ok, report.faults
    assert ((2, 2, erasure.seq),) == report.erased
    request = log.entry(2)
    assert request is not None
    assert (erasure.seq, {}, ()) == (request.erased, request.body, request.readers)
    consent = log.entry(1)
    assert consent is not None
    assert (None,) == log.details(consent).parts
    disclosure = log.entry(3)
    assert disclosure is not None
    assert ["client-1"] == list(log.details(disclosure).subjects.values())
    assert [] == list(log.search(subject=NAME))
    assert 3 == len(log.search(subject="client-1"))
    assert NAME not in json.dumps(erasure.body)
    with Log.open(log.engine, origin=ORIGIN, signer=signer, keys=keys_of(log.engine)) as again:
        assert [1, 2] == [e.seq for e in again.entries(after=0, until=2)]


def test_a_client_that_comes_again_is_another(log: Log, signer: NoteSigner) -> None:
    """What is recorded after an erasure lies under new keys."""
    log.append(told())
    erase(log)
    log.append(told())
    assert [6, 4] == [entry.seq for entry in log.search(subject=NAME)]
    assert verify(log, vkey=signer.vkey).ok


def test_keys_are_destroyed_whatever_happened(log: Log, signer: NoteSigner) -> None:
    """The erasure was recorded and the process died: the next start does the rest."""
    log.append(told())
    keys = log.sealing.keys
    ids = [key.id for key in keys.naming(NAME)]
    with log.engine.connect() as connection:
        erased = named_under(connection, ids, log.sealing)
    body = {"erased": erased.to_body()}
    log.append([Draft(ERASURE, body)], within=lambda c, made: erase_rows(c, erased, under=made[0].seq))
    assert ["key-returned"] == [fault.code for fault in verify(log, vkey=signer.vkey).faults]
    assert len(ids) == finish(log.engine, log.sealing)
    assert verify(log, vkey=signer.vkey).ok


def test_a_key_that_nobody_ordered_destroyed_stays(log: Log, url: str, signer: NoteSigner) -> None:
    """Somebody with the database says that a party's key was destroyed: no start carries that out."""
    log.append(told())
    erase(log)
    key = log.sealing.keys.of_party("record", "aspire")
    for under in (0, 3, 99):
        with cheating(url) as cheat:
            cheat.connection.execute(delete(ERASED_KEYS).where(ERASED_KEYS.c.key == key.id))
            cheat.connection.execute(insert(ERASED_KEYS).values(key=key.id, under=under))
        assert 0 == finish(log.engine, log.sealing)
    assert key == log.sealing.keys.of_party("record", "aspire")
    assert "erasure-unordered" in [fault.code for fault in verify(log, vkey=signer.vkey).faults]


@pytest.mark.parametrize(
    ("trick", "code"),
    [
        ("ciphertexts are exchanged", "body-swapped"),
        ("a body is deleted", "body-missing"),
        ("a body is deleted and said to be erased", "erasure-unordered"),
        ("a part is deleted", "part-missing"),
        ("a client's key is deleted", "key-missing"),
        ("an erased body is put back", "erased-returned"),
    ],
)
def test_cheating_with_ciphertexts_is_found(log: Log, url: str, signer: NoteSigner, trick: str, code: str) -> None:
    """Each with its own word."""
    log.append([draft(1), draft(2), *told()])
    with log.engine.connect() as connection:
        before = dict(connection.execute(select(BODIES).where(BODIES.c.seq == 3)).one()._mapping)
    if trick == "an erased body is put back":
        erase(log)
    if trick == "a client's key is deleted":
        with log.sealing.keys.engine.begin() as connection:
            connection.execute(delete(DATA_KEYS).where(func.length(DATA_KEYS.c.tag) > 0, DATA_KEYS.c.use == "content"))
        log.sealing.forget()
    with cheating(url) as cheat:
        match trick:
            case "ciphertexts are exchanged":
                one, two = cheat.sealed(0), cheat.sealed(1)
                cheat.set_sealed(0, *two)
                cheat.set_sealed(1, *one)
            case "a body is deleted":
                cheat.connection.execute(delete(BODIES).where(BODIES.c.seq == 1))
            case "a body is deleted and said to be erased":
                cheat.connection.execute(delete(BODIES).where(BODIES.c.seq == 1))
                cheat.connection.execute(insert(ERASED).values(seq=1, number=-1, under=2))
            case "a part is deleted":
                cheat.connection.execute(delete(PARTS))
            case "an erased body is put back":
                cheat.connection.execute(insert(BODIES).values(before))
    assert code in [fault.code for fault in verify(log, vkey=signer.vkey).faults]


def test_a_body_that_is_gone_is_not_answered(log: Log, url: str) -> None:
    """A reader is told that the log is not whole, never given less."""
    log.append([draft(1), draft(2)])
    with cheating(url) as cheat:
        cheat.connection.execute(delete(BODIES).where(BODIES.c.seq == 1))
    with pytest.raises(Tampered, match="the content of entry 1 is missing"):
        log.entry(1)


def test_an_erasure_says_exactly_what_it_forgets() -> None:
    """It names nothing that stands behind it, and nothing by anything but a number or a handle."""
    assert ((1, 3), (5, 5)) == runs([1, 2, 3, 5])
    erased = Erased(((1, 3),), ((4, 0),), (b"k" * 24,))
    assert erased.to_body() == {"bodies": [[1, 3]], "parts": [[4, 0]], "keys": ["a2tra2tra2tra2tra2tra2tra2tra2tr"]}
    assert [1, 2, 3] == list(erased.numbers)


def test_no_byte_of_a_client_is_left_on_the_disk(tmp_path: Path, signer: NoteSigner) -> None:
    """Neither its id nor the ciphertext, in no file of database, journal or key store."""
    from tests.audit.worlds import opened

    with opened(f"sqlite:///{tmp_path}/log.db") as engine:
        with Log.create(engine, origin=ORIGIN, signer=signer, keys=keys_of(engine)) as log:
            log.append(told())
            with engine.connect() as connection:
                sealed = bytes(connection.scalar(select(BODIES.c.sealed).where(BODIES.c.seq == 1)) or b"")
                wrapped = [bytes(w) for w in _wrapped(log)]
            assert any(sealed in path.read_bytes() for path in tmp_path.iterdir())
            erase(log)
            assert clean(engine)
            assert clean(log.sealing.keys.engine)
        everything = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
        assert sealed not in everything
        assert NAME.encode() not in everything
        assert not [w for w in wrapped if w in everything]


def _wrapped(log: Log) -> list[bytes]:
    with log.sealing.keys.engine.connect() as connection:
        ids = [key.id for key in log.sealing.keys.naming(NAME)]
        return list(connection.scalars(select(DATA_KEYS.c.wrapped).where(DATA_KEYS.c.id.in_(ids))))


def test_a_receipt_of_an_erased_entry_proves_its_leaf(log: Log, signer: NoteSigner, tmp_path: Path) -> None:
    """It says under which entry the content went, as a file and as JSON; not that the content was valid."""
    log.append([draft(), *told()])
    request = log.entry(2)
    assert request is not None
    whole = Published(log).receipt(request)
    erasure = erase(log)
    gone = log.entry(2)
    assert gone is not None
    receipt = Published(log).receipt(gone)
    assert (None, erasure.seq) == (whole.erased, receipt.erased)
    assert receipt == Receipt.from_text(receipt.to_text())
    receipt.check(signer.verifier)
    folder = export_of(log, tmp_path / "export", bodies=False)
    both = [whole.to_text(), receipt.to_text()]
    assert verify_export(folder, vkey=signer.vkey, receipts=both).report.ok
    opening = Opening(gone.leaf, b"", {}, 0)
    false = Receipt(receipt.index, receipt.proof, receipt.checkpoint, opening.to_bytes())
    found = verify_export(folder, vkey=signer.vkey, receipts=[false.to_text()])
    assert [(2, "erasure-unordered")] == [(f.seq, f.code) for f in found.report.faults]


def test_a_content_that_is_made_to_look_erased_is_a_fault(log: Log, url: str, signer: NoteSigner) -> None:
    """Somebody with the database says that it lies under a key which an honest erasure destroyed."""
    log.append([draft(0), *told(), *told(subject="client-1")])
    erase(log)
    with cheating(url) as cheat:
        gone = bytes(cheat.connection.scalars(select(ERASED_KEYS.c.key)).first() or b"")
        for seq in (0, 6):
            ids, sealed = cheat.sealed(seq)
            cheat.set_sealed(seq, ids + gone, sealed)
    faults = verify(log, vkey=signer.vkey).faults
    assert [(0, "key-missing"), (6, "key-missing")] == [(fault.seq, fault.code) for fault in faults]
    log.sealing.forget()
    with pytest.raises(Tampered, match="the key to the content of entry 0 is missing"):
        log.entry(0)


def test_an_erasure_takes_nothing_else_along(log: Log, url: str, signer: NoteSigner) -> None:
    """Whatever the tables say of what lies under a client's keys: only what opens under them does."""
    log.append([draft(0), *told(), *told(subject="client-1")])
    key = next(k.id for k in log.sealing.keys.naming(NAME) if k.use == "content")
    with cheating(url) as cheat:
        for seq in (0, 5, 6):
            cheat.connection.execute(insert(NAMED).values(key=key, seq=seq))
        ids, sealed = cheat.sealed(5)
        cheat.set_sealed(5, ids + key, sealed)
        cheat.connection.execute(update(PARTS).where(PARTS.c.seq == 4).values({"keys": key}))
    erasure = erase(log)
    assert {"bodies": [[2, 2]], "parts": [[1, 0]]} == {k: erasure.body["erased"][k] for k in ("bodies", "parts")}
    assert {4, 5} == {fault.seq for fault in verify(log, vkey=signer.vkey).faults}


def test_more_than_a_hundred_runs_are_all_told(log: Log, signer: NoteSigner) -> None:
    """The report leaves none out: what was erased is held against what may be."""
    log.append([one for _ in range(120) for one in (draft(0), told()[1])])
    erase(log)
    assert 120 == len(verify(log, vkey=signer.vkey).erased)


@pytest.mark.parametrize("value", ["7", "'words'", "3.5", "x'00'"])
@pytest.mark.parametrize("column", ["keys", "sealed"])
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL keeps nothing else in a column of bytes
def test_a_cell_of_another_type_is_a_fault_of_its_entry(
    log: Log, url: str, signer: NoteSigner, column: str, value: str
) -> None:
    """SQLite keeps anything anywhere; verification goes on and names the entry."""
    log.append([draft(0), draft(1), draft(2)])
    with cheating(url) as cheat:
        cheat.connection.exec_driver_sql(f"UPDATE audit_bodies SET {column} = {value} WHERE seq = 1")
    assert [1] == [fault.seq for fault in verify(log, vkey=signer.vkey).faults]
