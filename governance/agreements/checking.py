"""Before activation: every reading answers the same, on requests that walk along each clause's edge (design §2).

The plain-Python reading and the engines share no code for deciding, so what one of them gets wrong, another tells.
Answers are compared whole: outcome, reason, citations, obligations, `valid_until` and the revision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from governance.agreements.activation import Check, Checked
from governance.analysis.edges import edges
from governance.compiler.bundle import Bundle
from governance.compiler.reference import Reading
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from governance.ports import Engine

__all__ = ["readings_agree"]

# What people read; it is no part of the answer, and each reading has words of its own.
_WORDS = {"detail", "nearest"}


def _answer(decision: Decision) -> dict[str, Any]:
    return decision.model_dump(mode="json", by_alias=True, exclude=_WORDS, exclude_none=True)


def _difference(request: Request, facts: Facts, answers: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "request": request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True),
        "facts": facts.model_dump(mode="json", exclude_defaults=True),
        "answers": dict(answers),
    }


def readings_agree(engines: Sequence[Engine]) -> Check:
    """A check of these engines against the plain-Python reading. It loads the bundle into each of them."""

    def check(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
        reading = Reading(mous)
        names = ("reference", *(e.name for e in engines))
        for engine in engines:
            engine.load(bundle)
        cases = 0
        for request, facts in edges(mous):
            cases += 1
            expected = _answer(reading.decide(request, facts))
            answers = {e.name: _answer(e.decide(request, facts)) for e in engines}
            if any(answer != expected for answer in answers.values()):
                return Checked(cases, names, _difference(request, facts, {"reference": expected} | answers))
        return Checked(cases, names)

    return check
