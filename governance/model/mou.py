"""The MOU: one document, version 1 of the language. Structure only; cross-references are `compiler.invariants`'."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from governance.model.clauses import Clause, Day
from governance.model.indicator import Indicator
from governance.model.names import FieldClass, FieldName, FieldType, Level, Slug, Who, Words
from governance.model.period import PeriodField
from governance.model.purpose import Purpose

__all__ = ["Amendment", "AtLeast", "Dataset", "DatasetField", "Mou", "Party", "Signing", "Withdrawal"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # reads a folder: 14 ms, so once


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"`{name}` is not a time zone of the IANA data base")
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]


class Party(BaseModel):
    """An organisation; its id is the same in every MOU."""

    model_config = _FROZEN

    id: Slug
    name: Words
    role: Slug


class AtLeast(BaseModel):
    """`{at_least: n, of: <who>}`."""

    model_config = _FROZEN

    at_least: int = Field(ge=1)
    of: Who


class Signing(BaseModel):
    """Who must sign, in which order (`any`, or groups of parties in turn), and how long an offer stands."""

    model_config = _FROZEN

    required: Literal["everyone"] | AtLeast
    order: (
        Literal["any"]
        | Annotated[
            tuple[Annotated[tuple[Slug, ...], Field(min_length=1, strict=False)], ...],
            Field(min_length=1, strict=False),
        ]
    ) = "any"
    within: PeriodField | None = None


class Amendment(BaseModel):
    """Who must sign a new version."""

    model_config = _FROZEN

    required: Literal["everyone"] | AtLeast


class Withdrawal(BaseModel):
    """The notice that a leaving party gives, what becomes of its data, and whether the MOU goes on."""

    model_config = _FROZEN

    notice: PeriodField | None = None
    data: Literal["delete", "return", "keep-aggregates"]
    ends: Literal["party", "all"] = "party"


class DatasetField(BaseModel):
    """A column of the shared dataset. `levels`: its values or bins, the only ones aggregates are grouped by."""

    model_config = _FROZEN

    class_: FieldClass = Field(alias="class")
    type: FieldType
    title: Words
    levels: tuple[Level, ...] | None = Field(default=None, min_length=1, max_length=1000, strict=False)


class Dataset(BaseModel):
    """Rows about subjects; `contributor` names the column that says whose record a row is."""

    model_config = _FROZEN

    title: Words
    subject: FieldName
    subjects: Literal["separate", "shared"] = "separate"
    contributor: FieldName
    contributors: Who
    fields: dict[FieldName, DatasetField] = Field(min_length=1)


class Mou(BaseModel):
    """A document. `effective` and `expires` are days in `timezone`, both inclusive."""

    model_config = _FROZEN

    accordant: Literal[1]
    id: Slug
    version: int = Field(ge=1)
    title: Words
    preamble: str = Field(default="", max_length=100_000)
    timezone: TimeZone
    effective: Day
    expires: Day
    parties: tuple[Party, ...] = Field(min_length=1, strict=False)
    signing: Signing
    amendment: Amendment | None = None
    withdrawal: Withdrawal | None = None
    accounting: PeriodField | None = None
    purposes: dict[Slug, Purpose] = Field(min_length=1)
    datasets: dict[Slug, Dataset] = Field(min_length=1)
    indicators: dict[Slug, Indicator] = Field(default_factory=dict)
    clauses: tuple[Clause, ...] = Field(min_length=1, strict=False)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that the document's days lie in."""
        return ZoneInfo(self.timezone)

    @property
    def ref(self) -> str:
        """`id@version`, how one document is named among all."""
        return f"{self.id}@{self.version}"
