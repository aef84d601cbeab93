"""What a document's selectors stand for on paper: who, which fields, which purposes. For checks and words only.

No engine decides by these: each reads the language for itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.errors import Fault
from governance.model.mou import Dataset, Mou
from governance.model.names import Fields, Who

__all__ = ["above", "fault", "fields_of", "parties_of", "warning", "within"]


def fault(message: str, *path: str | int, code: str, expected: str | None = None) -> Fault:
    """An error at a place of the document; its line is found by whoever has the file."""
    return Fault(message, path=path, expected=expected, code=code)


def warning(message: str, *path: str | int, code: str, expected: str | None = None) -> Fault:
    """Said, but the document stands."""
    return Fault(message, path=path, expected=expected, code=code, level="warning")


def parties_of(who: Who | None, mou: Mou) -> frozenset[str]:
    """The parties that a `<who>` names; absent means any."""
    if who is None or isinstance(who, str):
        return frozenset(p.id for p in mou.parties)
    by_role = {p.id for p in mou.parties if p.role in (who.roles or ())}
    return frozenset(by_role | {p.id for p in mou.parties if p.id in (who.parties or ())})


def fields_of(fields: Fields | None, dataset: Dataset) -> frozenset[str]:
    """The fields of one dataset that `<fields>` names; absent means any."""
    if fields is None or isinstance(fields, str):
        return frozenset(dataset.fields)
    if isinstance(fields, tuple):
        return frozenset(fields) & frozenset(dataset.fields)
    return frozenset(n for n, f in dataset.fields.items() if f.class_ in fields.classes)


def above(purpose: str, mou: Mou) -> Iterator[str]:
    """The purpose and every purpose above it; ends where a cycle closes."""
    seen: set[str] = set()
    at: str | None = purpose
    while at is not None and at not in seen and at in mou.purposes:
        seen.add(at)
        yield at
        at = mou.purposes[at].broader


def within(purpose: str, mou: Mou) -> frozenset[str]:
    """The purpose and every purpose below it."""
    return frozenset(name for name in mou.purposes if purpose in above(name, mou))
