"""Which codes of faults a source can say, read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["codes_in"]

_CODE = re.compile(r"[a-z]+(-[a-z]+)*")
_SAYING = {"add", "add_body", "Fault", "Finding", "Tampered", "_at"}


def codes_in(path: Path) -> set[str]:
    """The second argument of what makes a fault, and the first of a pair of a code and a sentence."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {code for node in ast.walk(tree) for code in _codes(node)}


def _codes(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and len(node.args) >= 3 and _name(node.func) in _SAYING:
        yield from _texts(node.args[1])
    elif isinstance(node, ast.Assign) and any(_name(target) == "code" for target in node.targets):
        yield from _texts(node.value)
    elif isinstance(node, ast.IfExp) and isinstance(node.orelse, ast.Tuple) and len(node.orelse.elts) == 2:
        yield from (text for text in _texts(node.orelse.elts[1]) if "-" in text)  # `seq, code = … if … else (None, …)`
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and _is_sentence(node.elts[1]):
        yield from (text for text in _texts(node.elts[0]) if "-" in text)


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and _CODE.fullmatch(part.value):
            yield part.value


def _is_sentence(node: ast.AST) -> bool:
    constant = isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    return constant or isinstance(node, ast.JoinedStr | ast.Name)
