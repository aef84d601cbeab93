"""Whether readings of the same documents agree, request by request (design §2).

Compared is everything that a decision binds anyone to: outcome, reason, clauses, obligations, and until when it holds.
Only the words of `detail` may differ. A reading that fails on a request, where another decides, differs from it; that
both fail alike agrees on nothing, and is a difference too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.model.access import Decision, Facts, Request

__all__ = ["Difference", "Reading", "compare", "essence"]

# A decision, or the reason why the reading, which answers otherwise, has none for this request.
Reading = Callable[[Request, Facts], Decision | str]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first request on which two readings differ."""

    request: Request
    facts: Facts
    answers: Mapping[str, Mapping[str, Any]]

    def shown(self) -> dict[str, Any]:
        """For the log and for people."""
        return {
            "request": self.request.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "facts": self.facts.model_dump(mode="json", exclude_defaults=True),
            "answers": dict(self.answers),
        }


def essence(decision: Decision) -> dict[str, Any]:
    """What two readings must have in common."""
    return decision.model_dump(mode="json", by_alias=True, exclude={"detail", "nearest", "revision"})


def _answer(found: Decision | str) -> dict[str, Any]:
    return {"outcome": "unavailable", "reason": found} if isinstance(found, str) else essence(found)


def compare(readings: Mapping[str, Reading], cases: Iterable[tuple[Request, Facts]]) -> tuple[int, Difference | None]:
    """How many cases were asked, and the first difference. Raises what a reading raises."""
    asked = 0
    for request, facts in cases:
        asked += 1
        answers = {name: _answer(reading(request, facts)) for name, reading in readings.items()}
        first, *others = answers.values()
        if any(other != first for other in others) or first["outcome"] == "unavailable":
            return asked, Difference(request, facts, answers)
    return asked, None
