"""An indicator asked for by its id: its definition in the MOU becomes the request that is decided on.

`expand` adds the fields that the definition looks at, so that they count as fields of the request, and the period as
a filter on the definition's window. `govern` then reads the definition once more, from the MOU, for what a request
cannot say: numerator, denominator and exclusions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from governance.disclosure.query import Condition
from governance.disclosure.values import typed
from governance.errors import RequestInvalid
from governance.model.access import Filter, Measure, Request
from governance.model.indicator import Condition as Definition
from governance.model.indicator import Indicator
from governance.model.levels import Equals, Interval
from governance.model.mou import Mou

__all__ = ["IndicatorAsked", "condition_of_definition", "definition", "expand"]


@dataclass(frozen=True, slots=True)
class IndicatorAsked:
    """`{"id", "period"}` of a request's body."""

    id: str
    period: str | None

    @classmethod
    def parse(cls, value: Any) -> IndicatorAsked:
        """From JSON; raises RequestInvalid (`malformed`) naming the key."""
        if not isinstance(value, dict):
            raise RequestInvalid("`indicator` is not an object", reason="malformed", field="indicator")
        for key in value:
            if key not in ("id", "period"):
                raise RequestInvalid(f"`{key}` is not known", reason="malformed", field=f"indicator.{key}")
        id_, period = value.get("id"), value.get("period")
        if not isinstance(id_, str) or not id_:
            raise RequestInvalid("an indicator has an `id`, a text", reason="malformed", field="indicator.id")
        if period is not None and not isinstance(period, str):
            raise RequestInvalid("a `period` is a text", reason="malformed", field="indicator.period")
        return cls(id_, period)


def definition(mou: Mou, asked: IndicatorAsked) -> Indicator:
    """The MOU's definition. Raises RequestInvalid (`unknown-indicator`)."""
    found = mou.indicators.get(asked.id)
    if found is None:
        raise RequestInvalid(
            f"`{asked.id}` is no indicator of `{mou.id}`", reason="unknown-indicator", field="indicator"
        )
    return found


def expand(request: Request, mou: Mou, asked: IndicatorAsked) -> Request:
    """The request with everything that the indicator looks at. Its own `measures` must be empty."""
    found = definition(mou, asked)
    if request.dataset != found.dataset:
        raise RequestInvalid(
            f"the indicator `{asked.id}` is on `{found.dataset}`", reason="indicator-other-dataset", field="dataset"
        )
    if request.view != "aggregate":
        raise RequestInvalid("an indicator is an aggregate", reason="measures-need-aggregate", field="view")
    if request.measures:
        raise RequestInvalid("an indicator is the measure", reason="indicator-and-measures", field="measures")
    filters = request.filters
    if found.window is not None:
        if asked.period is None:
            raise RequestInvalid(
                f"the indicator `{asked.id}` needs its `period`", reason="period-missing", field="indicator.period"
            )
        window = mou.datasets[found.dataset].fields[found.window]
        typed(asked.period, window.type, "indicator.period")
        filters = (*filters, Filter(field=found.window, op="eq", value=asked.period))
    elif asked.period is not None:
        raise RequestInvalid(
            f"the indicator `{asked.id}` has no periods", reason="period-unknown", field="indicator.period"
        )
    fields = tuple(dict.fromkeys((*request.fields, *found.fields)))
    measures = () if fields else (Measure(measure="clients"),)
    return request.model_copy(update={"fields": fields, "filters": filters, "measures": measures})


def condition_of_definition(part: Definition, mou: Mou, dataset: str) -> Condition | None:
    """A numerator, denominator or exclusion; None where it is `all`."""
    if part.all or part.field is None:
        return None
    field = mou.datasets[dataset].fields[part.field]
    if part.at_least is not None:
        return Condition(part.field, (Interval(low=part.at_least),))
    if part.at_most is not None:
        return Condition(part.field, (Interval(high=part.at_most),))
    values = part.in_ if part.in_ is not None else (part.equals,)
    return Condition(part.field, tuple(Equals(typed(v, field.type, part.field)) for v in values))
