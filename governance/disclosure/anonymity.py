"""Which combinations of values may leave as pseudonymised rows (language, Protection of pseudonymised rows).

Every combination of all the fields in the answer is shared by at least `k` distinct subjects. Within it a sensitive
field has at least two values: read on the other fields, since a combination that holds the sensitive value itself has
only one. So of the rows that are shared widely enough, those are withheld whose values in the fields that are not
sensitive go together with fewer than two values of some sensitive field: whoever recognised somebody in such a class
would know the value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Shared", "released"]

Combination = tuple[Any, ...]


@dataclass(slots=True)
class Shared:
    """How widely one combination is shared: its rows, and its distinct subjects.

    `who` is filled where the same subject may stand in several sources; then it alone counts.
    """

    rows: int = 0
    subjects: int = 0
    who: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Distinct subjects."""
        return len(self.who) or self.subjects


def released(
    *, combinations: Mapping[Combination, Shared], fields: Sequence[str], sensitive: frozenset[str], k: int
) -> frozenset[Combination]:
    """The combinations whose rows may leave."""
    wide = [c for c, shared in combinations.items() if shared.count >= k]
    secret = [i for i, name in enumerate(fields) if name in sensitive]
    if not secret:
        return frozenset(wide)
    known = [i for i in range(len(fields)) if i not in secret]
    values: dict[Combination, list[set[Any]]] = defaultdict(lambda: [set() for _ in secret])
    for combination in wide:
        seen = values[tuple(combination[i] for i in known)]
        for place, i in enumerate(secret):
            if combination[i] is not None:
                seen[place].add(combination[i])
    diverse = {c for c, seen in values.items() if all(len(s) >= 2 for s in seen)}
    return frozenset(c for c in wide if tuple(c[i] for i in known) in diverse)
