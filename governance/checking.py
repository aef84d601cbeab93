"""The check before activation: every engine available and the plain-Python reading, on every clause's edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from governance.adapters.rego import RegoEngine
from governance.agreements import Checked
from governance.analysis.agreement import Reading, compare
from governance.analysis.edges import edges
from governance.compiler.bundle import Bundle
from governance.compiler.reference import Reading as Reference
from governance.model.mou import Mou
from governance.ports import Engine

__all__ = ["readings_agree"]


def readings_agree(engine: Engine) -> Callable[[Bundle, Sequence[Mou]], Checked]:
    """A check that asks the reference, the engine in process, and the engine that decides where it is another."""

    def check(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
        reference = Reference(mous).decide
        embedded = RegoEngine()
        embedded.load(bundle)
        readings: dict[str, Reading] = {"reference": reference, embedded.name: embedded.decide}
        if engine.name != embedded.name:
            # The server decides by the new bundle while it is asked, and by the old one again once it is told to:
            # what it answers meanwhile carries a revision that does not count yet.
            engine.load(bundle)
            readings[engine.name] = engine.decide
        asked, difference = compare(readings, edges(mous))
        return Checked(asked, tuple(readings), difference.shown() if difference is not None else None)

    return check
