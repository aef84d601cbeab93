"""From a document to Rego: one module for each dataset that it defines, in it one rule for each clause.

A clause's rule is a list of conditions, each true or false, in the order to, rows, from, fields, view, purpose, valid (for
a duty: of, overdue, blocking, valid). It matches when none is false. A condition that cannot be worked out leaves the
clause without a value, which the engine's caller sees: a fault never looks like a clause that does not apply (design,
§2). Same document, same bytes, in the form of `opa fmt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from governance.compiler.nouns import concerns, first_of, first_of_next, first_overdue, life, name, reckoned
from governance.compiler.rego_values import array, block, metadata, package, string
from governance.compiler.to_text import clause_sha256
from governance.model.clauses import Clause, Consent, Duty, Permit, Prohibit
from governance.model.mou import Dataset, Mou
from governance.model.names import FieldClasses, Fields, Rows, Who

__all__ = ["module_path", "to_rego"]

_WIDTH = 96
_CLASSES = {
    "identifier": "identifiers",
    "quasi-identifier": "quasi_identifiers",
    "sensitive": "sensitive_fields",
    "plain": "plain_fields",
}


def module_path(mou: Mou, dataset: str) -> str:
    """Where the module stands in a bundle: the folders are its package."""
    return f"accordant/datasets/{dataset}/{name(mou)}/clauses.rego"


def to_rego(mou: Mou, dataset: str, mous: Sequence[Mou]) -> str:
    """The module of one dataset. `mous` are all documents given: a newer version replaces an older one."""
    clauses = [c for c in mou.clauses if concerns(c, dataset)]
    body = "\n\n".join(
        [
            *_who(mou),
            *_fields(mou.datasets[dataset]),
            *_prelude(mou, dataset, mous),
            *(_clause(mou, dataset, c) for c in clauses),
            *_summary(mou, clauses),
        ]
    )
    used = ("document", "duties", "purposes", "request", "sets", "views")
    imports = [f"import data.accordant.{word}" for word in used if f"{word}." in _code(body)]
    head = metadata(
        {"title": mou.title, "description": f"The clauses of {mou.id}, version {mou.version}, on {dataset}."},
        custom={"mou": mou.id, "version": mou.version, "dataset": dataset},
    )
    declared = package("accordant", "datasets", dataset, name(mou))
    return "\n\n".join([f"{head}\n{declared}", "\n".join(imports), body]) + "\n"


def _code(body: str) -> str:
    """The lines that are not comments."""
    return "\n".join(line for line in body.splitlines() if not line.startswith("#"))


def _who(mou: Mou) -> list[str]:
    """The parties, by role, and what the requester is among them."""
    names = _role_names(mou)
    held = {role: sorted(p.id for p in mou.parties if p.role == role) for role in names}
    chain = " else := ".join(f"{string(role)} if {{\n\trequest.party in {names[role]}\n}}" for role in names)
    return [
        f"# Who the parties are, by role.\nparties := {_list(sorted(p.id for p in mou.parties), depth=0)}",
        *(f"{names[role]} := {_list(held[role], depth=0)}" for role in names),
        f'# What the requester is, a party still or not.\nrole := {chain} else := ""',
    ]


def _role_names(mou: Mou) -> dict[str, str]:
    """A rule's name for each role: `members_partner`. Slugs may differ in a dash only; then a number follows."""
    names: dict[str, str] = {}
    for role in sorted({p.role for p in mou.parties}):
        found = "members_" + role.replace("-", "_")
        names[role] = found if found not in names.values() else f"{found}__{len(names)}"
    return names


def _fields(dataset: Dataset) -> list[str]:
    """The dataset's fields, and those of each class."""
    rules = [f"# What the dataset holds.\nfields := {_list(dataset.fields, depth=0)}"]
    for class_, rule in _CLASSES.items():
        named = [f for f, d in dataset.fields.items() if d.class_ == class_]
        rules.append(f"{rule} := {_list(named, '{}', depth=0) if named else 'set()'}")
    return rules


def _prelude(mou: Mou, dataset: str, mous: Sequence[Mou]) -> list[str]:
    start, end, until, moments = life(mou, mous)
    ends_all = mou.withdrawal is not None and mou.withdrawal.ends == "all"
    ended = "count(document.among(parties, gone)) > 0" if ends_all else "false"
    rules = [
        f"id := {string(mou.id)}",
        "# Who is a party no more, and whether the document binds the requester now.\ngone := document.gone(id)",
        f"binds := document.binds({start}, {until}, {ended}, role, gone)",
        "# Whose rows are asked for.\n"
        f"contributors := document.present({_parties(mou, mou.datasets[dataset].contributors)}, gone)",
        "asked := document.asked(contributors)",
        "asks_some := count(asked) > 0",
        "asks_own := request.party in asked",
        "asks_others := false if {\n\tasked in [[], [request.party]]\n} else := true",
        "asks_only_own := asked == [request.party]",
        "asks_only_others := [asks_others, asks_own] == [true, false]",
        f"# What for.\nnodes := purposes.nodes({string(name(mou))})",
        f"above := purposes.above({string(name(mou))}, nodes)",
        f"related := purposes.related({string(name(mou))}, nodes)",
        "# What a valid request needs: fields, purpose and parties that are known, and rows that are there; and whether "
        "some are others'.\n"
        "known := [\n\tsets.inside(request.fields, fields),\n\tnodes != [],\n\tdocument.knows_from(parties),"
        "\n\tasks_some,\n\tasks_others,\n]",
        *_moments(mou, start, end, moments),
    ]
    return rules


