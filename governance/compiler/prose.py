"""What an author wrote without a slot: does it differ from the clause's keys (language, *What people sign*)?

An unknown slot is an error, since it would be signed unfilled. Numbers, parties, roles, fields, purposes, views and
clauses that are named in the prose, but are not the clause's own, are warnings: prose is free, and the operative
sentence prevails.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from governance.compiler.faults import nearest
from governance.compiler.operative import DOMINANCE, MINIMUM_CELL, OTHER_PARTIES
from governance.compiler.resolve import above, fault, fields_of, parties_of, warning, within
from governance.compiler.slots import SLOT, slot_values
from governance.compiler.words import collapse
from governance.errors import Fault
from governance.model.clauses import Clause
from governance.model.mou import Mou
from governance.model.names import Who
from governance.model.period import Period

__all__ = ["check_prose"]

_NUMBERS = {
    "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60, "ninety": 90, "hundred": 100,
}  # fmt: skip
_VIEWS = ("identified", "pseudonymised", "aggregate")
_CLAUSE = re.compile(r"\bclauses?\s+([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)", re.IGNORECASE)
_DIGITS = re.compile(r"(?<![\w.-])(\d+(?:[.,]\d+)*)(?![\w-])")


def check_prose(mou: Mou, index: int, clause: Clause, clauses: Collection[str]) -> Iterator[Fault]:
    """Unknown slots, and words that differ from the keys."""
    path = ("clauses", index, "text")
    values = slot_values(mou, clause)
    for match in SLOT.finditer(clause.text):
        if match[1] not in values:
            near = nearest(match[1], values) or next((v for v in values if v.endswith(f".{match[1]}")), None)
            hint = f"; did you mean `{{{near}}}`?" if near else ""
            message = f"there is no slot `{{{match[1]}}}` in a {clause.kind}{hint}"
            expected = None if near else f"one of {', '.join(f'`{{{v}}}`' for v in values)}"
            yield fault(message, *path, code="unknown-slot", expected=expected)
        elif _absent(clause, match[1]):
            message = f"the slot `{{{match[1]}}}` has no key in this clause; it reads `{values[match[1]]}`"
            yield warning(message, *path, code="slot-without-key", expected=f"the key `{match[1]}`, or other words")
    prose = collapse(SLOT.sub(" ", clause.text))
    for message in _differences(mou, clause, prose, clauses):
        yield warning(f"{message}, which is not in the clause's keys", *path, code="prose-differs")


def _absent(clause: Clause, slot: str) -> bool:
    """Whether a slot's key is missing where its absence has no words of its own that fit a sentence."""
    key, _, part = slot.partition(".")
    if key == "valid":
        held = (clause.valid.from_, clause.valid.until) if clause.valid is not None else (None, None)
        return {"from": held[0] is None, "until": held[1] is None}.get(part, held == (None, None))
    if key not in {"from", "review", "except", "every", "within", "after", "grace"}:
        return False
    rule = clause.permit or clause.prohibit or clause.consent or clause.duty
    return getattr(rule, {"from": "from_", "except": "except_"}.get(key, key), None) is None


def _differences(mou: Mou, clause: Clause, prose: str, clauses: Collection[str]) -> Iterator[str]:
    own = {clause.id, *((clause.prohibit.except_ or ()) if clause.prohibit is not None else ())}
    for match in _CLAUSE.finditer(prose):
        if match[1] in clauses and match[1] not in own:
            yield f"the prose names clause `{match[1]}`"
    rest = _CLAUSE.sub(" ", prose)
    numbers = _own_numbers(mou, clause)
    for word in (*_DIGITS.findall(rest), *re.findall(r"[a-z]+", rest.lower())):
        value = _NUMBERS.get(word, word if word[:1].isdigit() else None)
        if value is not None and str(value) not in numbers and word not in own:
            yield f"the prose says `{word}`"
    yield from _names(mou, clause, rest)


