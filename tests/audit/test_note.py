"""Signed notes, byte for byte those of Go's `sumdb/note`, and checkpoints in them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import NoteWrong, WrongCheckpoint
from audit.note import Checkpoint, NoteSigner, NoteVerifier, open_note, signatures_of

# golang.org/x/mod/sumdb/note, note_test.go: a key and a note signed by it.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def peter() -> NoteSigner:
    return NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))


def test_signing_gives_the_published_note() -> None:
    """Ed25519 is deterministic, so the bytes are Go's."""
    assert NOTE == peter().sign(TEXT)


def test_the_published_note_verifies() -> None:
    """Under the published verifier key, which is also what the signer says of itself."""
    assert TEXT == open_note(NOTE, NoteVerifier.from_vkey(VKEY))
    assert VKEY == peter().vkey


def test_every_mangled_verifier_key_is_refused() -> None:
    """Every part of it, and every byte one higher, as Go's own test does."""
    bad = {VKEY[i:j] for i in range(len(VKEY)) for j in range(i, len(VKEY) + 1)} - {VKEY}
    bad |= {VKEY[:i] + chr(ord(VKEY[i]) + 1) + VKEY[i + 1 :] for i in range(len(VKEY))}
    bad.add("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==")
    bad.add("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    for vkey in bad:
        with pytest.raises(NoteWrong):
            NoteVerifier.from_vkey(vkey)


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_a_note_with_any_byte_changed_does_not_open(at: int, by: int) -> None:
    """Text, name, key id and signature: all of it is covered."""
    changed = bytearray(NOTE)
    changed[at] ^= by
    with pytest.raises((NoteWrong, WrongCheckpoint)):
        open_note(bytes(changed), NoteVerifier.from_vkey(VKEY))


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        TEXT.encode(),
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\xe2\x80\x94", b"-"),
        b"\n" * 1_000_001,
        NOTE.replace(b"you ", b"you\t", 1),
        NOTE.replace(b"If", b"\xff\xfe", 1),
        TEXT.encode() + b"\n" + b"\xe2\x80\x94 a QUFB\n",
    ],
    ids=["empty", "line", "unsigned", "cut", "longer", "hyphen", "huge", "tab", "not-utf-8", "short-signature"],
)
def test_what_is_not_a_note_is_refused(note: bytes) -> None:
    """C2SP signed-note: no control characters, an empty line, whole signature lines."""
    with pytest.raises(NoteWrong):
        signatures_of(note)


def test_other_signatures_stand_beside() -> None:
    """A witness's line does no harm; a note without the key's own line does not open."""
    witness = NoteSigner.generate("witness.example")
    both = NOTE + witness.sign(TEXT).rpartition(b"\n\n")[2]
    assert TEXT == open_note(both, NoteVerifier.from_vkey(VKEY))
    assert TEXT == open_note(both, witness.verifier)
    with pytest.raises(WrongCheckpoint, match=r"signed by `PeterNeumann\+c74f20a3`, not by the key"):
        open_note(NOTE, witness.verifier)


def test_a_text_that_cannot_be_signed() -> None:
    """It ends in a newline and has no other control character."""
    for text in ("no newline", "tab\t\n", "\x7f\x00\n", ""):
        with pytest.raises(NoteWrong):
            peter().sign(text)


@pytest.mark.parametrize("name", ["", "two words", "plus+sign", "new\nline", "no\u00a0break"])
def test_a_name_that_cannot_be_a_key_s(name: str) -> None:
    """It would not survive being written into a note or a verifier key."""
    with pytest.raises(NoteWrong):
        NoteSigner.generate(name)


def test_a_key_comes_back_from_its_file() -> None:
    """PKCS #8 PEM; another kind of key, or no key, is refused without repeating it."""
    signer = NoteSigner.generate("gateway.example/log")
    assert signer.vkey == NoteSigner.from_pem("gateway.example/log", signer.to_pem()).vkey
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data in (other, b"", b"-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(NoteWrong) as caught:
            NoteSigner.from_pem("x", data)
        assert "secret" not in str(caught.value)


def test_no_key_is_printed() -> None:
    """What a signer shows of itself is its verifier key."""
    signer = NoteSigner.generate("gateway.example/log")
    assert repr(signer) == f"NoteSigner({signer.vkey!r})"


def test_a_checkpoint_is_three_lines() -> None:
    """C2SP tlog-checkpoint: origin, size, root."""
    checkpoint = Checkpoint("gateway.example/log", 7, bytes(range(32)))
    text = "gateway.example/log\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert text == checkpoint.to_text()
    assert checkpoint == Checkpoint.from_text(text)
    assert checkpoint == Checkpoint.from_text(text + "an extension\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "a\n-1\nAAAA\n",
        "a\n1\nAAAA\n",
        "\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "a\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n",
        "a\n١\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    ],
)
def test_what_is_not_a_checkpoint(text: str) -> None:
    """Numbers and base64 have one form."""
    with pytest.raises(NoteWrong):
        Checkpoint.from_text(text)
