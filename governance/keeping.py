"""What a start need not find out again: which leaves were looked through, what documents compile to, which signatures
verified.

It is kept in the home, outside the database, under a key that is not in it (`adapters.kept`). A signature that
verified counts for the entry with that very leaf hash, a compiled document for those very bytes, and both only for the
program files that found it out; whose keys stand and what is in force is computed at every start. The process that
tries a start before the port is bound hands what it found, in memory, to the one that serves.
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
import governance.register
import governance.signing
import policies
from audit.merkle import Range
from audit.scan import NOTHING, Looked, Seen
from governance.adapters.kept import Kept
from governance.compiler.bundle import Bundle, bundle_from_json, bundle_to_json
from governance.home import secret
from governance.register import Register
from governance.register.kept import from_kept, to_kept
from governance.settings import Settings

__all__ = ["Keeping"]

_VERSION = 2
_PARTS = (governance.compiler, governance.model, governance.register, governance.signing, policies)


class Keeping:
    """For one home; made anew for each service, or handed from a trial to the service that follows it."""

    def __init__(self, settings: Settings) -> None:
        self._kept = Kept(settings.home / "kept", secret=secret(settings, "log.key"))
        self._origin = settings.log_origin
        self._looked: Looked | None = None
        self._program = _program()
        self._read: dict[str, Any] | None = None  # what is in the file
        self.bundle: Bundle | None = None
        self.register: Register | None = None

    def begin(self, kinds: Iterable[str]) -> Looked:
        """What was looked through, nothing where it is of another log; what was found out before is taken in."""
        if self._read is None:
            self._read = self._recalled()
        if self._looked is not None:
            return self._looked
        return _looked(self._kept.get("looked"), {"v": _VERSION, "origin": self._origin, "kinds": sorted(kinds)})

    def _recalled(self) -> dict[str, Any]:
        kept = self._kept.get("register")
        if not isinstance(kept, dict) or self._program is None or kept.get("by") != self._program:
            return {}
        from_kept(kept)
        self.bundle = bundle_from_json(kept["bundle"]) if kept["bundle"] else None
        return kept

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

    def read(self, register: Register, bundle: Bundle | None, *, fewest: int = 1) -> None:
        """Keeps what the register was read as and compiled to, where at least so many statements are new."""
        before = self._read or {}
        new = len(register.stated) - before.get("stated", 0)
        known = self.bundle.revision if self.bundle is not None else None
        if self._program is None or (new < fewest and (bundle is None or bundle.revision == known)):
            return
        self.bundle = bundle or self.bundle
        kept = to_kept(register, before) | {"by": self._program, "stated": len(register.stated)}
        self._read = kept | {"bundle": bundle_to_json(self.bundle) if self.bundle else None}
        self._kept.put("register", self._read)

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
    """SHA-256 over the files of whatever reads statements and compiles documents; None where they are no files."""
    digest = hashlib.sha256(f"{_VERSION}\0{platform.python_version()}\0{version('pydantic')}".encode())
    try:
        for module in _PARTS:
            folder = Path(str(module.__file__)).parent
            for path in sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".rego")):
                data = path.read_bytes()
                digest.update(f"\0{module.__name__}/{path.relative_to(folder)}\0{len(data)}\0".encode() + data)
    except OSError:
        return None
    return digest.hexdigest()
