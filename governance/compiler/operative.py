"""A clause's operative sentence: generated from the keys alone, it prevails (language, *What people sign*).

Every key that decides stands in it, by id and by title. A key that is absent is said to be absent ("whatever the
purpose"), a default is filled in and said to be one. So two clauses that decide differently never read alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.compiler.words import (
    day_words,
    fields_named,
    id_named,
    joined,
    named,
    number_words,
    period_words,
    share_words,
    who_named,
)
from governance.model.clauses import Clause, Consent, Duty, Permit, Prohibit, Protect
from governance.model.mou import Dataset, Mou

__all__ = ["MINIMUM_CELL", "OTHER_PARTIES", "DOMINANCE", "operative"]

MINIMUM_CELL = 11
OTHER_PARTIES = 3
DOMINANCE = 0.8

_ROWS = {"own": "the party's own clients", "others": "the clients of other parties", "all": "all clients"}
_ANY_ROWS = "any clients"
_DUTIES = {
    "acknowledge-purpose": ("acknowledge the purpose for which it uses data", " of "),
    "submit-data": ("submit its data", " to "),
    "delete": ("delete the data that it holds", " of "),
    "return": ("return the data that it holds", " of "),
    "report-breach": ("report every breach", " of "),
}
_AFTER = {
    "expiry": "this memorandum has expired",
    "withdrawal": "its withdrawal has taken effect",
    "release": "the release of the data",
    "discovery": "the discovery",
}
_BLOCKING = {
    "none": "While this is overdue, no request is refused for it.",
    "others": "While this is overdue, every request of that party that touches the clients of others is refused.",
    "all": "While this is overdue, every request of that party is refused.",
}


def operative(mou: Mou, clause: Clause) -> str:
    """The sentence, without the label that a text puts before it."""
    rule = clause.permit or clause.prohibit or clause.consent
    if clause.duty is not None:
        body = _duty(mou, clause.duty)
    elif isinstance(rule, Permit):
        body = _permit(mou, rule)
    else:
        body = _restriction(mou, rule)  # type: ignore[arg-type]  # a clause has exactly one kind
    days = _days(clause)
    return f"{days}{body}" if days else body[:1].upper() + body[1:]


def _days(clause: Clause) -> str:
    valid = clause.valid
    if valid is None:
        return ""
    parts = []
    if valid.from_ is not None:
        parts.append(f"from {day_words(valid.from_)}")
    if valid.until is not None:
        parts.append(f"until {day_words(valid.until)}")
    return f"Only {' '.join(parts)}, {'both days' if len(parts) == 2 else 'that day'} included: "


def _data(mou: Mou, name: str | None) -> tuple[str, Sequence[Dataset]]:
    if name is None:
        return "any dataset", tuple(mou.datasets.values())
    dataset = mou.datasets.get(name)
    return (named(dataset.title, name), (dataset,)) if dataset else (id_named(name), ())


def _purposes(mou: Mou, names: Sequence[str], *, broad: bool) -> str:
    parts = [named(mou.purposes[n].title, n) if n in mou.purposes else id_named(n) for n in names]
    many = len(parts) > 1
    within = f"any purpose within {'one of them' if many else 'it'}"
    if not broad:
        return f"for {joined(parts, 'or')} or {within}"
    return f"for {joined(parts, 'or')}, {within}, or any wider purpose that {'one of them' if many else 'it'} is within"


def _rows(mou: Mou, rule: Permit | Prohibit | Consent) -> str:
    rows = _ANY_ROWS if rule.rows is None else _ROWS[rule.rows]
    if rule.from_ is None:
        return f"in the rows of {rows}"
    return f"in the rows of {rows}, but only rows that {who_named(rule.from_, mou)} contributed"


def _permit(mou: Mou, rule: Permit) -> str:
    data, datasets = _data(mou, rule.data)
    text = (
        f"{who_named(rule.to, mou)} may see {fields_named(rule.fields, datasets)} of {data}, {_rows(mou, rule)}, "
        f"in no view more revealing than {id_named(rule.view)}, {_purposes(mou, rule.purpose, broad=False)}."
    )
    return " ".join([text, *_review(mou, rule), *_protection(rule)])


def _review(mou: Mou, rule: Permit) -> list[str]:
    if rule.review is None:
        return []
    if rule.review == "contributors":
        return ["Each other party whose rows are asked for must first have approved the request."]
    who = who_named(rule.review, mou)
    return [f"One of these, never the requester itself, must first have approved the request: {who}."]


def _need(text: str, given: int | float | None, default: int | float, *, share: bool = False) -> str:
    value = default if given is None else given
    words = text.format(share_words(value) if share else number_words(value))
    return f"{words} (the default)" if given is None else words


def _protection(rule: Permit) -> list[str]:
    protect = rule.protect or Protect()
    if rule.rows == "own":
        return [f"Nothing is suppressed.{_unused(protect, ('minimum_cell', 'other_parties', 'dominance', 'k'))}"]
    if rule.view == "identified":
        k = protect.k
        if k is None:
            return [_figures(protect), "Rows leave as they are."]
        alike = f"pseudonymised ones only where at least {number_words(k)} clients are alike in every field given"
        return [_figures(protect), f"Rows leave as they are, {alike}."]
    if rule.view == "aggregate":
        return [_figures(protect) + _unused(protect, ("k",))]
    rows = (
        f"Rows leave only where at least {_need('{} clients', protect.k, MINIMUM_CELL)} are alike in every field given."
    )
    # Figures under a clause for pseudonymised rows take max(k, 11) and the other defaults (language, Protection).
    cell = protect.k if protect.k is not None and protect.k > MINIMUM_CELL else None
    figures = _figures(Protect(minimum_cell=cell))
    return [rows, figures + _unused(protect, ("minimum_cell", "other_parties", "dominance"))]


def _figures(protect: Protect) -> str:
    parts = [
        _need("at least {} clients", protect.minimum_cell, MINIMUM_CELL),
        _need("at least {} other parties", protect.other_parties, OTHER_PARTIES),
        _need("no contributor with more than {}", protect.dominance, DOMINANCE, share=True),
    ]
    return f"Figures need {joined(parts)}."


def _unused(protect: Protect, keys: Sequence[str]) -> str:
    """Keys that are written and mean nothing in this view: said, so that nobody relies on them."""
    held = [f"{id_named(key)} {number_words(value)}" for key in keys if (value := getattr(protect, key)) is not None]
    return f" Written, but without effect in this view: {joined(held)}." if held else ""


def _restriction(mou: Mou, rule: Prohibit | Consent) -> str:
    data, datasets = _data(mou, rule.data)
    fields = "anything" if rule.fields is None else fields_named(rule.fields, datasets, every="any")
    views = rule.view or ()
    view = f"in the view{'s' if len(views) > 1 else ''} {joined([id_named(v) for v in views], 'or')}"
    purpose = "whatever the purpose" if rule.purpose is None else _purposes(mou, rule.purpose, broad=True)
    what = f"{fields} of {data}, {_rows(mou, rule)}, {view if views else 'in any view'}, {purpose}"
    whom = "anybody" if rule.to is None else who_named(rule.to, mou, every="any")
    if isinstance(rule, Consent):
        return f"when {whom} asks for {what}, rows leave only for clients whose consent is active."
    ids = joined([id_named(i) for i in rule.except_ or ()], "or")
    excepted = f", except for what clause {ids} permits" if ids else ""
    return f"no request by {whom} is allowed that touches {what}{excepted}."


def _duty(mou: Mou, rule: Duty) -> str:
    action, link = _DUTIES[rule.action]
    data = f"{link}{_data(mou, rule.data)[0]}" if rule.data is not None else ""
    if rule.every is not None:
        when = f"every {period_words(rule.every, every=True)}"
    else:
        within = period_words(rule.within) if rule.within is not None else "no time"
        when = f"within {within} after {_AFTER[rule.after or 'expiry']}"
    grace = f"It is overdue after a further {period_words(rule.grace)}." if rule.grace is not None else ""
    late = grace or "It is overdue at once when that time has run out."
    return f"{who_named(rule.of, mou)} must {action}{data} {when}. {late} {_BLOCKING[rule.blocking]}"
