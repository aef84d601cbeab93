"""A document as one request sees it at its instant: parties, contributors, rows, days in force, purposes.

Language, What it means: *Contributors*, *In force*, *Touches* (on trees of purposes); rulings R1, R2, R17.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from governance.compiler.reference.days import end, start
from governance.model.access import Facts, Request
from governance.model.mou import Dataset, Mou
from governance.model.names import Rows, Who

__all__ = ["Given", "Seen"]


class Given:
    """The documents given, each taken as signed, in the order in which they are cited (R1, R9)."""

    def __init__(self, mous: Sequence[Mou]) -> None:
        self.mous = tuple(sorted(mous, key=lambda m: (m.effective, m.id, m.version)))
        self.versions: dict[str, list[Mou]] = defaultdict(list)
        self.defining: dict[str, list[Mou]] = defaultdict(list)
        self.parties: set[str] = set()
        self._dpv: dict[str, set[str]] = defaultdict(set)
        for mou in self.mous:
            self.versions[mou.id].append(mou)
            self.parties.update(p.id for p in mou.parties)
            for dataset in mou.datasets:
                self.defining[dataset].append(mou)
            for name, purpose in mou.purposes.items():
                if purpose.dpv is not None:
                    self._dpv[name].add(purpose.dpv)

    def dpv_terms(self, purpose: str) -> set[str]:
        """The terms that a purpose may stand for: itself, and those of the nodes with its id anywhere (R2)."""
        return {purpose} | self._dpv.get(purpose, set())

    def seen_by(self, request: Request, facts: Facts) -> list[Seen]:
        """Every document that defines the dataset, as the request sees it."""
        return [Seen(mou, request, facts, self) for mou in self.defining.get(request.dataset, ())]


@dataclass(frozen=True)
class Seen:
    """One document that defines the dataset, one request, and what has happened."""

    mou: Mou
    request: Request
    facts: Facts
    given: Given

    @property
    def dataset(self) -> Dataset:
        """The document's own definition of the dataset asked for."""
        return self.mou.datasets[self.request.dataset]

    @cached_property
    def withdrawn(self) -> frozenset[str]:
        """Whose withdrawal has taken effect: no longer parties, in no `<who>` and no D."""
        at = self.request.at
        return frozenset(w.party for w in self.facts.withdrawn if w.mou == self.mou.id and w.at <= at)

    @cached_property
    def parties(self) -> frozenset[str]:
        """The parties at this instant."""
        return frozenset(p.id for p in self.mou.parties) - self.withdrawn

    def who(self, who: Who) -> frozenset[str]:
        """The parties that a `<who>` stands for; one with roles and parties is both together."""
        if who == "everyone":
            return self.parties
        roles, named = who.roles or (), who.parties or ()
        return frozenset(p.id for p in self.mou.parties if p.role in roles or p.id in named) & self.parties

    @cached_property
    def contributors(self) -> frozenset[str]:
        """D: the parties that contribute to the dataset, less those that have withdrawn."""
        return self.who(self.dataset.contributors)

    def selected(self, rows: Rows) -> frozenset[str]:
        """The contributors that `own`, `others` or `all` stands for, seen from the requester."""
        requester = frozenset({self.request.party})
        if rows == "own":
            return requester & self.contributors
        return self.contributors - requester if rows == "others" else self.contributors

    @cached_property
    def rows(self) -> frozenset[str]:
        """R: the contributors whose rows are asked for."""
        asked = self.selected(self.request.rows)
        return asked if self.request.from_ is None else asked & frozenset(self.request.from_)

    def clause_rows(self, rows: Rows | None, from_: Who | None) -> frozenset[str]:
        """C(c): those that a clause's `rows` selects, of those in its `from`; an absent key leaves all (R17)."""
        chosen = self.selected(rows or "all")
        return chosen if from_ is None else chosen & self.who(from_)

    @cached_property
    def in_force(self) -> bool:
        """Within its days, no higher version begun, and nobody's withdrawal has ended it for all (R1)."""
        mou, at = self.mou, self.request.at
        if not start(mou.effective, mou.zone) <= at < end(mou.expires, mou.zone):
            return False
        newer = (m for m in self.given.versions[mou.id] if m.version > mou.version)
        if any(start(m.effective, m.zone) <= at for m in newer):
            return False
        ends_all = mou.withdrawal is not None and mou.withdrawal.ends == "all"
        return not (ends_all and any(p.id in self.withdrawn for p in mou.parties))

    @property
    def binding(self) -> bool:
        """In force, defines the dataset, and the requester is a party to it."""
        return self.in_force and self.request.party in self.parties

    @cached_property
    def purposes(self) -> tuple[str, ...]:
        """The nodes of this tree that the request's purpose means: by id, else by `dpv` term (R2)."""
        if self.request.purpose in self.mou.purposes:
            return (self.request.purpose,)
        terms = self.given.dpv_terms(self.request.purpose)
        return tuple(name for name, node in self.mou.purposes.items() if node.dpv in terms)

    def _upwards(self, purpose: str) -> Iterator[str]:
        passed: set[str] = set()
        at: str | None = purpose
        while at is not None and at not in passed:
            yield at
            passed.add(at)
            node = self.mou.purposes.get(at)
            at = node.broader if node is not None else None

    def within(self, purpose: str, broader: str) -> bool:
        """A purpose is within itself and every purpose above it."""
        return broader in self._upwards(purpose)
