"""A request, the facts it is decided on, and the decision: the three values that every engine takes and gives.

`Request` is what a party asks for; `Facts` is what has happened (acknowledgements, approvals, withdrawals, overdue
duties); `Decision` is the answer, with its reasons. None of them decides anything.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from governance.model.clauses import Day
from governance.model.names import ClauseId, Rows, View

__all__ = [
    "Acknowledged",
    "Approved",
    "ClauseRef",
    "ConsentNeed",
    "Decision",
    "Facts",
    "Filter",
    "Instant",
    "Measure",
    "NO_FACTS",
    "Obligations",
    "Outcome",
    "Overdue",
    "Protection",
    "Request",
    "Withdrawn",
]

_FROZEN = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

Outcome = Literal["permit", "deny", "gap", "review", "invalid", "unavailable"]
Reason = str


def _instant(value: object) -> object:
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"`{value}` is not an instant, written 2026-11-02T12:00:00Z") from None
    return value


def _aware(value: dt.datetime) -> dt.datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs its offset from UTC (end it in `Z`)")
    return value.astimezone(dt.UTC)


Instant = Annotated[dt.datetime, BeforeValidator(_instant), AfterValidator(_aware)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=200, strict=False)]


class Filter(BaseModel):
    """One condition on one field; `value` is absent for `is_null`, a list for `in`, two values for `between`."""

    model_config = _FROZEN

    field: Name
    op: Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "between", "is_null"]
    value: Annotated[Any, Field(default=None)] = None


class Measure(BaseModel):
    """`clients` counts distinct subjects and needs no field; `rate` is the share of a boolean field that is true."""

    model_config = _FROZEN

    measure: Literal["clients", "count", "sum", "mean", "rate"]
    field: Name | None = None


class Request(BaseModel):
    """What a party asks for (language, A request). Every field filtered, grouped or measured by counts as a field."""

    model_config = _FROZEN

    party: Name
    dataset: Name
    fields: Names = ()
    rows: Rows
    from_: Names | None = Field(default=None, alias="from")
    view: View
    purpose: Name
    at: Instant
    mou: Name | None = None
    under: Name | None = None
    filters: Annotated[tuple[Filter, ...], Field(max_length=200, strict=False)] = ()
    group_by: Names = ()
    measures: Annotated[tuple[Measure, ...], Field(max_length=200, strict=False)] = ()
    order_by: Names = ()  # a leading `-` means descending
    limit: Annotated[int, Field(ge=1)] | None = None

    def offered(self) -> dict[str, Any]:
        """As the body of `POST /v1/query` that would ask it: without what comes from key, clock and declaration."""
        document: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {k: v for k, v in document.items() if k not in ("party", "at", "purpose", "mou")}

    @property
    def all_fields(self) -> tuple[str, ...]:
        """Every field that counts, in order, once."""
        names = [
            *self.fields,
            *(f.field for f in self.filters),
            *self.group_by,
            *(m.field for m in self.measures if m.field is not None),
            *(o.removeprefix("-") for o in self.order_by),
        ]
        return tuple(dict.fromkeys(names))


class Acknowledged(BaseModel):
    """A party acknowledged its purpose under a duty, on a local day of the MOU (signing is one)."""

    model_config = _FROZEN

    mou: Name
    clause: ClauseId
    party: Name
    on: Day


class Approved(BaseModel):
    """Every approval that the clause `under` needs for this party's request is there, and current."""

    model_config = _FROZEN

    party: Name
    mou: Name
    under: ClauseId


class Withdrawn(BaseModel):
    """A party's withdrawal from an MOU, all versions, takes effect at `at`."""

    model_config = _FROZEN

    mou: Name
    party: Name
    at: Instant


class Overdue(BaseModel):
    """A duty other than an acknowledgement is overdue, as recorded."""

    model_config = _FROZEN

    mou: Name
    clause: ClauseId
    party: Name


class Facts(BaseModel):
    """What has happened, as far as decisions hang on it."""

    model_config = _FROZEN

    acknowledged: Annotated[tuple[Acknowledged, ...], Field(strict=False)] = ()
    approved: Annotated[tuple[Approved, ...], Field(strict=False)] = ()
    withdrawn: Annotated[tuple[Withdrawn, ...], Field(strict=False)] = ()
    overdue: Annotated[tuple[Overdue, ...], Field(strict=False)] = ()


NO_FACTS = Facts()


class ClauseRef(BaseModel):
    """A clause of one version of one MOU; printed `benchmarking:2.1`."""

    model_config = _FROZEN

    mou: str
    version: int
    clause: str

    def __str__(self) -> str:
        return f"{self.mou}:{self.clause}"


class ConsentNeed(BaseModel):
    """A consent clause that touches the request: rows of these contributors need an active consent."""

    model_config = _FROZEN

    clause: ClauseRef
    contributors: tuple[str, ...] = Field(strict=False)  # R ∩ C(c), sorted


class Protection(BaseModel):
    """What figures or rows need before they leave, defaults filled in (language, Protection).

    `none`: own rows, or identified ones. `aggregate`: the first three numbers count. `pseudonymised`: `k` counts.
    """

    model_config = _FROZEN

    kind: Literal["none", "aggregate", "pseudonymised"]
    minimum_cell: int | None = None
    other_parties: int | None = None
    dominance: float | None = Field(default=None, strict=False)
    k: int | None = None


class Obligations(BaseModel):
    """What the gateway must do to the data before it leaves."""

    model_config = _FROZEN

    view: View
    contributors: tuple[str, ...] = Field(strict=False)  # R, sorted
    fields: tuple[str, ...] = Field(strict=False)  # the request's `all_fields`, in its order
    protection: Protection
    consent: tuple[ConsentNeed, ...] = Field(default=(), strict=False)


class Decision(BaseModel):
    """An engine's answer. `cites` holds the basis of a permit or review, the clauses of a deny, nothing otherwise.

    `valid_until` is the next moment at which time alone could change it (None: never). `revision` is the digest of
    the MOUs that it was made on. `nearest` is filled by `analysis.nearest`, not by engines.
    """

    model_config = _FROZEN

    outcome: Outcome
    reason: Reason
    detail: str | None = None
    cites: tuple[ClauseRef, ...] = Field(default=(), strict=False)
    also: tuple[ClauseRef, ...] = Field(default=(), strict=False)
    obligations: Obligations | None = None
    valid_until: Instant | None = None
    revision: str = ""
    nearest: Request | None = None
