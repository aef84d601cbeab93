"""Why a clause about one purpose speaks of another: in each agreement, a purpose is within every one above it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from governance.model.mou import Mou

__all__ = ["Within", "within"]


@dataclass(frozen=True, slots=True)
class Within:
    """A purpose and those that it is within, nearest first, by title; as one agreement has them."""

    mou: str
    purpose: str
    above: tuple[str, ...]


def within(mous: Iterable[Mou], purpose: str) -> tuple[Within, ...]:
    """For each agreement that puts the purpose under another, once."""
    found: dict[str, Within] = {}
    for mou in mous:
        # Without a node of that id the purpose is one of the same term, as decisions are made (R2).
        same = (name for name, node in mou.purposes.items() if node.dpv == purpose)
        start = purpose if purpose in mou.purposes else next(same, "")
        above: list[str] = []
        node = mou.purposes.get(start)
        while node is not None and node.broader is not None and len(above) < len(mou.purposes):
            node = mou.purposes.get(node.broader)
            above += [node.title] if node is not None else []
        if above:
            found.setdefault(mou.id, Within(mou.id, mou.purposes[start].title, tuple(above)))
    return tuple(found.values())
