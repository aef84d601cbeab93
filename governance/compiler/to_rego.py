"""From a document to Rego: one module for each dataset that it defines, in it one rule for each clause.

A clause's rule is a list of conditions, each true or false, in the order to, rows, from, fields, view, purpose, valid (for
a duty: of, overdue, blocking, valid). It matches when none is false. A condition that cannot be worked out leaves the
clause without a value, which the engine's caller sees: a fault never looks like a clause that does not apply (design,
§2). Same document, same bytes, in the form of `opa fmt`.
"""

from __future__ import annotations

from collections.abc import Iterable

from governance.compiler.nouns import concerns, first_of, first_of_next, reckoned, version
from governance.compiler.rego_values import array, block, metadata, package, path, string
from governance.compiler.to_text import clause_sha256
from governance.model.clauses import Clause, Consent, Duty, Permit, Prohibit
from governance.model.mou import Mou
from governance.model.names import Fields, FieldClasses, Rows, Who

__all__ = ["module_path", "to_rego"]

_WIDTH = 96


def module_path(mou: Mou, dataset: str) -> str:
    """Where the module stands in a bundle: the folders are its package."""
    return f"accordant/datasets/{dataset}/{mou.id}/{version(mou)}/clauses.rego"


def to_rego(mou: Mou, dataset: str) -> str:
    """The module of one dataset."""
    clauses = [c for c in mou.clauses if concerns(c, dataset)]
    rules = [_clause(mou, dataset, c) for c in clauses]
    rules += [f"consenting[{string(c.id)}] := {_consenting(c.consent)}" for c in clauses if c.consent is not None]
    body = "\n\n".join([_prelude(mou, dataset), *rules])
    named = ("document", "duties", "purposes", "request", "sets", "views")
    imports = [f"import data.accordant.{name}" for name in named if f"{name}." in _code(body)]
    head = metadata(
        {"title": mou.title, "description": f"The clauses of {mou.id}, version {mou.version}, on {dataset}."},
        custom={"mou": mou.id, "version": mou.version, "dataset": dataset},
    )
    declared = package("accordant", "datasets", dataset, mou.id, version(mou))
    return "\n\n".join([f"{head}\n{declared}", "\n".join(imports), body]) + "\n"


def _code(body: str) -> str:
    """The lines that are not comments."""
    return "\n".join(line for line in body.splitlines() if not line.startswith("#"))


def _prelude(mou: Mou, dataset: str) -> str:
    noun = path("data.accordant.documents", mou.id, version(mou))
    return f"""# What the document names: its parties, days, purposes and fields.
mou := {noun}

dataset := {path("mou.datasets", dataset)}

# Who asks, and who is a party no more.
role := document.role(mou)

gone := document.gone(mou)

binds := document.binds(mou, gone)

# Whose rows are asked for.
contributors := document.present({_parties(mou.datasets[dataset].contributors)}, gone)

asked := document.asked(contributors)

asks_some := count(asked) > 0

asks_own := request.party in asked

asks_others := count(document.others(asked)) > 0

asks_only_own := asked == [request.party]

asks_only_others := [asks_some, asks_own] == [true, false]

# What for.
nodes := purposes.nodes(mou.purposes)

above := purposes.above(mou.purposes, nodes)

related := purposes.related(mou.purposes, nodes)

# What a request must know of a document to be valid.
known := document.known(mou, dataset, [count(nodes) > 0, asks_some, asks_others])"""


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
        conditions = _permit(clause.permit)
    elif clause.duty is not None:
        conditions = _duty(clause, clause.duty)
    else:
        rule = clause.prohibit or clause.consent
        assert rule is not None  # noqa: S101 -- a clause has exactly one kind
        conditions = _touches(rule)
    conditions += _valid(mou, clause)
    lines = "".join(f"\t{condition},\n" for condition in conditions)
    value = f"[\n{lines}]" if lines else "[]"
    return f"{head}\nclause[{string(clause.id)}] := {value}"


def _permit(permit: Permit) -> list[str]:
    only = {"own": "asks_only_own", "others": "asks_only_others", "all": "asks_some"}
    return [
        _to(permit.to),
        only[permit.rows],
        *([f"sets.inside(document.members_of(asked), {_parties(permit.from_)})"] if permit.from_ is not None else []),
        _covers_fields(permit.fields),
        f"request.view in views.at_most_{permit.view}",
        *(["document.keeps_identifiers(dataset)"] if permit.view != "aggregate" else []),
        f"purposes.within(above, {_list(sorted(permit.purpose), '{}')})",
    ]


def _touches(rule: Prohibit | Consent) -> list[str]:
    conditions = [_to(rule.to)] if rule.to is not None else []
    conditions.append(_any_rows(rule.rows, rule.from_))
    if rule.fields is not None:
        conditions.append(f"document.touches(dataset, {_named_fields(rule.fields)})")
    if rule.view is not None:
        conditions.append(f"request.view in {array(rule.view)}")
    if rule.purpose is not None:
        conditions.append(f"sets.meet(related, {_list(sorted(rule.purpose), '{}')})")
    return conditions


def _duty(clause: Clause, duty: Duty) -> list[str]:
    overdue = "acknowledgement_overdue" if reckoned(clause) else "recorded_overdue"
    blocks = {"none": "false", "others": "asks_others", "all": "true"}
    return [_to(duty.of), f"duties.{overdue}(mou, {string(clause.id)})", blocks[duty.blocking]]


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


def _parties(who: Who) -> str:
    """The parties meant, as a list."""
    if isinstance(who, str):
        return "mou.parties"
    if who.roles is not None and len(set(who.roles)) == 1 and who.parties is None:
        return f"document.members(mou, {string(who.roles[0])})"
    if who.roles is None:
        return _list(sorted(set(who.parties or ())))
    return f"document.named(mou, {_list(sorted(set(who.roles)))}, {_list(sorted(set(who.parties or ())))})"


def _any_rows(rows: Rows | None, from_: Who | None) -> str:
    """Whether a row that is asked for is among those that the clause speaks of."""
    if from_ is None:
        return {"own": "asks_own", "others": "asks_others", "all": "asks_some", None: "asks_some"}[rows]
    return f"count({_meant_rows(rows, from_)}) > 0"


def _meant_rows(rows: Rows | None, from_: Who | None) -> str:
    meant = {"own": "document.own(asked)", "others": "document.others(asked)", "all": "asked", None: "asked"}[rows]
    return meant if from_ is None else f"document.among({meant}, {_parties(from_)})"


def _consenting(consent: Consent) -> str:
    return _meant_rows(consent.rows, consent.from_)


def _covers_fields(fields: Fields) -> str:
    if isinstance(fields, str):
        return "sets.inside(request.fields, dataset.fields)"
    if isinstance(fields, FieldClasses):
        return f"sets.inside(request.fields, document.of_classes(dataset, {array(sorted(set(fields.classes)))}))"
    return f"sets.inside(request.fields, {_list(sorted(set(fields)))})"


def _named_fields(fields: Fields) -> str:
    if isinstance(fields, str):
        return "document.members_of(dataset.fields)"
    if isinstance(fields, FieldClasses):
        listed = f"document.of_classes(dataset, {array(sorted(set(fields.classes)))})"
        return f"document.members_of({listed})"
    return _list(sorted(set(fields)), "{}")


def _list(values: Iterable[str], brackets: str = "[]") -> str:
    values = list(values)
    line = array(values, brackets=brackets)
    return line if len(line) <= _WIDTH else block(values, brackets=brackets, depth=1)
