"""What each version's documents are, and whether the statements about it name their digests.

A signature names `text_sha256`, the SHA-256 of `mou.txt`, and `policy_sha256`, which is SHA-256(SHA-256(`mou.json`)):
the document's keys in canonical JSON, from which text and policy are made, so that who must sign is read from what was
signed. The proposal names `document_sha256`, the SHA-256 of `mou.yaml`, too. The policy in `policy/` bears the same
digest as its revision; that its rules follow from `mou.json` shows whoever compiles that again.
"""

from __future__ import annotations

import hashlib
from typing import Any

from governance.evidence.verifier.folder import Faults, content
from governance.evidence.verifier.rules import document_fault
from governance.evidence.verifier.statements import Stated
from governance.evidence.verifier.strict import canonical_json, strict_json

__all__ = ["Version", "versions_of"]


class Version:
    """A version's document as JSON, its folder in the file, and its proposal."""

    def __init__(self, proposal: Stated, folder: str, document: dict[str, Any]) -> None:
        self.proposal, self.folder, self.document = proposal, folder, document
        self.number: int = proposal.said["version"]
        self.signatures: dict[str, Stated] = {}
        self.declines: dict[str, Stated] = {}
        self.accepted: Stated | None = None
        self.missing: list[tuple[int, list[str]]] = []

    @property
    def established(self) -> bool:
        """Whether all have signed who must, and anybody has."""
        return bool(self.signatures) and not any(count for count, _ in self.missing)

    def parties(self) -> list[str]:
        """The parties' ids, in the document's order."""
        return [p["id"] for p in self.document["parties"]]

    def names(self) -> dict[str, str]:
        """The parties' names."""
        return {p["id"]: p["name"] for p in self.document["parties"]}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(folder: str, place: str, proposal: Stated, faults: Faults) -> dict[str, Any] | None:
    """The document in a folder of the file, held against the digests that the proposal names."""
    files = {name: content(folder, f"{place}{name}") for name in ("mou.yaml", "mou.txt", "mou.json")}
    found = {
        "document_sha256": ("mou.yaml", _digest(files["mou.yaml"])),
        "text_sha256": ("mou.txt", _digest(files["mou.txt"])),
        "policy_sha256": ("mou.json", _digest(hashlib.sha256(files["mou.json"]).digest())),
    }
    for member, (name, digest) in found.items():
        if proposal.text(member) != digest:
            faults.add(f"{place}{name}", f"is not the one of statement {proposal.number}: `{member}` differs")
    try:
        revision = strict_json(content(folder, f"{place}policy/.manifest"))["revision"]
    except (ValueError, KeyError, TypeError):
        revision = None
    if revision != proposal.text("policy_sha256"):
        faults.add(f"{place}policy", f"is not the policy of statement {proposal.number}: its revision differs")
    try:
        document: dict[str, Any] = strict_json(files["mou.json"])
        same = canonical_json(document, ascii_only=True) == files["mou.json"]
        same = same and (document["id"], document["version"]) == (proposal.text("mou"), proposal.said["version"])
        fault = document_fault(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        same, fault = False, None
    if not same:
        faults.add(f"{place}mou.json", f"is not the document of statement {proposal.number}")
        return None
    if fault is not None:
        faults.add(f"{place}mou.json", f"does not say who must sign: {fault}")
        return None
    return document


def _bound(statements: list[Stated], version: Version, faults: Faults) -> None:
    for s in statements:
        if s.said.get("type") != "signing" or s.said.get("version") != version.number:
            continue
        for member, what in (("text_sha256", "text"), ("policy_sha256", "policy")):
            if s.text(member) != version.proposal.text(member):
                faults.add(f"statement {s.number}", f"is about another {what} than version {version.number} has")


def versions_of(folder: str, life: dict[str, Any], statements: list[Stated], faults: Faults) -> list[Version]:
    """The versions, the lowest first. `life` says which one lies at the top of the file."""
    found: dict[int, Version] = {}
    for proposal in (s for s in statements if s.kind == "proposal" and s.fault is None):
        number = proposal.said["version"]
        if number in found:
            continue
        place = "" if number == life.get("top") else f"versions/{number}/"
        document = _read(folder, place, proposal, faults)
        if document is not None:
            found[number] = Version(proposal, place, document)
            _bound(statements, found[number], faults)
    return [found[number] for number in sorted(found)]
