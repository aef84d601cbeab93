"""One clause as one rule, with its metadata (language, *Clauses*; docs/decisions.md, R17).

The rule's value is `matched`, or the first condition that failed. Each condition is a rule of its own that is true or
false; one that is neither leaves the clause without a value.
"""

from __future__ import annotations

from governance.compiler.nouns import first_overdue, reckoned
from governance.compiler.rego_terms import Words, clause_names
from governance.compiler.rego_values import metadata, string
from governance.compiler.to_text import clause_sha256
from governance.model.clauses import Clause, Consent, Duty, Permit, Prohibit
from governance.model.mou import Mou

__all__ = ["clause_rule"]

_Conditions = list[tuple[str, str]]


def clause_rule(mou: Mou, clause: Clause, words: Words) -> str:
    """The rule. `words` learns the conditions that it needs."""
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
    rule = clause_names(mou)[clause.id]
    if clause.duty is not None and clause.duty.blocking == "none":
        return f'{head}\n{rule} := "blocking"'  # it refuses nothing, overdue or not
    if clause.permit is not None:
        conditions = _permit(clause.permit, words)
    elif clause.duty is not None:
        conditions = _duty(mou, clause, clause.duty, words)
    else:
        touching = clause.prohibit or clause.consent
        assert touching is not None  # noqa: S101 -- a clause has exactly one kind
        conditions = _touches(touching, words)
    conditions += _valid(clause, words)
    fails = " else := ".join(f"{string(label)} if {{\n\t{found} == false\n}}" for label, found in conditions)
    holds = "".join(f"\t{found} == true\n" for _, found in conditions)
    return f'{head}\n{rule} := {fails} else := "matched" if {{\n{holds}}}'


def _permit(permit: Permit, words: Words) -> _Conditions:
    identifies = permit.view != "aggregate" and any(d.class_ == "identifier" for d in words.dataset.fields.values())
    return [
        ("to", words.to(permit.to)),
        ("view", words.view_at_most(permit.view)),
        ("rows", words.rows_are(permit.rows)),
        *([("from", words.rows_from(permit.from_))] if permit.from_ is not None else []),
        ("purpose", words.purposes_within(permit.purpose)),
        ("fields", words.fields_within(permit.fields)),
        *([("fields", words.no_identifier())] if identifies else []),
    ]


def _touches(rule: Prohibit | Consent, words: Words) -> _Conditions:
    conditions = [("to", words.to(rule.to))] if rule.to is not None else []
    conditions.append(("rows", words.any_rows(rule.rows, rule.from_)))
    if rule.view is not None:
        conditions.append(("view", words.view_among(rule.view)))
    if rule.fields is not None:
        conditions.append(("fields", words.fields_met(rule.fields)))
    if rule.purpose is not None:
        conditions.append(("purpose", words.purposes_related(rule.purpose)))
    return conditions


def _duty(mou: Mou, clause: Clause, duty: Duty, words: Words) -> _Conditions:
    conditions = [("of", words.to(duty.of))]
    if duty.blocking == "others":
        conditions.append(("blocking", "asks_others"))
    if reckoned(clause):
        first = first_overdue(mou, duty)
        meaning = (
            f"false if {{\n\trequest.at < {first}\n}} else := duties.run_out(spans_{clause_names(mou)[clause.id]})"
        )
    else:
        meaning = f"duties.recorded_overdue({string(mou.id)}, {string(clause.id)})"
    return [*conditions, ("overdue", words.overdue(clause.id, meaning))]


def _valid(clause: Clause, words: Words) -> _Conditions:
    if clause.valid is None:
        return []
    begun = [("valid", words.since(clause.valid.from_))] if clause.valid.from_ is not None else []
    return begun + ([("valid", words.until(clause.valid.until))] if clause.valid.until is not None else [])
