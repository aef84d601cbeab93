"""What is written into the log (`Draft`) and what stands in it (`Entry`).

The stored body is the draft's body and, under the key `filing`, who may read it and by which words a search finds it:

    {"filing":{"index":{"party":["aspire"]},"readers":["aspire","hope-house"]}, ...the draft's own keys}

So both are covered by the leaf's hash: whoever changes a reader or hides an entry from searches in the database's
tables contradicts the body, and verification says so. `terms` are the rows that the search's table has for a body.

Subjects never stand in a body by their own ids. `Draft.subjects` becomes `{"subjects":{"aspire":["<handle>"]}}`, where
a handle is the id of a key (`audit.keys`); what is said of a single subject is a `Part`, encrypted under that subject's
key and apart from the body, which carries its hash: `{"parts":["<SHA-256 of salt ‖ canonical value>"]}`. A body that
can't help naming subjects (a filter in a signed request) says so in `Draft.names`, and is forgotten with the first.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from audit.canonical import canonical
from audit.errors import DraftWrong
from audit.keys import DataKey, KeyStore, Use
from audit.leaf import KIND, body_hash

__all__ = [
    "ERASURE",
    "INDEX_KEYS",
    "MAX_BODY",
    "Draft",
    "Entry",
    "Part",
    "Prepared",
    "PreparedPart",
    "Term",
    "filing",
    "terms",
]

# The words that an entry may be found by. None of them is personal data: the index is for ever.
INDEX_KEYS = ("party", "connector", "purpose", "dataset", "outcome", "clause", "mou")
MAX_BODY = 16 * 1024 * 1024
# The kind of the entry under which content is forgotten (`audit.erasure`).
ERASURE = "erasure"
_MAX_VALUE = 300
_MAX_SUBJECT = 1024
_FILING, _SUBJECTS, _PARTS = "filing", "subjects", "parts"
_USES = ("record", "content", "disclosure")

Term = tuple[str, str]
Subject = tuple[str, str]  # contributor, and its own id of the client


@dataclass(frozen=True, slots=True)
class Part:
    """What an entry says of one subject."""

    contributor: str
    subject: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be. `readers` are the parties that may see the body; `index` holds the words that it is found by.

    `use` says how long its content is kept: `record` for ever, since the service's state follows from it; `content` and
    `disclosure` until they are erased by age or order. `subjects`: ids by contributor, of whom it tells.
    """

    kind: str
    body: Mapping[str, Any]
    readers: tuple[str, ...] = ()
    index: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    use: Use = "record"
    subjects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    names: tuple[Subject, ...] = ()

    def __post_init__(self) -> None:
        if KIND.fullmatch(self.kind) is None:
            raise DraftWrong(f"`{self.kind}` is not a kind: small letters, digits and hyphens, a letter first")
        for own in (_FILING, _SUBJECTS, _PARTS):
            if own in self.body:
                raise DraftWrong(f"the key `{own}` of a body is the log's own")
        if self.use not in _USES:
            raise DraftWrong(f"`{self.use}` is none of {', '.join(_USES)}")
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


class PreparedPart(NamedTuple):
    """A part with its salt, and the key that it will lie under."""

    key: DataKey
    plain: bytes


