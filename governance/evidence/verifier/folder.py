"""What lies in the folder: exactly the plain files that `SHA256SUMS` lists, under names that can't be anything else.

Two files are not in the list: the list itself, and the receipt of the log's entry that names the list's digest. Names
are looked at before anything is opened, links are never followed, and what is shown of a name shows every byte of it.
"""

from __future__ import annotations

import os
import re
import stat

__all__ = ["CONTENTS", "LIST", "Faults", "content", "listed_and_found", "shown_text"]

LIST = "SHA256SUMS"
CONTENTS = "receipts/contents.tlog-proof"
_NAME = re.compile(
    r"life\.json|VERIFY\.md|verify\.sh|log/(?:vkey|vkeys|witnesses)"
    r"|statements/[0-9]{3,6}\.(?:json|signed|sig|pem)|receipts/[0-9]{3,6}(?:\.opening)?\.tlog-proof"
    r"|(?:versions/[1-9][0-9]{0,6}/)?"
    r"(?:mou\.(?:yaml|txt|json)|policy/(?:\.manifest|[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*\.(?:rego|json)))"
)
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_MOST = 64 * 1024 * 1024


class Faults(list):  # type: ignore[type-arg] # of (what, words)
    """Everything that does not hold, in the order in which it was found."""

    def add(self, what: str, words: str) -> None:
        """One more, once."""
        if (what, words) not in self:
            self.append((what, words))


def shown_text(text: object) -> str:
    """Text of somebody else's, on one line, with nothing in it that a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def content(folder: str, name: str) -> bytes:
    """The bytes of a listed file; empty where it is not there."""
    try:
        # Not blocked by a pipe, and led nowhere by a link that took a file's place since the folder was looked at.
        opened = os.open(os.path.join(folder, *name.split("/")), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(opened, "rb") as stream:
            return stream.read(_MOST) if stat.S_ISREG(os.fstat(opened).st_mode) else b""
    except OSError:
        return b""


def _found(folder: str, faults: Faults) -> set[str]:
    names, folders = set(), [""]
    while folders:
        inside = folders.pop()
        for entry in os.scandir(os.path.join(folder, inside)):
            name = inside + entry.name
            if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
                faults.add(ascii(name), "is a link or a device, and no plain file: it was put in")
            elif entry.is_dir(follow_symlinks=False):
                folders.append(name + "/")
            else:
                names.add(name)
    return names


def _listed(folder: str, faults: Faults) -> dict[str, str]:
    listed: dict[str, str] = {}
    text = content(folder, LIST).decode("ascii", "replace")
    if not text.endswith("\n"):
        faults.add(LIST, "the list is missing, or broken off")
    for line in text.split("\n")[:-1]:
        match = _LINE.fullmatch(line)
        name = match.group(2) if match else line
        if match is None or _NAME.fullmatch(name) is None:
            faults.add(LIST, f"names {name!a}, which is no part of an evidence file")
        elif name in listed:
            faults.add(LIST, f"names {name} twice")
        else:
            listed[name] = match.group(1)
    return listed


def listed_and_found(folder: str, faults: Faults) -> dict[str, str]:
    """The digests of the list, by name, of those files that are there; every difference is a fault."""
    listed, found = _listed(folder, faults), _found(folder, faults)
    for name in sorted(found - set(listed) - {LIST, CONTENTS}):
        faults.add(ascii(name), "is not in the list: it was put in")
    for name in sorted({*listed, LIST, CONTENTS} - found):
        faults.add(name, "belongs to the file and is not here: it was taken out")
    return {name: digest for name, digest in listed.items() if name in found}
