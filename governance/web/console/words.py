"""How pages say things: kinds and outcomes in plain words, days, short digests, and an entry in one sentence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from audit import Entry

__all__ = [
    "KINDS",
    "OUTCOMES",
    "PREPOSITIONS",
    "STATES",
    "asked",
    "clauses",
    "count",
    "day",
    "field",
    "kind",
    "moment",
    "name",
    "outcome",
    "outcome_options",
    "period",
    "short",
    "summary",
    "ticked",
]

KINDS = {
    "request": "Request",
    "release": "Data left",
    "disclosure": "Whose data it was",
    "search": "History searched",
    "sign-in": "Signed in",
    "sign-out": "Signed out",
    "genesis": "The log began",
    "alarm-settled": "An alarm about the log was settled",
    "witness-policy": "Whose cosignatures count changed",
    "log-key": "The log’s key changed",
    "continuation": "Restored from a backup",
    "resumption": "Restore confirmed",
    "proposal": "MOU proposed",
    "opening": "Signing opened",
    "signature": "MOU signed",
    "decline": "MOU declined",
    "withdrawal": "Withdrawal",
    "activation": "Policies activated",
    "activation-refused": "Activation refused",
    "acknowledgement": "Purpose acknowledged",
    "approval": "Request approved",
    "refusal": "Request refused by a person",
    "duty": "Duty recorded",
    "enrolment": "Key enrolled",
    "enrolment-approval": "Key approved",
    "attestation": "Key attested",
    "revocation": "Key revoked",
    "source": "Source mapped",
    "load": "Rows brought in",
    "consent": "Consents recorded",
    "export": "Log exported",
    "evidence": "Evidence taken",
    "not-authentic": "Strangers counted",
    "erasure": "Content erased",
    "hold": "Disclosures held",
    "order-refused": "Order about a client refused",
    "release-hold": "Hold released",
}
# How the party of an entry stands to what is said of it, where it is not who did it.
PREPOSITIONS = {"release": "to", "disclosure": "in the answer to"}
# (word, sign): the sign stands beside the colour, never colour alone
OUTCOMES = {
    "permit": ("Permitted", "✓"),
    "deny": ("Refused", "✕"),
    "gap": ("No clause", "○"),
    "review": ("Waits for a person", "…"),
    "invalid": ("Invalid", "!"),
    "unavailable": ("Unavailable", "–"),
    "replay": ("Replayed", "↻"),
    "bad-signature": ("Bad signature", "≠"),
}
STATES = {
    "in force": ("In force", "permit"),
    "signed": ("Signed, begins later", "review"),
    "signing": ("Being signed", "review"),
    "ended": ("Ended", "gap"),
    "expired": ("Expired", "gap"),
    "replaced": ("Replaced", "gap"),
    "lapsed": ("Lapsed", "gap"),
    "declined": ("Declined", "deny"),
    "fails": ("Does not hold", "deny"),
}


def kind(name: str) -> str:
    """A kind of entry in plain words."""
    return KINDS.get(name, name.replace("-", " ").capitalize())


def outcome(value: object) -> tuple[str, str]:
    """An outcome's word and sign."""
    return OUTCOMES.get(str(value), (str(value), "·"))


def outcome_options() -> list[tuple[str, str]]:
    """Each outcome with its word, for a form."""
    return [(value, said) for value, (said, _) in OUTCOMES.items()]


def name(names: Mapping[str, str], party: object) -> str:
    """A party's name where it is known, else its id."""
    return names.get(str(party), str(party)) if party else "—"


def moment(value: dt.datetime | str | None) -> str:
    """`24 Nov 2026, 10:05:31`, in UTC."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    return f"{value.day} {value.strftime('%b %Y, %H:%M:%S')}" if value else "—"


def day(value: dt.date | str | None) -> str:
    """`24 Nov 2026`."""
    if isinstance(value, str):
        value = dt.date.fromisoformat(value[:10])
    return f"{value.day} {value.strftime('%b %Y')}" if value else "—"


def period(text: str | None) -> str:
    """`P90D` as `90 days`; what is no single period stands as it is."""
    found = re.fullmatch(r"P(\d+)([DWMY])", text or "")
    if found is None:
        return text or "—"
    return count(int(found[1]), {"D": "day", "W": "week", "M": "month", "Y": "year"}[found[2]])


def short(digest: object, length: int = 12) -> str:
    """The beginning of a digest."""
    text = str(digest or "")
    return text if len(text) <= length else f"{text[:length]}…"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 entry`, `1,204 entries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def field(body: Mapping[str, Any], *path: str) -> Any:
    """What stands at a path of a body; None where it does not, whatever is in its place."""
    here: Any = body
    for part in path:
        here = here.get(part) if isinstance(here, Mapping) else None
    return here


def clauses(entry: Entry) -> list[str]:
    """The clauses that an entry cites, as `mou:clause`."""
    found = entry.body.get("clauses")
    if not isinstance(found, list):
        return []
    return [f"{c.get('mou')}:{c.get('clause')}" for c in found if isinstance(c, Mapping)]


def ticked(text: object) -> Markup:
    """A message's words in backticks as code; everything escaped."""
    parts = str(text).split("`")
    pieces = [Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts)]
    return Markup("").join(pieces)


def _measure(measure: Mapping[str, Any]) -> str:
    of = measure.get("field")
    return f"{measure.get('measure')} of {of}" if of else str(measure.get("measure"))


def _request(body: Mapping[str, Any]) -> str:
    said = field(body, "request")
    return asked(said) if isinstance(said, Mapping) else "a request that could not be read"


def asked(asked: Mapping[str, Any]) -> str:
    """A request in one sentence: what of which dataset, whose, and how closely."""
    measures = asked.get("measures") or []
    wanted = asked.get("fields") or [_measure(m) for m in measures if isinstance(m, Mapping)]
    what = ", ".join(map(str, wanted)) or "rows"
    whose = {"own": "own clients", "others": "others’ clients", "all": "all clients"}.get(str(asked.get("rows")), "")
    return f"{what} from {asked.get('dataset')}, {whose}, {asked.get('view')}"


def summary(entry: Entry) -> str:
    """An entry in one sentence, from what its body says; empty where the body was erased."""
    body = entry.body
    if entry.erased is not None:
        return ""
    if entry.kind == "request":
        return _request(body)
    numbers = {
        "release": ("rows", "row left", "rows left"),
        "load": ("rows", "row brought in", "rows brought in"),
        "search": ("found", "entry found", "entries found"),
    }
    if entry.kind in numbers:
        key, one, many = numbers[entry.kind]
        value = body.get(key)
        return count(value, one, many) if isinstance(value, int) else ""
    if entry.kind in ("disclosure", "consent"):
        held = body.get("subjects")
        total = sum(len(ids) for ids in held.values() if isinstance(ids, list)) if isinstance(held, dict) else 0
        return count(total, "client")
    said = [body.get(k) for k in ("title", "mou", "version", "clause", "dataset", "person", "use", "status")]
    return " · ".join(str(s) for s in said if isinstance(s, str | int) and not isinstance(s, bool))
