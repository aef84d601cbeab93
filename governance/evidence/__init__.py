"""The evidence file: everything that an outsider needs to verify an MOU's signatures and life, with nothing of ours.

Who takes one is an entry of the log, as with exports: what can't be logged doesn't happen. That entry names the digest
of the file's list and the numbers of the entries that belong to the MOU's life, and its receipt goes into the file; so
whoever leaves out a withdrawal has to forge the log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from audit import Draft, Entry, LogError
from audit.note import NoteVerifier, open_note
from governance.agreements.book import RegisterBook, Unverified, register_entries, unknown
from governance.agreements.caller import Caller, administrates
from governance.errors import LogUnavailable, NotFound, Refused
from governance.evidence.files import evidence_files
from governance.evidence.gathering import gather, parties_of
from governance.evidence.packing import listing, packed
from governance.evidence.script import verify_script
from governance.ports import Journal, Published, Vouching
from governance.register import CONNECTOR

__all__ = ["Evidence", "Taken", "verify_script"]

_LIST, _CONTENTS = "SHA256SUMS", "receipts/contents.tlog-proof"


@dataclass(frozen=True, slots=True)
class Taken:
    """An evidence file: its bytes, the entry that says who took it, and how many statements it holds."""

    content: bytes
    entry: int
    statements: int


@dataclass(frozen=True)
class Evidence:
    """Makes evidence files. Safe from any thread. `vkey` is the log's key as it signs now."""

    journal: Journal
    book: RegisterBook
    published: Published
    vouching: Vouching
    vkey: str
    claims: Unverified = unknown

    def take(self, caller: Caller, mou_id: str) -> Taken:
        """For parties of the MOU and administrators. Raises NotFound, Refused, LogUnavailable."""
        if caller.use == CONNECTOR:
            raise Refused("a connector's key asks for data, and for no evidence", reason="not-a-reader")
        register = self.book.reread()
        life = register.life(mou_id)
        if life is None or not life.versions or not (administrates(caller) or caller.party in parties_of(life)):
            raise NotFound(f"no MOU `{mou_id}`", reason="no-mou", field="mou")
        entries = register_entries(self.journal, claims=self.claims)
        gathered = gather(entries, mou_id, life, register)
        files = evidence_files(
            gathered,
            mou_id=mou_id,
            life=life,
            register=register,
            receipt=lambda seq: self._receipt(self._entry(seq)),
            log=self._log(),
        )
        files[_LIST] = listing(files)
        body = {
            "party": caller.party,
            "mou": mou_id,
            "entries": [k.entry.seq for k in gathered.kept],
            "until": register.seq,
            "list_sha256": hashlib.sha256(files[_LIST]).hexdigest(),
        }
        readers = tuple(sorted(parties_of(life) | {caller.party}))
        index = {"party": caller.party, "mou": mou_id}
        (made,) = self.journal.append([Draft("evidence", body, readers, index, use="content")])
        files[_CONTENTS] = self.published.receipt(made).to_text()
        return Taken(packed(files), made.seq, len(gathered.kept))

    def _entry(self, seq: int) -> Entry:
        found = self.journal.entry(seq)
        if found is None:
            raise LogUnavailable(f"the log has no entry {seq} any more", reason="log-tampered")
        return found

    def _receipt(self, entry: Entry) -> bytes:
        """Under the newest checkpoint that witnesses cosigned and today's key signed; without one, the newest."""
        under = self.vouching.covering(entry.seq)
        if under is not None:
            try:
                open_note(under, NoteVerifier.from_vkey(self.vkey))
            except LogError:
                under = None  # of a key that was rotated since: its successor is soon cosigned, too
        return self.published.receipt(entry, under=under).to_text()

    def _log(self) -> dict[str, bytes]:
        """The log's key, how it came to it, and the keys of the witnesses that are asked."""
        witnesses = [str(w["vkey"]) for w in self.vouching.standing()["witnesses"]]
        return {
            "vkey": f"{self.vkey}\n".encode(),
            "vkeys": self.published.vkeys(),
            "witnesses": "".join(f"{vkey}\n" for vkey in witnesses).encode(),
        }
