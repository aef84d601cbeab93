"""The scalar types that documents are made of: slugs, titles, clause ids, and who a clause speaks of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = [
    "ClauseId",
    "FieldClass",
    "FieldClasses",
    "FieldName",
    "FieldType",
    "Fields",
    "Level",
    "Rows",
    "Slug",
    "View",
    "Who",
    "WhoSet",
    "Words",
]

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
ClauseId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]

View = Literal["identified", "pseudonymised", "aggregate"]
Rows = Literal["own", "others", "all"]
FieldClass = Literal["identifier", "quasi-identifier", "sensitive", "plain"]
FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime", "quarter"]
Level = str | bool | int


class WhoSet(BaseModel):
    """`{roles: [...]}` or `{parties: [...]}`; with both, both together."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    roles: tuple[Slug, ...] | None = Field(default=None, min_length=1, strict=False)
    parties: tuple[Slug, ...] | None = Field(default=None, min_length=1, strict=False)

    @model_validator(mode="after")
    def _somebody(self) -> WhoSet:
        if self.roles is None and self.parties is None:
            raise ValueError("names nobody: give `roles`, `parties` or both")
        return self


Who = Literal["everyone"] | WhoSet


class FieldClasses(BaseModel):
    """`{classes: [...]}`: every field of these classes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    classes: tuple[FieldClass, ...] = Field(min_length=1, strict=False)


Fields = Literal["all"] | Annotated[tuple[FieldName, ...], Field(min_length=1, strict=False)] | FieldClasses