def _moments(mou: Mou, start: int, end: int, moments: Sequence[int]) -> list[str]:
    """When time alone may change the answer: the days named, and what an acknowledgement moves for whom it names."""
    head = "# When time alone may change the answer.\n"
    fixed = "[" + ", ".join(str(m) for m in moments) + "]"
    duties = [(c, c.duty) for c in mou.clauses if c.duty is not None and reckoned(c)]
    if not duties:
        return [f"{head}moments := {fixed}"]
    rules = [f"{head}moments := array.concat({fixed}, reckoned)"]
    lists = []
    for number, (clause, duty) in enumerate(duties, 1):
        first = first_overdue(mou, duty)
        known = f"[{first}]" if start < first < end else "[]"
        more = f"duties.moments({string(name(mou))}, {string(clause.id)}, {start}, {end})"
        rules.append(
            f"reckoned_{number} := [] if {{\n\tnamed := {_to(duty.of)}\n\tnamed == false\n}} "
            f"else := array.concat({known}, {more})"
        )
        lists.append(f"reckoned_{number}")
    joined = lists[0]
    for one in lists[1:]:
        joined = f"array.concat({joined}, {one})"
    rules.insert(1, f"reckoned := {joined}")
    return rules


def _summary(mou: Mou, clauses: Sequence[Clause]) -> list[str]:
    """Which clauses match, and that none was left out: one without conditions leaves these without a value."""
    rules = _clause_names(mou)

    def pairs(kind: str) -> str:
        chosen = [c.id for c in clauses if c.kind == kind]
        lines = "".join(f"\t[{string(i)}, {rules[i]}],\n" for i in chosen)
        return f"document.matching([\n{lines}])" if lines else "[]"

    conditions = "".join(f"\t\t{rules[c.id]},\n" for c in clauses)
    examined = (
        "examined := [] if {\n\tbinds == false\n} else := "
        f"{_list((c.id for c in clauses), depth=0)} if {{\n"
        f"\tcount([\n{conditions}\t]) == {len(clauses)}\n"
        "\tcount([overdue, touching, covering, prohibiting, consents]) == 5\n}"
        if clauses
        else "examined := []"
    )
    consenting = [
        (c.id, f"rows_of_{rules[c.id]}", _meant_rows(mou, c.consent.rows, c.consent.from_))
        for c in clauses
        if c.consent is not None
    ]
    triples = "".join(f"\t[{string(i)}, {rules[i]}, {rows}],\n" for i, rows, _ in consenting)
    return [
        *(f"# Whose rows need a consent by {i}.\n{rows} := {meant}" for i, rows, meant in consenting),
        "# The clauses of each kind that match.\noverdue := " + pairs("duty"),
        "touching := " + pairs("prohibit"),
        "covering := " + pairs("permit"),
        f"prohibiting := document.unlifted({string(name(mou))}, touching, covering)",
        "consents := " + (f"document.consenting([\n{triples}])" if triples else "[]"),
        "# The clauses examined: all, or the list has no value.\n" + examined,
    ]


def _clause(mou: Mou, dataset: str, clause: Clause) -> str:
    head = metadata(
        {"title": clause.title},
        custom={
            "mou": mou.id,
            "version": mou.version,
            "clause": clause.id,
            "kind": clause.kind,
            "text_sha256": clause_sha256(mou, clause),
        },
    )
    if clause.permit is not None:
        conditions = _permit(mou, clause.permit)
    elif clause.duty is not None:
        conditions = _duty(mou, clause, clause.duty)
    else:
        rule = clause.prohibit or clause.consent
        assert rule is not None  # noqa: S101 -- a clause has exactly one kind
        conditions = _touches(mou, dataset, rule)
    conditions += _valid(mou, clause)
    gate = conditions[0]
    lines = "".join(f"\t{condition},\n" for condition in conditions)
    name = _clause_names(mou)[clause.id]
    if len(conditions) < 3:
        return f"{head}\n{name} := [\n{lines}]"
    # Nothing else is looked at where the first condition is false; one that is neither true nor false leaves no value.
    return f"{head}\n{name} := [meant] if {{\n\tmeant := {gate}\n\tmeant == false\n}} else := [\n{lines}]"


def _clause_names(mou: Mou) -> dict[str, str]:
    """A rule's name for each clause: `clause_2_2`. Ids may differ in a dot or a dash only; then a number follows."""
    names: dict[str, str] = {}
    for clause in mou.clauses:
        found = "clause_" + clause.id.replace(".", "_").replace("-", "_")
        names[clause.id] = found if found not in names.values() else f"{found}__{len(names)}"
    return names


