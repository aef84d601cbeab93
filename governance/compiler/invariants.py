"""What holds between the parts of a document: everything that it names is there, and every rule can apply.

An error is what no reading of the language gives a meaning to, or what the language says that `check` refuses. What is
allowed and yet surely a mistake is a warning. The parts: this module looks at the document around the clauses,
`clause_checks` at each rule, `never_applies` at rules that nothing can reach, `prose` at the words.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator

from governance.compiler.clause_checks import check_clause
from governance.compiler.faults import nearest
from governance.compiler.indicator_checks import check_indicator
from governance.compiler.never_applies import NeverApplies
from governance.compiler.prose import check_prose
from governance.compiler.resolve import above, fault, parties_of, warning
from governance.compiler.who_checks import check_who
from governance.errors import Fault
from governance.model.levels import faults_of
from governance.model.mou import AtLeast, Dataset, DatasetField, Mou
from governance.model.period import after

__all__ = ["check"]

# Years that both engines and every calendar agree on, and a month to either side.
_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(9000, 12, 31)


def check(mou: Mou, *, lost: frozenset[str] = frozenset()) -> tuple[Fault, ...]:
    """Every fault, with its path. `lost`: ids of clauses that could not be read, which others may name."""
    return tuple(_all(mou, lost))


def _all(mou: Mou, lost: frozenset[str]) -> Iterator[Fault]:
    yield from _twice((p.id for p in mou.parties), "party", "parties")
    yield from _twice((c.id for c in mou.clauses), "clause", "clauses")
    yield from _same_names(mou)
    yield from _days(mou)
    yield from _purposes(mou)
    for name, dataset in mou.datasets.items():
        yield from _dataset(mou, name, dataset)
    for name, indicator in mou.indicators.items():
        yield from check_indicator(mou, name, indicator)
    yield from _signing(mou)
    never = NeverApplies(mou)
    kinds = {clause.id: clause.kind for clause in mou.clauses}
    for index, clause in enumerate(mou.clauses):
        yield from check_clause(mou, index, clause, kinds, lost)
        yield from never.of(index, clause)
        yield from check_prose(mou, index, clause, kinds)


def _twice(ids: Iterable[str], what: str, key: str) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, name in enumerate(ids):
        if name in first:
            message = f"the {what} `{name}` stands here twice, first as number {first[name] + 1}"
            yield fault(message, key, index, "id", code=f"duplicate-{what}", expected="each id once")
        first.setdefault(name, index)


def _same_names(mou: Mou) -> Iterator[Fault]:
    names = Counter(" ".join(p.name.split()).casefold() for p in mou.parties)
    for index, party in enumerate(mou.parties):
        if names[" ".join(party.name.split()).casefold()] > 1:
            message = f"another party has the name `{party.name}` too; only the id tells them apart"
            yield warning(message, "parties", index, "name", code="same-name")


def _days(mou: Mou) -> Iterator[Fault]:
    for key, day in (("effective", mou.effective), ("expires", mou.expires)):
        if not _FIRST <= day <= _LAST:
            expected = f"a day from {_FIRST} to {_LAST}"
            yield fault(f"`{day}` is out of reach", key, code="day-out-of-reach", expected=expected)
    if mou.effective > mou.expires:
        message = f"the document expires on {mou.expires}, before it is effective on {mou.effective}"
        yield fault(message, "expires", code="expires-before-effective", expected="a day not before `effective`")
    for index, clause in enumerate(mou.clauses):
        duty, valid = clause.duty, clause.valid
        for key, bound in (("from", valid and valid.from_), ("until", valid and valid.until)):
            if bound and not _FIRST <= bound <= _LAST:
                expected = f"a day from {_FIRST} to {_LAST}"
                message = f"`{bound}` is out of reach"
                yield fault(message, "clauses", index, "valid", key, code="day-out-of-reach", expected=expected)
        if duty is not None and duty.every is not None:
            try:
                due = after(min(mou.expires, _LAST), duty.every)
                after(due, duty.grace) if duty.grace is not None else due
            except (ValueError, OverflowError):
                message = "the duty would fall due after the year 9999"
                yield fault(message, "clauses", index, "duty", "every", code="day-out-of-reach")


def _purposes(mou: Mou) -> Iterator[Fault]:
    terms: dict[str, str] = {}
    for name, purpose in mou.purposes.items():
        if purpose.broader is not None:
            if purpose.broader not in mou.purposes:
                near = nearest(purpose.broader, mou.purposes)
                hint = f"; did you mean `{near}`?" if near else ""
                message = f"there is no purpose `{purpose.broader}`{hint}"
                yield fault(message, "purposes", name, "broader", code="unknown-purpose")
            else:
                chain = list(above(name, mou))
                if mou.purposes[chain[-1]].broader == name == min(chain):  # one fault a cycle
                    loop = " → ".join(f"`{p}`" for p in (*chain, name))
                    message = f"a purpose cannot be within itself: {loop}"
                    yield fault(message, "purposes", name, "broader", code="purpose-cycle")
        if purpose.dpv is not None:
            if purpose.dpv in terms:
                message = f"`{terms[purpose.dpv]}` has the term `{purpose.dpv}` too; other MOUs cannot tell them apart"
                yield warning(message, "purposes", name, "dpv", code="same-dpv")
            terms.setdefault(purpose.dpv, name)


def _dataset(mou: Mou, name: str, dataset: Dataset) -> Iterator[Fault]:
    base = ("datasets", name)
    for key, column in (("subject", dataset.subject), ("contributor", dataset.contributor)):
        if column not in dataset.fields:
            near = nearest(column, dataset.fields)
            hint = f"; did you mean `{near}`?" if near else ""
            message = f"`{column}` is not among the fields of `{name}`{hint}"
            yield fault(message, *base, key, code="unknown-field", expected="one of the dataset's fields")
    if dataset.subject == dataset.contributor:
        message = f"the field `{dataset.subject}` says both who the client is and whose record it is"
        yield warning(message, *base, "subject", code="subject-is-contributor")
    subject = dataset.fields.get(dataset.subject)
    if subject is not None and subject.class_ != "identifier":
        message = f"the field `{dataset.subject}` names clients, but its class is `{subject.class_}`"
        yield warning(message, *base, "fields", dataset.subject, "class", code="subject-class", expected="`identifier`")
    yield from check_who(mou, dataset.contributors, *base, "contributors")
    for field_name, field in dataset.fields.items():
        yield from _levels(field, *base, "fields", field_name, "levels")


def _levels(field: DatasetField, *path: str | int) -> Iterator[Fault]:
    levels = field.levels or ()
    seen = set()
    for index, level in enumerate(levels):
        key = (type(level), level)
        if key in seen:
            yield fault(f"the level `{_shown(level)}` stands here twice", *path, index, code="duplicate-level")
        elif isinstance(level, bool) != (field.type == "boolean"):
            cure = f'quotes: "{_shown(level)}"' if isinstance(level, bool) and field.type == "string" else None
            expected = "true and false" if field.type == "boolean" else cure
            message = f"the level `{_shown(level)}` does not fit the type `{field.type}`"
            yield fault(message, *path, index, code="level-type", expected=expected)
        seen.add(key)
    if len(seen) == len(levels):
        for text in faults_of(field):
            if "overlaps" in text or "the same as" in text:
                yield fault(text, *path, code="levels-overlap", expected="each value in one level")
            elif "does not fit the type" not in text and "neither" not in text and "is not text" not in text:
                yield warning(f"{text}; no aggregate can be grouped by it", *path, code="level-unreadable")


def _shown(level: object) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)


def _signing(mou: Mou) -> Iterator[Fault]:
    yield from _required(mou, mou.signing.required, "signing", "required")
    if mou.amendment is not None:
        yield from _required(mou, mou.amendment.required, "amendment", "required")
    if isinstance(mou.signing.order, str):
        return
    known = {p.id for p in mou.parties}
    seen: set[str] = set()
    for group_index, group in enumerate(mou.signing.order):
        for index, party in enumerate(group):
            path = ("signing", "order", group_index, index)
            if party not in known:
                near = nearest(party, known)
                hint = f"; did you mean `{near}`?" if near else ""
                yield fault(f"there is no party `{party}`{hint}", *path, code="unknown-party")
            elif party in seen:
                yield fault(f"`{party}` is to sign twice", *path, code="signs-twice", expected="each party once")
            seen.add(party)
    yield from _omitted(mou, seen & known)


def _omitted(mou: Mou, ordered: set[str]) -> Iterator[Fault]:
    required = mou.signing.required
    if isinstance(required, AtLeast):
        able = parties_of(required.of, mou)
        if len(able & ordered) < min(required.at_least, len(able)):
            message = f"{len(able & ordered)} of the parties whose signatures count stand in the order"
            expected = f"at least {required.at_least}"
            yield fault(message, "signing", "order", code="order-omits", expected=expected)
        elif able - ordered:
            message = f"not in the order, though their signatures would count: {_list(able - ordered)}"
            yield warning(message, "signing", "order", code="order-omits")
        return
    missing = {p.id for p in mou.parties} - ordered
    if missing:
        message = f"not in the order, though every party must sign: {_list(missing)}"
        yield fault(message, "signing", "order", code="order-omits", expected="every party once")


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _required(mou: Mou, required: object, *path: str) -> Iterator[Fault]:
    if not isinstance(required, AtLeast):
        return
    yield from check_who(mou, required.of, *path, "of")
    able = len(parties_of(required.of, mou))
    if able and required.at_least > able:
        message = f"{required.at_least} must sign, but only {able} can"
        yield fault(message, *path, "at_least", code="at-least-too-many", expected=f"at most {able}")
