"""A mapping file: which columns of a party's table or files are the fields of the MOU's dataset.

It names the party (the enrolled owner: the contributor of every row, whatever a column says), the MOU, the dataset,
where the rows are, and the column of each field. Identifiers in statements come from here and from nowhere else.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

from governance.errors import DocumentWrong, Fault
from governance.model.mou import Dataset
from governance.model.names import FieldName, Slug

__all__ = ["Mapping", "Place", "propose", "read", "to_yaml"]

_FROZEN = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)
_MOST_BYTES = 200_000
_DEEPEST = 8
_MOST_BRACKETS = 2_000  # a list of files or a column with brackets in its name; never a nest
Column = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]


class Place(BaseModel):
    """Where the rows are: `files` (Parquet or CSV), or a `table` of a database. The address of the database is a secret
    and is given apart; `url` may hold one that has no password in it."""

    model_config = _FROZEN

    files: Annotated[tuple[Column, ...], Field(min_length=1, max_length=1000, strict=False)] | None = None
    url: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    table: Column | None = None
    db_schema: Column | None = Field(default=None, alias="schema")

    @model_validator(mode="after")
    def _one(self) -> Place:
        if (self.files is None) == (self.table is None):
            raise ValueError("a source has `files`, or a `table` (with its `url`), not both")
        if self.files is not None and (self.url is not None or self.db_schema is not None):
            raise ValueError("`url` and `schema` belong to a `table`")
        return self


class Mapping(BaseModel):
    """One party's rows joined to one dataset."""

    model_config = _FROZEN

    party: Slug
    mou: Slug
    dataset: Slug
    source: Place
    columns: dict[FieldName, Column] = Field(min_length=1)

    def faults(self, dataset: Dataset, *, file: str = "<mapping>") -> tuple[Fault, ...]:
        """Where the mapping does not fit the dataset: unknown fields, and fields without a column."""
        known = {*dataset.fields, dataset.subject, dataset.contributor}
        found = [
            Fault(f"`{name}` is no field of `{self.dataset}`", file=file, path=("columns", name), code="unknown-field")
            for name in self.columns
            if name not in known
        ]
        found += [
            Fault(f"the field `{name}` has no column", file=file, path=("columns",), code="field-not-mapped")
            for name in dict.fromkeys([dataset.subject, *dataset.fields])
            if name not in self.columns and name != dataset.contributor
        ]
        return tuple(found)


def read(data: bytes, *, file: str = "<mapping>") -> Mapping:
    """From YAML. Raises DocumentWrong with every fault."""
    if len(data) > _MOST_BYTES:
        raise DocumentWrong([Fault(f"larger than {_MOST_BYTES} bytes", file=file, code="too-large")])
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    try:
        text = data.decode("utf-8")
        if text.count("[") + text.count("{") > _MOST_BRACKETS:
            raise DocumentWrong([Fault("too many brackets for a mapping file", file=file, code="too-deep")])
        _refuse_tricks(text, file)
        document = yaml.load(text)
    except UnicodeDecodeError:
        raise DocumentWrong([Fault("not text in UTF-8", file=file, code="not-utf8")]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        problem = error.problem or "not YAML"
        raise DocumentWrong([Fault(problem, file=file, line=line, column=column, code="yaml")]) from None
    except (YAMLError, RecursionError, ValueError, TypeError):  # a list as a key is a TypeError
        raise DocumentWrong([Fault("not YAML", file=file, code="yaml")]) from None
    if not isinstance(document, dict):
        raise DocumentWrong([Fault("a mapping file is a set of keys", file=file, line=1, code="yaml")])
    try:
        return Mapping.model_validate(_plain(document))
    except ValidationError as error:
        raise DocumentWrong([_fault(document, e, file) for e in error.errors(include_url=False)]) from None


def _refuse_tricks(text: str, file: str) -> None:
    """What a mapping file never needs, looked for in the parser's events before anything is built of them.

    An anchor is told by YAML itself: it may be named by almost any character, and a few lines of aliases unfold to
    billions of values.
    """
    depth = 0
    for event in YAML(typ="rt", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        named = getattr(event, "anchor", None) is not None
        tagged = getattr(event, "tag", None) is not None
        for wrong, message, code in (
            (named, "anchors and aliases are not allowed", "yaml-alias"),
            (tagged, "tags are not allowed", "yaml-tag"),
            (depth > _DEEPEST, f"nested deeper than {_DEEPEST}", "too-deep"),
        ):
            if wrong:
                mark = event.start_mark
                raise DocumentWrong([Fault(message, file=file, line=mark.line + 1, column=mark.column + 1, code=code)])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, str) else value


def _fault(document: Any, error: Any, file: str) -> Fault:
    path = tuple(error["loc"])
    line = column = 0
    here = document
    for step in path:
        marks = getattr(here, "lc", None)
        try:
            if marks is not None and isinstance(here, dict) and step in here:
                line, column = (n + 1 for n in marks.key(step))
            elif marks is not None and isinstance(here, list) and isinstance(step, int):
                line, column = (n + 1 for n in marks.item(step))
            here = here[step]
        except (KeyError, IndexError, TypeError):
            break
    message = str(error["msg"]).removeprefix("Value error, ")
    name = ".".join(str(p) for p in path)
    message = f"`{name}`: {message[:1].lower()}{message[1:]}" if name else f"{message[:1].lower()}{message[1:]}"
    return Fault(message, file=file, line=line, column=column, path=path, code=str(error["type"]).replace("_", "-"))


def to_yaml(mapping: Mapping, *, comments: MappingOf[str, str] | None = None) -> str:
    """The file, with a comment beside a field where one is given."""
    from ruamel.yaml.comments import CommentedMap

    document = CommentedMap(mapping.model_dump(mode="json", by_alias=True, exclude_none=True))
    columns = CommentedMap(document["columns"])
    for name, comment in (comments or {}).items():
        if name in columns:
            columns.yaml_add_eol_comment(comment, name)
    document["columns"] = columns
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.dump(document, out)
    return out.getvalue()


def propose(columns: Sequence[str], dataset: Dataset) -> dict[str, str | None]:
    """A guess at the column of each field, None where no column is near; no column is given to two fields."""
    wanted = [name for name in dict.fromkeys([dataset.subject, *dataset.fields]) if name != dataset.contributor]
    pairs = []
    for order, name in enumerate(wanted):
        title = dataset.fields[name].title if name in dataset.fields else name
        for column in columns:
            near = max(_near(name, column), _near(title, column) - 0.01)
            if near >= 0.6:
                pairs.append((-near, order, name, column))
    found: dict[str, str | None] = dict.fromkeys(wanted)
    given: set[str] = set()
    for _, _, name, column in sorted(pairs):
        if found[name] is None and column not in given:
            found[name] = column
            given.add(column)
    return found


def _words(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return " ".join(re.findall(r"[a-z0-9]+", spaced.lower()))


def _near(a: str, b: str) -> float:
    x, y = _words(a), _words(b)
    if not x or not y:
        return 0.0
    if x == y:
        return 1.0
    if sorted(x.split()) == sorted(y.split()):
        return 0.97
    return SequenceMatcher(None, x, y).ratio()