def _permit(mou: Mou, permit: Permit) -> list[str]:
    only = {"own": "asks_only_own", "others": "asks_only_others", "all": "asks_some"}
    return [
        _to(permit.to),
        only[permit.rows],
        *([f"sets.inside(document.set_of(asked), {_parties(mou, permit.from_)})"] if permit.from_ is not None else []),
        _covers_fields(permit.fields),
        f"request.view in views.at_most_{permit.view}",
        *(["document.keeps(identifiers)"] if permit.view != "aggregate" else []),
        f"purposes.within(above, {_list(sorted(permit.purpose), '{}')})",
    ]


def _touches(mou: Mou, dataset: str, rule: Prohibit | Consent) -> list[str]:
    conditions = [_to(rule.to)] if rule.to is not None else []
    conditions.append(_any_rows(mou, rule.rows, rule.from_))
    if rule.fields is not None:
        conditions.append(_touches_fields(mou.datasets[dataset], rule.fields))
    if rule.view is not None:
        conditions.append(f"request.view in {array(rule.view)}")
    if rule.purpose is not None:
        conditions.append(f"sets.meet(related, {_list(sorted(rule.purpose), '{}')})")
    return conditions


def _duty(mou: Mou, clause: Clause, duty: Duty) -> list[str]:
    if reckoned(clause):
        overdue = f"acknowledgement_overdue({string(name(mou))}, {string(clause.id)}, {first_overdue(mou, duty)})"
    else:
        overdue = f"recorded_overdue(id, {string(clause.id)})"
    blocks = {"none": "false", "others": "asks_others", "all": "true"}
    return [_to(duty.of), f"duties.{overdue}", blocks[duty.blocking]]


def _valid(mou: Mou, clause: Clause) -> list[str]:
    if clause.valid is None:
        return []
    conditions = []
    if clause.valid.from_ is not None:
        conditions.append(f"request.at >= {first_of(clause.valid.from_, mou.zone)}")
    if clause.valid.until is not None:
        conditions.append(f"request.at < {first_of_next(clause.valid.until, mou.zone)}")
    return conditions


def _to(who: Who) -> str:
    """Whether the requester is meant. Withdrawn parties ask in vain anyway: the document does not bind them."""
    if isinstance(who, str):
        return 'role != ""'
    roles = f"role in {_list(sorted(set(who.roles or ())))}"
    parties = f"request.party in {_list(sorted(set(who.parties or ())))}"
    if who.parties is None:
        return roles
    return parties if who.roles is None else f"true in [{roles}, {parties}]"


def _parties(mou: Mou, who: Who) -> str:
    """The parties meant, as a list."""
    if isinstance(who, str):
        return "parties"
    names = _role_names(mou)
    lists = [names[role] for role in sorted(set(who.roles or ())) if role in names]
    if who.parties is not None:
        lists.append(_list(sorted(set(who.parties))))
    return lists[0] if len(lists) == 1 else f"document.together([{', '.join(lists)}])"


def _any_rows(mou: Mou, rows: Rows | None, from_: Who | None) -> str:
    """Whether a row that is asked for is among those that the clause speaks of."""
    if from_ is None:
        return {"own": "asks_own", "others": "asks_others", "all": "asks_some", None: "asks_some"}[rows]
    return f"count({_meant_rows(mou, rows, from_)}) > 0"


def _meant_rows(mou: Mou, rows: Rows | None, from_: Who | None) -> str:
    meant = {"own": "document.own(asked)", "others": "document.others(asked)", "all": "asked", None: "asked"}[rows]
    return meant if from_ is None else f"document.among({meant}, {_parties(mou, from_)})"


def _covers_fields(fields: Fields) -> str:
    if isinstance(fields, FieldClasses):
        return f"sets.inside(request.fields, {_of_classes(fields)})"
    return f"sets.inside(request.fields, {'fields' if isinstance(fields, str) else _list(sorted(set(fields)))})"


def _touches_fields(dataset: Dataset, fields: Fields) -> str:
    """The fields meet. Where a clause names all of the dataset, a request that names none is touched as well."""
    if isinstance(fields, str):
        return "document.touches(document.set_of(fields), fields)"
    if isinstance(fields, FieldClasses):
        named, meant = _of_classes(fields), {f for f, d in dataset.fields.items() if d.class_ in fields.classes}
    else:
        named, meant = _list(sorted(set(fields)), "{}"), set(fields)
    if meant >= set(dataset.fields):
        return f"document.touches({named}, fields)"
    return f"sets.meet(request.fields, {named})"


def _of_classes(fields: FieldClasses) -> str:
    return " | ".join(rule for class_, rule in _CLASSES.items() if class_ in fields.classes)


def _list(values: Iterable[str], brackets: str = "[]", depth: int = 1) -> str:
    values = list(values)
    line = array(values, brackets=brackets)
    return line if len(line) <= _WIDTH else block(values, brackets=brackets, depth=depth)
