"""One clause as one rule, with its metadata (language, *Clauses*; docs/decisions.md, R17).

The rule's value is the list of its conditions. Where the first is false the others are not looked at; where one of them
cannot be worked out the rule has no value at all.
"""

from __future__ import annotations

from governance.compiler.nouns import first_of, first_of_next, first_overdue, name, reckoned
from governance.compiler.rego_terms import (
    any_rows,
    clause_names,
    covers_fields,
    listed,
    meant,
    parties_in,
    touches_fields,
)
from governance.compiler.rego_values import array, metadata, string
from governance.compiler.to_text import clause_sha256
from governance.model.clauses import Clause, Consent, Duty, Permit, Prohibit
from governance.model.mou import Mou

__all__ = ["clause_rule"]


def clause_rule(mou: Mou, dataset: str, clause: Clause) -> str:
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
    name = clause_names(mou)[clause.id]
    if len(conditions) < 3:
        return f"{head}\n{name} := [\n{lines}]"
    # Nothing else is looked at where the first condition is false; one that is neither true nor false leaves no value.
    return f"{head}\n{name} := [meant] if {{\n\tmeant := {gate}\n\tmeant == false\n}} else := [\n{lines}]"


def _permit(mou: Mou, permit: Permit) -> list[str]:
    only = {"own": "asks_only_own", "others": "asks_only_others", "all": "asks_some"}
    return [
        meant(permit.to),
        only[permit.rows],
        *(
            [f"sets.inside(document.set_of(asked), {parties_in(mou, permit.from_)})"]
            if permit.from_ is not None
            else []
        ),
        covers_fields(permit.fields),
        f"request.view in views.at_most_{permit.view}",
        *(["document.keeps(identifiers)"] if permit.view != "aggregate" else []),
        f"purposes.within(above, {listed(sorted(permit.purpose), '{}')})",
    ]


def _touches(mou: Mou, dataset: str, rule: Prohibit | Consent) -> list[str]:
    conditions = [meant(rule.to)] if rule.to is not None else []
    conditions.append(any_rows(mou, rule.rows, rule.from_))
    if rule.fields is not None:
        conditions.append(touches_fields(mou.datasets[dataset], rule.fields))
    if rule.view is not None:
        conditions.append(f"request.view in {array(rule.view)}")
    if rule.purpose is not None:
        conditions.append(f"sets.meet(related, {listed(sorted(rule.purpose), '{}')})")
    return conditions


def _duty(mou: Mou, clause: Clause, duty: Duty) -> list[str]:
    if reckoned(clause):
        overdue = f"acknowledgement_overdue({string(name(mou))}, {string(clause.id)}, {first_overdue(mou, duty)})"
    else:
        overdue = f"recorded_overdue(id, {string(clause.id)})"
    blocks = {"none": "false", "others": "asks_others", "all": "true"}
    return [meant(duty.of), f"duties.{overdue}", blocks[duty.blocking]]


def _valid(mou: Mou, clause: Clause) -> list[str]:
    if clause.valid is None:
        return []
    conditions = []
    if clause.valid.from_ is not None:
        conditions.append(f"request.at >= {first_of(clause.valid.from_, mou.zone)}")
    if clause.valid.until is not None:
        conditions.append(f"request.at < {first_of_next(clause.valid.until, mou.zone)}")
    return conditions
