"""Editing a policy file (C2SP tlog-policy) line by line: what a person wrote by hand stays as it is.

A witness that is added becomes a `witness` line and a member of the group `witnesses`, and the quorum is that group.
How many of them must agree is a majority unless a number is given: two majorities share a witness, so two histories
can't both have a quorum. A file whose quorum is another one was arranged by somebody who knew why, and is refused here.
"""

from __future__ import annotations

from audit.errors import PolicyWrong
from audit.policy import Policy

__all__ = ["GROUP", "majority", "with_log", "with_witness", "without_witness"]

GROUP = "witnesses"


def majority(members: int) -> int:
    """More than half."""
    return members // 2 + 1


def with_witness(
    data: bytes, *, name: str, vkey: str, url: str | None, log_vkey: str, quorum: int | None = None
) -> bytes:
    """The policy with one more witness; `data` is empty for a new one. `quorum` 0: none is needed.

    Raises PolicyWrong, with nothing changed.
    """
    if any(c.isspace() for c in name) or not name:
        raise PolicyWrong(f"`{name}` can't name a witness: it has a character, and no space")
    if url is not None and any(c.isspace() for c in url):
        raise PolicyWrong(f"`{url}` is not an address")
    lines, members, least = _ours(data)
    if not _of(lines, "log"):
        lines.insert(0, f"log {log_vkey}")
    at = max(_of(lines, "log") + _of(lines, "witness")) + 1
    lines.insert(at, " ".join(["witness", name, vkey, *([url] if url else [])]))
    return _made(lines, [*members, name], _least(least, len(members), len(members) + 1, quorum))


def without_witness(data: bytes, name: str, *, quorum: int | None = None) -> bytes:
    """The policy without a witness. Raises PolicyWrong, with nothing changed."""
    lines, members, least = _ours(data)
    if name not in members:
        raise PolicyWrong(f"the policy has no witness `{name}`")
    at = next(n for n in _of(lines, "witness") if lines[n].split()[1] == name)
    del lines[at]
    left = [member for member in members if member != name]
    return _made(lines, left, _least(least, len(members), len(left), quorum))


def with_log(data: bytes, *, name: str, vkey: str) -> bytes:
    """The policy with another key for the log of that name, which goes on under it; unchanged where it has no such log.

    Raises PolicyWrong.
    """
    Policy.from_text(data)
    made: list[str] = []
    for line in data.decode().splitlines():
        words = line.split()
        if words[:1] == ["log"] and words[1].partition("+")[0] == name and words[1] != vkey:
            line = " ".join(["log", vkey, *words[2:]])
        if words[:1] != ["log"] or line not in made:
            made.append(line)
    after = ("\n".join(made) + "\n").encode()
    return data if after.split() == data.split() else after


def _least(before: int, members: int, now: int, asked: int | None) -> int:
    """How many have to agree: as many as asked; a majority stays one, any other number stays itself."""
    if asked is not None:
        return asked
    return majority(now) if before == majority(members) else before


def _of(lines: list[str], kind: str) -> list[int]:
    return [n for n, line in enumerate(lines) if line.split()[:1] == [kind]]


def _ours(data: bytes) -> tuple[list[str], list[str], int]:
    """Lines, members of the group, and how many of them must agree (a new policy: a majority of none)."""
    if not data.strip():
        return data.decode().splitlines(), [], majority(0)
    policy = Policy.from_text(data)
    lines = data.decode().splitlines()
    group = next((g for g in policy.groups if g.name == GROUP.encode()), None)
    names = [w.name.decode() for w in policy.witnesses]
    if policy.quorum is None:
        grouped = [member.decode() for member in group.members] if group else []
        if sorted(grouped or names) != sorted(names) or len(policy.groups) > bool(group):
            raise _by_hand("none")
        return lines, names, 0 if names else majority(0)
    if policy.quorum.decode() in names and len(names) == 1 and not policy.groups:
        return lines, names, 1
    if group is None or policy.quorum != group.name or len(policy.groups) > 1:
        raise _by_hand(policy.quorum.decode(errors="replace"))
    members = [member.decode() for member in group.members]
    if sorted(members) != sorted(names):
        raise _by_hand(GROUP)
    return lines, members, group.least


def _by_hand(quorum: str) -> PolicyWrong:
    return PolicyWrong(f"the quorum `{quorum}` was arranged by hand; edit the file by hand, too")


def _made(lines: list[str], members: list[str], least: int) -> bytes:
    if members and least > len(members):
        raise PolicyWrong(f"{least} of {len(members)} witnesses can't agree; give another `--quorum`")
    kept = [line for line in lines if line.split()[:1] not in (["group"], ["quorum"])]
    if members and least:
        kept += [f"group {GROUP} {least} {' '.join(members)}", f"quorum {GROUP}"]
    else:
        kept.append("quorum none")
    made = ("\n".join(kept) + "\n").encode()
    Policy.from_text(made)
    return made
