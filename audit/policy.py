"""Whose word counts (C2SP tlog-policy): the logs that are believed, their witnesses, and how many of these must agree.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

Names refer to lines above them, each is a member once, and there is exactly one quorum. A checkpoint is good
where one of the logs signed it and the quorum's witnesses cosigned it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.cosignature import CosignatureVerifier, Cosigned, cosignatures_of
from audit.errors import NoteWrong, PolicyWrong, WrongCheckpoint
from audit.note import Checkpoint, NoteVerifier, open_note, signatures_of

__all__ = ["Group", "Policy", "PolicyLog", "PolicyWitness"]

_MOST = 1000


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log that is believed, and where it is."""

    verifier: NoteVerifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness under the name that the policy gives it, and where checkpoints are submitted."""

    name: bytes
    verifier: CosignatureVerifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these members, each a witness or a group."""

    name: bytes
    least: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file, read; `quorum` None asks for no cosignature."""

    logs: tuple[PolicyLog, ...] = ()
    witnesses: tuple[PolicyWitness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: bytes | None = None

    @classmethod
    def from_text(cls, data: bytes) -> Policy:
        """Raises PolicyWrong, naming the line."""
        reading = _Reading()
        for number, line in enumerate(data.split(b"\n"), start=1):
            if any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in line):
                raise PolicyWrong(f"line {number} of the policy holds a control character")
            words = line.replace(b"\t", b" ").split(b" ")
            words = [word for word in words if word]
            if not words or words[0].startswith(b"#"):
                continue
            try:
                reading.line(words)
            except NoteWrong as error:
                raise PolicyWrong(f"line {number} of the policy: {error}") from error
        return reading.done()

    def satisfied(self, names: frozenset[bytes]) -> bool:
        """Whether the quorum is there where these witnesses, by their names here, have cosigned."""
        return self.quorum is None or self._witnessed(self.quorum, names)

    @property
    def least(self) -> int:
        """The fewest witnesses that can make the quorum; 0 where none is asked for."""
        return 0 if self.quorum is None else self._fewest(self.quorum)

    def _fewest(self, name: bytes) -> int:
        group = next((g for g in self.groups if g.name == name), None)
        if group is None:
            return 1
        return sum(sorted(self._fewest(member) for member in group.members)[: group.least])

    def content(self, note: bytes) -> bool:
        """Whether the cosignatures of a checkpoint are enough, whichever log signed it. Raises NoteWrong."""
        keys = {c.verifier.public for c in self.cosigned(note)}
        return self.satisfied(frozenset(w.name for w in self.witnesses if w.verifier.public in keys))

    def _witnessed(self, name: bytes, names: frozenset[bytes]) -> bool:
        group = next((g for g in self.groups if g.name == name), None)
        if group is None:
            return name in names
        return sum(self._witnessed(member, names) for member in group.members) >= group.least

    def cosigned(self, note: bytes) -> tuple[Cosigned, ...]:
        """The policy's witnesses that vouch for a checkpoint. Raises NoteWrong where one's line does not verify."""
        return cosignatures_of(note, tuple(w.verifier for w in self.witnesses))

    def check(self, note: bytes) -> Checkpoint:
        """The checkpoint, once a log of the policy has signed it and the quorum has cosigned.

        Raises WrongCheckpoint with what is missing, NoteWrong where the note can't be read.
        """
        _, signatures = signatures_of(note)
        told = {(s.name, s.key_id) for s in signatures}
        log = next((one for one in self.logs if (one.verifier.name, one.verifier.key_id) in told), None)
        if log is None:
            raise WrongCheckpoint("the checkpoint is signed by none of the policy's logs")
        checkpoint = Checkpoint.from_text(open_note(note, log.verifier))
        if checkpoint.origin != log.verifier.name:
            raise WrongCheckpoint(f"the checkpoint is of the log `{checkpoint.origin}`, not of `{log.verifier.name}`")
        if not self.content(note):
            keys = {c.verifier.public for c in self.cosigned(note)}
            names = frozenset(w.name for w in self.witnesses if w.verifier.public in keys)
            who = ", ".join(sorted(name.decode(errors="replace") for name in names)) or "nobody"
            raise WrongCheckpoint(f"the policy's quorum has not cosigned the checkpoint: {who} of its witnesses did")
        return checkpoint


class _Reading:
    """Line by line; every fault is a PolicyWrong, which is a NoteWrong."""

    def __init__(self) -> None:
        self.logs: list[PolicyLog] = []
        self.witnesses: list[PolicyWitness] = []
        self.groups: list[Group] = []
        self.names: set[bytes] = {b"none"}
        self.used: set[bytes] = set()
        self.quorum: list[bytes | None] = []

    def line(self, words: list[bytes]) -> None:
        kinds: dict[bytes, Callable[[list[bytes]], None]] = {
            b"log": self._log,
            b"witness": self._witness,
            b"group": self._group,
            b"quorum": self._quorum,
        }
        kind = kinds.get(words[0])
        if kind is None:
            raise PolicyWrong(f"`{words[0].decode(errors='replace')}` is none of log, witness, group and quorum")
        kind(words[1:])
        if len(self.logs) + len(self.witnesses) + len(self.groups) > _MOST:
            raise PolicyWrong(f"more than {_MOST} logs, witnesses and groups")

    def done(self) -> Policy:
        if not self.quorum:
            raise PolicyWrong("the policy has no `quorum` line")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum[0])

    def _log(self, words: list[bytes]) -> None:
        if len(words) not in (1, 2):
            raise PolicyWrong("a log is `log <vkey> [<url>]`")
        verifier = NoteVerifier.from_vkey(_text(words[0]))
        if any(verifier.public == log.verifier.public for log in self.logs):
            raise PolicyWrong(f"the key of `{verifier.name}` stands twice")
        self.logs.append(PolicyLog(verifier, _text(words[1]) if len(words) == 2 else None))

    def _witness(self, words: list[bytes]) -> None:
        if len(words) not in (2, 3):
            raise PolicyWrong("a witness is `witness <name> <vkey> [<url>]`")
        verifier = CosignatureVerifier.from_vkey(_text(words[1]))
        if any(verifier.public == w.verifier.public for w in self.witnesses):
            raise PolicyWrong(f"the key of `{verifier.name}` stands twice")
        self._new(words[0])
        self.witnesses.append(PolicyWitness(words[0], verifier, _text(words[2]) if len(words) == 3 else None))

    def _group(self, words: list[bytes]) -> None:
        if len(words) < 3:
            raise PolicyWrong("a group is `group <name> all|any|<k> <name>...`")
        name, count, members = words[0], words[1], words[2:]
        for member in members:
            if member == b"none" or member not in self.names:
                raise PolicyWrong(f"`{_shown(member)}` is defined by no line above")
            if member in self.used:
                raise PolicyWrong(f"`{_shown(member)}` is a member already")
            self.used.add(member)
        self._new(name)
        least = {b"all": len(members), b"any": 1}.get(count)
        if least is None:
            if not count.isdigit() or len(count) > 4 or count.startswith(b"0"):
                raise PolicyWrong(f"`{_shown(count)}` is none of all, any and a number")
            least = int(count)
        if least > len(members):
            raise PolicyWrong(f"the group asks for {least} of {len(members)}")
        self.groups.append(Group(name, least, tuple(members)))

    def _quorum(self, words: list[bytes]) -> None:
        if len(words) != 1 or self.quorum:
            raise PolicyWrong("there is one `quorum <name>`")
        if words[0] not in self.names:
            raise PolicyWrong(f"`{_shown(words[0])}` is defined by no line above")
        self.quorum.append(None if words[0] == b"none" else words[0])

    def _new(self, name: bytes) -> None:
        if name in self.names:
            raise PolicyWrong(f"the name `{_shown(name)}` is taken")
        self.names.add(name)


def _shown(word: bytes) -> str:
    return word.decode(errors="replace")


def _text(word: bytes) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError as error:
        raise PolicyWrong("a key or an address is not UTF-8") from error
