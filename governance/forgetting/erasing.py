"""Erasing a client from the log, holding the record of disclosures, and finishing what had to wait.

The plan comes first (which bodies and parts lie under the client's keys), then one transaction with the entry that says
so, the ciphertexts and the client's consents; then the keys, then the cleaning of free pages and journals. Whatever
breaks off in between is done by the next start or the next hour: the entry names the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from audit import Draft, Entry
from audit.erasure import ERASURE, Erased
from audit.keys import DataKey, handle_text
from governance.agreements import Caller, RegisterBook
from governance.errors import Conflict, InputWrong, LogUnavailable, NotFound
from governance.forgetting.counted import Counted
from governance.forgetting.orders import HOLD, RELEASE, Paper, taken
from governance.forgetting.refused import recorded_refusal
from governance.forgetting.standing import Kept, Standing
from governance.ports import Clock, Journal, Vault
from governance.register import ADMINISTRATOR

__all__ = ["Forgetting"]

_LONGEST = 1024
_TRIES = 3
_BUSY = "what is said of this client keeps changing; try again in a moment"
_NOT_OURS = (
    "the party's own rows, in the home's data/ or in its database, are not the log's: load them anew without the client"
)


def _as_said(kept: Sequence[tuple[DataKey, Kept]]) -> list[dict[str, Any]]:
    return [{"contributor": k.holder, "client": handle_text(k.id)} | why.to_body() for k, why in kept]


class _Changed(Exception):
    """Something was recorded of the client since the plan was made."""


@dataclass(frozen=True)
class Forgetting:
    """The use cases that destroy a client's keys. Safe from any thread; `lock` is held by whoever records consents."""

    journal: Journal
    clock: Clock
    book: RegisterBook
    vault: Vault
    standing: Standing
    still: Callable[[str, str], Sequence[str]]  # the loaded files of a party in which the client still stands
    lock: Any
    origin: str  # of the log
    counted: Counted

    def erase(self, caller: Caller, *, statement: bytes, jws: str, subject: str, salt: bytes) -> dict[str, Any]:
        """Forgets a client. Raises Conflict where the record of disclosures has to be kept, NotFound for nobody."""
        with recorded_refusal(self.journal, order="erase", caller=caller), self.lock:
            paper = self._taken("erase", caller, statement, jws, subject, salt)
            keys = self._keys(paper)
            kept = [(key, why) for key in keys if key.use == "disclosure" and (why := self._why(key)) is not None]
            if kept and not paper.said.keep_disclosures:
                raise Conflict(_refusal(kept), reason=f"kept-for-{kept[0][1].reason}")
            waits = {key.id for key, _ in kept}
            going = [key for key in keys if key.id not in waits]
            if not going:
                raise Conflict(f"nothing is left to erase but what is kept: {_refusal(kept)}", reason="kept")
            body = paper.recorded | ({"kept": _as_said(kept)} if kept else {})
            entry, erased = self._carried_out(going, body, paper)
        return self._answer(entry, erased, kept, going, clean=self.vault.clean())

    def hold(self, caller: Caller, *, statement: bytes, jws: str, subject: str, salt: bytes) -> dict[str, Any]:
        """Holds the record of a client's disclosures until the hold is released."""
        with recorded_refusal(self.journal, order="hold", caller=caller), self.lock:
            paper = self._taken("hold", caller, statement, jws, subject, salt)
            return {"held": self._mark(paper, HOLD)}

    def release(self, caller: Caller, *, statement: bytes, jws: str, subject: str, salt: bytes) -> dict[str, Any]:
        """Releases a hold."""
        with recorded_refusal(self.journal, order="release", caller=caller), self.lock:
            paper = self._taken("release", caller, statement, jws, subject, salt)
            return {"released": self._mark(paper, RELEASE)}

    def carry_on(self) -> int:
        """Erases what earlier orders had to leave, where nothing asks for it any more; how many clients' records."""
        waiting: dict[str, Entry] = {}
        self.journal.refresh()
        for entry in self.standing.orders({ERASURE}):
            waiting |= {str(one["client"]): entry for one in entry.body.get("kept", ())}
        there = self.vault.behind(list(waiting))
        done = 0
        for handle, (holder, subject) in there.items():
            order = waiting[handle]
            with self.lock:
                keys = [k for k in self.vault.of_subject(subject, holder=holder) if handle_text(k.id) == handle]
                if not keys or self._why(keys[0]) is not None:
                    continue
                by = {"service": "a later part of an earlier order"}
                self._carried_out(keys, {"basis": order.body["basis"], "by": by, "order": order.seq})
                done += 1
        return done

    def _taken(self, order: str, caller: Caller, statement: bytes, jws: str, subject: str, salt: bytes) -> Paper:
        if not 0 < len(subject) <= _LONGEST:
            raise InputWrong(f"a client's id has 1 to {_LONGEST} characters", field="subject")
        self.journal.refresh()  # what is known at another gateway counts
        paper = taken(
            order,
            caller=caller,
            statement=statement,
            jws=jws,
            subject=subject,
            salt=salt,
            origin=self.origin,
            register=self.book.current(),
            now=self.clock.now(),
        )
        self.counted.require_new(paper)
        return paper

    def _keys(self, paper: Paper) -> list[DataKey]:
        """The keys that the order is about: also under which the administrator's searches name the client.

        Those alone are nobody's client: whoever asks learns nothing of what an administrator searched for.
        """
        whose = paper.said.contributor
        found = list(self.vault.of_subject(paper.subject, holder=whose))
        if found and whose is not None:
            found += self.vault.of_subject(paper.subject, holder=ADMINISTRATOR)
        if not found:
            files = ", ".join(self.still(whose, paper.subject)) if whose else ""
            more = f"; rows that were loaded hold it ({files}): {_NOT_OURS}" if files else ""
            raise NotFound(f"the log knows no such client{more}", reason="no-client", field="subject")
        return found

    def _why(self, key: DataKey) -> Kept | None:
        return self.standing.kept(key.holder, key.subject) if key.subject is not None else None

    def _carried_out(
        self, keys: Sequence[DataKey], body: dict[str, Any], paper: Paper | None = None
    ) -> tuple[Entry, Erased]:
        for _ in range(_TRIES):
            with suppress(_Changed):
                return self._carried_out_once(keys, body, paper)
        raise LogUnavailable(_BUSY, reason="busy")

    def _carried_out_once(
        self, keys: Sequence[DataKey], body: dict[str, Any], paper: Paper | None
    ) -> tuple[Entry, Erased]:
        ids = [key.id for key in keys]
        holders = tuple(sorted({key.holder for key in keys} - {ADMINISTRATOR}))
        clients = {(k.holder, k.subject) for k in keys if k.use == "content" and k.subject is not None}
        erased = self.vault.under_subjects(ids)

        def within(connection: Any, made: Sequence[Entry]) -> None:
            if self.vault.erased_already(connection, ids):
                raise Conflict("another order erased it just now", reason="erased-already")
            # Nobody writes beside this transaction: what was planned and decided must hold in it.
            if paper is not None:
                self.counted.require_new(paper)
            if self.vault.under_subjects(ids) != erased:
                raise _Changed
            for key in keys:
                if key.use == "disclosure" and (why := self._why(key)) is not None:
                    raise Conflict(_refusal([(key, why)]), reason=f"kept-for-{why.reason}")
            self.vault.erase(connection, erased, under=made[0].seq, clients=clients)

        index = {"party": holders} if holders else {}
        draft = Draft(ERASURE, body | {"erased": erased.to_body()}, holders, index)
        (entry,) = self.journal.append([draft], within=within)
        self.vault.destroy(ids, under=entry.seq)
        return entry, erased

    def _mark(self, paper: Paper, kind: str) -> list[dict[str, Any]]:
        """An entry for each holder of the client, by its handle, all in one transaction."""
        whose = sorted({key.holder for key in self._keys(paper) if key.holder != ADMINISTRATOR})
        clients = {holder: self.vault.handle(holder, paper.subject) for holder in whose}
        for _ in range(_TRIES):
            with suppress(_Changed):
                return self._mark_once(paper, kind, clients)
        raise LogUnavailable(_BUSY, reason="busy")

    def _mark_once(self, paper: Paper, kind: str, clients: dict[str, str]) -> list[dict[str, Any]]:
        held = self.standing.holds()
        changing = {holder: client for holder, client in clients.items() if (client in held) != (kind == HOLD)}
        if not changing:
            words = "is held already" if kind == HOLD else "is not held"
            raise Conflict(f"the record of this client's disclosures {words}", reason="hold-unchanged")

        def within(_connection: Any, _made: Sequence[Entry]) -> None:
            self.counted.require_new(paper)
            if self.standing.holds().keys() != held.keys():
                raise _Changed

        drafts = [
            Draft(kind, paper.recorded | {"client": client, "whose": holder}, (holder,), {"party": holder})
            for holder, client in changing.items()
        ]
        made = self.journal.append(drafts, within=within)
        return [{"contributor": holder, "entry": entry.seq} for holder, entry in zip(changing, made, strict=True)]

    def _answer(
        self,
        entry: Entry,
        erased: Erased,
        kept: Sequence[tuple[DataKey, Kept]],
        keys: Iterable[DataKey],
        *,
        clean: bool,
    ) -> dict[str, Any]:
        files = [
            {"contributor": holder, "dataset": name}
            for holder, subject in sorted({(k.holder, k.subject) for k in keys if k.subject is not None})
            for name in self.still(holder, subject)
        ]
        return {
            "entry": entry.seq,
            "bodies": sum(1 for _ in erased.numbers),
            "parts": len(erased.parts),
            "keys": len(erased.keys),
            "kept": [{"contributor": key.holder, "detail": why.detail} | why.to_body() for key, why in kept],
            "cleaned": clean,
            "still_in": files,
            "not_ours": _NOT_OURS,
        }


def _refusal(kept: Sequence[tuple[DataKey, Kept]]) -> str:
    return "; ".join(dict.fromkeys(f"{why.detail} (`{key.holder}`)" for key, why in kept))
