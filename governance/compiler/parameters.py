"""A template's parameters: typed, explained, with limits; and the values that are given for them.

A value comes from YAML in its own shape, or as text from a flag or an answer on a terminal: a list is then separated by
commas (`none` is the empty one), a party is `id:name`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field

from governance.compiler.faults import nearest
from governance.compiler.words import collapse
from governance.errors import DocumentWrong, Fault
from governance.model.names import FieldName, Slug, Words
from governance.model.period import Period

__all__ = ["First", "Parameter", "Template", "default_of", "shown", "value_of", "values_of"]

Type = Literal["slug", "words", "number", "day", "timezone", "period", "party", "parties", "ids", "levels"]
_FROZEN = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)
_SLUG = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$", re.ASCII)


class First(BaseModel):
    """A default that follows another parameter: the ids of its first `count` items."""

    model_config = _FROZEN

    count: int = Field(ge=1)
    of: FieldName


class Parameter(BaseModel):
    """One thing that a document needs to be told. Without a default it must be given."""

    model_config = _FROZEN

    type: Type
    title: Words
    help: Words
    default: Any = None
    first: First | None = None
    minimum: int | None = None
    maximum: int | None = None
    least: int = Field(default=0, ge=0)


class Template(BaseModel):
    """What `template.yaml` says."""

    model_config = _FROZEN

    template: Slug
    title: Words
    help: Words
    parameters: dict[FieldName, Parameter] = Field(min_length=1)


def values_of(template: Template, given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each parameter; raises DocumentWrong with everything that is wrong with those given."""
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name in given:
        if name not in template.parameters:
            near = nearest(name, template.parameters)
            hint = f"; did you mean `{near}`?" if near else ""
            faults.append(_fault(f"the template has no parameter `{name}`{hint}", name, "unknown-parameter"))
    for name, parameter in template.parameters.items():
        value = given[name] if name in given else default_of(parameter, values)
        if value is None and parameter.first is not None and parameter.first.of not in values:
            continue  # told already, at the parameter that it follows
        if value is None:
            faults.append(_fault(f"`{name}` ({parameter.title}) is not given", name, "missing-parameter"))
            continue
        try:
            values[name] = value_of(parameter, value)
        except ValueError as error:
            faults.append(_fault(f"`{name}`: {error}", name, "wrong-value", expected=parameter.help.strip()))
    if faults:
        raise DocumentWrong(faults)
    return values


def default_of(parameter: Parameter, known: Mapping[str, Any]) -> Any:
    """The default; where it follows another parameter, by the values that are known so far."""
    if parameter.first is None:
        return parameter.default
    items = known.get(parameter.first.of)
    return [item["id"] for item in items[: parameter.first.count]] if isinstance(items, list) else None


def _fault(message: str, name: str, code: str, expected: str | None = None) -> Fault:
    return Fault(message, file="<values>", path=(name,), code=code, expected=expected)


def value_of(parameter: Parameter, value: object) -> Any:
    """The value in its parameter's type; raises ValueError in words."""
    read = _READERS[parameter.type](value)
    if isinstance(read, int):
        if parameter.minimum is not None and read < parameter.minimum:
            raise ValueError(f"{read} is less than {parameter.minimum}")
        if parameter.maximum is not None and read > parameter.maximum:
            raise ValueError(f"{read} is more than {parameter.maximum}")
    if isinstance(read, list):
        if len(read) < parameter.least:
            raise ValueError(f"needs at least {parameter.least}")
        keys = [item["id"] if isinstance(item, dict) else item for item in read]
        double = next((key for i, key in enumerate(keys) if key in keys[:i]), None)
        if double is not None:
            raise ValueError(f"`{double}` stands there twice")
    return read


def shown(value: object) -> str:
    """A value as it would be typed on a terminal."""
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, dict):
        return f"{value.get('id')}:{value.get('name')}"
    return str(value)


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"`{value}` is not text: put it in quotes")
    text = collapse(value)
    if not text:
        raise ValueError("nothing is given")
    return text


def _slug(value: object) -> str:
    text = _words(value)
    if not _SLUG.match(text):
        raise ValueError(f"`{text}` is not an id of small letters, digits, `-` and `_`")
    return text


def _number(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value.strip(), re.ASCII):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"`{value}` is not a whole number")
    return value


def _day(value: object) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text := _words(value), re.ASCII):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{value}` is not a day, written YYYY-MM-DD") from None


def _timezone(value: object) -> str:
    text = _words(value)
    if text not in available_timezones():
        near = nearest(text, available_timezones())
        hint = f"; did you mean `{near}`?" if near else ""
        raise ValueError(f"`{text}` is not a time zone of the IANA data base{hint}")
    return text


def _period(value: object) -> str:
    return str(Period(_words(value)))


def _party(value: object) -> dict[str, str]:
    if isinstance(value, str):
        name, colon, words = value.partition(":")
        if not colon:
            raise ValueError(f"`{value.strip()}` is not a party, written id:name")
        value = {"id": name.strip(), "name": words.strip()}
    if not isinstance(value, Mapping) or set(value) != {"id", "name"}:
        raise ValueError("a party has `id` and `name`")
    return {"id": _slug(value["id"]), "name": _words(value["name"])}


def _list_of(item: Callable[[object], Any]) -> Callable[[object], list[Any]]:
    def read(value: object) -> list[Any]:
        if isinstance(value, str):
            parts = value.split(",")
            value = [] if value.strip() == "none" else [part for part in parts if part.strip()]
        if not isinstance(value, list | tuple):
            raise ValueError("a list is expected")
        return [item(part) for part in value]

    return read


_READERS: dict[Type, Callable[[object], Any]] = {
    "slug": _slug,
    "words": _words,
    "number": _number,
    "day": _day,
    "timezone": _timezone,
    "period": _period,
    "party": _party,
    "parties": _list_of(_party),
    "ids": _list_of(_slug),
    "levels": _list_of(_words),
}
