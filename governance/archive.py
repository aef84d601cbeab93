"""A backup as one file: a tar, whose last two members say what every other one is.

    accordant.db  accordant.toml  keys/*.pub  data/...  manifest.json  manifest.note

`manifest.json` names each member with its size and SHA-256, the log's origin, size, root and signed checkpoint, and
the version of the tables. `manifest.note` is a note (C2SP signed-note) by the log's own key over the digest of the
manifest: whoever keeps the file can't change what is in it, the administrator's fingerprint in the settings included.
Reading is strict: what is missing, surplus, not a plain file or differs in one byte is refused, and named.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from audit import NoteSigner, NoteVerifier
from audit.errors import LogError
from audit.note import Checkpoint, open_note
from governance.errors import Conflict, InputWrong, LogUnavailable, NotFound, Refused

__all__ = ["DATABASE", "Manifest", "Progress", "Writer", "read_archive", "writing"]

DATABASE = "accordant.db"
_FORMAT = "accordant-backup"
_MANIFEST, _NOTE = "manifest.json", "manifest.note"
_FIRST = "accordant-backup/v1"
_MOST_MANIFEST = 256 * 1024 * 1024
_BLOCK = 1024 * 1024

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself, once its note was seen to verify."""

    made: str
    schema: int
    vkey: str
    note: bytes  # the signed checkpoint
    members: dict[str, tuple[int, str]]  # size and SHA-256 in hex
    left_out: tuple[str, ...] = ()

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the log stood."""
        return Checkpoint.from_text(open_note(self.note, NoteVerifier.from_vkey(self.vkey)))

    def to_bytes(self) -> bytes:
        """As `manifest.json`."""
        checkpoint = self.checkpoint
        value = {
            "format": _FORMAT,
            "v": 1,
            "made": self.made,
            "schema": self.schema,
            "log": {
                "origin": checkpoint.origin,
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "vkey": self.vkey,
                "checkpoint": self.note.decode(),
            },
            "members": {name: {"size": size, "sha256": sha256} for name, (size, sha256) in self.members.items()},
            "left_out": list(self.left_out),
        }
        return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Raises Refused where it is not one, or contradicts its own checkpoint."""
        try:
            value = json.loads(data)
            if value["format"] != _FORMAT or value["v"] != 1:
                raise ValueError("another format")
            log = value["log"]
            made = cls(
                str(value["made"]),
                int(value["schema"]),
                str(log["vkey"]),
                log["checkpoint"].encode(),
                {str(n): (int(m["size"]), str(m["sha256"])) for n, m in value["members"].items()},
                tuple(map(str, value["left_out"])),
            )
            said = made.checkpoint
            if (said.origin, said.size, said.root.hex()) != (log["origin"], log["size"], log["root"]):
                raise ValueError("its checkpoint says another log")
        except (ValueError, KeyError, TypeError, AttributeError, LogError) as error:
            raise _damaged(f"`{_MANIFEST}` is not the manifest of a backup ({error})") from None
        return made


def _damaged(what: str) -> Refused:
    return Refused(f"the backup does not verify: {what}", reason="backup-damaged")


class _Hashed(io.RawIOBase):
    """A file that is read once, and hashed on the way."""

    def __init__(self, file: BinaryIO, tell: Callable[[int], None]) -> None:
        self._file, self._tell = file, tell
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        self._tell(len(data))
        return data


@dataclass
class Writer:
    """A backup that is being written; made by `writing`."""

    tar: tarfile.TarFile
    members: dict[str, tuple[int, str]] = field(default_factory=dict)
    tell: Callable[[int], None] = lambda _: None

    def add(self, name: str, path: Path) -> None:
        """A file. Raises Conflict where it changes its length under the hand, or is gone."""
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                hashed = _Hashed(file, self.tell)
                self.tar.addfile(_info(name, size), hashed)
        except FileNotFoundError:
            raise Conflict(f"`{path}` went away while it was copied; try again", reason="backup-moved") from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise Conflict(f"`{path}` changed while it was copied; try again", reason="backup-moved") from None
        self.members[name] = (size, hashed.digest.hexdigest())

    def add_bytes(self, name: str, data: bytes) -> None:
        """A member from memory."""
        self.tar.addfile(_info(name, len(data)), io.BytesIO(data))
        self.members[name] = (len(data), hashlib.sha256(data).hexdigest())

    def end(self, manifest: Manifest, signer: NoteSigner) -> None:
        """The manifest and its note; nothing follows."""
        data = manifest.to_bytes()
        self.tar.addfile(_info(_MANIFEST, len(data)), io.BytesIO(data))
        note = signer.sign(f"{_FIRST}\n{hashlib.sha256(data).hexdigest()}\n")
        self.tar.addfile(_info(_NOTE, len(note)), io.BytesIO(note))


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info


