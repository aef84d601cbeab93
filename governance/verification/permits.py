"""A permit against the signatures before it: the policies that counted, the memoranda in force, the clauses' words.

Everything is asked of the register as it was at the entry, folded from the entries before it alone. So a key that was
revoked later takes nothing back, and a signature that came later gives nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from governance.compiler.bundle import revision
from governance.compiler.to_text import clause_sha256
from governance.model.mou import Mou
from governance.model.period import day_of
from governance.register import Register
from governance.verification.looks import Asked, Cited, Permitted

__all__ = ["Grounds"]

# A request is decided a moment before its entry: what it was decided for counts within this, its entry's time else.
_BEFORE = dt.timedelta(hours=1)


@dataclass(slots=True)
class Grounds:
    """What a permit may rest on, of one register; what does not change between two of its entries is found once."""

    register: Register
    earlier: frozenset[str]  # revisions that were ever activated
    fault: tuple[str, str] | None = None  # why nothing may be permitted on what was activated last
    documents: dict[tuple[str, int], Mou] = field(default_factory=dict)
    _words: dict[Cited, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        active = self.register.activation
        if active is None:
            return
        signed = {
            (v.proposal.id, v.proposal.version, v.proposal.document_sha256): v.mou for v in self.register.established
        }
        for document in sorted(active.documents):
            mou = signed.get(document)
            if mou is None:
                name = f"{document[0]}@{document[1]}"
                why = f"`{name}`, on which the policies rest, did not have the signatures that it needs"
                self.fault = self.fault or ("mou-not-signed", why)
            else:
                self.documents[mou.id, mou.version] = mou
        if self.fault is None and revision(tuple(self.documents.values())) != active.revision:
            why = f"the documents that entry {active.place.seq} names do not make the policies that it names"
            self.fault = "revision-differs", why

    def judged(self, asked: Asked, permitted: Permitted) -> Iterator[tuple[str, str]]:
        """What is wrong with a permit."""
        active = self.register.activation
        if active is None or permitted.revision not in self.earlier:
            yield "revision-unknown", "the request was permitted under policies that no signed agreement activated"
            return
        if permitted.revision != active.revision:
            yield "revision-superseded", "the request was permitted under policies that others had replaced"
            return
        if self.fault is not None:
            code, why = self.fault
            yield code, f"the request was permitted, and {why}"
            return
        if not permitted.cites:
            yield "clause-missing", "the request was permitted, and no clause is named that permits it"
        at = permitted.at
        instant = at if at is not None and asked.time - _BEFORE <= at <= asked.time else asked.time
        for cited in permitted.cites:
            found = self._words_fault(cited) or self._force_fault(cited, asked.party, instant)
            if found is not None:
                yield found

    def _words_fault(self, cited: Cited) -> tuple[str, str] | None:
        name = f"{cited.mou}:{cited.clause}"
        if cited not in self._words:
            mou = self.documents.get((cited.mou, cited.version))
            clause = next((c for c in mou.clauses if c.id == cited.clause), None) if mou is not None else None
            self._words[cited] = None if mou is None or clause is None else clause_sha256(mou, clause)
        words = self._words[cited]
        if words is None:
            return "clause-unknown", f"the clause `{name}`, version {cited.version}, stands in no agreement in force"
        if words != cited.text_sha256:
            return "clause-text-differs", f"the words of clause `{name}` are not those that the entry names"
        return None

    def _force_fault(self, cited: Cited, party: str, instant: dt.datetime) -> tuple[str, str] | None:
        mou = self.documents[cited.mou, cited.version]
        current = self.register.version_at(cited.mou, instant)
        if current is None or current.mou is None or current.mou.version != cited.version:
            return "mou-not-in-force", f"`{mou.ref}` was not the version in force when the request was permitted"
        if day_of(instant, mou.zone) > mou.expires:
            return "mou-not-in-force", f"`{mou.ref}` had expired when the request was permitted"
        life = self.register.life(cited.mou)
        for gone in life.departures if life is not None else ():
            if gone.at <= instant and (gone.party == party or gone.ends == "all"):
                detail = f"the withdrawal of `{gone.party}` from `{cited.mou}` had taken effect when it was permitted"
                return "party-withdrawn", f"the request of `{party}` was permitted, and {detail}"
        return None
