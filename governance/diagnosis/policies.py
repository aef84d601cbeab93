"""Whether every signed document counts, by the newest activation in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import audit
from audit import KeyStore, look
from governance.diagnosis.finding import Finding, counted

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

__all__ = ["policy_findings"]


def policy_findings(database: Database, keys: KeyStore) -> Iterator[Finding]:
    """One finding a document that was left out, or one that says that none is."""
    newest, active = None, 0
    try:
        for entry in look.entries_of(database, {"activation", "activation-refused"}, keys=keys):
            newest = entry
            active = len(entry.body["mous"]) if entry.kind == "activation" else active
        left_out = list(newest.body.get("left_out", ())) if newest else []
        names = [f"`{m['id']}@{m['version']}`" for m in left_out]
    except (audit.LogError, KeyError, TypeError) as error:
        yield Finding("policies", "wrong", f"an activation cannot be read ({error})", "run `accordant audit verify`")
        return
    for name in names:
        detail = f"{name} is signed and left out, its readings differ (entry {newest.seq if newest else 0})"
        mend = (
            "what it speaks of is refused to its parties: amend it (`accordant mou amend`), or let them withdraw; "
            "after an upgrade a start looks at it again"
        )
        yield Finding("policies", "warning", detail, mend)
    if not names:
        yield Finding("policies", "ok", f"{counted(active, 'document counts', 'documents count')}, none is left out")
