"""Step 1: requests that no document given, in force or not, can speak about (language, The decision, 1; R3–R8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from governance.compiler.reference.seen import Given, Seen
from governance.model.access import Filter, Request

__all__ = ["invalid"]

Finding = tuple[str, str]  # reason and detail


def invalid(given: Given, request: Request, documents: Sequence[Seen]) -> Finding | None:
    """Why the request is not a decision's business, or None; `documents` are those that define the dataset."""
    if request.party not in given.parties:
        return "unknown-party", f"`{request.party}` is a party to nothing"
    if not documents:
        return "unknown-dataset", f"`{request.dataset}` is a dataset of no document"
    return next((found for check in _CHECKS if (found := check(given, request, documents)) is not None), None)


def _no_fields(_given: Given, request: Request, _documents: Sequence[Seen]) -> Finding | None:
    if not request.all_fields and not request.measures:
        return "no-fields", "the request names no field and no measure in `fields` or `measures`"
    return None


def _measures(_given: Given, request: Request, _documents: Sequence[Seen]) -> Finding | None:
    if request.measures and request.view != "aggregate":
        return "measures-need-aggregate", f"`measures` need the view `aggregate`, not `{request.view}`"
    return None


def _fields(_given: Given, request: Request, documents: Sequence[Seen]) -> Finding | None:
    known = [frozenset(seen.dataset.fields) for seen in documents]
    if unknown := _not_in_one(request.all_fields, known):
        return "unknown-field", f"`{unknown}` is not a field of `{request.dataset}`"
    return None


def _purpose(_given: Given, request: Request, documents: Sequence[Seen]) -> Finding | None:
    if not any(seen.purposes for seen in documents):
        return "unknown-purpose", f"`{request.purpose}` is a purpose of no document on `{request.dataset}`"
    return None


def _from(_given: Given, request: Request, documents: Sequence[Seen]) -> Finding | None:
    if request.from_ is None:
        return None
    if not request.from_:
        return "empty-from", "`from` names nobody"
    known = [frozenset(p.id for p in seen.mou.parties) for seen in documents]
    if unknown := _not_in_one(request.from_, known):
        return "unknown-from", f"`{unknown}` in `from` is not a party to a document on `{request.dataset}`"
    return None


def _mou(given: Given, request: Request, _documents: Sequence[Seen]) -> Finding | None:
    if request.mou is not None and request.mou not in given.versions:
        return "unknown-mou", f"`{request.mou}` is no document"
    return None


def _under(given: Given, request: Request, _documents: Sequence[Seen]) -> Finding | None:
    mous = given.mous if request.mou is None else given.versions[request.mou]
    if request.under is not None and all(c.id != request.under for m in mous for c in m.clauses):
        return "unknown-clause", f"`{request.under}` in `under` is no clause of " + (
            "any document" if request.mou is None else f"`{request.mou}`"
        )
    return None


def _rows(_given: Given, request: Request, documents: Sequence[Seen]) -> Finding | None:
    if not any(seen.rows for seen in documents):
        return "no-rows", f"`rows` `{request.rows}` of `{request.party}` selects no contributor to `{request.dataset}`"
    return None


def _levels(_given: Given, request: Request, documents: Sequence[Seen]) -> Finding | None:
    """An aggregate over others' rows is filtered by declared levels only (R6)."""
    of_others = any(not seen.rows <= {request.party} for seen in documents)
    if request.view != "aggregate" or not of_others:
        return None
    for filter_ in request.filters:
        if filter_.op not in ("eq", "in"):
            return "filter-not-a-level", f"`{filter_.op}` on `{filter_.field}`: over others' rows only `eq` and `in`"
    for filter_ in request.filters:
        levels = _declared(filter_.field, documents)
        if levels and (undeclared := _undeclared(filter_, levels)) is not None:
            return "undeclared-level", f"{undeclared} is not a declared level of `{filter_.field}`"
    return None


def _declared(name: str, documents: Sequence[Seen]) -> list[object]:
    """The levels that any document on the dataset declares for the field; none where it has none."""
    levels: list[object] = []
    for field in (seen.dataset.fields.get(name) for seen in documents):
        if field is not None:
            levels.extend(field.levels or ())
            levels.extend((True, False) if field.type == "boolean" else ())
    return levels


def _undeclared(filter_: Filter, levels: Iterable[object]) -> str | None:
    """The first value of the filter that is none of the levels, in backticks."""
    if filter_.op == "in":
        values = list(filter_.value) if isinstance(filter_.value, list | tuple) else [filter_.value]
    else:
        values = [filter_.value]
    return next((f"`{v}`" for v in values if not any(_same(v, level) for level in levels)), None)


def _same(value: object, level: object) -> bool:
    """Equal as JSON: `true` is not 1, and the text `1` is not the number."""
    return value == level and isinstance(value, bool) == isinstance(level, bool)


def _not_in_one(names: Iterable[str], known: Sequence[frozenset[str]]) -> str | None:
    """None where one document knows all names; else the first that the document that knows most does not."""
    missing = [[n for n in names if n not in k] for k in known]
    return min(missing, key=len)[0] if all(missing) else None


_CHECKS: tuple[Callable[[Given, Request, Sequence[Seen]], Finding | None], ...] = (
    _no_fields,
    _measures,
    _fields,
    _purpose,
    _from,
    _mou,
    _under,
    _rows,
    _levels,
)
