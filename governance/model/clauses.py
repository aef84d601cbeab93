"""The rules of an MOU: permissions, prohibitions, consent requirements and duties (after ODRL 2.2)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from governance.model.names import ClauseId, Fields, Rows, Slug, View, Who, Words
from governance.model.period import PeriodField

__all__ = ["Clause", "Consent", "Day", "Duty", "Kind", "Permit", "Prohibit", "Protect", "Valid"]

Kind = Literal["permit", "prohibit", "consent", "duty"]


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):  # ISO 8601 knows other forms, documents do not
                raise ValueError
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"`{value}` is not a day, written YYYY-MM-DD") from None
    return value


Day = Annotated[dt.date, BeforeValidator(_day)]
Purposes = Annotated[tuple[Slug, ...], Field(min_length=1, strict=False)]
Views = Annotated[tuple[View, ...], Field(min_length=1, strict=False)]

_FROZEN = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Protect(BaseModel):
    """What a cell or a row needs before it is shown (language, Protection); absent keys take the defaults there."""

    model_config = _FROZEN

    minimum_cell: int | None = Field(default=None, ge=5, le=1_000_000)
    other_parties: int | None = Field(default=None, ge=0, le=10_000)
    dominance: float | None = Field(default=None, gt=0, le=1, strict=False)
    k: int | None = Field(default=None, ge=2, le=1_000_000)


class Permit(BaseModel):
    """`to` may see `fields` of `rows` in at most `view`, for `purpose`."""

    model_config = _FROZEN

    to: Who
    data: Slug
    rows: Rows
    from_: Who | None = Field(default=None, alias="from")
    fields: Fields
    view: View
    purpose: Purposes
    protect: Protect | None = None
    review: Literal["contributors"] | Who | None = None


class Prohibit(BaseModel):
    """Whatever meets every key that is present is refused, unless a permit in `except` covers it."""

    model_config = _FROZEN

    to: Who | None = None
    data: Slug | None = None
    rows: Rows | None = None
    from_: Who | None = Field(default=None, alias="from")
    fields: Fields | None = None
    view: Views | None = None
    purpose: Purposes | None = None
    except_: tuple[ClauseId, ...] | None = Field(default=None, alias="except", min_length=1, strict=False)


class Consent(BaseModel):
    """Rows that it touches leave only for subjects with an active consent."""

    model_config = _FROZEN

    to: Who | None = None
    data: Slug | None = None
    rows: Rows | None = None
    from_: Who | None = Field(default=None, alias="from")
    fields: Fields | None = None
    view: Views | None = None
    purpose: Purposes | None = None


class Duty(BaseModel):
    """What a party owes; while it is overdue, `blocking` says which of its requests are refused."""

    model_config = _FROZEN

    of: Who
    action: Literal["acknowledge-purpose", "submit-data", "delete", "return", "report-breach"]
    data: Slug | None = None
    every: PeriodField | None = None
    within: PeriodField | None = None
    after: Literal["expiry", "withdrawal", "release", "discovery"] | None = None
    grace: PeriodField | None = None
    blocking: Literal["none", "others", "all"] = "none"

    @model_validator(mode="after")
    def _when(self) -> Duty:
        if self.every is not None and (self.within is not None or self.after is not None):
            raise ValueError("a duty has `every`, or `within` and `after`, not both")
        if self.every is None and (self.within is None or self.after is None):
            raise ValueError("a duty needs `every`, or `within` together with `after`")
        return self


class Valid(BaseModel):
    """A clause's own days, both inclusive; half of it is open on the other side."""

    model_config = _FROZEN

    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None

    @model_validator(mode="after")
    def _days(self) -> Valid:
        if self.from_ is None and self.until is None:
            raise ValueError("`valid` needs `from`, `until` or both")
        return self


class Clause(BaseModel):
    """A rule with its words. Exactly one of the four kinds is present."""

    model_config = _FROZEN

    id: ClauseId
    title: Words
    permit: Permit | None = None
    prohibit: Prohibit | None = None
    consent: Consent | None = None
    duty: Duty | None = None
    valid: Valid | None = None
    text: Words

    @model_validator(mode="after")
    def _one_kind(self) -> Clause:
        kinds = [k for k in ("permit", "prohibit", "consent", "duty") if getattr(self, k) is not None]
        if len(kinds) != 1:
            found = " and ".join(f"`{k}`" for k in kinds) or "none"
            raise ValueError(f"a clause has exactly one of `permit`, `prohibit`, `consent`, `duty`; found {found}")
        return self

    @property
    def kind(self) -> Kind:
        """Which of the four the clause is."""
        if self.permit is not None:
            return "permit"
        if self.prohibit is not None:
            return "prohibit"
        return "consent" if self.consent is not None else "duty"