@contextmanager
def writing(target: Path, *, force: bool) -> Iterator[Writer]:
    """Writes `target` whole or not at all: under another name beside it, on the disk before it gets its own.

    Raises Conflict where it is there already and `force` is not said.
    """
    if target.exists() and (not force or not target.is_file()):
        raise Conflict(f"`{target}` is there already; another name, or --force", reason="backup-exists")
    if not target.parent.is_dir():
        raise NotFound(f"no folder `{target.parent}`", field="FILE")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        if force:
            part.replace(target)
        else:
            # A rename alone would take another file's place; a link would not, but a stick may know none.
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            part.replace(target)
        _synced(target.parent)
    except FileExistsError:
        raise Conflict(f"`{target}` is there already; another name, or --force", reason="backup-exists") from None
    except OSError as error:
        raise LogUnavailable(f"`{target}` can't be written: {(error.strerror or 'error').lower()}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_archive(
    path: Path, *, vkey: str | None = None, into: Path | None = None, progress: Progress | None = None
) -> Manifest:
    """Verifies a backup, and puts its members into the new folder `into` where one is given, unsaid to be whole before.

    `vkey`: the log's key as you know it; else the manifest's own, which proves less. Raises Refused, naming what does
    not verify; InputWrong where the file is no backup at all.
    """
    found: dict[str, tuple[int, str]] = {}
    said: dict[str, bytes] = {}
    try:
        total = path.stat().st_size
        with path.open("rb") as file, _opened(file, path) as tar:
            for info in tar:
                _named(info, found, said)
                source = tar.extractfile(info)
                if source is None:
                    raise _damaged(f"`{info.name}` can't be read")
                if info.name in (_MANIFEST, _NOTE):
                    if info.size > _MOST_MANIFEST:
                        raise _damaged(f"`{info.name}` is too long")
                    said[info.name] = source.read()
                else:
                    found[info.name] = (info.size, _taken(source, None if into is None else into / info.name))
                if progress is not None:
                    progress(file.tell(), total)
    except OSError as error:
        raise NotFound(f"`{path}` can't be read: {(error.strerror or 'error').lower()}", field="FILE") from None
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise _damaged(f"it is damaged or broken off ({error})") from None
    try:
        return _agreed(said, found, vkey)
    except (RecursionError, OverflowError, ValueError) as error:
        raise _damaged(f"its manifest can't be read ({type(error).__name__})") from None


def _opened(file: BinaryIO, path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=file, mode="r:")
    except tarfile.TarError:
        raise InputWrong(
            f"`{path}` is no backup: `accordant backup` writes a tar", reason="no-backup", field="FILE"
        ) from None


def _named(info: tarfile.TarInfo, found: dict[str, Any], said: dict[str, Any]) -> None:
    name = PurePosixPath(info.name)
    plain = (
        info.isreg()
        and not info.issparse()
        and not name.is_absolute()
        and ".." not in name.parts
        and name.as_posix() == info.name
    )
    if not plain:
        raise _damaged(f"`{info.name}` is not a plain file of a home")
    if info.name in found or info.name in said:
        raise _damaged(f"`{info.name}` stands in it twice")


def _taken(source: Any, target: Path | None) -> str:
    digest = hashlib.sha256()
    file = None
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    try:
        while data := source.read(_BLOCK):
            digest.update(data)
            if file is not None:
                file.write(data)
        if file is not None:
            file.flush()
            os.fsync(file.fileno())
    finally:
        if file is not None:
            file.close()
    return digest.hexdigest()


def _agreed(said: dict[str, bytes], found: dict[str, tuple[int, str]], vkey: str | None) -> Manifest:
    for name in (_MANIFEST, _NOTE):
        if name not in said:
            raise _damaged(f"it holds no `{name}`: it is no backup, or broken off")
    manifest = Manifest.from_bytes(said[_MANIFEST])
    if vkey is not None and vkey.strip() != manifest.vkey:
        raise _damaged("its log has another key than the one that you expect")
    try:
        text = open_note(said[_NOTE], NoteVerifier.from_vkey(manifest.vkey))
    except LogError as error:
        raise _damaged(f"the log's key did not sign its manifest ({error})") from None
    if text != f"{_FIRST}\n{hashlib.sha256(said[_MANIFEST]).hexdigest()}\n":
        raise _damaged("its manifest was changed after the log's key had signed it")
    for name in sorted(manifest.members.keys() | found.keys()):
        if name not in found:
            raise _damaged(f"`{name}` is missing")
        if name not in manifest.members:
            raise _damaged(f"`{name}` is not in its manifest")
        if found[name] != manifest.members[name]:
            raise _damaged(f"`{name}` is not the file that the manifest names")
    return manifest
