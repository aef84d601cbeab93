"""Cosignatures of witnesses: made, verified, and the published line read."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit.cosignature import CosignatureVerifier, Cosigner, cosignatures_of, with_lines
from audit.errors import NoteWrong
from audit.note import Checkpoint, NoteSigner, NoteVerifier, signatures_of

# C2SP tlog-cosignature, the example: the witness's line is of the time 1679315147.
EXAMPLE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()  # noqa: E501

LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
OTHER = Cosigner("witness.example/w2", Ed25519PrivateKey.from_private_bytes(b"x" * 32))
NOTE = LOG.sign(Checkpoint("log.example", 7, bytes(32)).to_text())
BOTH = (WITNESS.verifier, OTHER.verifier)


def test_the_published_line_is_read() -> None:
    """Its key id, its time, and the length of an Ed25519 signature."""
    text, (_, line) = signatures_of(EXAMPLE)
    assert 20852163 == Checkpoint.from_text(text).size
    assert ("witness.example.com/w1", "8d66cf3f") == (line.name, line.key_id.hex())
    assert (1679315147, 72) == (int.from_bytes(line.signature[:8], "big"), len(line.signature))


def test_a_cosignature_verifies() -> None:
    """With its time; beside the log's own signature, which it leaves alone."""
    note = NOTE + WITNESS.line(NOTE, seconds=1679315147)
    (found,) = cosignatures_of(note, BOTH)
    assert (WITNESS.verifier, 1679315147) == (found.verifier, found.seconds)
    assert note == NOTE + found.line


def test_the_message_is_the_specification_s() -> None:
    """Two lines before the checkpoint's text."""
    _, (_, line) = signatures_of(NOTE + WITNESS.line(NOTE, seconds=5))
    text = NOTE.partition(b"\n\n")[0] + b"\n"
    key = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    assert key.sign(b"cosignature/v1\ntime 5\n" + text) == line.signature[8:]


def test_the_newest_of_a_witness_counts() -> None:
    """One for each witness, in the order in which they are known."""
    note = NOTE + OTHER.line(NOTE, seconds=3) + WITNESS.line(NOTE, seconds=9) + WITNESS.line(NOTE, seconds=4)
    assert [9, 3] == [c.seconds for c in cosignatures_of(note, BOTH)]
    assert [3] == [c.seconds for c in cosignatures_of(note, (OTHER.verifier,))]


@given(st.integers(0, 71), st.integers(1, 255))
def test_a_changed_cosignature_is_told(at: int, by: int) -> None:
    """Time and signature are covered."""
    line = WITNESS.line(NOTE, seconds=1679315147)
    head, _, encoded = line.rstrip(b"\n").rpartition(b" ")
    data = bytearray(base64.b64decode(encoded))
    data[4 + at] ^= by
    with pytest.raises(NoteWrong):
        cosignatures_of(NOTE + head + b" " + base64.b64encode(data) + b"\n", BOTH)


def test_a_cosignature_of_another_checkpoint_is_told() -> None:
    """Its line does not verify here."""
    other = LOG.sign(Checkpoint("log.example", 8, bytes(32)).to_text())
    with pytest.raises(NoteWrong):
        cosignatures_of(NOTE + WITNESS.line(other, seconds=1), BOTH)


def test_verifier_keys_read_back() -> None:
    """And a log's key is no witness's, nor the other way round."""
    assert WITNESS.verifier == CosignatureVerifier.from_vkey(WITNESS.verifier.vkey)
    for wrong in (LOG.vkey, WITNESS.verifier.vkey[:-1], WITNESS.verifier.vkey.replace("w1", "w2"), "x+y", ""):
        with pytest.raises(NoteWrong):
            CosignatureVerifier.from_vkey(wrong)
    with pytest.raises(NoteWrong):
        NoteVerifier.from_vkey(WITNESS.verifier.vkey)


def test_lines_are_added_once() -> None:
    """However often."""
    line = WITNESS.line(NOTE, seconds=1)
    assert NOTE + line == with_lines(with_lines(NOTE, (line, line)), (line,))
