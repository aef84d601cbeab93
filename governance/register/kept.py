"""What documents compiled to, as JSON, for the next start of this very program.

It does not say what counts: signatures are verified, and which versions are established, whose keys stand and what is
in force is computed from the records, at every start. Text and policy are hashed again here, and what was signed holds
them. A document that would not read back as it was written is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from governance.compiler.bundle import revision
from governance.model.mou import Mou
from governance.register.fold import Register
from governance.register.reading import Compiled, known, take_in

__all__ = ["from_kept", "to_kept"]


def to_kept(register: Register, before: Mapping[str, Any]) -> dict[str, Any]:
    """Of this register's documents. `before` is what was kept already."""
    made = known()
    documents: dict[str, Any] = {}
    for digest in {p.document_sha256 for records in register.mous.values() for p in records.proposals}:
        found = made.get(bytes.fromhex(digest))
        if digest in before.get("documents", {}):
            documents[digest] = before["documents"][digest]
        elif found is not None and (mou := _written(found)) is not None:
            documents[digest] = [mou, found.text.decode()]
    return {"documents": documents}


def _written(made: Compiled) -> str | None:
    mou = made.mou.model_dump_json(by_alias=True, exclude_none=True)
    again = Mou.model_validate_json(mou)
    return mou if again == made.mou and revision((again,)) == made.policy_sha256 else None


def from_kept(kept: Mapping[str, Any]) -> None:
    """Takes in what `to_kept` gave, from somebody who can vouch for it."""
    made: dict[bytes, Compiled] = {}
    for digest, (written, text) in kept["documents"].items():
        mou, data = Mou.model_validate_json(written), text.encode()
        made[bytes.fromhex(digest)] = Compiled(mou, data, hashlib.sha256(data).hexdigest(), revision((mou,)))
    take_in(made)
