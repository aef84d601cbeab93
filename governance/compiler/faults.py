"""What pydantic found wrong, in the words of a person who writes documents.

Pydantic reports every branch of a union; only the branch that the author meant (by the shape of what was written)
is told. A value that YAML read as something else than it looks like is told with the cure.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from governance.compiler.positions import Path, Place, Tree
from governance.errors import Fault

__all__ = ["clause_of", "explain", "known_keys", "nearest"]

_PATTERNS = {
    r"^[a-z0-9][a-z0-9_-]{0,62}$": "an id of small letters, digits, `-` and `_`, at most 63 characters",
    r"^[A-Za-z_][A-Za-z0-9_]{0,62}$": "a field name of letters, digits and `_`, at most 63 characters",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$": "a clause id of letters, digits, `.`, `-` and `_`, at most 32 characters",
    r"^\S+$": "a term without spaces",
}
_SHAPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "tuple_type": "a list",
    "list_type": "a list",
    "date_type": "a day, written YYYY-MM-DD",
}
_WHO = "`everyone`, `{roles: [...]}` or `{parties: [...]}`"
_CHOICES = {
    "to": _WHO,
    "from": _WHO,
    "of": _WHO,
    "contributors": _WHO,
    "review": f"`contributors`, {_WHO}",
    "required": "`everyone` or `{at_least: n, of: ...}`",
    "order": "`any` or a list of lists of party ids",
    "fields": "`all`, a list of fields or `{classes: [...]}`",
}
_YES_NO = {"yes", "no", "on", "off"}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a typing mistake most likely meant."""
    known = list(known)
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if found:
        return found[0]
    folded = {k.lower().replace("_", "").replace("-", ""): k for k in known}
    return folded.get(word.lower().replace("_", "").replace("-", ""))


def clause_of(data: Any, path: Path) -> str | None:
    """The id of the clause that `path` lies in."""
    if len(path) < 2 or path[0] != "clauses" or not isinstance(path[1], int):
        return None
    try:
        found = data["clauses"][path[1]]["id"]
    except (KeyError, IndexError, TypeError):
        return f"number {path[1] + 1}"
    return str(found) if isinstance(found, str | int | float) and str(found) else f"number {path[1] + 1}"


def explain(error: ValidationError, tree: Tree, model: type[BaseModel], *, file: str) -> list[Fault]:
    """Every fault once, at its place."""
    told: dict[tuple[Path, str], dict[str, Any]] = {}
    missed: dict[Path, list[str]] = {}
    heard: set[Path] = set()
    for item in error.errors(include_url=False):
        path, unfit = _data_path(item["loc"], tree.data, missing=item["type"] == "missing")
        if unfit is not None:
            missed.setdefault(unfit, []).append(_expected(item) or "")
            continue
        heard |= {path[:end] for end in range(len(path) + 1)}
        key = (path, item["type"])
        if key in told and item["type"] == "literal_error":
            told[key]["ctx"]["expected"] += f" or {item['ctx']['expected']}"
        elif key not in told:
            told[key] = {**item, "ctx": dict(item.get("ctx", {}))}
    faults = [_fault(path, item, tree, model, file) for (path, _), item in told.items()]
    faults += [_misshapen(path, options, tree, file) for path, options in missed.items() if path not in heard]
    above = {fault.path[:end] for fault in faults for end in range(len(fault.path))}
    # A list whose items are wrong is also too short to pydantic; that is no news.
    return [fault for fault in faults if not (fault.code == "too-short" and fault.path in above)]


def _data_path(loc: Sequence[str | int], data: Any, *, missing: bool) -> tuple[Path, Path | None]:
    """Pydantic's place without its union tags; second, the union whose branch does not fit what was written."""
    path: list[str | int] = []
    here = data
    for index, part in enumerate(loc):
        if (isinstance(here, dict) and part in here) or (isinstance(here, list) and part in range(len(here))):
            here = here[part]  # type: ignore[index]  # looked at just now
        elif missing and index == len(loc) - 1:
            pass
        elif part == "[key]":
            continue
        else:
            if not _fits(str(part), here):
                return tuple(path), tuple(path)
            continue
        path.append(part)
    return tuple(path), None


def _fits(tag: str, value: Any) -> bool:
    """Whether a union's branch, by pydantic's tag for it, is the one that the value's shape belongs to."""
    if tag.startswith("literal["):
        return isinstance(value, str)
    if tag[:1].isupper() or tag.startswith("function-"):  # a model, perhaps with a validator around it
        return isinstance(value, dict)
    if "tuple" in tag or "list" in tag:
        return isinstance(value, list)
    if tag in {"str", "constrained-str"}:
        return isinstance(value, str)
    return isinstance(value, bool) if tag == "bool" else isinstance(value, int | float)


