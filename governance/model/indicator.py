"""Indicators: versioned definitions of a measure that partners adopt in the MOU."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from governance.model.names import FieldName, Level, Slug, Words

__all__ = ["Condition", "Floor", "Indicator"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Condition(BaseModel):
    """`{all: true}`, or one field with one test: `equals`, `in`, `at_least`, `at_most`."""

    model_config = _FROZEN

    all: Literal[True] | None = None
    field: FieldName | None = None
    equals: Level | float | None = None
    in_: tuple[Level, ...] | None = Field(default=None, alias="in", min_length=1, strict=False)
    at_least: float | None = Field(default=None, strict=False)
    at_most: float | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        tests = [t for t in ("equals", "in_", "at_least", "at_most") if getattr(self, t) is not None]
        if self.all and (self.field or tests):
            raise ValueError("`all: true` stands alone")
        if not self.all and (self.field is None or len(tests) != 1):
            raise ValueError("needs `all: true`, or a `field` with one of `equals`, `in`, `at_least`, `at_most`")
        return self


class Floor(BaseModel):
    """The data-quality floor: the largest share of missing values with which a party's figure still counts."""

    model_config = _FROZEN

    missing: float = Field(ge=0, le=1, strict=False)


class Indicator(BaseModel):
    """A share: of what `denominator` selects, less `exclusions`, how much does `numerator` select."""

    model_config = _FROZEN

    version: int = Field(ge=1)
    title: Words
    dataset: Slug
    unit: Literal["clients", "rows"] = "clients"
    window: FieldName | None = None
    denominator: Condition
    numerator: Condition
    exclusions: tuple[Condition, ...] = Field(default=(), strict=False)
    better: Literal["higher", "lower"] | None = None
    floor: Floor | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the definition looks at, in order, once."""
        conditions = (self.numerator, self.denominator, *self.exclusions)
        names = [c.field for c in conditions if c.field] + ([self.window] if self.window else [])
        return tuple(dict.fromkeys(names))
