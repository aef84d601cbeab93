"""After a restore: what may be missing, and an administrator's word that it was asked for (decisions, restoring).

A backup knows nothing of what was recorded behind it. Keys that were revoked then stand again, withdrawals are
forgotten. So nothing is released until an administrator, who asked the partners and did anew what they remember, signs
that; everything else works, so that it can be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from governance.agreements.caller import Caller, need_administrator, need_signer
from governance.agreements.desk import Desk, Paper
from governance.errors import Conflict
from governance.signing.statement import Resumption

__all__ = ["Resuming"]


@dataclass(frozen=True)
class Resuming:
    """Safe from any thread."""

    desk: Desk

    def waiting(self) -> dict[str, Any] | None:
        """The restore that waits to be confirmed, for everybody who has a key; None where none does."""
        found = self.desk.register().interrupted
        if found is None:
            return None
        entry = self.desk.journal.entry(found.place.seq)
        body = entry.body if entry is not None else {}
        said = {name: body.get(name) for name in ("origin", "size", "missing", "backup")}
        return {"entry": found.place.seq, "continuation": found.hash, "time": found.place.time.isoformat()} | said

    def confirm(self, caller: Caller, statement: bytes, jws: str) -> dict[str, Any]:
        """An administrator confirms. Raises Conflict where nothing waits."""
        need_administrator(caller)
        paper = Paper.of(statement, jws, Resumption)
        said = paper.said
        assert isinstance(said, Resumption)  # noqa: S101 what `of` took
        need_signer(caller, paper.fingerprint)
        with self.desk.lock:
            register = self.desk.register()
            if register.interrupted is None:
                raise Conflict("no restore waits to be confirmed", reason="nothing-to-confirm")
            parties = {p.id for v in register.established if v.mou is not None for p in v.mou.parties}
            entry = self.desk.submit(
                paper,
                kind="resumption",
                claims={"continuation": said.continuation, "reason": said.reason},
                readers=sorted(parties),
                index={},
            )
            return {"entry": entry.seq}
