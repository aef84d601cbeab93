"""One entry: what was declared and signed, what was decided and by which words, what left, and how it is proved."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template

from audit import Entry
from audit.receipt import Receipt
from audit.tiles import ENTRIES, WIDTH, Tile
from governance.compiler.to_text import clause_sha256, clause_text
from governance.declaration import verify_recorded
from governance.errors import LogUnavailable, NotAuthentic, NotFound
from governance.web.api.log import receipt_shown
from governance.web.console.door import Door
from governance.web.console.position import Covering, Step, cosigned, covering, way
from governance.web.console.purposes import Within, within
from governance.web.console.said import facts, paper, who
from governance.web.services import Services

__all__ = ["Cited", "Told", "add"]


@dataclass(frozen=True, slots=True)
class Cited:
    """A clause that an entry cites; `words` only where their digest is the one that the entry recorded."""

    mou: str
    version: str
    clause: str
    digest: str
    title: str | None
    words: str | None

    @property
    def lines(self) -> list[str]:
        """The words, a line each."""
        return (self.words or "").split("\n")


def _cited(services: Services, entry: Entry) -> list[Cited]:
    found = []
    lives = services.agreements.book.current().lives()
    listed = entry.body.get("clauses")
    for said in listed if isinstance(listed, list) else []:
        if not isinstance(said, Mapping):
            continue
        life = lives.get(str(said.get("mou")))
        version = life.version(said["version"]) if life and isinstance(said.get("version"), int) else None
        mou = version.mou if version else None
        clause = next((c for c in mou.clauses if c.id == said.get("clause")), None) if mou else None
        digest = str(said.get("text_sha256"))
        same = mou is not None and clause is not None and clause_sha256(mou, clause) == digest
        found.append(
            Cited(
                str(said.get("mou")),
                str(said.get("version")),
                str(said.get("clause")),
                digest,
                clause.title if clause else None,
                clause_text(mou, clause) if same and mou and clause else None,
            )
        )
    return found


def _within(services: Services, entry: Entry, declared: Mapping[str, Any]) -> tuple[Within, ...]:
    """Where the declared purpose stands in the trees of the agreements that decided."""
    lives = services.agreements.book.current().lives()
    cited = {(c.mou, c.version) for c in _cited(services, entry)}
    mous = [
        v.mou
        for i, life in lives.items()
        for v in reversed(life.versions)
        if v.mou is not None and ((i, str(v.proposal.version)) in cited or (not cited and i == declared.get("mou")))
    ]
    return within(mous, str(declared.get("purpose")))


def _text(encoded: Any) -> str:
    try:
        return b64decode(str(encoded), validate=True).decode("utf-8", "replace")
    except ValueError:
        return str(encoded)


def _signature(services: Services, declared: Mapping[str, Any]) -> str | None:
    """None where the recorded signature verifies with the enrolled key, else what is wrong."""
    key = services.agreements.book.key(str(declared.get("keyid")))
    if key is None:
        return "no key of this fingerprint is enrolled here"
    try:
        verify_recorded(declared, key.key)
    except NotAuthentic as error:
        return error.detail
    return None


@dataclass(frozen=True, slots=True)
class Told:
    """Whose data left: how many different clients of one party, in which entries."""

    contributor: str
    clients: int
    entries: tuple[int, ...]


def _receipt(services: Services, entry: Entry) -> Receipt | None:
    """The proof under the newest checkpoint; None where there is none that holds."""
    try:
        return services.published.receipt(entry)
    except LogUnavailable:
        return None


def _kept(services: Services, entry: Entry) -> Receipt:
    """The receipt to keep: under the newest cosigned checkpoint that covers the entry, else under the newest."""
    return services.published.receipt(entry, under=services.witnesses.covering(entry.seq))


def _cosigned(services: Services, receipt: Receipt | None) -> tuple[Covering, ...]:
    """The newest that anybody cosigned, and the newest with a quorum: they may be two."""
    if receipt is None:
        return ()
    try:
        notes = (services.published.cosigned(), services.witnesses.covering(receipt.index))
    except LogUnavailable:
        return ()
    return cosigned(receipt, notes, services.vkey)


def _way(entry: Entry, receipt: Receipt | None, size: int | None) -> tuple[Step, ...]:
    if receipt is None or size is None:
        return ()
    return way(leaf_hash=entry.leaf_hash, index=entry.seq, size=size, proof=receipt.proof)


def _signer(services: Services, declared: Mapping[str, Any] | None) -> str | None:
    """The public key that a declaration names, for the browser to verify with; its fingerprint is recomputed there."""
    key = services.agreements.book.key(str(declared.get("keyid"))) if declared else None
    return key.key.pem if key else None


def _told(account: tuple[Entry, ...]) -> list[Told]:
    ids: dict[str, set[str]] = {}
    entries: dict[str, list[int]] = {}
    for made in (e for e in account if e.kind == "disclosure"):
        whose = str(made.body.get("contributor"))
        listed = made.body.get("subjects")
        held = listed.get(whose) if isinstance(listed, Mapping) else None
        ids.setdefault(whose, set()).update(map(str, held if isinstance(held, list) else ()))
        entries.setdefault(whose, []).append(made.seq)
    return [Told(whose, len(ids[whose]), tuple(entries[whose])) for whose in sorted(ids)]


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/history/<seq>` and its downloads."""

    def erasure(found: Entry, party: str, administrator: bool) -> Entry | None:
        """The entry under which another's content went, for whoever may read it."""
        try:
            return services.history.entry(int(found.erased or 0), party=party, administrator=administrator)
        except NotFound:
            return None

    @pages.get("/history/<int:seq>")
    def entry(seq: int) -> str:
        """The entry as far as the person may see it."""
        holder = door.holder()
        administrator = door.administrates(holder)
        found = services.history.entry(seq, party=holder.party, administrator=administrator)
        declared = found.body.get("declaration")
        signed = declared if isinstance(declared, Mapping) else None
        call = services.history.call(found, party=holder.party, administrator=administrator)
        body = {k: v for k, v in found.body.items() if k != "filing"}
        receipt = _receipt(services, found)
        covered = covering(receipt.checkpoint, services.vkey) if receipt else None
        details = services.history.details(found)
        if details.subjects:
            body["clients"] = dict(details.subjects)
        if details.parts:
            body["parts"] = [None if part is None else part.value for part in details.parts]
        return render_template(
            "entry.html",
            entry=found,
            place=services.history.standing(found),
            witnesses=services.witnesses.standing()["witnesses"],
            receipt=receipt,
            way=_way(found, receipt, covered.size if covered else None),
            bundle=Tile(ENTRIES, seq // WIDTH).at(covered.size) if covered else None,
            covered=covered,
            cosigned=_cosigned(services, receipt),
            erasure=erasure(found, holder.party, administrator) if found.erased is not None else None,
            vkey=services.vkey,
            declared=signed,
            base=_text(signed.get("base")) if signed else None,
            sent=_text(signed.get("body")) if signed else None,
            signature_wrong=_signature(services, signed) if signed else None,
            signer=_signer(services, signed),
            cited=_cited(services, found),
            within=_within(services, found, signed) if signed else (),
            call=call,
            by=who(found),
            facts=facts(found, details),
            paper=paper(services, found),
            people=services.history.answers(found, party=holder.party, administrator=administrator),
            releases=[e for e in call if e.kind == "release"],
            told=_told(call),
            whole=json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True),
        )

    @pages.get("/history/<int:seq>/receipt.json")
    def receipt(seq: int) -> Response:
        """The entry, the opening of its body, and the proof that a checkpoint covers it, to be kept."""
        holder = door.holder()
        found = services.history.entry(seq, party=holder.party, administrator=door.administrates(holder))
        kept = receipt_shown(found, _kept(services, found), services.history.details(found))
        content = json.dumps(kept, ensure_ascii=False, indent=2)
        headers = {"Content-Disposition": f'attachment; filename="entry-{seq}.json"'}
        return Response(content, content_type="application/json", headers=headers)

    @pages.get("/history/<int:seq>/receipt.tlog-proof")
    def proof(seq: int) -> Response:
        """The same as a C2SP tlog-proof, which tools that are not ours read."""
        holder = door.holder()
        found = services.history.entry(seq, party=holder.party, administrator=door.administrates(holder))
        headers = {"Content-Disposition": f'attachment; filename="entry-{seq}.tlog-proof"'}
        kept = _kept(services, found).to_text()
        return Response(kept, content_type="text/plain; charset=utf-8", headers=headers)
