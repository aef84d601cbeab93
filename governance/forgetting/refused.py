"""An order that was refused is an entry of its own: who asked for what, and the reason's code.

It names no client and quotes nothing of the order, whose words may name one. Who tries orders is seen, as who searches
is. What could not be looked at because a part did not answer was not refused, and leaves no entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from audit import Draft
from governance.agreements.caller import Caller
from governance.errors import AccordantError, Unavailable
from governance.ports import Journal
from governance.register import ADMINISTRATOR

__all__ = ["REFUSED", "recorded_refusal"]

REFUSED = "order-refused"


@contextmanager
def recorded_refusal(journal: Journal, *, order: str, caller: Caller) -> Iterator[None]:
    """Records a refusal before it is told. Raises LogUnavailable in its place where that can't be done."""
    try:
        yield
    except Unavailable:
        raise
    except AccordantError as error:
        by = {"party": caller.party, "person": caller.person, "fingerprint": caller.fingerprint}
        readers = (caller.party,) if caller.party != ADMINISTRATOR else ()
        index = {"party": caller.party}
        body = {"order": order, "reason": error.reason, "by": by}
        journal.append([Draft(REFUSED, body, readers, index, use="content")])
        raise
