"""Whether a document says who must sign: parties, and rules that somebody's signature is needed for.

The compiler refuses any other document (docs/language.md); a document in an evidence file need not have met it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["document_fault", "rule_members"]


def rule_members(document: dict[str, Any], who: Any) -> list[str]:
    """The parties that a rule is about, in the document's order."""
    if who == "everyone":
        return [p["id"] for p in document["parties"]]
    roles, parties = who.get("roles") or [], who.get("parties") or []
    return [p["id"] for p in document["parties"] if p["role"] in roles or p["id"] in parties]


def _rule_fault(document: dict[str, Any], rule: Any) -> str | None:
    if rule == "everyone":
        return None
    least, members = rule["at_least"], rule_members(document, rule["of"])
    if type(least) is not int or not 1 <= least <= len(members):
        return f"`at_least` is no number from 1 to {len(members)}"
    return None


def document_fault(document: dict[str, Any]) -> str | None:
    """Why nobody can say of a document who must sign it. Raises KeyError, TypeError or AttributeError."""
    if type(document["version"]) is not int or document["version"] < 1:
        return "its version is no number from 1 on"
    parties = document["parties"]
    words = [p[name] for p in parties for name in ("id", "name", "role")]
    if type(parties) is not list or not parties or not all(isinstance(w, str) and w for w in words):
        return "its parties have no names, or there are none"
    if len({p["id"] for p in parties}) != len(parties):
        return "a party is named twice"
    rules = [document["signing"]["required"]]
    if document.get("amendment"):
        rules.append(document["amendment"]["required"])
    return next((fault for fault in (_rule_fault(document, rule) for rule in rules) if fault), None)
