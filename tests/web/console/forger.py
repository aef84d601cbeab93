"""A server that shows another log than the one that was written."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from playwright.sync_api import Page, Route

from audit import NoteSigner
from audit.leaf import Leaf
from audit.merkle import EMPTY, leaf_hash
from audit.note import Checkpoint
from audit.tiles import ENTRIES, bundle, root_of_full, tiles_of
from tests.simulator import ORIGIN, World

__all__ = ["Forger", "leaves_of", "rewritten"]


class Forger:
    """A log over leaves of one's own, in files as they are served."""

    def __init__(self, leaves: list[bytes], signer: NoteSigner) -> None:
        hashes = [leaf_hash(leaf) for leaf in leaves]
        levels = [hashes]
        while len(levels[-1]) >= 256:
            row = levels[-1]
            levels.append([root_of_full(row[n : n + 256]) for n in range(0, len(row) - 255, 256)])
        self.root = EMPTY.extended(hashes).root
        self.files: dict[str, bytes] = {}
        for tile in tiles_of(len(leaves)):
            first = tile.index * 256
            last = first + tile.width
            content = bundle(leaves[first:last]) if tile.level == ENTRIES else b"".join(levels[tile.level][first:last])
            self.files[tile.path] = content
        self.note = signer.sign(Checkpoint(signer.name, len(leaves), self.root).to_text())

    def serve(self, page: Page, *, tiles: bool = True) -> None:
        def answer(route: Route) -> None:
            name = route.request.url.removeprefix(f"{ORIGIN}/log/")
            content = self.note if name == "checkpoint" else self.files.get(name)
            route.fulfill(status=200 if content else 404, body=content or b"")

        page.route("**/log/checkpoint", answer)
        if tiles:
            page.route("**/log/tile/**", answer)


def leaves_of(world: World) -> list[bytes]:
    return [entry.leaf for entry in world.services.journal.entries()]


def rewritten(leaves: list[bytes], seq: int) -> list[bytes]:
    """The same log but for one entry's content, all behind it linked anew."""
    made = [*leaves]
    for n in range(seq, len(made)):
        leaf = Leaf.from_bytes(made[n])
        made[n] = replace(
            leaf,
            prev=leaf_hash(made[n - 1]) if n > seq else leaf.prev,
            body=hashlib.sha256(b"another").digest() if n == seq else leaf.body,
        ).to_bytes()
    return made
