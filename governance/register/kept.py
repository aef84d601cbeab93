"""What documents compiled to and which signatures verified, as JSON, for the next start of this very program.

Neither says what counts: which versions are established, whose keys stand and what is in force is computed from the
records at every start. A document that would not read back as it was written is left out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from governance.compiler.bundle import revision
from governance.model.mou import Mou
from governance.register.fold import Register
from governance.register.reading import Compiled, known, take_in
from governance.register.records import Place, Signed

__all__ = ["from_kept", "to_kept"]


def to_kept(register: Register, before: Mapping[str, Any]) -> dict[str, Any]:
    """Of this register's documents and statements. `before` is what was kept already."""
    made, verified = known()
    documents: dict[str, Any] = {}
    for digest in {p.document_sha256 for records in register.mous.values() for p in records.proposals}:
        found = made.get(bytes.fromhex(digest))
        if digest in before.get("documents", {}):
            documents[digest] = before["documents"][digest]
        elif found is not None and (mou := _written(found)) is not None:
            documents[digest] = [mou, found.text.decode(), found.policy_sha256]
    return {"documents": documents, "signed": dict(_statements(register, verified))}


def _written(made: Compiled) -> str | None:
    mou = made.mou.model_dump_json(by_alias=True, exclude_none=True)
    again = Mou.model_validate_json(mou)
    return mou if again == made.mou and revision((again,)) == made.policy_sha256 else None


def _statements(register: Register, verified: Mapping[bytes, Signed]) -> Iterable[tuple[str, list[Any]]]:
    for leaf, s in verified.items():
        if register.stated.get(s.sha256) == s.place.seq:
            yield leaf.hex(), [s.place.seq, s.place.time.isoformat(), s.kind, s.fingerprint, s.statement, s.sha256]


def from_kept(kept: Mapping[str, Any]) -> None:
    """Takes in what `to_kept` gave, from somebody who can vouch for it."""
    made: dict[bytes, Compiled] = {}
    for digest, (mou, text, policy) in kept["documents"].items():
        data = text.encode()
        made[bytes.fromhex(digest)] = Compiled(
            Mou.model_validate_json(mou), data, hashlib.sha256(data).hexdigest(), policy
        )
    verified = {
        bytes.fromhex(leaf): Signed(Place(seq, dt.datetime.fromisoformat(time)), kind, fingerprint, said, digest)
        for leaf, (seq, time, kind, fingerprint, said, digest) in kept["signed"].items()
    }
    take_in(made, verified)
