"""What a start need not find out again: which leaves were looked through, and what the documents compile to.

Both are kept in the home, outside the database, under a key that is not in it (`adapters.kept`); what was compiled
counts only for the very program files that compiled it. Signatures are not kept: they are verified at every start. The
process that tries a start before the port is bound hands what it found, in memory, to the one that serves.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import governance.compiler
import governance.model
import policies
from audit.merkle import Range
from audit.scan import NOTHING, Looked, Seen
from governance.adapters.kept import Kept
from governance.compiler.bundle import Bundle, bundle_from_json, bundle_to_json
from governance.home import secret
from governance.register import Register
from governance.register.reading import compiled_before, to_keep
from governance.settings import Settings

__all__ = ["Keeping"]

_VERSION = 1
_COMPILERS = (governance.compiler, governance.model, policies)


class Keeping:
    """For one home; made anew for each service, or handed from a trial to the service that follows it."""

    def __init__(self, settings: Settings) -> None:
        self._kept = Kept(settings.home / "kept", secret=secret(settings, "log.key"))
        self._origin = settings.log_origin
        self._looked: Looked | None = None
        self._compiler = _program()
        self._documents: frozenset[str] | None = None  # digests of those whose compilation is in the file
        self.bundle: Bundle | None = None
        self.register: Register | None = None

    def begin(self, kinds: Iterable[str]) -> Looked:
        """What was looked through, nothing where it is of another log; what was compiled before is taken in."""
        if self._documents is None:
            self._documents = self._recalled()
        if self._looked is not None:
            return self._looked
        return _looked(self._kept.get("looked"), {"v": _VERSION, "origin": self._origin, "kinds": sorted(kinds)})

    def _recalled(self) -> frozenset[str]:
        kept = self._kept.get("compiled")
        if not isinstance(kept, dict) or self._compiler is None or kept.get("by") != self._compiler:
            return frozenset()
        compiled_before(kept["documents"])
        self.bundle = bundle_from_json(kept["bundle"]) if kept["bundle"] else None
        return frozenset(kept["documents"])

    def looked(self, looked: Looked, kinds: Iterable[str]) -> None:
        """Keeps what was looked through by now."""
        value = {
            "v": _VERSION,
            "origin": self._origin,
            "kinds": sorted(kinds),
            "size": looked.size,
            "tree": looked.tree.to_bytes().hex(),
            "last": looked.last.hex(),
            "seen": [[number, s.kind, s.leaf_hash.hex()] for number, s in sorted(looked.seen.items())],
        }
        self._kept.put("looked", value)

    def compiled(self, register: Register, bundle: Bundle | None) -> None:
        """Keeps what the register's documents compile to, where the file does not hold it yet."""
        if self._compiler is None:
            return
        proposals = [p for records in register.mous.values() for p in records.proposals]
        digests = frozenset(p.document_sha256 for p in proposals if p.mou is not None)
        known = self.bundle.revision if self.bundle is not None else None
        if digests == self._documents and (bundle is None or bundle.revision == known):
            return
        self.bundle = bundle or self.bundle
        documents = to_keep(proposals)
        self._documents = digests
        kept: dict[str, Any] = {"by": self._compiler, "documents": documents}
        self._kept.put("compiled", kept | {"bundle": bundle_to_json(self.bundle) if self.bundle else None})

    def hand_over(self, looked: Looked, register: Register) -> None:
        """In memory, for a service of this home that follows at once."""
        self._looked, self.register = looked, register


def _looked(kept: Any, asked: dict[str, Any]) -> Looked:
    if not isinstance(kept, dict) or {name: kept.get(name) for name in asked} != asked:
        return NOTHING
    return Looked(
        Range.from_bytes(kept["size"], bytes.fromhex(kept["tree"])),
        bytes.fromhex(kept["last"]),
        {number: Seen(kind, bytes.fromhex(leaf)) for number, kind, leaf in kept["seen"]},
    )


def _program() -> str | None:
    """SHA-256 over the files of whatever compiles documents; None where they don't lie in a folder."""
    digest = hashlib.sha256(f"{_VERSION}\0{platform.python_version()}\0{version('pydantic')}".encode())
    try:
        for module in _COMPILERS:
            folder = Path(str(module.__file__)).parent
            for path in sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".rego")):
                data = path.read_bytes()
                digest.update(f"\0{module.__name__}/{path.relative_to(folder)}\0{len(data)}\0".encode() + data)
    except OSError:
        return None
    return digest.hexdigest()
