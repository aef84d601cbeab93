"""Tries a mapping on its source: every column that is missing or of a wrong type, by name, and what the values say.

Errors keep a source from being used; warnings are for the steward: values that stand in no declared level, rows without
a subject (they never leave), a column that names another contributor (in a live table the contributor is the owner,
whatever the column says).
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import Any, Protocol

from connectors.sources.kinds import Kind, fits
from connectors.sources.mapping import Mapping
from governance.errors import Fault
from governance.model.levels import bins_of, quarter_of
from governance.model.mou import Dataset

__all__ = ["Checked", "check"]

_MOST_VALUES = 10_000
_EXAMPLES = 3


class Checked(Protocol):
    """What `check` asks of a source."""

    def columns(self) -> MappingOf[str, str]:
        """Columns and their types, in the engine's words."""
        ...

    def kind(self, column: str) -> Kind:
        """What kind of values a column holds."""
        ...

    def distinct(self, column: str, limit: int) -> list[Any]:
        """Distinct values that are present."""
        ...

    def absent(self, column: str) -> int:
        """Rows without a value."""
        ...


def check(mapping: Mapping, dataset: Dataset, source: Checked, *, file: str = "<mapping>") -> tuple[Fault, ...]:
    """All faults, errors first. Raises SourceUnavailable where the source does not answer."""
    faults = list(mapping.faults(dataset, file=file))
    there = source.columns()
    usable: dict[str, str] = {}
    for name, column in mapping.columns.items():
        if name not in dataset.fields and name != dataset.subject:
            continue
        if column not in there:
            near = _nearest(column, list(there))
            expected = f"`{near}`" if near else None
            faults.append(_error(file, name, f"the source has no column `{column}`", "column-missing", expected))
            continue
        type_ = dataset.fields[name].type if name in dataset.fields else "string"
        if not fits(source.kind(column), type_):
            message = f"the column `{column}` has the type {there[column]}, which does not fit the field `{name}`"
            faults.append(_error(file, name, message, "column-wrong-type", type_))
            continue
        usable[name] = column
    for name, column in usable.items():
        faults += _values(mapping, dataset, source, name, column, file)
    return tuple(sorted(faults, key=lambda f: f.level != "error"))


def _error(file: str, name: str, message: str, code: str, expected: str | None = None) -> Fault:
    return Fault(message, file=file, path=("columns", name), code=code, expected=expected)


def _warning(file: str, name: str, message: str, code: str) -> Fault:
    return Fault(message, file=file, path=("columns", name), code=code, level="warning")


def _values(mapping: Mapping, dataset: Dataset, source: Checked, name: str, column: str, file: str) -> list[Fault]:
    found: list[Fault] = []
    if name == dataset.subject:
        absent = source.absent(column)
        if absent:
            message = f"{absent} rows have no `{column}`: without a subject they never leave"
            found.append(_warning(file, name, message, "subject-missing"))
    if name == dataset.contributor:
        others = [v for v in source.distinct(column, _MOST_VALUES) if str(v) != mapping.party]
        if others:
            message = f"`{column}` names {_shown(others)}; every row counts as `{mapping.party}`'s"
            found.append(_warning(file, name, message, "other-contributor"))
        return found
    field = dataset.fields.get(name)
    if field is None:
        return found
    if field.type == "quarter":
        wrong = [v for v in source.distinct(column, _MOST_VALUES) if not _is_quarter(v)]
        if wrong:
            message = f"`{column}` holds {_shown(wrong)}"
            found.append(_error(file, name, message, "value-wrong-type", "quarters, written 2026-Q3"))
    try:
        levels = bins_of(field)
    except ValueError as error:
        return [*found, _error(file, name, str(error), "levels-wrong")]
    if levels is not None and field.type not in ("boolean", "datetime", "quarter"):
        outside = [v for v in source.distinct(column, _MOST_VALUES) if levels.level_of(_plain(v, field.type)) is None]
        if outside:
            message = f"`{column}` holds {_shown(outside)}, in no declared level: such rows stand in no cell"
            found.append(_warning(file, name, message, "value-in-no-level"))
    return found


def _plain(value: Any, type_: str) -> Any:
    if type_ == "string":
        return str(value)
    return float(value) if type_ == "number" else value


def _is_quarter(value: Any) -> bool:
    try:
        quarter_of(str(value))
    except ValueError:
        return False
    return True


def _shown(values: list[Any]) -> str:
    some = ", ".join(f"`{v}`" for v in sorted(map(str, values))[:_EXAMPLES])
    more = len(values) - _EXAMPLES
    return f"{some} and {more} more" if more > 0 else some


def _nearest(name: str, names: list[str]) -> str | None:
    from difflib import get_close_matches

    lower = {n.lower(): n for n in names}
    near = get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return lower[near[0]] if near else None
