"""Signed notes (C2SP signed-note) and the checkpoints that are written in them (C2SP tlog-checkpoint).

A note is a text that ends in a newline, an empty line, and signature lines `— <key name> base64(<key id> ‖ signature)`.
The key id is the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ Ed25519 public key), and a verifier key (vkey) is
`<name>+<key id in hex>+base64(0x01 ‖ public key)`, so that Go's `sumdb/note` and every stock witness read both.
A checkpoint's text is three lines: origin, size, base64 of the RFC 6962 root.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from audit.errors import NoteWrong, WrongCheckpoint

__all__ = ["Checkpoint", "NoteSigner", "NoteVerifier", "Signature", "open_note", "signatures_of"]

_ED25519 = b"\x01"
_MAX_NOTE = 1_000_000
_MAX_SIGNATURES = 100
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def _name(name: str) -> str:
    if not name or "+" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise NoteWrong(f"`{name}` can't name a key: it must not be empty, and hold neither spaces nor a plus sign")
    return name


def _b64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteWrong(f"{what} is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteWrong(f"{what} is not in the one form of base64")
    return data


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note, unverified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """An Ed25519 public key under a name."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _name(self.name)
        if len(self.public) != 32:
            raise NoteWrong("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Four bytes that say which key a signature line means."""
        return _key_id(self.name, self.public)

    @property
    def vkey(self) -> str:
        """The verifier key, one line."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def from_vkey(cls, vkey: str) -> NoteVerifier:
        """Reads a verifier key. Raises NoteWrong."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _b64(encoded, "the key in a verifier key")
        if key[:1] != _ED25519:
            raise NoteWrong("the verifier key is not of the type Ed25519")
        verifier = cls(name, key[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteWrong("the verifier key's id does not belong to its name and key")
        return verifier

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature over the text is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class NoteSigner:
    """An Ed25519 private key under a name. Safe from any thread."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = NoteVerifier(_name(name), key.public_key().public_bytes_raw())
        self._line = f"— {name} ".encode()
        self._key_id = self.verifier.key_id

    def __repr__(self) -> str:
        return f"NoteSigner({self.vkey!r})"

    @property
    def name(self) -> str:
        """The name that signature lines carry."""
        return self.verifier.name

    @property
    def vkey(self) -> str:
        """The verifier key that belongs to it."""
        return self.verifier.vkey

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        """A new key."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, name: str, data: bytes, *, passphrase: bytes | None = None) -> NoteSigner:
        """Reads a PKCS #8 PEM. Raises NoteWrong, without a word of the key."""
        try:
            key = load_pem_private_key(data, password=passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise NoteWrong("the log's private key can't be read, or needs another passphrase") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise NoteWrong("the log's private key is not an Ed25519 key")
        return cls(name, key)

    def to_pem(self) -> bytes:
        """PKCS #8, unencrypted: for a file of mode 0600."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, text: str) -> bytes:
        """The signed note. Raises NoteWrong for a text that can't be one."""
        data = text.encode()
        if not _is_text(data):
            raise NoteWrong("a note's text ends in a newline and holds no other control character")
        line = base64.b64encode(self._key_id + self._key.sign(data))
        return data + b"\n" + self._line + line + b"\n"


_TEXT = re.compile(rb"[\x20-\xff\n]*\n")


def _is_text(data: bytes) -> bool:
    return _TEXT.fullmatch(data) is not None


def signatures_of(note: bytes) -> tuple[str, tuple[Signature, ...]]:
    """A note's text and its signature lines, none of them verified. Raises NoteWrong."""
    if len(note) > _MAX_NOTE:
        raise NoteWrong("the note is too long")
    head, found, tail = note.rpartition(b"\n\n")
    if not found or not tail.endswith(b"\n") or not _is_text(head + b"\n") or not _is_text(tail):
        raise NoteWrong("not a signed note")
    try:
        text, lines = (head + b"\n").decode(), tail.decode().split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise NoteWrong("the note is not UTF-8") from error
    if len(lines) > _MAX_SIGNATURES:
        raise NoteWrong(f"the note has more than {_MAX_SIGNATURES} signatures")
    signatures = []
    for line in lines:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        data = _b64(encoded, "a signature")
        if dash != "—" or len(data) < 5:
            raise NoteWrong("not a signature line of a note")
        signatures.append(Signature(_name(name), data[:4], data[4:]))
    return text, tuple(signatures)


def open_note(note: bytes, verifier: NoteVerifier) -> str:
    """The text, once the verifier's key has been seen to sign it. Raises WrongCheckpoint, or NoteWrong."""
    text, signatures = signatures_of(note)
    own = [s for s in signatures if (s.name, s.key_id) == (verifier.name, verifier.key_id)]
    if not own:
        names = ", ".join(f"`{s.name}+{s.key_id.hex()}`" for s in signatures)
        raise WrongCheckpoint(f"signed by {names}, not by the key `{verifier.name}+{verifier.key_id.hex()}`")
    if not all(verifier.verifies(text.encode(), s.signature) for s in own):
        raise WrongCheckpoint(f"the signature of `{verifier.name}+{verifier.key_id.hex()}` does not verify")
    return text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log's key says: this log had `size` entries, and this was their root."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """Three lines (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Reads the first three lines; further ones are extensions, which this log never writes. Raises NoteWrong."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or _SIZE.fullmatch(lines[1]) is None:
            raise NoteWrong("not the text of a checkpoint: origin, size and root, each on its line")
        root = _b64(lines[2], "the root of a checkpoint")
        if len(root) != 32:
            raise NoteWrong("the root of a checkpoint has 32 bytes")
        return cls(lines[0], int(lines[1]), root)
