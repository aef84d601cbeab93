"""A client's accounting of disclosures: who saw its data, when, what for, and under which clause.

It is answered for the contributor's own people and for an administrator, and is itself an entry, like a search, which
is forgotten with the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit import Draft, Entry
from governance.agreements.caller import Caller, administrates
from governance.errors import InputWrong, NotFound, Refused
from governance.forgetting.standing import Standing
from governance.ports import Journal, Vault
from governance.register import ADMINISTRATOR, SIGNATORY

__all__ = ["Accounts"]

_MOST = 5_000
_PAGE = 100


def _clauses(cited: Any) -> list[str]:
    if not isinstance(cited, list):
        return []
    return [f"{one['mou']}@{one['version']}:{one['clause']}" for one in cited if isinstance(one, dict)]


def _fields(body: Mapping[str, Any], request: Entry | None) -> list[str]:
    """What was told: the disclosure says it itself; those of before did not."""
    said = body.get("fields")
    if said is None and request is not None:
        said = (request.body.get("request") or {}).get("fields")
    return [field for field in said if isinstance(field, str)] if isinstance(said, list) else []


@dataclass(frozen=True, slots=True)
class Accounts:
    """Safe from any thread."""

    journal: Journal
    vault: Vault
    standing: Standing

    def of(self, caller: Caller, *, subject: str, contributor: str | None) -> dict[str, Any]:
        """Every disclosure of a client, newest first. Raises NotFound where the log knows no such client."""
        whose = self._whose(caller, contributor)
        if not 0 < len(subject) <= 1024 or not subject.isprintable():
            raise InputWrong("not a client's id", field="subject")
        self.journal.refresh()
        keys = self.vault.of_subject(subject, holder=whose)
        holders = sorted({key.holder for key in keys} - {ADMINISTRATOR})
        if not holders:
            raise NotFound("the log knows no such client", reason="no-client", field="subject")
        found = [e for holder in holders for e in self.standing.disclosures(holder, subject)]
        found.sort(key=lambda e: e.seq, reverse=True)
        requests: dict[str, Entry | None] = {}
        told = [self._told(entry, requests) for entry in found[:_MOST]]
        body = {"party": caller.party, "by": {"disclosures-of": subject}, "found": len(found)}
        names = tuple((holder, subject) for holder in holders)
        readers = (caller.party,) if caller.party != ADMINISTRATOR else ()
        index = {"party": caller.party}
        (entry,) = self.journal.append([Draft("search", body, readers, index, use="content", names=names)])
        gone, under = self._erased(None if administrates(caller) else caller.party)
        return {
            "entry": entry.seq,
            "disclosures": told,
            "complete": len(found) <= _MOST,
            "records_erased": gone,
            "erased_under": under,
        }

    def _whose(self, caller: Caller, contributor: str | None) -> str | None:
        if administrates(caller):
            return contributor
        if caller.use not in (SIGNATORY, "steward"):
            raise Refused("a party's signatory or steward, or an administrator, asks this", reason="not-an-officer")
        if contributor not in (None, caller.party):
            raise Refused(f"clients of `{contributor}` are not `{caller.party}`'s", reason="not-the-owner")
        return caller.party

    def _told(self, entry: Entry, requests: dict[str, Entry | None]) -> dict[str, Any]:
        body = entry.body
        call = str(body.get("call"))
        if call not in requests:
            requests[call] = self._request(entry)
        request = requests[call]
        cited = (request.body.get("decision") or {}).get("cites") if request is not None else None
        return {
            "entry": entry.seq,
            "time": entry.time.isoformat().replace("+00:00", "Z"),
            "contributor": body.get("contributor"),
            "to": body.get("party"),
            "purpose": body.get("purpose"),
            "dataset": body.get("dataset"),
            "view": body.get("view"),
            "fields": _fields(body, request),
            "clauses": _clauses(cited) or _clauses(body.get("under")),
            "request": request.seq if request is not None else None,
            "request_erased": request is None,
        }

    def _request(self, disclosure: Entry) -> Entry | None:
        """The request of the same call; None where its record was erased."""
        body, before, tries = disclosure.body, disclosure.seq, 0
        while tries < 100:
            tries += 1
            some = self.journal.search(
                kind="request", party=str(body.get("party")), outcome="permit", before=before, limit=_PAGE
            )
            for entry in some:
                if entry.erased is None and entry.body.get("call") == body.get("call"):
                    return entry
            if len(some) < _PAGE or any(e.erased is not None for e in some):
                return None
            before = some[-1].seq
        return None

    def _erased(self, reader: str | None) -> tuple[int, list[int]]:
        """Disclosures whose record was erased: of whom they were nobody knows any more."""
        under: dict[int, int] = {}
        for entry in self._disclosures(reader):
            if entry.erased is not None:
                under[entry.erased] = under.get(entry.erased, 0) + 1
        return sum(under.values()), sorted(under)

    def _disclosures(self, reader: str | None) -> Iterator[Entry]:
        before: int | None = None
        for _ in range(200):
            some = self.journal.search(kind="disclosure", reader=reader, before=before, limit=500)
            yield from some
            if len(some) < 500:
                return
            before = some[-1].seq
