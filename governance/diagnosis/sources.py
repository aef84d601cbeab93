"""Whether the sources can be read: rows that were loaded lie there unchanged, live databases can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken

import audit
from audit import KeyStore, look
from governance.diagnosis.finding import Finding, counted
from governance.errors import AccordantError
from governance.home import secret
from governance.settings import Settings
from governance.source_kinds import HomeSources
from governance.sources import file_sha256

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

__all__ = ["reach", "source_findings"]


def source_findings(settings: Settings, database: Database, keys: KeyStore) -> Iterator[Finding]:
    """One finding a source that does not work, or one that says that all do."""
    sources: dict[tuple[str, str], dict[str, Any]] = {}
    loads: dict[tuple[str, str], dict[str, Any]] = {}
    try:
        for entry in look.entries_of(database, {"source", "load"}, keys=keys):
            key = (str(entry.body.get("party")), str(entry.body.get("dataset")))
            (sources if entry.kind == "source" else loads)[key] = entry.body
            if entry.kind == "source" and entry.body.get("credentials"):
                loads.pop(key, None)  # a live table takes the place of rows, a mapping of files waits for its own
    except audit.LogError as error:
        yield Finding("sources", "wrong", str(error), "run `accordant audit verify`")
        return
    bad = 0
    for key, body in sources.items():
        name = f"`{key[0]}`'s {key[1]}"
        try:
            if body.get("credentials"):
                reach(settings, body)
            elif key in loads and file_sha256(settings.data / loads[key]["path"]) != loads[key]["sha256"]:
                raise ValueError("the rows are not those that were loaded")
        except (AccordantError, InvalidToken, ValueError) as error:
            bad += 1
            live = body.get("credentials")
            mend = (
                "start that database, allow its host in `source_hosts`, or let its party give the new address"
                if live
                else "put the file back from the backup of data/, or let the party load its rows again"
            )
            yield Finding("sources", "wrong", f"{name}: {_said(error)}", mend)
    if not bad:
        yield Finding("sources", "ok", f"{counted(len(sources), 'source', 'sources')} can be read")


def _said(error: Exception) -> str:
    return "its address cannot be decrypted with keys/sources.key" if isinstance(error, InvalidToken) else str(error)


def reach(settings: Settings, body: dict[str, Any]) -> None:
    """Looks at a live source as its entry describes it. Raises SourceUnavailable, InputWrong, InvalidToken."""
    kinds = HomeSources(settings.data, seconds=5, hosts=settings.source_hosts)
    url = Fernet(secret(settings, "sources.key")).decrypt(str(body["credentials"]).encode()).decode()
    kinds.reach(kinds.read(str(body["mapping"]).encode()), url=url)
