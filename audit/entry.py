"""What is written into the log (`Draft`) and what stands in it (`Entry`).

The stored body is the draft's body and, under the key `filing`, who may read it and by which words a search finds it:

    {"filing":{"index":{"party":["aspire"]},"readers":["aspire","hope-house"]}, ...the draft's own keys}

So both are covered by the leaf's hash: whoever changes a reader or hides an entry from searches in the database's
tables contradicts the body, and verification says so. `terms` are the rows that the search's table has for a body.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.canonical import canonical
from audit.errors import DraftWrong
from audit.leaf import KIND, body_hash

__all__ = ["INDEX_KEYS", "MAX_BODY", "Draft", "Entry", "Prepared", "Term", "filing", "terms"]

# The words that an entry may be found by. None of them is personal data: the index is for ever.
INDEX_KEYS = ("party", "connector", "purpose", "dataset", "outcome", "clause", "mou")
MAX_BODY = 16 * 1024 * 1024
_MAX_VALUE = 300
_FILING = "filing"

Term = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be. `readers` are the parties that may see the body; `index` holds the words that it is found by."""

    kind: str
    body: Mapping[str, Any]
    readers: tuple[str, ...] = ()
    index: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if KIND.fullmatch(self.kind) is None:
            raise DraftWrong(f"`{self.kind}` is not a kind: small letters, digits and hyphens, a letter first")
        if _FILING in self.body:
            raise DraftWrong(f"the key `{_FILING}` of a body is the log's own")
        if not isinstance(self.readers, tuple):
            raise DraftWrong("readers are a tuple of parties")
        for reader in self.readers:
            _value("readers", reader)
        for key, values in self.index.items():
            if key not in INDEX_KEYS:
                raise DraftWrong(f"`{key}` is not a word that entries are found by: {', '.join(INDEX_KEYS)}")
            for value in (values,) if isinstance(values, str) else values:
                _value(key, value)


def _value(key: str, value: object) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_VALUE or "\x00" in value:
        raise DraftWrong(f"a value of `{key}` is not text of 1 to {_MAX_VALUE} characters")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft whose body is settled, all but its place; made in the caller's thread."""

    kind: str
    salt: bytes
    body: dict[str, Any]
    body_bytes: bytes
    body_hash: bytes
    readers: tuple[str, ...]
    terms: tuple[Term, ...]

    @classmethod
    def of(cls, draft: Draft) -> Prepared:
        """Raises DraftWrong where the body has no canonical form, or is too large."""
        readers = sorted(set(draft.readers))
        index = {k: sorted({v} if isinstance(v, str) else set(v)) for k, v in draft.index.items()}
        data, body = canonical({**draft.body, _FILING: {"index": index, "readers": readers}})
        if len(data) > MAX_BODY:
            raise DraftWrong(f"the body has {len(data)} bytes, and {MAX_BODY} are the most")
        salt = secrets.token_bytes(32)
        return cls(draft.kind, salt, body, data, body_hash(salt, data), tuple(readers), terms(draft.kind, body))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is stored; `body` is parsed from `body_bytes`, whose hash with `salt` stands in `leaf`."""

    seq: int
    kind: str
    time: dt.datetime
    leaf: bytes
    leaf_hash: bytes
    salt: bytes
    body: dict[str, Any]
    body_bytes: bytes
    readers: tuple[str, ...]


def filing(body: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Readers and index of a stored body; empty where it does not say."""
    stored = body.get(_FILING)
    if not isinstance(stored, dict):
        return (), {}
    readers, index = stored.get("readers"), stored.get("index")
    return (
        tuple(r for r in readers if isinstance(r, str)) if isinstance(readers, list) else (),
        {k: [v for v in vs if isinstance(v, str)] for k, vs in index.items() if isinstance(vs, list)}
        if isinstance(index, dict)
        else {},
    )


def terms(kind: str, body: Mapping[str, Any]) -> tuple[Term, ...]:
    """What the search's table says of an entry: its kind, its index, its readers, and whether it names subjects."""
    readers, index = filing(body)
    found = {("kind", kind)}
    found.update((key, value) for key, values in index.items() for value in values)
    found.update(("reader", reader) for reader in readers)
    if isinstance(body.get("subjects"), dict):
        found.add(("holds", "subjects"))
    return tuple(sorted(found))
