"""Which column types fit which field types.

A column's type is first reduced to a kind: `text`, `whole`, `decimal` (with a fraction), `boolean`, `date`, `naive` or
`aware` (instants without and with an offset; one without is taken as UTC), or `odd`. Whole numbers, decimals without
loss and identifiers fit `string`, since many systems number their clients; nothing else is bent into another type.
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa

from governance.model.names import FieldType

__all__ = ["Kind", "fits", "kind_of_duckdb", "kind_of_sql"]

Kind = Literal["text", "whole", "decimal", "boolean", "date", "naive", "aware", "uuid", "odd"]

_FITS: dict[FieldType, frozenset[Kind]] = {
    "string": frozenset({"text", "whole", "uuid"}),
    "quarter": frozenset({"text"}),
    "integer": frozenset({"whole"}),
    "number": frozenset({"whole", "decimal"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"naive", "aware"}),
}
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}


def fits(kind: Kind, type_: FieldType) -> bool:
    """Whether a column of this kind can be read as this field type without a loss."""
    return kind in _FITS[type_]


def kind_of_duckdb(name: str) -> Kind:
    """From DuckDB's name of a type."""
    if name.startswith("DECIMAL"):
        return "whole" if name.endswith(",0)") else "decimal"
    if name.startswith("ENUM"):
        return "text"
    if name in _WHOLE:
        return "whole"
    named: dict[str, Kind] = {
        "VARCHAR": "text",
        "FLOAT": "decimal",
        "DOUBLE": "decimal",
        "BOOLEAN": "boolean",
        "DATE": "date",
        "TIMESTAMP": "naive",
        "TIMESTAMP_S": "naive",
        "TIMESTAMP_MS": "naive",
        "TIMESTAMP_NS": "naive",
        "TIMESTAMP WITH TIME ZONE": "aware",
        "UUID": "uuid",
    }
    return named.get(name, "odd")


def kind_of_sql(type_: sa.types.TypeEngine[Any]) -> Kind:
    """From a reflected column's type."""
    if isinstance(type_, sa.Boolean):
        return "boolean"
    if isinstance(type_, sa.Integer):
        return "whole"
    if isinstance(type_, sa.Uuid):
        return "uuid"
    if isinstance(type_, sa.Float):  # before Numeric, which it is in SQLAlchemy 2.0
        return "decimal"
    if isinstance(type_, sa.Numeric):
        return "whole" if type_.scale == 0 else "decimal"
    if isinstance(type_, sa.DateTime):
        return "aware" if type_.timezone else "naive"
    if isinstance(type_, sa.Date):
        return "date"
    if isinstance(type_, sa.String):  # Text and Enum are
        return "text"
    return "odd"
