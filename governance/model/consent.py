"""Consent records, first form (after ISO/IEC TS 27560): what a subject, or the guardian, gave or withdrew."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from governance.model.clauses import Day

__all__ = ["ConsentRecord"]


class ConsentRecord(BaseModel):
    """One row of a consent file. `recipient`, `dataset` and `fields` may be `*`: any.

    A record counts when its dataset, fields, recipient and days include the request's and its purpose is the
    request's or above it (language, Consent). The last record of a subject for the same selectors prevails.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    contributor: Annotated[str, Field(min_length=1)]
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    recipient: str = "*"
    purpose: Annotated[str, Field(min_length=1)]
    dataset: str = "*"
    fields: tuple[str, ...] = Field(default=("*",), strict=False)
    status: Literal["given", "withdrawn"]
    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    evidence: str = ""
    recorded: dt.datetime | None = None  # the server's instant
