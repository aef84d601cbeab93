"""From bytes to a document, or to all that is wrong with it (language, *A document*).

Faults of structure do not hide those of sense: what is sound is looked at by the invariants even when some clause is
not. Whatever the bytes, the answer is a `Reading` or `DocumentWrong`; nothing is ever half read.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from governance.compiler.faults import clause_of, explain
from governance.compiler.invariants import check
from governance.compiler.positions import Tree, is_null, parse
from governance.errors import DocumentWrong, Fault
from governance.model.mou import Mou

__all__ = ["Reading", "read"]

_YES_NO = {"yes", "no", "on", "off"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A document that stands, and what there is to say about it (warnings only)."""

    mou: Mou
    faults: tuple[Fault, ...] = ()


def read(data: bytes, *, file: str = "<document>") -> Reading:
    """The document; raises DocumentWrong with every fault that was found, warnings among them."""
    tree = parse(data, file=file)
    raw = [*tree.faults, *_nothing(tree, file)]
    if not isinstance(tree.data, dict):
        raw.append(Fault("not a document", file=file, line=1, column=1, expected="a mapping of keys", code="empty"))
        raise DocumentWrong(raw)
    mou: Mou | None = None
    try:
        mou = Mou.model_validate(tree.data)
        found = _placed(check(mou), tree, file)
    except ValidationError as error:
        structure = explain(error, tree, Mou, file=file)
        found = structure + _of_the_sound_part(tree, structure, file)
    # What YAML itself got wrong is told once, and nothing is guessed from it.
    told = {(fault.line, fault.column) for fault in raw}
    faults = raw + [f for f in found if (f.line, f.column) not in told and not (raw and f.level == "warning")]
    told = {(fault.line, fault.column) for fault in faults}
    faults += [fault for fault in _yes_or_no(tree, file) if (fault.line, fault.column) not in told]
    ordered = tuple(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    if mou is None or any(fault.level == "error" for fault in ordered):
        raise DocumentWrong(ordered)
    return Reading(mou, ordered)


def _placed(faults: tuple[Fault, ...], tree: Tree, file: str) -> list[Fault]:
    placed = []
    for fault in faults:
        place = tree.place(fault.path)
        clause = fault.clause or clause_of(tree.data, fault.path)
        placed.append(dataclasses.replace(fault, file=file, line=place.line, column=place.column, clause=clause))
    return placed


def _of_the_sound_part(tree: Tree, structure: list[Fault], file: str) -> list[Fault]:
    """The errors of sense among the clauses that are sound, when only clauses (or unknown keys) are at fault."""
    broken = {f.path[1] for f in structure if len(f.path) > 1 and f.path[0] == "clauses"}
    clauses = tree.data.get("clauses")
    if not isinstance(clauses, list):
        return []
    # A broken clause is left in place as one that says nothing, so that the paths of the others stay true.
    ids = [c.get("id") if isinstance(c, dict) else None for c in clauses]
    kept = {
        key: value for key, value in tree.data.items() if key in {f.alias or n for n, f in Mou.model_fields.items()}
    }
    kept["clauses"] = [c if i not in broken else _blank(i) for i, c in enumerate(clauses)]
    try:
        mou = Mou.model_validate(kept)
    except ValidationError:
        return []
    lost = frozenset(str(ids[i]) for i in broken if isinstance(i, int) and i < len(ids) and ids[i] is not None)
    found = check(mou, lost=lost)
    return [
        f
        for f in _placed(found, tree, file)
        if f.level == "error" and not (len(f.path) > 1 and f.path[0] == "clauses" and f.path[1] in broken)
    ]


def _blank(index: int) -> dict[str, Any]:
    duty = {"of": "everyone", "action": "report-breach", "within": "P1D", "after": "discovery"}
    return {"id": f"x-unread-{index}", "title": "unread", "duty": duty, "text": "unread"}


def _nothing(tree: Tree, file: str) -> list[Fault]:
    """A key with nothing after it is not an absent key: a clause must not grow wider by what somebody left out."""
    return [
        Fault(
            f"`{path[-1]}`: nothing is written here" if isinstance(path[-1], str) else "nothing is written here",
            file=file,
            line=place.line,
            column=place.column,
            clause=clause_of(tree.data, path),
            path=path,
            expected="a value, or no such key at all",
            code="nothing-written",
        )
        for path, place in tree.values.items()
        if path and place.source is not None and place.plain and is_null(place.source)
    ]


def _yes_or_no(tree: Tree, file: str) -> list[Fault]:
    """`no` without quotes is text in YAML 1.2 and a boolean to older readers: say so before it surprises."""
    found = []
    for path, place in tree.values.items():
        if place.plain and place.source is not None and place.source.lower() in _YES_NO:
            found.append(
                Fault(
                    f"`{place.source}` is text here, and a boolean to older readers of YAML",
                    file=file,
                    line=place.line,
                    column=place.column,
                    clause=clause_of(tree.data, path),
                    path=path,
                    expected=f'quotes: "{place.source}"',
                    level="warning",
                    code="yes-no",
                )
            )
    return found
