"""What one clause names is there, its numbers mean something, and somebody can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from governance.compiler.faults import nearest
from governance.compiler.operative import OTHER_PARTIES
from governance.compiler.resolve import fault, fields_of, parties_of, warning
from governance.compiler.who_checks import check_who
from governance.errors import Fault
from governance.model.clauses import Clause, Consent, Kind, Permit, Prohibit
from governance.model.mou import Mou
from governance.model.names import Fields

__all__ = ["check_clause"]

_LOW_K = 5
_KINDS = {"prohibit": "prohibition", "consent": "consent requirement", "duty": "duty"}


def check_clause(
    mou: Mou, index: int, clause: Clause, kinds: Mapping[str, Kind], lost: frozenset[str]
) -> Iterator[Fault]:
    """The references and numbers of one clause. `kinds`: all clauses; `lost`: those that could not be read."""
    base = ("clauses", index, clause.kind)
    valid = clause.valid
    if valid is not None and valid.from_ is not None and valid.until is not None and valid.from_ > valid.until:
        message = f"no day lies in `valid`: it ends on {valid.until}, before it begins on {valid.from_}"
        yield fault(message, "clauses", index, "valid", code="empty-window", expected="`until` not before `from`")
    if clause.duty is not None:
        yield from check_who(mou, clause.duty.of, *base, "of")
        yield from _data(mou, clause.duty.data, *base)
        return
    rule = clause.permit or clause.prohibit or clause.consent
    if rule is None:
        return
    yield from check_who(mou, rule.to, *base, "to")
    yield from check_who(mou, rule.from_, *base, "from")
    yield from _data(mou, rule.data, *base)
    yield from _purposes(mou, rule.purpose or (), *base)
    yield from _fields(mou, rule, *base)
    if isinstance(rule, Permit):
        yield from _permit(mou, rule, *base)
    elif isinstance(rule, Prohibit):
        yield from _except(rule.except_ or (), kinds, lost, *base)


def _data(mou: Mou, data: str | None, *base: str | int) -> Iterator[Fault]:
    if data is not None and data not in mou.datasets:
        near = nearest(data, mou.datasets)
        hint = f"; did you mean `{near}`?" if near else ""
        expected = f"one of {', '.join(f'`{d}`' for d in mou.datasets)}"
        yield fault(f"there is no dataset `{data}`{hint}", *base, "data", code="unknown-dataset", expected=expected)


def _purposes(mou: Mou, names: Sequence[str], *base: str | int) -> Iterator[Fault]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield warning(f"`{name}` stands here twice", *base, "purpose", index, code="repeated")
        if name not in mou.purposes:
            near = nearest(name, mou.purposes)
            hint = f"; did you mean `{near}`?" if near else ""
            yield fault(f"there is no purpose `{name}`{hint}", *base, "purpose", index, code="unknown-purpose")


def _fields(mou: Mou, rule: Permit | Prohibit | Consent, *base: str | int) -> Iterator[Fault]:
    fields: Fields | None = rule.fields
    if fields is None or isinstance(fields, str) or (rule.data is not None and rule.data not in mou.datasets):
        return
    datasets = [mou.datasets[rule.data]] if rule.data is not None else list(mou.datasets.values())
    if isinstance(fields, tuple):
        known = {name: None for dataset in datasets for name in dataset.fields}
        where = f"the dataset `{rule.data}`" if rule.data is not None else "any dataset"
        for index, name in enumerate(fields):
            if name in fields[:index]:
                yield warning(f"`{name}` stands here twice", *base, "fields", index, code="repeated")
            if name not in known:
                near = nearest(name, known)
                hint = f"; did you mean `{near}`?" if near else ""
                yield fault(
                    f"there is no field `{name}` in {where}{hint}", *base, "fields", index, code="unknown-field"
                )
    elif not any(fields_of(fields, dataset) for dataset in datasets):
        classes = " or ".join(f"`{c}`" for c in fields.classes)
        yield warning(
            f"no field is of class {classes}: the clause can never apply", *base, "fields", code="never-applies"
        )


def _except(ids: Sequence[str], kinds: Mapping[str, Kind], lost: frozenset[str], *base: str | int) -> Iterator[Fault]:
    for index, name in enumerate(ids):
        if name in lost:
            continue
        if name not in kinds:
            near = nearest(name, kinds)
            hint = f"; did you mean `{near}`?" if near else ""
            yield fault(f"there is no clause `{name}`{hint}", *base, "except", index, code="unknown-clause")
        elif kinds[name] != "permit":
            message = f"clause `{name}` is a {_KINDS[kinds[name]]}, and only a permit can be excepted"
            yield fault(message, *base, "except", index, code="except-not-permit", expected="the id of a permit")


def _permit(mou: Mou, rule: Permit, *base: str | int) -> Iterator[Fault]:
    protect = rule.protect
    k = protect.k if protect is not None else None
    reaches_others = rule.rows != "own"
    if rule.view == "pseudonymised" and reaches_others:
        if k is None:
            message = "pseudonymised rows of others without a `k`; 11 is taken"
            yield warning(message, *base, "protect" if protect else "view", code="no-k", expected="`protect: {k: ...}`")
        yield from _identifiers(mou, rule, *base)
    if k is not None and k < _LOW_K:
        message = f"{k} clients alike hide nobody well"
        yield warning(message, *base, "protect", "k", code="low-k", expected=f"at least {_LOW_K}")
    if protect is not None:
        given = [
            key for key in ("minimum_cell", "other_parties", "dominance", "k") if getattr(protect, key) is not None
        ]
        useless = {"k"} if rule.view == "aggregate" else set()
        if rule.view == "pseudonymised":
            useless = {"minimum_cell", "other_parties", "dominance"}
        for key in given:
            if not reaches_others or key in useless:
                message = (
                    f"`{key}` has no effect in a permit for {'own rows' if not reaches_others else rule.view} rows"
                )
                message = message.replace("own rows rows", "own rows").replace("aggregate rows", "aggregates")
                yield warning(message, *base, "protect", key, code="without-effect")
    yield from _out_of_reach(mou, rule, *base)
    yield from _review(mou, rule, *base)


def _out_of_reach(mou: Mou, rule: Permit, *base: str | int) -> Iterator[Fault]:
    """A number of other parties that nobody's comparison can ever reach."""
    dataset = mou.datasets.get(rule.data)
    if dataset is None or rule.rows == "own" or rule.view != "aggregate":
        return
    given = rule.protect.other_parties if rule.protect is not None else None
    needed = OTHER_PARTIES if given is None else given
    sources = parties_of(dataset.contributors, mou) & parties_of(rule.from_, mou)
    most = max((len(sources - {party}) for party in parties_of(rule.to, mou)), default=needed)
    if 0 < most < needed:
        message = f"a figure needs {needed} other parties, and there are never more than {most}: none is ever shown"
        path = ("protect", "other_parties") if given is not None else ("view",)
        yield warning(message, *base, *path, code="never-shown")


def _identifiers(mou: Mou, rule: Permit, *base: str | int) -> Iterator[Fault]:
    dataset = mou.datasets.get(rule.data)
    if dataset is None or isinstance(rule.fields, str):
        return
    named = sorted(n for n in fields_of(rule.fields, dataset) if dataset.fields[n].class_ == "identifier")
    if named:
        message = f"pseudonymised rows never hold an identifier: {', '.join(f'`{n}`' for n in named)}"
        yield warning(message, *base, "fields", code="identifier-pseudonymised")


def _review(mou: Mou, rule: Permit, *base: str | int) -> Iterator[Fault]:
    if rule.review is None or rule.review == "contributors":
        return
    yield from check_who(mou, rule.review, *base, "review")
    able = parties_of(rule.review, mou)
    alone = sorted(party for party in parties_of(rule.to, mou) if not able - {party})
    if able and alone:
        message = f"`{alone[0]}` may ask under this clause, and nobody else could approve it"
        expected = "at least one approver besides each requester"
        yield fault(message, *base, "review", code="nobody-to-ask", expected=expected)
