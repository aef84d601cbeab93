"""Slots: `{fields}` or `{protect.minimum_cell}` in an author's prose, filled in words from the clause's own keys.

A slot is one pair of braces around a dotted name; anything else in braces, or in doubled ones, is the author's own.
Slots are filled in one pass, so that a title with braces in it stays a title.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from governance.compiler.operative import DOMINANCE, MINIMUM_CELL, OTHER_PARTIES
from governance.compiler.words import (
    ACTIONS,
    AFTER,
    BLOCKING,
    ROWS,
    collapse,
    day_words,
    fields_words,
    joined,
    number_words,
    period_words,
    share_words,
    who_words,
)
from governance.model.clauses import Clause, Duty, Permit, Protect, Valid
from governance.model.mou import Dataset, Mou

__all__ = ["SLOT", "fill", "slot_values"]

SLOT = re.compile(r"(?<!\{)\{([A-Za-z_]+(?:[.-][A-Za-z_]+)*)\}(?!\})")


def fill(mou: Mou, clause: Clause) -> str:
    """The clause's prose on one line, its slots in words; a slot that is not known stays as it was written."""
    values = slot_values(mou, clause)
    prose = collapse(clause.text)

    def word(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            return match[0]
        before = prose[: match.start()]
        return value[:1].upper() + value[1:] if not before or re.search(r"[.!?] $", before) else value

    return SLOT.sub(word, prose)


def slot_values(mou: Mou, clause: Clause) -> Mapping[str, str]:
    """Every slot that a clause of this kind may use. An absent selector reads as what its absence means."""
    values: dict[str, str] = {"id": clause.id, "title": collapse(clause.title)}
    valid = clause.valid or Valid.model_construct(from_=None, until=None)
    values["valid.from"] = day_words(valid.from_ or mou.effective)
    values["valid.until"] = day_words(valid.until or mou.expires)
    values["valid"] = f"{values['valid.from']} until {values['valid.until']}"
    if clause.duty is not None:
        values.update(_duty(mou, clause.duty))
        return values
    rule = clause.permit or clause.prohibit or clause.consent
    if rule is None:
        return values
    datasets = _datasets(mou, rule.data)
    purposes = [collapse(mou.purposes[p].title) if p in mou.purposes else p for p in rule.purpose or ()]
    views = (rule.view,) if isinstance(rule.view, str) else rule.view
    values |= {
        "to": "any party" if rule.to is None else who_words(rule.to, mou),
        "data": "any dataset" if rule.data is None else joined([collapse(d.title) for d in datasets]) or rule.data,
        "rows": "any" if rule.rows is None else ROWS[rule.rows],
        "from": "any contributor" if rule.from_ is None else who_words(rule.from_, mou),
        "fields": "any field" if rule.fields is None else fields_words(rule.fields, datasets),
        "view": "any" if views is None else joined(list(views), "or"),
        "purpose": joined(purposes, "or") or "any purpose",
    }
    if isinstance(rule, Permit):
        values |= _protection(rule)
        review = rule.review
        values["review"] = (
            "nobody"
            if review is None
            else "the organisations whose clients are asked for"
            if review == "contributors"
            else f"one of {who_words(review, mou)}"
        )
    elif clause.prohibit is not None:
        values["except"] = joined(list(clause.prohibit.except_ or ()), "or") or "none"
    return values


def _datasets(mou: Mou, name: str | None) -> tuple[Dataset, ...]:
    if name is None:
        return tuple(mou.datasets.values())
    return (mou.datasets[name],) if name in mou.datasets else ()


def _protection(rule: Permit) -> dict[str, str]:
    protect = rule.protect or Protect()
    pseudonymised = rule.view == "pseudonymised"
    k = protect.k if protect.k is not None else MINIMUM_CELL
    # Under a clause for pseudonymised rows a figure takes max(k, 11) and the other defaults (language, Protection).
    cell = max(k, MINIMUM_CELL) if pseudonymised else protect.minimum_cell or MINIMUM_CELL
    others = OTHER_PARTIES if pseudonymised or protect.other_parties is None else protect.other_parties
    share = DOMINANCE if pseudonymised or protect.dominance is None else protect.dominance
    return {
        "protect.k": number_words(k),
        "protect.minimum_cell": number_words(cell),
        "protect.other_parties": number_words(others),
        "protect.dominance": share_words(share),
    }


def _duty(mou: Mou, rule: Duty) -> dict[str, str]:
    return {
        "of": who_words(rule.of, mou),
        "action": ACTIONS[rule.action],
        "data": joined([collapse(d.title) for d in _datasets(mou, rule.data)]) if rule.data else "data",
        "every": period_words(rule.every, every=True) if rule.every else "time",
        "within": period_words(rule.within) if rule.within else "no time",
        "after": AFTER[rule.after] if rule.after else "the time",
        "grace": period_words(rule.grace) if rule.grace else "no time",
        "blocking": BLOCKING[rule.blocking],
    }
