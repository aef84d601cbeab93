"""Every single-key change of every clause of a document: another role, field, purpose, view, day, `rows`, `from`, ...

A mutant is a whole document whose one clause differs in one key: a member taken away, added or replaced, a value
changed, an optional key dropped or given.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from governance.model.mou import Mou

__all__ = ["Mutant", "mutants"]

VIEWS = ("identified", "pseudonymised", "aggregate")
ROWS = ("own", "others", "all")
CLASSES = ("identifier", "quasi-identifier", "sensitive", "plain")
OPTIONAL = {"to", "data", "rows", "from", "fields", "view", "purpose"}  # of a prohibition or a consent clause


@dataclass(frozen=True)
class Mutant:
    """A changed document; `label` says what was changed to what."""

    label: str
    clause: str
    mou: Mou


class _Absent:
    """A key that is taken away."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


def _lists(value: Sequence[Any] | None, pool: Sequence[Any]) -> Iterator[list[Any]]:
    """One member less, one more, one another."""
    have = list(value or ())
    rest = [item for item in pool if item not in have]
    yield from ([item for item in have if item != gone] for gone in have if have[1:])
    yield from ([*have, item] for item in rest)
    yield from ([item if old == have[0] else old for old in have] for item in rest if have)


def _whos(mou: Mou, value: Any) -> Iterator[Any]:
    roles = list(dict.fromkeys(p.role for p in mou.parties))
    parties = [p.id for p in mou.parties]
    if isinstance(value, dict):
        for key, pool in (("roles", roles), ("parties", parties)):
            if key in value:
                yield from ({**value, key: changed} for changed in _lists(value[key], pool))
        yield "everyone"
        return
    yield from ({"roles": [role]} for role in roles)
    yield from ({"parties": [party]} for party in (parties[0], parties[-1]))


def _fields(mou: Mou, data: str, value: Any) -> Iterator[Any]:
    names = list(mou.datasets[data].fields)
    if isinstance(value, dict):
        yield from ({"classes": changed} for changed in _lists(value["classes"], CLASSES))
    elif isinstance(value, list):
        yield from _lists(value, names)
    else:
        yield from ([name for name in names if name != gone] for gone in names)


def _rule(mou: Mou, kind: str, rule: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    data = rule.get("data") or next(iter(mou.datasets))
    changes: dict[str, Iterator[Any] | Sequence[Any]] = {
        "to": _whos(mou, rule.get("to")),
        "from": _whos(mou, rule.get("from")),
        "rows": [rows for rows in ROWS if rows != rule.get("rows")],
        "fields": _fields(mou, data, rule.get("fields")),
        "view": [v for v in VIEWS if v != rule.get("view")] if kind == "permit" else _lists(rule.get("view"), VIEWS),
        "purpose": _lists(rule.get("purpose"), list(mou.purposes)),
    }
    if kind == "permit":
        changes["review"] = [r for r in ("contributors", {"parties": [mou.parties[0].id]}) if r != rule.get("review")]
        changes["protect"] = _protects(rule)
    if kind == "prohibit":
        changes["except"] = _lists(rule.get("except"), [c.id for c in mou.clauses if c.permit is not None])
    for key, values in changes.items():
        yield from ((key, value) for value in values)
    optional = {"from", "review", "protect"} if kind == "permit" else OPTIONAL | {"except"}
    yield from ((key, ABSENT) for key in sorted(optional & set(rule)))


def _protects(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    have = rule.get("protect") or {}
    for key, other in (("minimum_cell", 17), ("other_parties", 4), ("dominance", 0.5), ("k", 17)):
        yield {**have, key: other}


def _duty(mou: Mou, duty: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (("of", who) for who in _whos(mou, duty["of"]))
    yield from (("blocking", b) for b in ("none", "others", "all") if b != duty.get("blocking", "none"))
    if "every" in duty:
        yield from (("every", period) for period in ("P6M", "P11M", "P364D", "P2Y"))
        yield from (("grace", period) for period in (ABSENT, "P29D", "P31D", "P1M"))
        yield "action", "submit-data"


def _valid(mou: Mou, valid: dict[str, Any] | None) -> Iterator[Any]:
    day = dt.timedelta(days=1)
    have = valid or {}
    middle = mou.effective + (mou.expires - mou.effective) / 2
    for key in ("from", "until"):
        if key in have:
            yield from ({**have, key: have[key] + step} for step in (-day, day))
            yield {k: v for k, v in have.items() if k != key} or ABSENT
        else:
            yield {**have, key: middle}


def mutants(mou: Mou) -> Iterator[Mutant]:
    """Each changed document, in the order of its clauses and keys."""
    document = mou.model_dump(by_alias=True, exclude_none=True)
    document["clauses"] = [_plain(clause) for clause in document["clauses"]]
    for index, clause in enumerate(document["clauses"]):
        kind = next(k for k in ("permit", "prohibit", "consent", "duty") if k in clause)
        changes = _duty(mou, clause[kind]) if kind == "duty" else _rule(mou, kind, clause[kind])
        bodies = [(f"{kind}.{key}", {**clause, kind: _with(clause[kind], key, value)}, value) for key, value in changes]
        bodies += [("valid", _with(clause, "valid", value), value) for value in _valid(mou, clause.get("valid"))]
        for key, changed, value in bodies:
            clauses = [*document["clauses"][:index], changed, *document["clauses"][index + 1 :]]
            mutant = Mou.model_validate(document | {"clauses": clauses})
            yield Mutant(f"{clause['id']} {key}: {_said(value)}", clause["id"], mutant)


def _with(mapping: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    rest = {k: v for k, v in mapping.items() if k != key}
    return rest if value is ABSENT else rest | {key: value}


def _plain(value: Any) -> Any:
    """Lists where the models have tuples."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_said(part)}" for key, part in value.items()) + "}"
    return "[" + " ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)