def _expected(item: Any) -> str | None:
    kind = item["type"]
    choice = _CHOICES.get(str(item["loc"][-2])) if len(item["loc"]) > 1 else None
    if choice is not None and kind in {"literal_error", "model_type", "tuple_type"}:
        return choice
    if kind in _SHAPES:
        return _SHAPES[kind]
    ctx = item.get("ctx", {})
    if kind == "literal_error":
        return str(ctx["expected"]).replace("'", "`").replace("True", "true")
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(ctx["pattern"], f"text that matches {ctx['pattern']}")
    bounds = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    if kind in bounds:
        bound = ctx[bounds[kind]]
        return f"{words[bounds[kind]]} {f'{bound:,}' if isinstance(bound, int) else f'{bound:g}'}"
    if kind == "string_too_long":
        return f"at most {ctx['max_length']:,} characters"
    if kind in {"too_short", "string_too_short"}:
        return "at least one" if kind == "too_short" else "some text"
    return f"at most {ctx['max_length']:,}" if kind == "too_long" else None


def _fault(path: Path, item: Any, tree: Tree, model: type[BaseModel], file: str) -> Fault:
    kind = item["type"]
    name = _short(str(path[-1])) if path else "the document"
    place = tree.place(path, key=kind == "extra_forbidden" or "[key]" in item["loc"])
    code, expected = kind.replace("_", "-"), _expected(item)
    if kind == "missing":
        code, message = "missing-key", f"the key `{name}` is missing"
        place = tree.place(path[:-1], key=True)
    elif kind == "extra_forbidden":
        known = known_keys(model, path[:-1])
        near = nearest(name, known)
        code, message = "unknown-key", f"unknown key `{name}`" + (f"; did you mean `{near}`?" if near else "")
        expected = f"one of {', '.join(f'`{k}`' for k in known)}" if known else None
    elif kind == "value_error":
        code, message = "wrong-value", str(item["msg"]).removeprefix("Value error, ")
    else:
        message, cure = _wrong_value(name, kind, place, _value_at(tree.data, path))
        expected = cure or expected
        if kind == "literal_error" and isinstance(item["input"], str):
            options = [part.strip(" '") for part in str(item["ctx"]["expected"]).replace(" or ", ",").split(",")]
            near = nearest(item["input"], options)
            message += f"; did you mean `{near}`?" if near else ""
    return Fault(
        message,
        file=file,
        line=place.line,
        column=place.column,
        clause=clause_of(tree.data, path),
        path=path,
        expected=expected,
        code=code,
    )


def _wrong_value(name: str, kind: str, place: Place, value: Any) -> tuple[str, str | None]:
    """What stands there, and the cure where YAML read it as something else than its author meant."""
    source = place.source
    shown = f"`{name}`" if not name.isdigit() else f"item {int(name) + 1}"
    if kind == "string_type" and place.plain and isinstance(value, bool | int | float) and source:
        what = "a boolean" if isinstance(value, bool) else f"the number {value}"
        return f"{shown}: `{source}` is read as {what}", f'quotes: "{source}"'
    if value is None:
        return f"{shown}: nothing is written here", None
    if kind in {"int_type", "float_type", "int_from_float"} and isinstance(value, str):
        cure = f"the number without quotes: {value}" if value.strip().isdigit() else None
        return f"{shown}: `{_short(value)}` is text", cure
    if isinstance(value, str) and value.lower() in _YES_NO and place.plain and kind in {"bool_type", "literal_error"}:
        return f"{shown}: `{value}` is text, not a boolean (YAML 1.2)", None
    if isinstance(value, float) and kind == "int_type":
        return f"{shown}: `{source}` is not whole", f'a whole number, or quotes: "{source}"'
    if isinstance(value, str):
        return f"{shown}: `{_short(value)}` does not fit", None
    if isinstance(value, dict | list):
        return f"{shown}: {'a mapping of keys' if isinstance(value, dict) else 'a list'} does not fit", None
    return f"{shown}: `{source if source is not None else value}` does not fit", None


def _misshapen(path: Path, expected: Sequence[str], tree: Tree, file: str) -> Fault:
    place = tree.place(path)
    message, _ = _wrong_value(
        str(path[-1]) if path else "the document", "string_type", place, _value_at(tree.data, path)
    )
    options = list(dict.fromkeys(e for e in expected if e))
    return Fault(
        message,
        file=file,
        line=place.line,
        column=place.column,
        clause=clause_of(tree.data, path),
        path=path,
        expected=", or ".join(options) or None,
        code="wrong-shape",
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}..."


def _value_at(data: Any, path: Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that a mapping at `path` may have."""
    annotations: list[Any] = [model]
    for part in path:
        annotations = [a for annotation in annotations for a in _inside(annotation, part)]
    models = [a for annotation in annotations for a in _flat(annotation) if _is_model(a)]
    return [info.alias or name for m in models for name, info in m.model_fields.items()]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _flat(annotation: Any) -> list[Any]:
    """A union's members, without `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flat(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return [a for arg in get_args(annotation) for a in _flat(arg)]
    return [] if origin is Literal else [annotation]


def _inside(annotation: Any, part: str | int) -> list[Any]:
    found: list[Any] = []
    for member in _flat(annotation):
        origin, args = get_origin(member), get_args(member)
        if _is_model(member) and isinstance(part, str):
            found += [i.annotation for n, i in member.model_fields.items() if part in {n, i.alias}]
        elif origin is tuple and isinstance(part, int):
            found.append(args[0])
        elif origin is dict and isinstance(part, str):
            found.append(args[1])
    return found
