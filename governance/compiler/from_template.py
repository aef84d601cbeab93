"""From a template and values for its parameters to a document, as bytes that a person likes to read and edit.

A template is two YAML files: `template.yaml` with typed parameters, `document.yaml` with the document and, in the place
of values, directives. They are carried out on the parsed tree, never in the text, so that no value can become a key:

    {$: name}                          the parameter's value
    - {$each: name, role: partner}     one mapping for each item, with these keys added
    {$if: name, then: …, else: …}      one or the other, by whether the value is empty; without `else`, left out
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from governance.compiler.faults import explain, nearest
from governance.compiler.parameters import Parameter, Template, values_of
from governance.compiler.positions import parse
from governance.errors import DocumentWrong, Fault

__all__ = ["Parameter", "Template", "from_template", "read_template"]

_PLAIN = re.compile(r"^[A-Za-z][A-Za-z0-9 ._/'-]*(?<! )$")
_WORDS_OF_YAML = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
_WIDTH = 105  # the last word of a line may reach beyond it


@dataclass(frozen=True, slots=True)
class _Absent:
    """What a directive leaves where nothing is to stand."""


_ABSENT = _Absent()


def read_template(data: bytes, *, file: str = "template.yaml") -> Template:
    """The parameters of a template; raises DocumentWrong."""
    tree = parse(data, file=file)
    if tree.faults:
        raise DocumentWrong(tree.faults)
    try:
        return Template.model_validate(tree.data)
    except ValidationError as error:
        raise DocumentWrong(explain(error, tree, Template, file=file)) from None


def from_template(
    template: Template, document: bytes, values: Mapping[str, Any], *, file: str = "document.yaml"
) -> bytes:
    """The document. Raises DocumentWrong with every value that does not fit its parameter."""
    known = values_of(template, values)
    parse(document, file=file)  # the limits and refusals that hold for every document
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    tree = yaml.load(document.decode())
    result = _carried_out(tree, known, file)
    result.yaml_set_start_comment(f"Made from the template `{template.template}`. Check it after every change.\n")
    out = io.StringIO()
    yaml.dump(result, out)
    return re.sub(r"[ \t]+\n", "\n", out.getvalue()).encode()


def _carried_out(node: Any, known: Mapping[str, Any], file: str) -> Any:
    if isinstance(node, CommentedMap):
        if "$" in node:
            return _written(_value(node["$"], known, file))
        if "$if" in node:
            branch = "then" if _value(node["$if"], known, file) else "else"
            return _carried_out(node[branch], known, file) if branch in node else _ABSENT
        for key in list(node):
            value = _carried_out(node[key], known, file)
            if isinstance(value, _Absent):
                del node[key]
            else:
                node[key] = value
    elif isinstance(node, CommentedSeq):
        _items(node, known, file)
    return node


def _items(node: CommentedSeq, known: Mapping[str, Any], file: str) -> None:
    """Carries out the items in place, so that comments stay with the items that they stand before."""
    index = 0
    while index < len(node):
        item = node[index]
        if isinstance(item, CommentedMap) and "$each" in item:
            made = _each(item, known, file)
            node.pop(index)
            for offset, new in enumerate(made):
                node.insert(index + offset, new)
            index += len(made)
            continue
        value = _carried_out(item, known, file)
        if isinstance(value, _Absent):
            node.pop(index)
            continue
        node[index] = value
        index += 1


def _each(item: CommentedMap, known: Mapping[str, Any], file: str) -> list[CommentedMap]:
    value = _value(item["$each"], known, file)
    made = []
    for part in value if isinstance(value, list) else [value]:
        mapping = CommentedMap({key: _written(word) for key, word in part.items()})
        mapping.update({key: _carried_out(word, known, file) for key, word in item.items() if key != "$each"})
        mapping.fa.set_flow_style()
        made.append(mapping)
    return made


def _value(name: object, known: Mapping[str, Any], file: str) -> Any:
    if name not in known:
        near = nearest(str(name), known)
        hint = f"; did you mean `{near}`?" if near else ""
        message = f"the template names a parameter `{name}` that it does not have{hint}"
        raise DocumentWrong([Fault(message, file=file, code="unknown-parameter")])
    return known[str(name)]


def _written(value: Any) -> Any:
    """A value as a person would write it: quotes only where YAML needs them."""
    if isinstance(value, list):
        items = CommentedSeq([_written(item) for item in value])
        items.fa.set_flow_style()
        return items
    if isinstance(value, dict):
        mapping = CommentedMap({key: _written(item) for key, item in value.items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, str):
        plain = _PLAIN.match(value) and value.lower() not in _WORDS_OF_YAML
        return value if plain else DoubleQuotedScalarString(value)
    if isinstance(value, dt.date):
        return value
    return value
