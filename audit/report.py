"""What a verification found: faults, each with the entry, a code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.leaf import Leaf, body_hash
from audit.meaning import meaning

__all__ = ["MOST_FAULTS", "Fault", "Faults", "Report"]

MOST_FAULTS = 100
_OF_LEAVES = frozenset({"chain-broken", "leaf-changed", "leaf-malformed", "renumbered"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `seq` is the entry, None where it is the log as a whole."""

    seq: int | None
    code: str
    message: str

    def __str__(self) -> str:
        return self.message

    @property
    def meaning(self) -> str:
        """What a fault of this kind means, for people who know the law and not the format."""
        return meaning(self.code)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for a log of `size` entries. `faults` is in the order of entries, the log as a whole last.

    At most 100 faults are listed; `count` is how many there were. `remembered` is how many remembered checkpoints the
    log was held against: with none, nobody can tell whether the log was replaced by an older copy of itself. `erased`:
    runs of entries whose content was forgotten, with the erasure's number: no fault, and not verified either. Entries
    before `since` were not looked at. `vouched`: up to which size the quorum of a policy vouches; None without one.
    """

    size: int
    faults: tuple[Fault, ...]
    count: int
    remembered: int
    checkpoint: bytes | None
    erased: tuple[tuple[int, int, int], ...] = ()
    since: int = 0
    vouched: int | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.count

    @property
    def first(self) -> Fault | None:
        """The first bad entry; a fault of the log as a whole where no single entry is to blame."""
        return self.faults[0] if self.faults else None


def _order(fault: Fault) -> tuple[int, bool]:
    """By entry; of one entry, what searches say of it last."""
    return fault.seq or 0, fault.code == "index-differs"


@dataclass(slots=True)
class Faults:
    """Collects, in bounded memory."""

    found: list[Fault] = field(default_factory=list)
    whole: list[Fault] = field(default_factory=list)
    count: int = 0
    strays: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)  # what the leaf says of the body, and its hash

    def add(self, seq: int | None, code: str, message: str) -> None:
        self.count += 1
        if type(seq) is not int:
            seq = None  # SQLite keeps words where a number belongs: then no entry is meant
        kept = self.whole if seq is None else self.found
        if len(kept) < MOST_FAULTS:
            # What is quoted of a row may be no text that anybody can print.
            kept.append(Fault(seq, code, message.encode("utf-8", "backslashreplace").decode()))

    def add_all(self, seq: int, more: Iterable[tuple[str, str]]) -> None:
        for code, message in more:
            self.add(seq, code, message)

    def add_body(self, seq: int, code: str, message: str, leaf: bytes, salt: bytes | None, body: bytes | None) -> None:
        """A content that is not its leaf's; two that were exchanged are told as such in the end."""
        self.add(seq, code, message)
        if code == "body-changed" and salt is not None and body is not None and len(self.strays) < MOST_FAULTS:
            self.strays[seq] = (Leaf.from_bytes(leaf).body, body_hash(salt, body))

    def add_sealed(self, seq: int, code: str, message: str, leaf: bytes) -> None:
        """A content that does not open where it lies."""
        self.add(seq, code, message)
        if len(self.strays) < MOST_FAULTS:
            self.strays[seq] = (Leaf.from_bytes(leaf).body, b"")

    def _without_echoes(self) -> list[Fault]:
        """A content is bound to its leaf: where the leaf was changed, that it does not open says nothing more."""
        changed = {fault.seq for fault in self.found if fault.code in _OF_LEAVES}
        sealed = {seq for seq, (_, found) in self.strays.items() if not found}
        kept = [f for f in self.found if f.code != "body-changed" or f.seq not in changed & sealed]
        self.count -= len(self.found) - len(kept)
        self.found = kept
        return kept

    def in_order(self) -> tuple[Fault, ...]:
        found = self._without_echoes()
        owner = {said: seq for seq, (said, _) in self.strays.items()}
        ordered = [self._swapped(fault, owner) for fault in sorted(found, key=_order)]
        return tuple([*ordered, *self.whole][:MOST_FAULTS])

    def _swapped(self, fault: Fault, owner: dict[bytes, int]) -> Fault:
        other = owner.get(self.strays[fault.seq][1]) if fault.seq in self.strays else None
        if fault.seq is None or other is None or fault.code != "body-changed":
            return fault
        return Fault(fault.seq, "body-swapped", f"entry {fault.seq} was given the content of entry {other}")
