"""Receipts in the form of C2SP tlog-proof."""

from __future__ import annotations

import base64

import pytest
from sqlalchemy import delete, update

from audit import Log
from audit.errors import ProofWrong, Tampered, WrongCheckpoint
from audit.note import NoteVerifier
from audit.published import Published
from audit.receipt import Receipt
from audit.tile_store import TILES
from tests.audit.worlds import ORIGIN, draft
from tests.audit.worlds import signer as new_signer


def receipt(log: Log, seq: int) -> Receipt:
    entry = log.entry(seq)
    assert entry is not None
    return Published(log).receipt(entry)


def test_a_receipt_reads_back_and_holds(log: Log) -> None:
    """Whoever has the file and the key needs nobody."""
    log.append([draft(n) for n in range(300)])
    for seq in (0, 255, 256, 299):
        made = Receipt.from_text(receipt(log, seq).to_text())
        checkpoint = made.check(log.verifier)
        assert (300, seq, seq) == (checkpoint.size, made.index, made.opening.body["number"])


def test_its_lines_are_those_of_the_specification(log: Log) -> None:
    """Name, extra, index, hashes, an empty line, the checkpoint verbatim."""
    log.append([draft(n) for n in range(3)])
    made = receipt(log, 1)
    head, _, checkpoint = made.to_text().partition(b"\n\n")
    first, extra, index, *hashes = head.decode().split("\n")
    assert ("c2sp.org/tlog-proof@v1", "index 1") == (first, index)
    assert made.extra == base64.b64decode(extra.removeprefix("extra "))
    assert list(made.proof) == [base64.b64decode(line) for line in hashes]
    assert log.head().checkpoint == checkpoint


def test_a_receipt_of_the_only_entry(log: Log) -> None:
    """Its proof is empty."""
    log.append([draft(0)])
    made = Receipt.from_text(receipt(log, 0).to_text())
    assert () == made.proof
    made.check(log.verifier)


def test_another_log_s_key_does_not_vouch(log: Log) -> None:
    """Nor the right key under another name."""
    log.append([draft(0)])
    with pytest.raises(WrongCheckpoint):
        receipt(log, 0).check(new_signer().verifier)
    with pytest.raises(WrongCheckpoint):
        receipt(log, 0).check(NoteVerifier(ORIGIN + "x", log.verifier.public))


def test_every_changed_hash_is_found(log: Log) -> None:
    """And a hash too many, or too few."""
    log.append([draft(n) for n in range(20)])
    made = receipt(log, 5)
    wrong = [made.proof[:-1], (*made.proof, bytes(32))]
    wrong += [(*made.proof[:n], bytes(32), *made.proof[n + 1 :]) for n in range(len(made.proof))]
    for proof in wrong:
        with pytest.raises(ProofWrong):
            Receipt(made.index, proof, made.checkpoint, made.extra).check(log.verifier)


def test_no_false_receipt_from_tampered_tiles(log: Log) -> None:
    """Whoever writes into the table of tiles gets an error that says so, and no proof that does not hold."""
    log.append([draft(n) for n in range(300)])
    good = receipt(log, 5)
    with log.engine.begin() as connection:
        connection.execute(update(TILES).values(root=bytes(32), hashes=bytes(8192)))
    with pytest.raises(Tampered) as raised:
        receipt(log, 5)
    assert "tile-differs" == raised.value.code
    with log.engine.begin() as connection:
        connection.execute(delete(TILES))
    assert good == receipt(log, 5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n\n",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex -1\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\nnot base64\n\nx",
        b"c2sp.org/tlog-proof@v1\nextra %%\nindex 1\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\nextra AA==\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\n" + b"AA==\n" * 64 + b"\nx",
        b"{}",
        b'{"leaf":1}',
        b"\xff\n\nx",
    ],
)
def test_what_is_no_receipt(data: bytes) -> None:
    """Is said to be none, by an error of the log's."""
    with pytest.raises(ProofWrong):
        Receipt.from_file(data)
