"""Before activation: every reading answers the same, on requests that walk along each clause's edge (design §2).

The plain-Python reading and the engines share no code for deciding, so what one of them gets wrong, another tells. An
engine that cannot load or answer is EngineUnavailable: nothing is activated on a check that was not made.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.agreements.activation import Check, Checked
from governance.analysis.agreement import Reading as Asked
from governance.analysis.agreement import compare
from governance.analysis.edges import edges
from governance.compiler.bundle import Bundle
from governance.compiler.reference import Reading
from governance.model.mou import Mou
from governance.ports import Engine

__all__ = ["readings_agree"]


def readings_agree(engines: Sequence[Engine]) -> Check:
    """A check of these engines against the plain-Python reading. It loads the bundle into each of them."""

    def check(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
        readings: dict[str, Asked] = {"reference": Reading(mous, revision=bundle.revision).decide}
        for engine in engines:
            engine.load(bundle)
            readings[engine.name] = engine.decide
        cases, difference = compare(readings, edges(mous))
        return Checked(cases, tuple(readings), difference.shown() if difference is not None else None)

    return check
