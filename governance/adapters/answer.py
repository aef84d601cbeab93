"""What an engine is asked and what it answers, strictly: nothing is guessed, and what is missing is no answer.

The entrypoint answers a list: `[outcome, reason, ...]`, `[[document, binds, clauses examined]]`, the revision, and
until when; a document is named `benchmarking_v1`. It counts only with the revision of the bundle that
was loaded, with every document that defines the dataset, and, of each that binds, with every clause.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance.errors import EngineUnavailable
from governance.model.access import (
    ClauseRef,
    ConsentNeed,
    Decision,
    Facts,
    Obligations,
    Protection,
    Request,
)

if TYPE_CHECKING:
    from governance.ports import Bundle

__all__ = ["ENTRYPOINT", "decision", "engine_input"]

ENTRYPOINT = "accordant/main/decision"
_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_DAY = _EPOCH.toordinal()

Name = Annotated[str, Field(pattern=r"^.+_v[1-9][0-9]*$")]
Ref = tuple[Name, str]
Refs = tuple[Ref, ...]
Some = Annotated[tuple[Ref, ...], Field(min_length=1)]
Needed = tuple[Literal["none", "aggregate", "pseudonymised"], int | None, int | None, float | int | None, int | None]

Invalid = tuple[Literal["invalid"], str]
Plain = tuple[Literal["deny"], Literal["no-mou-in-force"]] | tuple[Literal["gap"], Literal["no-clause"]]
Unanswered = tuple[Literal["unanswered"]]
Cited = (
    tuple[Literal["deny"], Literal["duty-overdue", "prohibited"], Some]
    | tuple[Literal["review"], Literal["approval-needed"], tuple[Ref]]
)
Permitted = tuple[
    Literal["permit"],
    Literal["permitted"],
    tuple[Ref],
    Refs,
    Annotated[tuple[str, ...], Field(min_length=1)],
    Needed,
    tuple[tuple[Ref, Annotated[tuple[str, ...], Field(min_length=1)]], ...],
]


class _Answer(BaseModel):
    """JSON's arrays are tuples here; everything else is strict."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    answer: Unanswered | Invalid | Plain | Cited | Permitted
    documents: tuple[tuple[Name, bool, tuple[str, ...]], ...]
    revision: str
    valid_until: int | None


def engine_input(request: Request, facts: Facts) -> list[Any]:
    """The raw request and facts as JSON values, in the order of `policies/accordant/request`.

    Instants are integers, microseconds since the epoch, and days are numbers. What others acknowledged, or were
    approved for, can't matter to this request and is left out.
    """
    party = request.party
    more = [
        [[f.field, f.op, _plain(f.value)] for f in request.filters],
        list(request.group_by),
        [[m.measure, m.field] for m in request.measures],
        list(request.order_by),
    ]
    known = [
        [[a.mou, a.clause, a.party, a.on.toordinal() - _FIRST_DAY] for a in facts.acknowledged if a.party == party],
        [[a.mou, a.under, a.party] for a in facts.approved if a.party == party],
        [[w.mou, w.party, _instant(w.at)] for w in facts.withdrawn],
        [[o.mou, o.clause, o.party] for o in facts.overdue if o.party == party],
    ]
    return [
        party,
        request.dataset,
        list(request.fields),
        request.rows,
        None if request.from_ is None else list(request.from_),
        request.view,
        request.purpose,
        _instant(request.at),
        request.mou,
        request.under,
        more if any(more) else [],
        known if any(known) else [],
    ]


def decision(raw: object, request: Request, bundle: Bundle) -> Decision:
    """The decision that an engine's result is; raises EngineUnavailable where it is none."""
    try:
        # Through JSON's reading rules, so that an array is a tuple and a number is no text.
        answer = _Answer.model_validate(_named(_tuples(raw)))
    except (ValidationError, RecursionError):
        raise EngineUnavailable("the policy engine's answer is malformed", reason="engine-malformed") from None
    if answer.revision != bundle.revision:
        raise EngineUnavailable("the policy engine answers by other documents", reason="engine-stale")
    _complete(answer, request, bundle)
    return _read(answer, request)


