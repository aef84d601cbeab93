"""From bytes to plain values that know where they stood (YAML 1.2, core schema).

Only the parser's events are used, so that nothing of YAML's dangers happens by itself: no tag builds an object, a day
stays text, `no` is text, an alias is counted as often as it is used, and nesting is measured before anybody recurses.
A fault in the YAML itself ends the reading at once; double keys, tags and odd characters are all collected.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from governance.errors import DocumentWrong, Fault

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Path", "Place", "Tree", "is_null", "parse"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000

Path = tuple[str | int, ...]

# YAML 1.2.2, 10.3.2: tag resolution of the core schema.
_NULL = re.compile(r"^(?:null|Null|NULL|~|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")
_TEXT_TAGS = {"!", "tag:yaml.org,2002:str"}
_NO_TAGS = {None, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
# Joiners and the signs that stand before Arabic and Syriac numbers are how some languages are written; all other
# formatting characters only hide or reorder what is read.
_WRITTEN = set("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
_HIDING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_LONG_TAG = re.compile(r"![^\s,\[\]{}]{500}")  # the parser's time grows with the square of a tag's length
_LONGEST = 200  # of a message: what is quoted in it comes from outside
_EXACT = 2**53 - 1  # beyond it JSON readers disagree about a whole number (RFC 8259, 6)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value (or its key) begins, counted from 1, and how a scalar was written."""

    line: int
    column: int
    source: str | None = None  # the scalar as it stands in the file
    plain: bool = False  # without quotes


@dataclass(frozen=True, slots=True)
class Tree:
    """The values, where they stood, where their keys stood, and the faults of the YAML itself."""

    data: Any
    values: dict[Path, Place]
    keys: dict[Path, Place]
    faults: tuple[Fault, ...] = ()

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where `path` stands, or the nearest thing above it that is there."""
        for end in range(len(path), -1, -1):
            part = path[:end]
            if (key or end < len(path)) and part in self.keys:
                return self.keys[part]
            if part in self.values:
                return self.values[part]
        return Place(1, 1)


@dataclass(slots=True)
class _Node:
    kind: str  # scalar, map, list, alias
    place: Place
    value: Any = None
    children: list[Any] = field(default_factory=list)
    nodes: int = 1
    depth: int = 1


def is_null(source: str) -> bool:
    """Whether a plain scalar is YAML's nothing."""
    return _NULL.match(source) is not None


def parse(data: bytes, *, file: str) -> Tree:
    """The document's values; raises DocumentWrong when the bytes are no single YAML document within the limits."""

    def wrong(message: str, *, line: int = 0, column: int = 0, code: str, expected: str | None = None) -> DocumentWrong:
        return DocumentWrong([Fault(message, file=file, line=line, column=column, code=code, expected=expected)])

    if len(data) > MAX_BYTES:
        size = f"the file has {len(data):,} bytes"
        raise wrong(size, code="too-large", expected=f"at most {MAX_BYTES:,}")
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        raise wrong("the file is not UTF-8 text", line=line, column=column, code="not-utf-8") from None
    _refuse_characters(text, file)
    if (found := _LONG_TAG.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise wrong("a tag without end", line=line, column=1, code="tag", expected="plain values without tags")
    builder = _Builder(file)
    try:
        root = builder.build(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context or "not YAML").split())
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        hint = "spaces for indentation, not tabs" if "'\\t'" in problem else None
        raise wrong(f"not YAML: {problem.lower()}", line=line, column=column, code="not-yaml", expected=hint) from None
    except DocumentWrong:
        raise
    except (YAMLError, ValueError, OverflowError, AttributeError, IndexError, AssertionError, TypeError) as error:
        # What the parser itself trips over is no document either.
        words = " ".join(str(error).split()) or type(error).__name__
        raise wrong(f"not YAML: {words[:200].lower()}", code="not-yaml") from None
    return _plain(root, builder)


def _hiding(char: str) -> bool:
    return char not in "\t\n" and unicodedata.category(char) in _HIDING and char not in _WRITTEN


def _hidden(char: str) -> str:
    return f"U+{ord(char):04X} ({unicodedata.name(char, 'a control character').lower()}) may hide what people read"


