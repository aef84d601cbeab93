"""What an entry says, as facts for a page: the same for every kind, in plain words and in one order.

Requests have sections of their own. What a kind has to say that is not named here stands under the name that its body
gives it, so that no kind is an empty page.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit import Details, Entry
from audit.erasure import Erased
from governance.errors import AccordantError, NotAuthentic
from governance.signing.jws import kid_of, verify_detached
from governance.web.console.words import count
from governance.web.services import Services

__all__ = ["Fact", "Paper", "facts", "paper", "who"]

# Shown in sections of their own, or nothing for people: what a search finds, what one call is held together by.
_APART = {
    "party", "person", "reason", "outcome", "request", "filing", "statement", "jws", "declaration", "clauses", "call",
    "decision", "nearest", "subjects", "parts", "erased", "kept", "by", "missing", "document", "text", "nonce", "under",
}  # fmt: skip
_LABELS = {
    "basis": ("Basis", "text"),
    "contributor": ("Whose clients", "party"),
    "whose": ("Whose clients", "party"),
    "client": ("Client’s handle", "code"),
    "approver": ("By", "party"),
    "title": ("Title", "text"),
    "mou": ("Agreement", "mou"),
    "version": ("Version", "text"),
    "clause": ("Clause", "text"),
    "dataset": ("Dataset", "text"),
    "purpose": ("Purpose", "text"),
    "view": ("How closely", "text"),
    "rows": ("Rows", "text"),
    "bytes": ("Bytes", "text"),
    "complete": ("To the end", "text"),
    "sha256": ("What it hashes to", "code"),
    "file_sha256": ("The file hashes to", "code"),
    "old": ("The key before", "code"),
    "new": ("The key from here on", "code"),
    "order": ("Carries out the order of entry", "seqs"),
    "policy": ("The policy", "block"),
    "mapping": ("The mapping", "block"),
    "fingerprint": ("Key", "code"),
    "log_vkey": ("The log’s key", "code"),
    "origin": ("Log", "text"),
    "size": ("Entries before it", "text"),
    "root": ("Their root", "code"),
}
_KEPT = {"accounting": "an agreement’s accounting period", "hold": "a hold"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that an entry says; `form` is how the page writes it."""

    label: str
    form: str
    value: Any


@dataclass(frozen=True, slots=True)
class Paper:
    """A statement that somebody signed, as it is recorded. `wrong`: why the signature does not hold."""

    text: str
    keyid: str
    key: str | None
    wrong: str | None


def who(entry: Entry) -> Any:
    """The party that did it: of an approval that is who approved, not who had asked."""
    return entry.body.get("approver") or entry.body.get("party")


def facts(entry: Entry, details: Details) -> tuple[Fact, ...]:
    """Everything but a request's own; nothing of what was erased."""
    if entry.kind == "request" or entry.erased is not None:
        return ()
    return tuple(_facts(entry, details))


def _facts(entry: Entry, details: Details) -> Iterator[Fact]:
    body = entry.body
    if entry.kind in ("approval", "refusal"):
        yield Fact("Whose request", "party", body.get("party"))
    for key, (label, form) in _LABELS.items():
        value = body.get(key)
        if value is None or isinstance(value, list | dict) or (key == "approver"):
            continue
        if form == "seqs":
            yield Fact(label, form, ((value, value),) if isinstance(value, int) else ())
        elif isinstance(value, bool):
            yield Fact(label, "text", "yes" if value else "no")
        else:
            yield Fact(label, form, f"{value:,}" if isinstance(value, int) else value)
    by = body.get("by")
    if isinstance(by, Mapping):
        named = (str(by[key]) for key in ("person", "party", "service") if key in by)
        yield Fact("Ordered by", "text", ", ".join(named))
    under = body.get("under")
    cited = [c for c in under if isinstance(c, Mapping)] if isinstance(under, list) else []
    if cited:
        clauses = (f"{c.get('mou')}:{c.get('clause')}, version {c.get('version')}" for c in cited)
        yield Fact("Under", "text", "; ".join(clauses))
    yield from _clients(entry, details)
    yield from _erased(entry)
    missing = body.get("missing")
    if entry.kind == "continuation":
        lost = f"entries {missing.get('from')} to {missing.get('until')}" if isinstance(missing, Mapping) else "nothing"
        yield Fact("Known to be lost", "text", lost)
    for key in sorted(set(body) - set(_LABELS) - _APART):
        value = body[key]
        plain = isinstance(value, str | int | float) and not isinstance(value, bool)
        yield Fact(_label(key), "text" if plain else "code", value if plain else json.dumps(value, ensure_ascii=False))


def _label(key: str) -> str:
    return key.replace("_", " ").replace("sha256", "digest").capitalize()


def _clients(entry: Entry, details: Details) -> Iterator[Fact]:
    held = entry.body.get("subjects")
    total = sum(len(ids) for ids in held.values() if isinstance(ids, list)) if isinstance(held, Mapping) else 0
    if total:
        yield Fact("Clients", "text", f"{count(total, 'client')}, by handles that hold no name")
    if details.parts:
        gone = sum(1 for part in details.parts if part is None)
        left = f"; of {gone} what was said is erased" if gone else ""
        yield Fact("Said of single clients", "text", f"{count(len(details.parts), 'part')}{left}")


def _erased(entry: Entry) -> Iterator[Fact]:
    if entry.kind != "erasure":
        return
    try:
        gone = Erased.from_entry(entry)
    except (ValueError, TypeError, KeyError):
        yield Fact("What went", "text", "this entry does not say it in a form that can be read")
        return
    yield Fact("Content erased of", "seqs", gone.bodies)
    if gone.parts:
        yield Fact("Parts erased in", "seqs", tuple((seq, seq) for seq in sorted({seq for seq, _ in gone.parts})))
    yield Fact("Keys destroyed", "text", f"{len(gone.keys):,}")
    kept = entry.body.get("kept")
    for one in kept if isinstance(kept, list) else ():
        if isinstance(one, Mapping):
            why = _KEPT.get(str(one.get("why")), str(one.get("why")))
            until = f", until {str(one['until'])[:10]}" if one.get("until") else ""
            yield Fact("Record of disclosures kept", "text", f"for {why}{until}")


def paper(services: Services, entry: Entry) -> Paper | None:
    """The signed statement that an entry records, its signature verified just now; None where it records none."""
    statement, jws = entry.body.get("statement"), entry.body.get("jws")
    if not isinstance(statement, str) or not isinstance(jws, str):
        return None
    try:
        payload = urlsafe_b64decode(statement + "=" * (-len(statement) % 4))
        keyid = kid_of(jws)
    except (ValueError, NotAuthentic) as error:
        return Paper(statement, "?", None, str(getattr(error, "detail", error)))
    text = payload.decode("utf-8", "replace")
    try:
        enrolled = services.agreements.book.key(keyid)
        if enrolled is None:
            return Paper(text, keyid, None, "no key of this fingerprint is enrolled here")
        verify_detached(key=enrolled.key, payload=payload, jws=jws)
    except AccordantError as error:
        return Paper(text, keyid, None, error.detail)
    return Paper(text, keyid, enrolled.key.pem, None)
