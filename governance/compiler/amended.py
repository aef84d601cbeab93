"""What a new version of an MOU changes in what is signed: clause by clause, then the other parts by name.

To be read beside the whole text, which says more: two clauses with the same words and keys are the same clause here.
"""

from __future__ import annotations

from governance.compiler.to_text import clause_text
from governance.model.mou import Mou

__all__ = ["amended"]

_PARTS = {
    "title": "the title",
    "preamble": "the preamble",
    "timezone": "the time zone",
    "effective": "the first day",
    "expires": "the last day",
    "parties": "the parties",
    "signing": "the signing rule",
    "amendment": "the amendment rule",
    "withdrawal": "the withdrawal rule",
    "accounting": "how long disclosures are accounted for",
    "purposes": "the purposes",
    "datasets": "the datasets",
    "indicators": "the indicators",
}


def amended(former: Mou, new: Mou) -> list[str]:
    """Lines for people; none where nothing that is signed differs but the version's number."""
    before, after = ({c.id: c for c in mou.clauses} for mou in (former, new))
    lines: list[str] = []
    for name, clause in after.items():
        if name not in before:
            lines += [f"clause {name} is new:", f"  + {_words(new, name)}"]
        elif _words(former, name) != _words(new, name) or before[name] != clause:
            lines += [f"clause {name} changes:", f"  - {_words(former, name)}", f"  + {_words(new, name)}"]
    for name in before:
        if name not in after:
            lines += [f"clause {name} falls away:", f"  - {_words(former, name)}"]
    if [n for n in before if n in after] != [n for n in after if n in before]:
        lines.append("the clauses stand in another order, which decides what a permit is cited by")
    changed = (words for part, words in _PARTS.items() if getattr(former, part) != getattr(new, part))
    return [*lines, *(f"different: {words}" for words in changed)]


def _words(mou: Mou, clause: str) -> str:
    return next(clause_text(mou, c) for c in mou.clauses if c.id == clause).replace("\n", " ")
