"""The words that rules are made of: who, whose rows, which fields, and what a rule is called."""

from __future__ import annotations

from collections.abc import Iterable

from governance.compiler.rego_values import array, block
from governance.model.mou import Dataset, Mou
from governance.model.names import FieldClasses, Fields, Rows, Who

__all__ = [
    "CLASSES",
    "any_rows",
    "clause_names",
    "covers_fields",
    "listed",
    "meant",
    "meant_rows",
    "parties_in",
    "role_names",
    "touches_fields",
]

_WIDTH = 96
CLASSES = {
    "identifier": "identifiers",
    "quasi-identifier": "quasi_identifiers",
    "sensitive": "sensitive_fields",
    "plain": "plain_fields",
}


def clause_names(mou: Mou) -> dict[str, str]:
    """A rule's name for each clause: `clause_2_2`. Ids may differ in a dot or a dash only; then a number follows."""
    names: dict[str, str] = {}
    for clause in mou.clauses:
        found = "clause_" + clause.id.replace(".", "_").replace("-", "_")
        names[clause.id] = found if found not in names.values() else f"{found}__{len(names)}"
    return names


def role_names(mou: Mou) -> dict[str, str]:
    """A rule's name for each role: `members_partner`. Slugs may differ in a dash only; then a number follows."""
    names: dict[str, str] = {}
    for role in sorted({p.role for p in mou.parties}):
        found = "members_" + role.replace("-", "_")
        names[role] = found if found not in names.values() else f"{found}__{len(names)}"
    return names


def meant(who: Who) -> str:
    """Whether the requester is meant. Withdrawn parties ask in vain anyway: the document does not bind them."""
    if isinstance(who, str):
        return 'role != ""'
    roles = f"role in {listed(sorted(set(who.roles or ())))}"
    parties = f"request.party in {listed(sorted(set(who.parties or ())))}"
    if who.parties is None:
        return roles
    return parties if who.roles is None else f"true in [{roles}, {parties}]"


def parties_in(mou: Mou, who: Who) -> str:
    """The parties meant, as a list."""
    if isinstance(who, str):
        return "parties"
    names = role_names(mou)
    lists = [names[role] for role in sorted(set(who.roles or ())) if role in names]
    if who.parties is not None:
        lists.append(listed(sorted(set(who.parties))))
    return lists[0] if len(lists) == 1 else f"document.together([{', '.join(lists)}])"


def any_rows(mou: Mou, rows: Rows | None, from_: Who | None) -> str:
    """Whether a row that is asked for is among those that the clause speaks of."""
    if from_ is None:
        return {"own": "asks_own", "others": "asks_others", "all": "asks_some", None: "asks_some"}[rows]
    return f"count({meant_rows(mou, rows, from_)}) > 0"


def meant_rows(mou: Mou, rows: Rows | None, from_: Who | None) -> str:
    meant = {"own": "document.own(asked)", "others": "document.others(asked)", "all": "asked", None: "asked"}[rows]
    return meant if from_ is None else f"document.among({meant}, {parties_in(mou, from_)})"


def covers_fields(fields: Fields) -> str:
    if isinstance(fields, FieldClasses):
        return f"sets.inside(request.fields, {_of_classes(fields)})"
    return f"sets.inside(request.fields, {'fields' if isinstance(fields, str) else listed(sorted(set(fields)))})"


def touches_fields(dataset: Dataset, fields: Fields) -> str:
    """The fields meet. Where a clause names all of the dataset, a request that names none is touched as well."""
    if isinstance(fields, str):
        return "document.touches(document.set_of(fields), fields)"
    if isinstance(fields, FieldClasses):
        named, meant = _of_classes(fields), {f for f, d in dataset.fields.items() if d.class_ in fields.classes}
    else:
        named, meant = listed(sorted(set(fields)), "{}"), set(fields)
    if meant >= set(dataset.fields):
        return f"document.touches({named}, fields)"
    return f"sets.meet(request.fields, {named})"


def _of_classes(fields: FieldClasses) -> str:
    return " | ".join(rule for class_, rule in CLASSES.items() if class_ in fields.classes)


def listed(values: Iterable[str], brackets: str = "[]", depth: int = 1) -> str:
    values = list(values)
    line = array(values, brackets=brackets)
    return line if len(line) <= _WIDTH else block(values, brackets=brackets, depth=depth)
