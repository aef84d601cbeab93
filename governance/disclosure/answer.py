"""A governed query and the sources' answers to it, to what may leave.

Rows stream: a batch is read, shaped and given on before the next is read, so memory stays flat. Each batch carries its
subjects, for whoever records who was disclosed before the batch leaves. Figures are computed whole, name no subjects,
and come in batches too. Nothing here reads a source but through `fetch`, one call for each contributor and pass, or
through `together`, which asks for figures of several in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from governance.disclosure.aggregate import Together, figures, in_turn
from governance.disclosure.query import GovernedQuery, SourceQuery, require_genuine
from governance.disclosure.rows import identified, own_pseudonyms, pseudonymised

__all__ = ["Answer", "Batch", "Fetch", "answer"]

Fetch = Callable[[SourceQuery], Iterator[pa.RecordBatch]]

_LATER = (
    "figures that follow from several answers, or from totals and the cells beside them, are not yet held back",
    "sums and means are not yet held back by a p % rule",
)
_LATER_ROWS = (
    "k counts in this answer alone: fields received in other answers are not yet added to it",
    "rows of one pseudonym can be put side by side; together they may be rarer than each of them",
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that may leave once their subjects are recorded. `subjects`: ids by contributor; empty for figures."""

    table: pa.RecordBatch
    subjects: Mapping[str, list[str]]


@dataclass(slots=True)
class Answer:
    """What leaves. `batches` can be read once; `protection` says what was done to it, and what was not.

    `contributors` are those who were asked; whose rows a figure rests on would say more than the figure.
    """

    columns: tuple[str, ...]
    schema: pa.Schema
    batches: Iterator[Batch]
    protection: dict[str, Any]
    contributors: tuple[str, ...]
    _closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Lets go of the sources; may be called at any time, twice too."""
        while self._closers:
            self._closers.pop()()


def answer(query: GovernedQuery, fetch: Fetch, together: Together | None = None) -> Answer:
    """Asks the sources and shapes what they say.

    Raises RequestInvalid where more would leave than is allowed, and SourceUnavailable, before anything leaves; a
    source that fails later raises from `batches`.
    """
    require_genuine(query)
    said = _said(query)
    if query.view == "aggregate":
        made = figures(query, together or in_turn(fetch))
        said |= {"cells": made.cells, "suppressed": made.suppressed}
        if made.below_floor:
            said["below_floor"] = made.below_floor
        batches = made.table.to_batches(max_chunksize=query.batch_rows)
        return Answer(
            tuple(made.table.schema.names),
            made.table.schema,
            iter([Batch(batch, {}) for batch in batches]),
            said,
            query.contributors,
        )
    if query.view == "identified":
        rows = identified(query, fetch)
    elif query.protection.kind == "pseudonymised":
        rows = pseudonymised(query, fetch)
        least = query.protection.k or 0
        # The exact number of a few would count whoever the filters single out.
        said["withheld_rows"] = f"fewer than {least}" if 0 < rows.withheld < least else rows.withheld
    else:
        rows = own_pseudonyms(query, fetch)
    stream = (Batch(table, subjects) for table, subjects in rows.batches)
    closers: list[Callable[[], None]] = [rows.close]
    return Answer(tuple(rows.schema.names), rows.schema, stream, said, query.contributors, closers)


def _said(query: GovernedQuery) -> dict[str, Any]:
    """What the answer says of its protection, in numbers and in words."""
    protection = query.protection
    said: dict[str, Any] = {"view": query.view, "kind": protection.kind}
    done: list[str] = list(query.notes)
    not_done: tuple[str, ...] = ()
    if protection.kind == "aggregate":
        said |= {
            "minimum_cell": protection.minimum_cell,
            "other_parties": protection.other_parties,
            "dominance": protection.dominance,
        }
        done.append(
            f"a figure is shown when it rests on at least {protection.minimum_cell} clients and "
            f"{protection.other_parties} other organisations, none of which makes up more than "
            f"{protection.dominance:.0%} of it, and still does without the recipient's own clients"
            if protection.dominance is not None
            else "no figure is shown"
        )
        done.append(
            "an empty cell and a suppressed one look the same; values without a declared level stand in no cell"
        )
        not_done = _LATER
    elif protection.kind == "pseudonymised":
        said["k"] = protection.k
        done.append(f"every row is alike at least {protection.k} clients in all its fields; other rows are withheld")
        not_done = _LATER_ROWS
    if query.consent_of:
        done.append("clients without the consent that is needed are left out")
    return said | {"notes": done, "not_yet": list(not_done)}