def _own_numbers(mou: Mou, clause: Clause) -> set[str]:
    """Every number that the keys give, in the ways that people write it."""
    numbers = {str(len(mou.parties))}
    whos, periods = _whos(clause), _periods(clause)
    numbers |= {str(len(parties_of(who, mou))) for who in whos}
    numbers |= {str(len(parties_of(d.contributors, mou))) for d in mou.datasets.values()}
    for day in (mou.effective, mou.expires, *((clause.valid.from_, clause.valid.until) if clause.valid else ())):
        if day is not None:
            numbers |= {
                str(day.year),
                str(day.month),
                str(day.day),
                day.isoformat(),
                f"{day.month:02}",
                f"{day.day:02}",
            }
    for period in periods:
        numbers |= set(re.findall(r"\d+", period.text)) | {str(period.months), str(period.days)}
        numbers |= {str(period.months // 12)} if period.months % 12 == 0 else set()
    if clause.permit is not None:
        protect = clause.permit.protect
        given = [getattr(protect, key) for key in ("minimum_cell", "other_parties", "k")] if protect is not None else []
        numbers |= {str(value) for value in given if value is not None}
        share = protect.dominance if protect is not None and protect.dominance is not None else DOMINANCE
        numbers |= {str(share), f"{share * 100:g}"}
        for position, default in enumerate((MINIMUM_CELL, OTHER_PARTIES, MINIMUM_CELL)):
            if not given or given[position] is None:
                numbers.add(str(default))
        levels = [f.levels or () for d in mou.datasets.values() for f in d.fields.values()]
        numbers |= {n for level in levels for value in level for n in re.findall(r"\d+", str(value))}
    return numbers


def _whos(clause: Clause) -> list[Who]:
    rule = clause.permit or clause.prohibit or clause.consent
    found: list[Who | None] = [rule.to, rule.from_] if rule is not None else []
    if clause.permit is not None and clause.permit.review != "contributors":
        found.append(clause.permit.review)
    if clause.duty is not None:
        found.append(clause.duty.of)
    return [who for who in found if who is not None]


def _periods(clause: Clause) -> list[Period]:
    duty = clause.duty
    return [p for p in (duty.every, duty.within, duty.grace) if p is not None] if duty is not None else []


def _says(prose: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(collapse(name))}(?![\w-])", prose, re.IGNORECASE) is not None


def _without(prose: str, names: list[str]) -> str:
    """The prose with names taken out whole: the house in `Elm House` is no field."""
    for name in sorted(names, key=len, reverse=True):
        prose = re.sub(rf"(?<![\w-]){re.escape(collapse(name))}(?![\w-])", " ", prose, flags=re.IGNORECASE)
    return prose


def _names(mou: Mou, clause: Clause, prose: str) -> Iterator[str]:
    whos = _whos(clause)
    named = frozenset[str]().union(*(parties_of(who, mou) for who in whos)) if whos else parties_of("everyone", mou)
    for party in mou.parties:
        if party.id not in named and (_says(prose, party.name) or _says(prose, party.id)):
            yield f"the prose names the party `{collapse(party.name)}`"
    roles = {p.role for p in mou.parties if p.id in named}
    for role in sorted({p.role for p in mou.parties} - roles):
        if _says(prose, f"the {role}") or _says(prose, f"{role}s"):
            yield f"the prose names the role `{role}`"
    rule = clause.permit or clause.prohibit or clause.consent
    if rule is None:
        return
    yield from _purposes(mou, rule.purpose, prose)
    others = [p.name for p in mou.parties] + [p.title for p in mou.purposes.values()]
    yield from _fields(mou, clause, _without(prose, others))
    views = {rule.view} if isinstance(rule.view, str) else set(rule.view or _VIEWS)
    if clause.permit is not None:
        views = set(_VIEWS[_VIEWS.index(clause.permit.view) :])
    for view in _VIEWS:
        if view not in views and _says(prose, view):
            yield f"the prose names the view `{view}`"


def _purposes(mou: Mou, purposes: tuple[str, ...] | None, prose: str) -> Iterator[str]:
    if purposes is None:
        return
    # A purpose within the clause's own may be named as an example; one above it says more than the clause does.
    own = {name for purpose in purposes for name in within(purpose, mou)}
    words = [collapse(mou.purposes[p].title).lower() for name in own for p in above(name, mou) if p in own]
    for name, purpose in mou.purposes.items():
        title = collapse(purpose.title)
        if name not in own and _says(prose, title) and not any(title.lower() in word for word in words):
            yield f"the prose names the purpose `{title}`"


def _fields(mou: Mou, clause: Clause, prose: str) -> Iterator[str]:
    rule = clause.permit or clause.prohibit or clause.consent
    if rule is None or rule.fields is None:
        return
    datasets = [mou.datasets[rule.data]] if rule.data in mou.datasets else list(mou.datasets.values())
    own = {name for dataset in datasets for name in fields_of(rule.fields, dataset)}
    titles = {collapse(d.fields[n].title).lower() for d in datasets for n in d.fields if n in own}
    for dataset in datasets:
        for name, field in dataset.fields.items():
            title = collapse(field.title)
            known = any(title.lower() in own_title for own_title in titles)
            if name not in own and not known and _says(prose, title):
                yield f"the prose names the field `{title}`"
