"""Which clauses a request meets: what touches it, what covers it, what is lifted (language, What it means)."""

from __future__ import annotations

from governance.compiler.reference.days import within
from governance.compiler.reference.seen import Seen
from governance.model.clauses import Clause, Consent, Prohibit
from governance.model.names import FieldClasses, Fields, View

__all__ = ["clause_fields", "covers", "lifted", "no_more_revealing", "touches"]

_REVEALS: dict[View, int] = {"aggregate": 0, "pseudonymised": 1, "identified": 2}


def no_more_revealing(view: View, than: View) -> bool:
    """`identified` reveals more than `pseudonymised`, and that more than `aggregate`."""
    return _REVEALS[view] <= _REVEALS[than]


def clause_fields(seen: Seen, fields: Fields) -> frozenset[str]:
    """The fields that a clause speaks of, by this document's own definition of the dataset."""
    defined = seen.dataset.fields
    if fields == "all":
        return frozenset(defined)
    if isinstance(fields, FieldClasses):
        return frozenset(name for name, field in defined.items() if field.class_ in fields.classes)
    return frozenset(fields)


def touches(seen: Seen, clause: Clause) -> bool:
    """A prohibition or a consent clause speaks of the request; an absent key matches anything."""
    rule = clause.prohibit or clause.consent
    if rule is None or not seen.rows:
        return False
    request = seen.request
    return (
        (rule.to is None or request.party in seen.who(rule.to))
        and (rule.data is None or rule.data == request.dataset)
        and (rule.purpose is None or _related(seen, rule.purpose))
        and (rule.view is None or request.view in rule.view)
        and not seen.rows.isdisjoint(seen.clause_rows(rule.rows, rule.from_))
        and _fields_meet(seen, rule)
        and within(clause.valid, request.at, seen.mou.zone)
    )


def _related(seen: Seen, purposes: tuple[str, ...]) -> bool:
    """The purpose is within one of these or one of these is within it; of several nodes, any (R2)."""
    return any(seen.within(asked, p) or seen.within(p, asked) for asked in seen.purposes for p in purposes)


def _fields_meet(seen: Seen, rule: Prohibit | Consent) -> bool:
    """The request's fields meet the clause's; one that names no field is met by what speaks of every field."""
    if rule.fields is None:
        return True
    spoken, asked = clause_fields(seen, rule.fields), frozenset(seen.request.all_fields)
    return not asked.isdisjoint(spoken) if asked else spoken >= frozenset(seen.dataset.fields)


def covers(seen: Seen, clause: Clause) -> bool:
    """A permit allows the whole request."""
    rule = clause.permit
    if rule is None or not seen.rows:
        return False
    request = seen.request
    return (
        request.party in seen.who(rule.to)
        and rule.data == request.dataset
        and _all_within(seen, rule.purpose)
        and no_more_revealing(request.view, rule.view)
        and seen.rows <= seen.clause_rows(rule.rows, rule.from_)
        and _fields_covered(seen, rule.fields)
        and within(clause.valid, request.at, seen.mou.zone)
    )


def _all_within(seen: Seen, purposes: tuple[str, ...]) -> bool:
    """The purpose is within one of these; of several nodes, all of them (R2). A purpose unknown here never is."""
    nodes = seen.purposes
    return bool(nodes) and all(any(seen.within(asked, p) for p in purposes) for asked in nodes)


def _fields_covered(seen: Seen, fields: Fields) -> bool:
    asked, defined = frozenset(seen.request.all_fields), seen.dataset.fields
    if not asked <= clause_fields(seen, fields) & frozenset(defined):
        return False
    return seen.request.view != "pseudonymised" or all(defined[name].class_ != "identifier" for name in asked)


def lifted(seen: Seen, clause: Clause) -> bool:
    """One of the permits in a prohibition's `except` covers the request, whatever `mou` and `under` say (R16)."""
    excepted = (clause.prohibit.except_ or ()) if clause.prohibit is not None else ()
    return any(c.id in excepted and covers(seen, c) for c in seen.mou.clauses)