def _complete(answer: _Answer, request: Request, bundle: Bundle) -> None:
    expected = bundle.expected.get(request.dataset, {})
    if sorted(name for name, _, _ in answer.documents) != sorted(expected):
        raise EngineUnavailable("the policy engine left documents out", reason="engine-incomplete")
    for name, binds, examined in answer.documents:
        if binds and sorted(examined) != sorted(expected[name]):
            missing = ", ".join(f"`{c}`" for c in expected[name] if c not in examined)
            raise EngineUnavailable(f"the policy engine left clauses out: {missing}", reason="engine-incomplete")


def _read(answer: _Answer, request: Request) -> Decision:
    parts = answer.answer
    if parts[0] == "unanswered":
        raise EngineUnavailable("the policies gave no answer", reason="engine-undefined")
    common: dict[str, Any] = {"revision": answer.revision, "valid_until": _moment(answer.valid_until)}
    if parts[0] == "permit":
        _, _, cites, also, contributors, needed, consents = parts
        return Decision(
            outcome="permit",
            reason="permitted",
            cites=_refs(cites),
            also=_refs(also),
            obligations=Obligations(
                view=request.view,
                contributors=contributors,
                fields=request.all_fields,
                protection=_protection(needed),
                consent=tuple(ConsentNeed(clause=_ref(ref), contributors=rows) for ref, rows in consents),
            ),
            **common,
        )
    if parts[0] == "invalid":
        return Decision(outcome="invalid", reason=parts[1], detail=_detail(parts[1], request), **common)
    cited = parts[2] if len(parts) == 3 else ()
    return Decision(outcome=parts[0], reason=parts[1], cites=_refs(cited), **common)


def _protection(needed: Needed) -> Protection:
    kind, minimum_cell, other_parties, dominance, k = needed
    return Protection(
        kind=kind,
        minimum_cell=minimum_cell,
        other_parties=other_parties,
        dominance=None if dominance is None else float(dominance),
        k=k,
    )


def _ref(ref: Ref) -> ClauseRef:
    name, clause = ref
    mou, _, version = name.rpartition("_v")
    return ClauseRef(mou=mou, version=int(version), clause=clause)


def _refs(refs: Refs | tuple[Ref]) -> tuple[ClauseRef, ...]:
    return tuple(_ref(r) for r in refs)


def _moment(microseconds: int | None) -> dt.datetime | None:
    if microseconds is None:
        return None
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:
        return None


def _instant(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _plain(value: Any) -> Any:
    """JSON's numbers, whichever way Python holds them: 3.0 is the level 3."""
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | bool | int | float) or value is None else str(value)


def _tuples(value: object) -> object:
    if isinstance(value, list):
        return tuple(_tuples(v) for v in value)
    return {k: _tuples(v) for k, v in value.items()} if isinstance(value, dict) else value


def _named(value: object) -> object:
    """The four parts of an answer by their names; anything else as it is, which is no answer."""
    parts = ("answer", "documents", "revision", "valid_until")
    return dict(zip(parts, value, strict=True)) if isinstance(value, tuple) and len(value) == len(parts) else None


def _detail(reason: str, request: Request) -> str:
    """In words, for a person; what is unknown is named where one word of the request is meant."""
    return {
        "unknown-party": f"`{request.party}` is a party to none of the documents",
        "unknown-dataset": f"no document defines the dataset `{request.dataset}`",
        "no-fields": "the request names no field and no measure",
        "measures-need-aggregate": f"measures are for the view `aggregate`, not `{request.view}`",
        "unknown-field": f"no document that defines `{request.dataset}` has all of the fields "
        + ", ".join(f"`{f}`" for f in request.all_fields),
        "unknown-purpose": f"no document that defines `{request.dataset}` knows the purpose `{request.purpose}`",
        "empty-from": "`from` is empty: leave it out, or name a party",
        "unknown-from": "no document that defines the dataset has all parties of `from`",
        "unknown-mou": f"there is no document `{request.mou}`",
        "unknown-clause": f"there is no clause `{request.under}`",
        "no-rows": f"no contributor's rows are meant by `{request.rows}`, seen from `{request.party}`",
        "filter-not-a-level": "an aggregate over rows of others is filtered by `eq` or `in` only",
        "undeclared-level": "an aggregate over rows of others is filtered by declared levels only",
    }.get(reason, "the request is invalid")
