"""`verify.sh`: the shell's lines, and inside them the modules of `evidence.verifier` as one program.

The modules are put one behind the other, without their docstrings, `__all__` and what they import of each other. The
same Accordant writes the same script into every evidence file, so that one copy, once read, verifies all of them.
"""

from __future__ import annotations

import ast
from functools import cache
from pkgutil import get_data

__all__ = ["verify_script"]

_PARTS = ("strict", "folder", "keys", "notes", "statements", "keyring", "rules", "versions", "life", "asked", "report")
_HERE = "governance.evidence"


def _shipped(package: str, name: str) -> str:
    data = get_data(package, name)
    if data is None:
        raise FileNotFoundError(name)  # a broken installation
    return data.decode()


def _left_out(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__" or (node.module or "").startswith(_HERE)
    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] == ["__all__"]
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _body(source: str) -> str:
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if _left_out(node):
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).strip("\n")


@cache
def verify_script() -> bytes:
    """The script's bytes."""
    parts = [_body(_shipped(f"{_HERE}.verifier", f"{name}.py")) for name in _PARTS]
    program = "\n\n\n".join(["from __future__ import annotations", *parts, "sys.exit(run(sys.argv[1:]))"])
    return _shipped(_HERE, "verify.sh").replace("@PROGRAM@", program).encode()
