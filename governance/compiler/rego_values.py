"""How a value of a document is written into Rego, and into the YAML of a `# METADATA` block, so that it stays a value.

A Rego string is a JSON string (https://www.openpolicyagent.org/docs/policy-language#strings): JSON's escapes are all
that quotes, backslashes and line ends need, and everything outside of ASCII is escaped too. A metadata value stands in
comments, where one line end too many would begin a rule: it is a double-quoted YAML scalar, with every character that
is not printable escaped, folded only at single spaces. Raw strings (backticks) are never written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

__all__ = ["array", "block", "metadata", "package", "path", "string"]

WIDTH = 120
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# Words of the grammar, and the two roots: they cannot follow a dot, or would be read as something else.
_KEYWORDS = frozenset(
    [
        "as",
        "contains",
        "data",
        "default",
        "else",
        "every",
        "false",
        "if",
        "import",
        "in",
        "input",
        "not",
        "null",
        "package",
        "some",
        "true",
        "with",
    ]
)


def string(value: str) -> str:
    """A Rego string literal, in ASCII."""
    return json.dumps(_whole(value)).replace("\x7f", "\\u007f")


def array(values: Iterable[str], *, brackets: str = "[]") -> str:
    """A list, or with `{}` a set, of strings on one line."""
    return brackets[0] + ", ".join(string(v) for v in values) + brackets[1]


def block(values: Iterable[str], *, brackets: str, depth: int) -> str:
    """The same, one a line, as `opa fmt` leaves it."""
    tabs = "\t" * depth
    return f"{brackets[0]}\n" + "".join(f"{tabs}\t{string(v)},\n" for v in values) + tabs + brackets[1]


def path(root: str, *names: str) -> str:
    """`data.accordant.documents["adult-learning"]`: a dot where the grammar has one, brackets elsewhere."""
    parts = [f".{n}" if _IDENTIFIER.fullmatch(n) and n not in _KEYWORDS else f"[{string(n)}]" for n in names]
    return root + "".join(parts)


def package(*names: str) -> str:
    """`package accordant.datasets...`."""
    return path(f"package {names[0]}", *names[1:])


def metadata(entries: Mapping[str, str | int], *, custom: Mapping[str, str | int] | None = None) -> str:
    """A `# METADATA` block; nothing in it can end the comment."""
    lines = ["# METADATA"]
    for key, value in entries.items():
        lines += _entry(key, value, "")
    if custom:
        lines.append("# custom:")
        for key, value in custom.items():
            lines += _entry(key, value, "  ")
    return "\n".join(lines)


def _entry(key: str, value: str | int, indent: str) -> list[str]:
    text = str(value) if isinstance(value, int) else f'"{_yaml(value)}"'
    first = f"# {indent}{key}: "
    rest = f"# {indent}  "
    lines = [first]
    # A YAML scalar in quotes may go on in the next line, where the line end counts as one space.
    for word in re.split(r"(?<=[^ \\]) (?=[^ \\])", text):
        if lines[-1] in {first, rest}:
            lines[-1] += word
        elif len(lines[-1]) + 1 + len(word) <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(rest + word)
    return lines


def _yaml(value: str) -> str:
    return "".join(_yaml_character(c) for c in _whole(value))


def _yaml_character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _whole(value: str) -> str:
    """Half of a surrogate pair is no character, and no engine keeps it."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
