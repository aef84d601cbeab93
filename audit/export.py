"""The log as a folder that a stock tlog-tiles checker reads, with the opened bodies beside it.

    checkpoint  vkey  vkeys  origin  tile/...  tile/entries/...  bodies.jsonl

`vkeys` is there once the log's key was changed: each entry in which one key signed the next, opened, a line each
(`audit.succession`); `vkey` is the newest.

A line of `bodies.jsonl` is `{"seq":7,"salt":"<hex>","body":{...}}`, the body byte for byte as it is stored, in the
order of entries. Writing again into the same folder is allowed for the same log: what lay there is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from audit.errors import NoteWrong, ProofWrong, Tampered, WrongCheckpoint
from audit.note import Checkpoint, NoteVerifier, open_note
from audit.succession import Chain
from audit.tiles import Tile, tiles_of

__all__ = ["BODIES", "VKEYS", "body_line", "written"]

BODIES, VKEYS = "bodies.jsonl", "vkeys"
Progress = Callable[[int, int], None]


def body_line(seq: int, salt: bytes, body: bytes) -> bytes:
    """One line of `bodies.jsonl`; a canonical body holds no line break."""
    return b'{"seq":%d,"salt":"%s","body":%s}\n' % (seq, salt.hex().encode(), body)


def written(
    folder: Path,
    *,
    checkpoint: bytes,
    vkey: str,
    read: Callable[[str], bytes],
    bodies: Iterable[bytes] = (),
    vkeys: bytes = b"",
    progress: Progress | None = None,
) -> Checkpoint:
    """Writes the export of a checkpoint: the lines of `bodies`, then every tile and bundle as `read(path)` gives it.

    The checkpoint comes last, so that a folder without one is an export that was broken off. Raises WrongCheckpoint
    where the key did not sign it, nor one that `vkeys` leads to from it, ProofWrong where the folder holds something
    else.
    """
    known = NoteVerifier.from_vkey(vkey)
    try:
        verifier = Chain.opened(vkeys).newest(known)
    except Tampered as error:
        raise WrongCheckpoint(f"the log's key is not signed by the one before: {error}") from error
    signed = Checkpoint.from_text(open_note(checkpoint, verifier))
    if signed.origin != verifier.name:
        raise WrongCheckpoint(f"the checkpoint is of the log `{signed.origin}`, and the key of `{verifier.name}`")
    _ours(folder, signed.origin)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # it may hold opened content
    (folder / "checkpoint").unlink(missing_ok=True)
    (folder / "origin").write_text(signed.origin + "\n", encoding="utf-8")
    (folder / "vkey").write_text(verifier.vkey + "\n", encoding="utf-8")
    (folder / VKEYS).unlink(missing_ok=True)
    if vkeys:
        (folder / VKEYS).write_bytes(vkeys)
    with (folder / BODIES).open("wb") as file:
        (folder / BODIES).chmod(0o600)
        file.writelines(bodies)
    tiles = list(tiles_of(signed.size))
    for done, tile in enumerate(tiles):
        _put(folder / tile.path, read(tile.path), tile)
        if progress is not None:
            progress(done + 1, len(tiles))
    (folder / "checkpoint").write_bytes(checkpoint)
    return signed


def _put(path: Path, data: bytes, tile: Tile) -> None:
    if tile.level >= 0 and len(data) != 32 * tile.width:
        raise ProofWrong(f"the server gave {len(data)} bytes for `{tile.path}`, and {32 * tile.width} are due")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _ours(folder: Path, origin: str) -> None:
    """The folder may be new, empty, or an earlier export of the same log."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NoteWrong(f"`{folder}` is not a folder")
    if not any(folder.iterdir()):
        return
    named = folder / "origin"
    if not named.is_file() or named.read_text(encoding="utf-8", errors="replace").strip() != origin:
        raise NoteWrong(f"`{folder}` holds something else than an export of `{origin}`")
