"""Consent records, first form (after ISO/IEC TS 27560): what a subject, or the guardian, gave or withdrew."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from governance.model.clauses import Day

__all__ = ["ConsentRecord"]

# No control characters, and none that turns the direction of text.
_NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]*$"


class ConsentRecord(BaseModel):
    """One row of a consent file. `recipient`, `dataset` and `fields` may be `*`: any.

    A record counts when its dataset, fields, recipient and days include the request's and its purpose is the
    request's or above it (language, Consent). The last record of a subject for the same selectors prevails.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    contributor: Annotated[str, Field(min_length=1)]
    subject: Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_CONTROL)]
    recipient: str = "*"
    purpose: Annotated[str, Field(min_length=1)]
    dataset: str = "*"
    fields: tuple[str, ...] = Field(default=("*",), strict=False)
    status: Literal["given", "withdrawn"]
    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    evidence: Annotated[str, Field(max_length=2000, pattern=_NO_CONTROL)] = ""
    recorded: dt.datetime | None = None  # the server's instant