class Prepared(NamedTuple):  # of the frozen kinds the one that is quickly made
    """A draft whose body is settled, all but its place; made in the caller's thread."""

    kind: str
    salt: bytes
    body: dict[str, Any]
    body_bytes: bytes
    body_hash: bytes
    readers: tuple[str, ...]
    terms: tuple[Term, ...]
    use: Use = "record"
    holder: str = ""
    named: tuple[DataKey, ...] = ()
    parts: tuple[PreparedPart, ...] = ()
    since: int | None = None  # the last erasure that was known before its subjects' keys were asked for

    @classmethod
    def of(cls, draft: Draft, keys: KeyStore | None = None, *, since: int = -1) -> Prepared:
        """Makes the subjects' keys that it takes. `keys` may be left out where it tells of no subject.

        Raises DraftWrong where the body has no canonical form, or is too large; KeysUnavailable.
        """
        readers = sorted(set(draft.readers))
        index = {k: sorted({v} if isinstance(v, str) else set(v)) for k, v in draft.index.items()}
        whole: dict[str, Any] = {**draft.body, _FILING: {"index": index, "readers": readers}}
        named: tuple[DataKey, ...] = ()
        parts: tuple[PreparedPart, ...] = ()
        if draft.subjects or draft.parts or draft.names:
            named, parts = _of_subjects(draft, whole, keys)
        data, body = canonical(whole)
        if len(data) > MAX_BODY:
            raise DraftWrong(f"the body has {len(data)} bytes, and {MAX_BODY} are the most")
        salt = secrets.token_bytes(32)
        holder = next(iter(index.get("party", ())), "")
        return cls(
            draft.kind,
            salt,
            body,
            data,
            body_hash(salt, data),
            tuple(readers),
            _words(draft.kind, readers, index, subjects=isinstance(body.get(_SUBJECTS), dict)),
            draft.use,
            holder,
            named,
            parts,
            since if draft.subjects or draft.parts or draft.names else None,
        )


def _of_subjects(
    draft: Draft, whole: dict[str, Any], keys: KeyStore | None
) -> tuple[tuple[DataKey, ...], tuple[PreparedPart, ...]]:
    """Puts handles and hashes of parts into the body; the keys that the body and the parts lie under."""
    if keys is None:
        raise DraftWrong("an entry that tells of subjects needs a key store")
    for subject in (*(s for _, s in draft.names), *(p.subject for p in draft.parts)):
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
            raise DraftWrong(f"a subject's id is not text of 1 to {_MAX_SUBJECT} characters")
    use: Use = "disclosure" if draft.use == "disclosure" else "content"
    if draft.subjects:
        whole[_SUBJECTS] = {holder: keys.handles(use, holder, ids) for holder, ids in draft.subjects.items()}
    of: dict[Subject, DataKey] = {}
    wanted = [(p.contributor, p.subject) for p in draft.parts]
    for holder in dict.fromkeys(holder for holder, _ in (*wanted, *draft.names)):
        found = keys.of_subjects("content", holder, [s for h, s in (*wanted, *draft.names) if h == holder])
        of.update({(holder, subject): key for subject, key in found.items()})
    parts, hashes = [], []
    for part in draft.parts:
        salt, (data, _) = secrets.token_bytes(32), canonical(dict(part.value))
        parts.append(PreparedPart(of[part.contributor, part.subject], salt + data))
        hashes.append(body_hash(salt, data).hex())
    if hashes:
        whole[_PARTS] = hashes
    return tuple(of[s] for s in sorted(set(draft.names))), tuple(parts)


class Entry(NamedTuple):
    """An entry as it is stored; `body` is parsed from `body_bytes`, whose hash with `salt` stands in `leaf`.

    `erased` is the number of the erasure under which its content was forgotten: then it has neither salt nor body, and
    nobody is its reader. `parts` are canonical values, None where one was forgotten; only verification opens them along
    with the entry, others ask for them (`audit.details`).
    """

    seq: int
    kind: str
    time: dt.datetime
    leaf: bytes
    leaf_hash: bytes
    salt: bytes
    body: dict[str, Any]
    body_bytes: bytes
    readers: tuple[str, ...]
    erased: int | None = None
    parts: tuple[bytes | None, ...] = ()


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
    return _words(kind, readers, index, subjects=isinstance(body.get(_SUBJECTS), dict))


def _words(
    kind: str, readers: Sequence[str], index: Mapping[str, Sequence[str]], *, subjects: bool
) -> tuple[Term, ...]:
    found = [("kind", kind)]
    for key, values in index.items():
        for value in values:
            found.append((key, value))
    for reader in readers:
        found.append(("reader", reader))
    if subjects:
        found.append(("holds", "subjects"))
    return tuple(sorted(set(found)))
