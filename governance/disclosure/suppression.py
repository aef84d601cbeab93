"""Whether a figure may be shown (language, Protection of an aggregate).

A figure rests on the distinct subjects of its cell. It is shown when

1. it rests on at least `minimum_cell` subjects;
2. when it is a share, numerator and complement are each 0 or at least `minimum_cell` subjects, and never 0 where a
   field of the request is sensitive; a count of those who have a value in a field tells, beside the count of all, those
   who have none: they are 0 or at least `minimum_cell`, too;
3. at least `other_parties` parties other than the recipient contribute to it;
4. no contributor makes up more than `dominance` of it: of its subjects, and of what is counted or summed up;
5. and 1, 2 and 4 hold as well once the recipient's own rows are taken away.

So an empty cell is suppressed like a small one, and the two look the same. Not here, and said so in every answer:
complementary suppression, differences between answers, the p % rule for sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from governance.model.access import Protection

__all__ = ["Part", "Subjects", "shown"]

Subjects = int | Set[str]
"""A number of distinct subjects that belong to one contributor alone, or, where subjects are shared, who they are."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one contributor brings to a figure: subjects, those with a hit and those without (of a share), and weights.

    `absent` are the subjects that the figure leaves out for want of a value, where it tells how many they are.

    `misses` None: whoever has no hit in anybody's rows. `weights` are the amounts that dominance is reckoned on besides
    subjects: rows of a count, absolute sums of a sum.
    """

    subjects: Subjects
    hits: Subjects = 0
    misses: Subjects | None = None
    weights: tuple[float, ...] = ()
    absent: Subjects = 0


def _together(values: list[Subjects]) -> int:
    """Distinct subjects of several contributors together."""
    sets = [v for v in values if not isinstance(v, int)]
    return len(set().union(*sets)) + sum(v for v in values if isinstance(v, int))


def _size(value: Subjects) -> int:
    return value if isinstance(value, int) else len(value)


def shown(*, parts: Mapping[str, Part], party: str, protection: Protection, share: bool, sensitive: bool) -> bool:
    """Whether the figure may be shown to `party`. `parts` by contributor; those without subjects may be absent."""
    if protection.minimum_cell is None or protection.other_parties is None or protection.dominance is None:
        return False  # a protection that does not say what it asks for shows nothing
    others = {c: p for c, p in parts.items() if c != party}
    if sum(1 for part in others.values() if _size(part.subjects) > 0) < protection.other_parties:
        return False
    return all(
        _enough(list(some.values()), protection.minimum_cell, share=share, sensitive=sensitive)
        and not _dominated(list(some.values()), protection.dominance)
        for some in (parts, others)
    )


def _enough(parts: list[Part], minimum: int, *, share: bool, sensitive: bool) -> bool:
    whole = _together([p.subjects for p in parts])
    if whole < minimum or 0 < _together([p.absent for p in parts]) < minimum:
        return False
    if not share:
        return True
    hits = _together([p.hits for p in parts])
    counted = [p.misses for p in parts if p.misses is not None]
    misses = _together(counted) if counted else whole - hits
    return all(count >= minimum or (count == 0 and not sensitive) for count in (hits, misses))


def _dominated(parts: list[Part], dominance: float) -> bool:
    total = _together([p.subjects for p in parts])
    if any(_size(p.subjects) > dominance * total for p in parts):
        return True
    for weights in zip(*(p.weights for p in parts), strict=True):
        whole = sum(weights)
        if whole > 0 and any(w > dominance * whole for w in weights):
            return True
    return False