def _refuse_characters(text: str, file: str) -> None:
    """Characters that hide or reorder what a reader sees, wherever they stand in the file."""
    if text.isascii() and text.isprintable():
        return
    faults = []
    for number, line in enumerate(text.split("\n"), 1):
        for column, char in enumerate(line.removesuffix("\r"), 1):
            if not char.isprintable() and _hiding(char):
                faults.append(Fault(_hidden(char), file=file, line=number, column=column, code="hidden-character"))
                if len(faults) == 20:
                    raise DocumentWrong(faults)
    if faults:
        raise DocumentWrong(faults)


class _Builder:
    """A tree from events, with a stack of its own: no recursion, and every limit checked on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.anchors: dict[str, _Node] = {}
        self.stack: list[tuple[_Node, str | None]] = []
        self.seen = 0

    def fault(self, message: str, place: Place, *, code: str, expected: str | None = None) -> None:
        message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."
        expected = expected if expected is None or len(expected) <= _LONGEST else None
        self.faults.append(
            Fault(message, file=self.file, line=place.line, column=place.column, code=code, expected=expected)
        )

    def stop(self, message: str, place: Place, *, code: str, expected: str | None = None) -> DocumentWrong:
        self.fault(message, place, code=code, expected=expected)
        return DocumentWrong(self.faults)

    def build(self, text: str) -> _Node:
        root: _Node | None = None
        documents = 0
        for event in _events(text):
            name = type(event).__name__
            place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
            if name == "DocumentStartEvent":
                documents += 1
                self._document(event, documents, place)
            node = self._node(name, event, place)
            if node is None:
                continue
            self._within_limits(node)
            if self.stack:
                self.stack[-1][0].children.append(node)
            else:
                root = node
        if root is None or root.place.source == "":
            raise self.stop("the file holds no document", Place(1, 1), code="empty", expected="a mapping of keys")
        return root

    def _node(self, name: str, event: Any, place: Place) -> _Node | None:
        """The node that is complete with this event, if one is."""
        if name in {"MappingStartEvent", "SequenceStartEvent"}:
            if len(self.stack) >= MAX_DEPTH:
                raise self.stop("nested too deeply", place, code="too-deep", expected=f"at most {MAX_DEPTH} levels")
            self._tag(event, place, _NO_TAGS)
            self.stack.append((_Node("map" if name == "MappingStartEvent" else "list", place), event.anchor))
            return None
        if name in {"MappingEndEvent", "SequenceEndEvent"}:
            node, anchor = self.stack.pop()
            node.nodes += sum(child.nodes for child in node.children)
            node.depth += max((child.depth for child in node.children), default=0)
        elif name == "ScalarEvent":
            node, anchor = self._scalar(event, place), event.anchor
        elif name == "AliasEvent":
            # An anchor counts once its value is complete, so that nothing can contain itself.
            target = self.anchors.get(event.anchor)
            if target is None:
                raise self.stop(f"`*{event.anchor}` refers to nothing before it", place, code="unknown-alias")
            return _Node("alias", place, target, nodes=target.nodes, depth=target.depth)
        else:
            return None
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _within_limits(self, node: _Node) -> None:
        self.seen += 1
        if node.nodes > MAX_NODES or self.seen > MAX_NODES:
            limit = f"at most {MAX_NODES:,} values, those behind aliases counted each time"
            raise self.stop("the document is too large", node.place, code="too-many", expected=limit)
        if node.depth > MAX_DEPTH:
            raise self.stop("nested too deeply", node.place, code="too-deep", expected=f"at most {MAX_DEPTH} levels")

    def _document(self, event: Any, documents: int, place: Place) -> None:
        if documents > 1:
            raise self.stop("a second document begins here", place, code="several-documents", expected="one a file")
        version = event.version
        if version is not None and tuple(version) != (1, 2):
            found = ".".join(str(v) for v in tuple(version))
            raise self.stop(f"written in YAML {found}", place, code="yaml-version", expected="YAML 1.2")

    def _tag(self, event: Any, place: Place, allowed: set[str | None]) -> None:
        tag = event.tag if event.tag is None else str(event.tag)
        if tag is not None and tag not in allowed:
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.fault(f"the tag `{shown}` is not allowed", place, code="tag", expected="plain values without tags")

    def _scalar(self, event: Any, place: Place) -> _Node:
        source: str = event.value
        plain = event.style is None or event.style == ""
        place = Place(place.line, place.column, source, plain)
        tag = event.tag if event.tag is None else str(event.tag)
        self._tag(event, place, _NO_TAGS | _TEXT_TAGS)
        if (char := next((c for c in source if _hiding(c)), None)) is not None:  # written as an escape
            self.fault(_hidden(char), place, code="hidden-character")
        if not plain or tag in _TEXT_TAGS:
            return _Node("scalar", place, source)
        return _Node("scalar", place, self._resolved(source, place))

    def _resolved(self, source: str, place: Place) -> Any:
        if _NULL.match(source):
            return None
        if _BOOL.match(source):
            return source.lower() == "true"
        if _NOT_FINITE.match(source):
            self.fault(
                f"`{source}` is not a number that counts anything", place, code="not-finite", expected="a number"
            )
            return source
        if not (_INT.match(source) or _FLOAT.match(source)):
            return source
        if len(source) > 40:
            self.fault("a number of more than 40 characters", place, code="not-finite", expected="a number, or quotes")
            return source
        if _INT.match(source):
            whole = int(source, 0) if source[:2] in {"0o", "0x"} else int(source)
            if abs(whole) > _EXACT:
                self.fault(f"`{source}` is too large a number", place, code="not-finite", expected="quotes around it")
            return whole
        number = float(source)
        if number in (float("inf"), float("-inf")):
            self.fault(f"`{source}` is too large a number", place, code="not-finite", expected="a number")
            return source
        return number


def _events(text: str) -> Iterator[Any]:
    yaml = YAML(typ="safe", pure=True)
    yield from yaml.parse(text)


def _plain(root: _Node, builder: _Builder) -> Tree:
    values: dict[Path, Place] = {}
    keys: dict[Path, Place] = {}

    def walk(node: _Node, path: Path, place: Place | None = None) -> Any:
        if node.kind == "alias":
            return walk(node.value, path, place or node.place)
        values[path] = place if place is not None and node.kind != "scalar" else _at(node.place, place)
        if node.kind == "scalar":
            return node.value
        if node.kind == "list":
            return [walk(child, (*path, index)) for index, child in enumerate(node.children)]
        result: dict[Any, Any] = {}
        pairs = zip(node.children[::2], node.children[1::2], strict=True)
        for key_node, value_node in pairs:
            key = _key(key_node, builder)
            if key is None:
                continue
            if key in result:
                first = keys[(*path, key)]
                message = f"the key `{key}` stands here twice, first on line {first.line}"
                builder.fault(message, key_node.place, code="duplicate-key", expected="each key once")
                continue
            keys[(*path, key)] = key_node.place
            result[key] = walk(value_node, (*path, key))
        return result

    data = walk(root, ())
    return Tree(data, values, keys, tuple(builder.faults))


def _at(place: Place, used: Place | None) -> Place:
    return place if used is None else Place(used.line, used.column, place.source, place.plain)


def _key(node: _Node, builder: _Builder) -> str | None:
    target = node.value if node.kind == "alias" else node
    if target.kind != "scalar":
        builder.fault("a key is a word", node.place, code="odd-key", expected="text as key")
        return None
    if target.place.source == "<<" and target.place.plain:
        builder.fault(
            "merge keys are not part of YAML 1.2", node.place, code="merge-key", expected="the keys themselves"
        )
        return None
    if not isinstance(target.value, str):
        source = target.place.source or ""
        if source == "":
            builder.fault("an empty key", node.place, code="odd-key", expected="text as key")
            return None
        message = f"the key `{source}` is read as {_kind(target.value)}"
        builder.fault(message, node.place, code="not-text", expected=f'quotes: "{source}"')
        return source
    return target.value


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return "a boolean" if isinstance(value, bool) else f"the number {value}"
