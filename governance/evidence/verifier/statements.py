"""One statement of the file: `NNN.json`, what of it was signed, by which key, and where the log has it.

`NNN.signed` must be the signing input of a detached JWS (RFC 7515 §5.1) over the very bytes of `NNN.json`, by the key
of `NNN.pem`, which its header names; and the receipt must hold the same statement and the same signature.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Any

from governance.evidence.verifier.folder import Faults, content
from governance.evidence.verifier.keys import fingerprint_of, raw_signature, unbase64url
from governance.evidence.verifier.notes import Log, Receipt
from governance.evidence.verifier.strict import canonical_json, strict_json

__all__ = ["Stated", "judged", "numbers", "read_statement"]

_DAY = dt.timedelta(days=1)
_CLOCKS = dt.timedelta(minutes=5)
_ALG = {"p256": "ES256", "ed25519": "EdDSA"}
_TYP = "accordant-statement+jws"
_KINDS = {
    "enrolment": ("enrolment",),
    "enrolment-approval": ("enrolment-approval",),
    "attestation": ("attestation",),
    "revocation": ("revocation",),
    "proposal": ("proposal",),
    "signing": ("signature", "decline", "withdrawal"),
    "acknowledgement": ("acknowledgement",),
    "duty": ("duty",),
}
_DECISION = {"sign": "signature", "decline": "decline", "withdraw": "withdrawal"}


class Stated:
    """A statement whose form, key, signature and receipt were seen to hold, and its place in the log."""

    def __init__(self, number: str, said: dict[str, Any], digest: str, fingerprint: str, receipt: Receipt) -> None:
        self.number, self.said, self.digest, self.fingerprint = number, said, digest, fingerprint
        self.kind, self.seq, self.time = receipt.kind, receipt.seq, receipt.time
        self.fault: str | None = None  # why it does not count, whoever signed it
        self.opening: Receipt | None = None
        self.cosigned: dict[str, int] = {}

    def text(self, name: str) -> str:
        """A member that is text; empty where it is absent or anything else."""
        value = self.said.get(name)
        return value if isinstance(value, str) else ""

    def instant(self, name: str) -> dt.datetime | None:
        """A member that is an instant."""
        value = self.text(name)
        return dt.datetime.fromisoformat(value.replace("Z", "+00:00")) if value else None


def judged(statements: list[Stated]) -> None:
    """Sets the faults that statements have by themselves: another time than their place's, or said before."""
    first: dict[str, Stated] = {}
    for s in statements:
        said = s.instant("time")
        if first.setdefault(s.digest, s) is not s:
            s.fault = f"it says the same as statement {first[s.digest].number}"
        elif said is None or not s.time - _DAY <= said <= s.time + _CLOCKS:
            s.fault = "its own time is not that of its place in the log"


def numbers(names: dict[str, str]) -> list[str]:
    """The numbers of the statements that are there, in order."""
    found = {re.sub(r"^statements/([0-9]+)\..*", r"\1", n) for n in names if n.startswith("statements/")}
    return sorted(found, key=lambda n: (int(n), n))


def _object(data: bytes) -> dict[str, Any]:
    """A statement's canonical bytes, read. Raises ValueError."""
    said = strict_json(data)
    if not isinstance(said, dict) or said.get("v") != 1 or said.get("type") not in _KINDS:
        raise ValueError("is not a statement of a kind that is known")
    if canonical_json(said) != data:
        raise ValueError("is not in canonical form (RFC 8785)")
    if type(said["v"]) is not int or type(said.get("version", 1)) is not int:
        raise ValueError("is not a statement of a kind that is known")
    for name in ("time", "compromised_since"):
        if name in said:
            dt.datetime.fromisoformat(str(said[name]).replace("Z", "+00:00"))
    return said


def _signed(folder: str, number: str, data: bytes) -> tuple[str, str, str]:
    """The key's fingerprint, the JWS's header as text, and its signature as the log has it. Raises ValueError."""
    stem = f"statements/{number}"
    try:
        kind, fingerprint = fingerprint_of(content(folder, f"{stem}.pem"))
    except ValueError as error:
        raise ValueError(f"its key {stem}.pem is {error}") from None
    head, dot, payload = content(folder, f"{stem}.signed").decode("ascii", "replace").partition(".")
    try:
        header, covered = strict_json(unbase64url(head)), unbase64url(payload)
    except ValueError:
        header, covered = None, b""
    if not dot or covered != data:
        raise ValueError(f"{stem}.signed is not what a signature of this statement covers")
    if not isinstance(header, dict) or set(header) != {"alg", "kid", "typ"} or header["typ"] != _TYP:
        raise ValueError(f"{stem}.signed does not begin with the header of a signed statement")
    if (header["alg"], header["kid"]) != (_ALG[kind], fingerprint):
        raise ValueError(f"{stem}.signed names the key {header['kid']}, and {stem}.pem is {fingerprint}")
    try:
        return fingerprint, head, raw_signature(kind, content(folder, f"{stem}.sig")).hex()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{stem}.sig is {error}") from None


def _held(receipt: Receipt, said: dict[str, Any], data: bytes, head: str, signature: str) -> None:
    """Raises ValueError where the log's entry is another one than this statement's."""
    try:
        claims, jws = receipt.body, str(receipt.body["jws"]).split(".")
        same = unbase64url(str(claims["statement"])) == data and jws[0] == head
        same = same and unbase64url(jws[2]).hex() == signature
    except (KeyError, IndexError, ValueError):
        same = False
    kinds = _KINDS[said["type"]]
    if not same or receipt.kind not in kinds or _DECISION.get(said.get("decision", ""), receipt.kind) != receipt.kind:
        raise ValueError(f"entry {receipt.seq} of the log holds another statement, or another signature")


def _opening(folder: str, number: str, stated: Stated, log: Log) -> None:
    """The entry that opened the signing, which the statement names. Raises ValueError."""
    opening = Receipt(content(folder, f"receipts/{number}.opening.tlog-proof"))
    log.check(opening)
    if opening.kind != "opening" or opening.leaf_hash.hex() != stated.said.get("opening"):
        raise ValueError("is not of the entry that the statement names")
    stated.opening = opening


def read_statement(folder: str, number: str, log: Log, names: dict[str, str], faults: Faults) -> Stated | None:
    """One statement, held against its signature's form and its receipts; None where it does not hold."""
    what = f"statement {number}"
    try:
        data = content(folder, f"statements/{number}.json")
        said = _object(data)
        fingerprint, head, signature = _signed(folder, number, data)
        if said["type"] == "enrolment":
            enrolled = said["key"]["pem"].encode()
            if (enrolled, said["fingerprint"]) != (content(folder, f"statements/{number}.pem"), fingerprint):
                raise ValueError("enrols another key than the one that signs it")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        faults.add(what, str(error) if type(error) is ValueError else "is not a statement in canonical form (RFC 8785)")
        return None
    place = f"receipts/{number}.tlog-proof"
    try:
        receipt = Receipt(content(folder, place))
        cosigned = log.check(receipt)
        _held(receipt, said, data, head, signature)
        stated = Stated(number, said, hashlib.sha256(data).hexdigest(), fingerprint, receipt)
        stated.cosigned = cosigned
        place = f"receipts/{number}.opening.tlog-proof"
        if said["type"] == "signing" and place in names:
            _opening(folder, number, stated, log)
    except ValueError as error:
        faults.add(place, str(error))
        return None
    return stated
