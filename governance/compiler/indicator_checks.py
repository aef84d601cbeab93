"""Indicators stand on a dataset of the document: its fields, their types, their levels."""

from __future__ import annotations

from collections.abc import Iterator

from governance.compiler.faults import nearest
from governance.compiler.resolve import fault, warning
from governance.errors import Fault
from governance.model.indicator import Condition, Indicator
from governance.model.mou import DatasetField, Mou

__all__ = ["check_indicator"]

_ORDERED = {"integer", "number"}


def check_indicator(mou: Mou, name: str, indicator: Indicator) -> Iterator[Fault]:
    """Everything that one indicator names."""
    base = ("indicators", name)
    dataset = mou.datasets.get(indicator.dataset)
    if dataset is None:
        near = nearest(indicator.dataset, mou.datasets)
        hint = f"; did you mean `{near}`?" if near else ""
        yield fault(f"there is no dataset `{indicator.dataset}`{hint}", *base, "dataset", code="unknown-dataset")
        return
    if indicator.window is not None and indicator.window not in dataset.fields:
        yield _unknown(indicator.window, dataset.fields, *base, "window")
    places: list[tuple[tuple[str | int, ...], Condition]] = [
        ((*base, "numerator"), indicator.numerator),
        ((*base, "denominator"), indicator.denominator),
        *(((*base, "exclusions", i), condition) for i, condition in enumerate(indicator.exclusions)),
    ]
    for path, condition in places:
        if condition.field is None:
            continue
        field = dataset.fields.get(condition.field)
        if field is None:
            yield _unknown(condition.field, dataset.fields, *path, "field")
        else:
            yield from _condition(condition, field, *path)


def _unknown(field: str, known: dict[str, DatasetField], *path: str | int) -> Fault:
    near = nearest(field, known)
    hint = f"; did you mean `{near}`?" if near else ""
    return fault(f"there is no field `{field}`{hint}", *path, code="unknown-field")


def _condition(condition: Condition, field: DatasetField, *path: str | int) -> Iterator[Fault]:
    if (condition.at_least is not None or condition.at_most is not None) and field.type not in _ORDERED:
        key = "at_least" if condition.at_least is not None else "at_most"
        message = f"`{condition.field}` is of type `{field.type}`, which has no numbers to compare"
        yield fault(message, *path, key, code="condition-type", expected="`equals` or `in`")
    values = [condition.equals] if condition.equals is not None else list(condition.in_ or ())
    key = "equals" if condition.equals is not None else "in"
    for value in values:
        if isinstance(value, bool) != (field.type == "boolean"):
            message = f"`{str(value).lower()}` is no value of `{condition.field}`, which is of type `{field.type}`"
            expected = "true or false" if field.type == "boolean" else None
            yield fault(message, *path, key, code="condition-type", expected=expected)
        elif field.type == "string" and field.levels is not None and not {value, "other"} & set(field.levels):
            message = f"`{value}` is not among the levels of `{condition.field}`"
            yield warning(message, *path, key, code="unknown-level")
