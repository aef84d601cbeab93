"""A request with some of its fields, in a shape that the gateway takes.

An aggregate over rows of others is a measure by at most two dimensions with declared levels; a filter is `eq` or `in`
on a declared level and counts as a dimension; no `order_by`, no `limit` (design, 3). Rows have no `group_by`. What does
not fit is left out.
"""

from __future__ import annotations

from typing import Any

from governance.model.access import Filter, Measure, Request
from governance.model.levels import Levels, bins_of
from governance.model.mou import Dataset, DatasetField, Mou

__all__ = ["MOST_DIMENSIONS", "kept_request"]

MOST_DIMENSIONS = 2


def kept_request(request: Request, kept: frozenset[str], mou: Mou) -> Request:
    """The request for the fields kept; for the measure `clients` alone where none is left."""
    dataset = mou.datasets[request.dataset]
    parts: dict[str, Any] = {
        "fields": tuple(n for n in request.fields if n in kept),
        "filters": tuple(f for f in request.filters if f.field in kept),
        "group_by": tuple(n for n in request.group_by if n in kept),
        "measures": tuple(m for m in request.measures if m.field is None or m.field in kept),
        "order_by": tuple(o for o in request.order_by if o.removeprefix("-") in kept),
    }
    own = request.rows == "own" or request.from_ == (request.party,)
    if request.view == "aggregate":
        parts["measures"] = tuple(m for m in parts["measures"] if _measures(m, dataset))
        parts["order_by"] = tuple(o for o in parts["order_by"] if o.removeprefix("-") in parts["group_by"])
    else:
        shown = tuple(dict.fromkeys((*parts["fields"], *parts["group_by"])))
        # Rows need a field to show, not only one to filter or order by.
        parts["fields"] = shown or tuple(n for n in request.all_fields if n in kept)
        parts["group_by"] = ()
    if request.view != "identified" and not own:
        parts |= {"order_by": (), "limit": None}
    if request.view == "pseudonymised" and not own:
        parts["filters"] = tuple(
            f for f in parts["filters"] if _by_level(f, dataset) and dataset.fields[f.field].class_ != "sensitive"
        )
    if request.view == "aggregate" and not own:
        parts |= _dimensions(parts["filters"], parts["group_by"], dataset)
    made = request.model_copy(update=parts)
    return made if made.all_fields or made.measures else _clients(request)


def _clients(request: Request) -> Request:
    bare: dict[str, Any] = {"fields": (), "filters": (), "group_by": (), "order_by": (), "limit": None}
    return request.model_copy(update=bare | {"measures": (Measure(measure="clients"),), "view": "aggregate"})


def _dimensions(filters: tuple[Filter, ...], group_by: tuple[str, ...], dataset: Dataset) -> dict[str, Any]:
    """The first two fields that are grouped or filtered by, of those with declared levels."""
    fitting = [f for f in filters if _by_level(f, dataset)]
    named = [f.field for f in fitting] + [n for n in group_by if _levels(dataset.fields[n]) is not None]
    chosen = tuple(dict.fromkeys(named))[:MOST_DIMENSIONS]
    return {
        "filters": tuple(f for f in fitting if f.field in chosen),
        "group_by": tuple(n for n in group_by if n in chosen),
    }


def _levels(field: DatasetField) -> Levels | None:
    try:
        return bins_of(field)
    except ValueError:
        return None


def _by_level(filter_: Filter, dataset: Dataset) -> bool:
    levels = _levels(dataset.fields[filter_.field])
    if levels is None or filter_.op not in ("eq", "in"):
        return False
    values = filter_.value if filter_.op == "in" else [filter_.value]
    if not isinstance(values, list | tuple) or not values:
        return False
    return all(levels.index(value) is not None for value in values)


def _measures(measure: Measure, dataset: Dataset) -> bool:
    """`clients` takes no field, `count` may have one, the others need one of a type that they can work with."""
    if measure.measure == "clients" or measure.field is None:
        return measure.field is None and measure.measure in ("clients", "count")
    kind = dataset.fields[measure.field].type
    return measure.measure == "count" or kind in (("boolean",) if measure.measure == "rate" else ("integer", "number"))
