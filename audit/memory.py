"""What a client has seen of logs, in a file of its own; and whether a log is still the one that was seen.

A line is `{"checkpoint":"<the note>","vkey":"<the key it verified with>"}`; a file that is one signed note is read as
well. Whoever remembers and compares is a witness by habit: a log that shows two people two histories has to keep them
apart for ever.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audit.errors import Forked, LogError, NoteWrong, ProofWrong, Tampered, WrongCheckpoint
from audit.leaf import Leaf
from audit.note import Checkpoint, NoteVerifier, open_note
from audit.proof import check_consistency, check_inclusion
from audit.succession import Chain, openings
from audit.tree import ReadTile, Tree

__all__ = ["Remembered", "compared", "followed", "held", "recalled", "remember", "replaced"]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A checkpoint that somebody kept, and the key that it verified with."""

    note: bytes
    vkey: str

    @property
    def checkpoint(self) -> Checkpoint:
        """Its text, its signature verified. Raises NoteWrong, WrongCheckpoint."""
        verifier = NoteVerifier.from_vkey(self.vkey)
        checkpoint = Checkpoint.from_text(open_note(self.note, verifier))
        if checkpoint.origin != verifier.name:
            raise WrongCheckpoint(f"the checkpoint is of the log `{checkpoint.origin}`, not of `{verifier.name}`")
        return checkpoint


def recalled(path: Path, *, vkey: str | None = None) -> tuple[Remembered, ...]:
    """What a file holds, in the order in which it was seen; nothing where there is no file.

    `vkey`: the key for a file that is one signed note. Raises NoteWrong.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise NoteWrong(f"`{path}` can't be read: {error.strerror}") from error
    if data.strip() and not data.lstrip().startswith(b"{"):
        if vkey is None:
            raise NoteWrong(f"`{path}` is one checkpoint; say with which key it verifies")
        return (Remembered(data, vkey),)
    found = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            told = json.loads(line)
            found.append(Remembered(told["checkpoint"].encode(), str(told["vkey"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NoteWrong(f"line {number} of `{path}` is not a remembered checkpoint") from error
    return tuple(found)


def remember(path: Path, seen: Remembered) -> None:
    """Adds a checkpoint at the end of a file; on the disk once it returns. Raises what `checkpoint` does."""
    line = _line(seen)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def replaced(path: Path, seen: Sequence[Remembered]) -> None:
    """The file holds these and nothing else: whole or as it was before, and on the disk once it returns.

    Raises what `checkpoint` does, and OSError.
    """
    data = b"".join(_line(one) for one in seen)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _line(seen: Remembered) -> bytes:
    _ = seen.checkpoint
    told = {"checkpoint": seen.note.decode(), "vkey": seen.vkey}
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def held(
    kept: Remembered,
    shown: Remembered,
    prove: Callable[[int], Sequence[bytes]],
    *,
    followed: Callable[[str], bool] | None = None,
) -> bool:
    """That the log that is shown begins with the one that was kept. `prove` gives the consistency proof from a size.

    `followed` is asked where another key signs now: whether what was kept is of entries that the log itself says were
    lost; it raises Forked where the one key does not lead to the other. False for what was lost: nothing is left to
    compare. Raises Forked, naming both, where the log does not begin so, or proves nothing.
    """
    old, new = kept.checkpoint, shown.checkpoint
    said = f"a log of {old.size} entries with the root {old.root.hex()} was seen, and now one of {new.size} entries "
    said += f"with the root {new.root.hex()} is shown"
    if kept.vkey != shown.vkey:
        if followed is None:
            raise Forked("other-key", f"{said}, signed by another key", kept=kept.note, shown=shown.note)
        if followed(said):
            return False
    if new.size < old.size:
        message = f"{said}: entries {new.size} to {old.size - 1} were taken away"
        raise Forked("rewound", message, kept=kept.note, shown=shown.note)
    try:
        proof = prove(old.size) if 0 < old.size < new.size else ()
        check_consistency(old=old.size, size=new.size, old_root=old.root, root=new.root, proof=proof)
    except (ProofWrong, Tampered) as error:
        message = f"{said}, which does not begin with it: two histories were signed, or the proof is false ({error})"
        raise Forked("forked", message, kept=kept.note, shown=shown.note) from error
    return True


def compared(kept: Remembered, shown: Remembered, read: ReadTile, *, vkeys: bytes = b"") -> bool:
    """As `held`; proofs are made from the log's tiles, which are asked for, and not trusted.

    `vkeys` is what the log shows of its keys (`Published.vkeys`).
    """
    return held(
        kept,
        shown,
        lambda size: Tree(shown.checkpoint.size, read).consistency(size),
        followed=lambda said: followed(kept, shown, read, vkeys, said),
    )


def followed(kept: Remembered, shown: Remembered, read: ReadTile, vkeys: bytes, said: str) -> bool:
    """That the key that was kept leads to the one that signs now, by entries of the very log that is shown.

    Whether the checkpoint is of entries that were lost when the log was continued. Raises Forked.
    """
    old, new = NoteVerifier.from_vkey(kept.vkey), NoteVerifier.from_vkey(shown.vkey)
    try:
        opened = openings(vkeys)
        chain = Chain.of(link for _, link in opened)
        tree, size = Tree(shown.checkpoint.size, read), shown.checkpoint.size
        for opening, link in opened:
            found = Leaf.hash(opening.leaf)
            proof = tree.inclusion(link.seq) if link.seq < size else ()
            root = shown.checkpoint.root
            check_inclusion(leaf_hash=found, index=link.seq, size=size, proof=proof, root=root)
    except LogError as error:
        message = f"{said}, signed by another key, and what the log shows of its keys does not hold ({error})"
        raise Forked("other-key", message, kept=kept.note, shown=shown.note) from error
    if not chain.holds(old) or chain.newest(old) != new:
        message = f"{said}, signed by another key, which the one before did not sign"
        raise Forked("other-key", message, kept=kept.note, shown=shown.note)
    late = chain.too_late(kept.checkpoint, old)
    if late is not None:
        raise Forked(late[0], f"{said}: {late[1]}", kept=kept.note, shown=shown.note)
    return chain.lost(kept.checkpoint, old)
