"""What entries claim, in the log's order: what each rests on must stand before it.

    keys           the key that signed a request stood at its place, and is the party's that the entry names
    nonces         each counts once
    permits        rest on signatures and clauses that were there (`permits`)
    releases       belong to a request before them that was permitted, and each is accounted for once
    consents       the table that requests are joined with holds the records of the log's entries, and no others
    loads          which rows lie in the home

Memory is flat: what was seen goes to a temporary file where it is much (`once`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from audit import Entry
from governance.adapters.store.consents import expected_row
from governance.forgetting import KINDS as ORDERED
from governance.model.consent import ConsentRecord
from governance.register import KINDS, Broken, Place, Register
from governance.signing.keys import PublicKey
from governance.verification.evidenced import EVIDENCE, left_out
from governance.verification.looks import Asked, Forgot, Left, said_signature
from governance.verification.once import Ledger, short
from governance.verification.ordered import Orders
from governance.verification.permits import Grounds

__all__ = ["Checker"]

_Fault = tuple[str, str]
_OTHER, _OPEN, _CLOSED, _GONE = b"\x00", b"\x01", b"\x02", b"\x03"


@dataclass(slots=True)
class Checker:
    """Judges what was seen of each entry, in order. For one thread; `close` it."""

    root: PublicKey
    consents: Iterator[dict[str, Any]]
    before: Callable[[], Iterable[Asked]] = tuple  # requests before the part that is looked at
    loads: dict[tuple[str, str], Entry] = field(default_factory=dict)
    consents_differ: bool = False
    orders: Orders = field(default_factory=Orders)
    register: Register = field(init=False)
    _pending: list[Entry | Broken] = field(default_factory=list)
    _revisions: set[str] = field(default_factory=set)
    _grounds: Grounds | None = None
    _nonces: Ledger = field(default_factory=Ledger)
    _calls: Ledger = field(default_factory=Ledger)  # the request of a call that came last
    _requests: Ledger = field(default_factory=Ledger)  # its state, its call, its party
    _gone: int = -2  # the newest request whose content was forgotten
    _reached_back: bool = False

    def __post_init__(self) -> None:
        self.register = Register.from_entries((), root=self.root)

    def close(self) -> None:
        """Lets go of what was seen."""
        for ledger in (self._nonces, self._calls, self._requests):
            ledger.close()

    def known(self, entry: Entry) -> None:
        """An entry that later ones rest on, and that is not judged."""
        if entry.kind in KINDS:
            self._pending.append(entry)
            if entry.kind == "activation":
                self._revisions.add(str(entry.body.get("revision")))
            elif entry.kind == "continuation":
                self.orders.began(entry)
        elif entry.kind == "genesis":
            self.orders.began(entry)
        elif entry.kind in ORDERED:
            list(self.orders.look(entry, self.caught_up()))
        elif entry.kind == "load":
            self.loads[str(entry.body.get("party")), str(entry.body.get("dataset"))] = entry

    def recall(self, asked: Asked) -> None:
        """A request before the part that is looked at: it is not judged, and its nonce counts."""
        if asked.outcome != "replay":
            self._nonces.put(short(asked.keyid, asked.nonce), b"")
            self._remember(asked)

    def judge(self, seq: int, seen: Entry | Asked | Left | Forgot) -> Iterator[_Fault]:
        """Pairs of a code and a sentence for what is wrong."""
        if isinstance(seen, Asked):
            yield from self._asked(seen)
        elif isinstance(seen, Left):
            yield from self._left(seq, seen)
        elif isinstance(seen, Forgot):
            if seen.kind == "request":
                self._requests.put(seq.to_bytes(8, "big"), _GONE)
                self._gone = seq
        elif seen.kind == "consent":
            yield from self._consent(seen)
        elif seen.kind in ORDERED:
            yield from self.orders.look(seen, self.caught_up())
        elif seen.kind == EVIDENCE:
            yield from left_out(seen, self.caught_up())
        else:
            self.known(seen)

    def caught_up(self) -> Register:
        """The register of every entry so far."""
        if self._pending:
            self.register = self.register.extended(self._pending)
            self._pending = []
            self._grounds = None
        return self.register

    def _consent(self, entry: Entry) -> Iterator[_Fault]:
        for value in entry.parts:
            if self.consents_differ:
                return
            if value is None:
                continue  # forgotten, and its row with it
            said = expected_row(ConsentRecord.model_validate_json(value), entry.seq)
            if next(self.consents, None) != said:
                self.consents_differ = True
                yield "consents-differ", f"the table of consents does not hold what entry {entry.seq} recorded"

    def _asked(self, asked: Asked) -> Iterator[_Fault]:
        if asked.keyid == "None":
            yield from asked.faults
            return
        yield from self._signed(asked)
        if asked.outcome == "replay":
            return
        nonce = short(asked.keyid, asked.nonce)
        if self._nonces.get(nonce) is not None:
            yield "nonce-twice", "the same signed request was counted twice"
        self._nonces.put(nonce, b"")
        self._remember(asked)
        if asked.permitted is not None:
            register = self.caught_up()
            if self._grounds is None:
                self._grounds = Grounds(register, frozenset(self._revisions))
            yield from self._grounds.judged(asked, asked.permitted)

    def _signed(self, asked: Asked) -> Iterator[_Fault]:
        keyring = self.caught_up().keyring
        key = keyring.public(asked.keyid)
        fault = keyring.stands(asked.keyid, Place(asked.seq, asked.time))
        if key is None or fault is not None:
            why = fault[1] if fault else "it was never enrolled"
            yield "declaration-key", f"the request was signed by a key that did not stand: {why}"
            return
        if asked.unverified is not None:
            yield from said_signature(asked.unverified, key)
        yield from asked.faults
        owner = keyring.enrolments.get(asked.keyid)
        if owner is not None and owner.party != asked.party:
            yield "party-differs", f"the entry says that `{asked.party}` asked, and the key is `{owner.party}`'s"

    def _remember(self, asked: Asked) -> None:
        state = _OPEN if asked.permitted is not None else _OTHER
        self._calls.put(short(asked.call), asked.seq.to_bytes(8, "big"))
        self._requests.put(asked.seq.to_bytes(8, "big"), state + short(asked.call) + short(asked.party))

    def _left(self, seq: int, left: Left) -> Iterator[_Fault]:
        request = None if left.request is None else left.request.to_bytes(8, "big")
        if left.kind == "disclosure":
            if self._gone == seq - 1:  # disclosures follow their request at once
                self._calls.put(short(left.call), self._gone.to_bytes(8, "big"))
            request = self._looked_up(self._calls, short(left.call))
        found = None if request is None else self._looked_up(self._requests, request)
        if found == _GONE:
            yield from left.faults
            return
        if request is None or found is None or found[1:17] != short(left.call) or found[:1] == _OTHER:
            yield "no-request", f"data left under no request that entry {seq} could belong to"
            return
        yield from left.faults
        if found[17:] != short(left.party):
            yield "party-differs", f"the entry says that data went to `{left.party}`, and another party had asked"
        if found[:1] == _CLOSED:
            what = "accounted for twice" if left.kind == "release" else "disclosed after the account was closed"
            yield "release-twice", f"the data of one request was {what}"
        if left.kind == "release":
            self._requests.put(request, _CLOSED + found[1:])

    def _looked_up(self, ledger: Ledger, key: bytes) -> bytes | None:
        found = ledger.get(key)
        if found is None and not self._reached_back:
            # An answer may have begun long before the part that is looked at: all requests before it are read, once.
            self._reached_back = True
            for asked in self.before():
                if asked.outcome != "replay" and self._requests.get(asked.seq.to_bytes(8, "big")) is None:
                    self._remember(asked)
            found = ledger.get(key)
        return found
