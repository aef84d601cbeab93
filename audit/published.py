"""The log as everybody may read it: checkpoint, tiles, bundles of entries, and receipts that hold.

The same bytes are served and exported. Whatever this hands out as a proof was checked first against the root that the
log's key signed, so a table of tiles that somebody wrote into makes no false receipt, only an error that says so.
"""

from __future__ import annotations

from sqlalchemy import select

from audit.cosigned import CosignatureStore
from audit.entry import Entry
from audit.errors import LogUnavailable, ProofWrong, Tampered, mapped
from audit.head import Head
from audit.log import Log
from audit.merkle import EMPTY
from audit.note import NoteVerifier
from audit.proof import check_consistency, check_inclusion
from audit.receipt import Opening, Receipt
from audit.schema import HEAD
from audit.succession import KINDS, Chain
from audit.tile_store import TileStore
from audit.tiles import Tile
from audit.tree import Tree

__all__ = ["Published"]

_SECONDS = 30.0


class Published:
    """One open log, seen from outside. Safe from any thread."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tiles = TileStore(log.engine)
        self._cosigned = CosignatureStore(log.engine)
        self._vkeys: tuple[int, bytes] = (-1, b"")

    @property
    def verifier(self) -> NoteVerifier:
        """The key that checkpoints verify with."""
        return self._log.verifier

    def head(self) -> Head:
        """Where the log stands."""
        return self._log.head()

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint, with the cosignatures that it has."""
        return self._cosigned.on(self._log.head().checkpoint)

    def caught_up(self) -> Head:
        """Where the log stands on the disk, what other processes recorded included. Raises LogUnavailable."""
        engine = self._log.engine
        with mapped(engine, "reading"), engine.connect() as connection, connection.begin():
            size = connection.scalar(select(HEAD.c.size))
        if size != self._log.head().size:
            try:
                # The sequencer catches up before it runs anything; there is nothing to run.
                self._log.submit((), within=lambda _connection, _entries: None).result(_SECONDS)
            except TimeoutError:
                raise LogUnavailable("the log did not answer in time") from None
        return self._log.head()

    def vkeys(self) -> bytes:
        """How the log came to its key: each entry in which one key signed the next, opened, a line each.

        For everybody: it names keys, and nobody's data. Raises Tampered, LogUnavailable.
        """
        newest = self._log.last_of(KINDS)
        if newest != self._vkeys[0]:
            entries = self._log.entries(kinds=KINDS)
            lines = (Opening(e.leaf, e.salt, e.body).to_bytes() + b"\n" for e in entries)
            self._vkeys = newest, b"".join(lines)
        return self._vkeys[1]

    def cosigned(self) -> bytes | None:
        """The newest checkpoint that a witness cosigned; None without one."""
        return self._cosigned.newest()

    def file(self, path: str) -> bytes | None:
        """What lies at `tile/...`; None where there is nothing. Raises Tampered, LogUnavailable."""
        tile = Tile.from_path(path)
        size = self._log.head().size
        if tile is None or tile.needs > size:
            return None
        self._tiles.kept_up(size)
        return self._tiles.read(tile)

    def inclusion(self, index: int, *, head: Head | None = None) -> tuple[bytes, ...]:
        """That entry `index` is in the log as the head's checkpoint signs it. Raises Tampered, LogUnavailable."""
        head = head or self._log.head()
        entry = self._log.entry(index)
        if entry is None:
            raise ValueError(f"the log has no entry {index}")
        proof = self._tiles.tree(head.size, peaks=head.frontier).inclusion(index)
        try:
            check_inclusion(leaf_hash=entry.leaf_hash, index=index, size=head.size, proof=proof, root=head.root)
        except ProofWrong as error:
            self._tiles.forget()
            raise _differs(index) from error
        return proof

    def proof_from(self, size: int, *, head: Head | None = None) -> tuple[bytes, ...]:
        """The consistency proof from an earlier size, whatever its root was said to be. Raises Tampered."""
        head = head or self._log.head()
        tree = self._tiles.tree(head.size, peaks=head.frontier)
        try:
            return _consistent(tree, EMPTY.root if size == 0 else self._tiles.tree(size).root, size, head)
        except Tampered:
            self._tiles.forget()
            raise

    def proof_anew(self, size: int, *, head: Head) -> tuple[bytes, ...]:
        """As `proof_from`, from the leaves alone: slow, and right where tiles were written into. Raises Tampered."""
        root = EMPTY.root if size == 0 else Tree(size, self._tiles.derived).root
        return _consistent(Tree(head.size, self._tiles.derived), root, size, head)

    def receipt(self, entry: Entry, *, under: bytes | None = None) -> Receipt:
        """The receipt of an entry under the newest checkpoint, or under an older one that covers it.

        Raises Tampered, LogUnavailable.
        """
        if under is None:
            head = self._log.head()
            proof, under = self.inclusion(entry.seq, head=head), self._cosigned.on(head.checkpoint)
        else:
            proof = self._inclusion_under(entry, under)
        return Receipt.of(entry, proof=proof, checkpoint=under)

    def _inclusion_under(self, entry: Entry, note: bytes) -> tuple[bytes, ...]:
        signed, _ = Chain.opened(self.vkeys()).signed(note, self._log.verifier)
        proof = self._tiles.tree(signed.size).inclusion(entry.seq)
        try:
            check_inclusion(leaf_hash=entry.leaf_hash, index=entry.seq, size=signed.size, proof=proof, root=signed.root)
        except ProofWrong as error:
            self._tiles.forget()
            raise _differs(entry.seq) from error
        return proof


def _consistent(tree: Tree, before: bytes, size: int, head: Head) -> tuple[bytes, ...]:
    proof = tree.consistency(size)
    try:
        check_consistency(old=size, size=head.size, old_root=before, root=head.root, proof=proof)
    except ProofWrong as error:
        raise _differs(None) from error
    return proof


def _differs(seq: int | None) -> Tampered:
    return Tampered(seq, "tile-differs", "the stored tiles are not those of the entries; delete them, they are derived")
