"""The check before activation: every engine available and the plain-Python reading, on every clause's edge.

An engine that has these very documents and twice has no decision for a request fails on them: that is a difference, and
the document's doing. One that does not answer, or answers for others, says nothing about them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from governance.adapters.rego import RegoEngine
from governance.agreements import Checked
from governance.analysis.agreement import Reading, compare
from governance.analysis.edges import LIMIT, edges
from governance.compiler.bundle import Bundle
from governance.compiler.reference import Reading as Reference
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from governance.ports import Engine

__all__ = ["agree_here", "readings_agree"]

# Before anybody signs: so many requests in all, fewer a clause where there are many. Activation asks each clause's all.
_FIRST_LOOK, _LEAST = 4_000, 10
# Somebody answered, and not with a decision.
_FAILS = frozenset({"engine-undefined", "engine-incomplete", "engine-malformed", "engine-error"})


def _steady(engine: Engine, bundle: Bundle) -> Reading:
    def ask(request: Request, facts: Facts) -> Decision | str:
        try:
            return engine.decide(request, facts)
        except EngineUnavailable as error:
            if error.reason not in _FAILS or engine.loaded() != bundle.revision:
                raise
        try:
            return engine.decide(request, facts)
        except EngineUnavailable as error:
            if error.reason not in _FAILS:
                raise
            return error.reason

    return ask


def agree_here(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
    """Whether reference and the engine in process agree; before anybody signs, and whatever decides meanwhile."""
    clauses = sum(len(m.clauses) for m in mous)
    limit = max(_LEAST, min(LIMIT, _FIRST_LOOK // max(clauses, 1)))
    return _compared(bundle, mous, None, limit)


def readings_agree(engine: Engine) -> Callable[[Bundle, Sequence[Mou]], Checked]:
    """A check that asks the reference, the engine in process, and the engine that decides where it is another."""

    def check(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
        return _compared(bundle, mous, engine, LIMIT)

    return check


def _compared(bundle: Bundle, mous: Sequence[Mou], engine: Engine | None, limit: int) -> Checked:
    embedded = RegoEngine()
    try:
        readings: dict[str, Reading] = {"reference": Reference(mous).decide, embedded.name: _steady(embedded, bundle)}
        try:
            embedded.load(bundle)
        except EngineUnavailable as error:
            if error.reason not in _FAILS:
                raise
            return Checked(0, tuple(readings), {"answers": {embedded.name: {"reason": error.reason}}})
        if engine is not None and engine.name != embedded.name:
            # The server decides by the new bundle while it is asked, and by the old one again once it is told to:
            # what it answers meanwhile carries a revision that does not count yet.
            engine.load(bundle)
            readings[engine.name] = _steady(engine, bundle)
        asked, difference = compare(readings, edges(mous, limit=limit))
        return Checked(asked, tuple(readings), difference.shown() if difference is not None else None)
    finally:
        embedded.close()
