"""A look at every leaf when a service starts: nothing was taken away, nothing changed, since the checkpoint was signed.

Opening a log looks at its end alone. Whoever can write to the database could make an entry in the middle vanish, from
the table or from the index that entries of a kind are found by, and a service would not miss it. So the leaves are
hashed once: chain, Merkle root (RFC 6962 §2.1) and the signed checkpoint must hold, and what is told of is found in the
leaves themselves. Bodies are not read here; each is held against its leaf whenever it is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from audit.errors import LogMissing, Tampered, mapped
from audit.head import check_head, read_head
from audit.leaf import FIRST, Leaf
from audit.log import Log
from audit.merkle import EMPTY
from audit.rows import checked_leaf
from audit.schema import LEAVES

__all__ = ["Seen", "scan"]

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as its leaf tells of it."""

    kind: str
    leaf_hash: bytes


def scan(log: Log, kinds: Collection[str]) -> dict[int, Seen]:
    """The entries of these kinds, by number, of a log whose every leaf was hashed. Raises Tampered, LogUnavailable."""
    wanted = {kind: f'"kind":"{kind}"'.encode() for kind in kinds}
    found: dict[int, Seen] = {}
    tree, last = EMPTY, FIRST
    with mapped(log.engine, "being looked through"), log.engine.connect() as connection, connection.begin():
        head = read_head(connection)
        if head is None:
            raise LogMissing("the database holds no log")
        check_head(head, origin=log.verifier.name, verifier=log.verifier)
        for first in range(0, head.size, _CHUNK):
            behind = min(first + _CHUNK, head.size)
            rows = connection.execute(
                select(LEAVES.c.seq, LEAVES.c.leaf)
                .where(LEAVES.c.seq >= first, LEAVES.c.seq < behind)
                .order_by(LEAVES.c.seq)
            ).all()
            hashes = []
            for expected, (seq, leaf) in zip(range(first, behind), rows, strict=False):
                if seq != expected:
                    raise Tampered(expected, "missing", f"entry {expected} is missing")
                if b'"prev":"' + last.hex().encode() + b'"' not in leaf:
                    raise Tampered(seq, "chain-broken", f"entry {seq}, or the one before it, is not what it was")
                last = Leaf.hash(leaf)
                hashes.append(last)
                for kind, mark in wanted.items():
                    if mark in leaf and checked_leaf(seq, leaf).kind == kind:
                        found[seq] = Seen(kind, last)
            if len(rows) != behind - first:
                raise Tampered(first + len(rows), "missing", f"entry {first + len(rows)} is missing")
            tree = tree.extended(hashes)
    if last != head.last or tree.root != head.root:
        raise Tampered(head.size - 1, "root-differs", "the entries are not those that the log's key signed for")
    return found
