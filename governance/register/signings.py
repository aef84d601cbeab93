"""One MOU through all its versions: who signed, which signatures count, and which versions are established.

A version is *established* when the signatures that its signing rule requires hold (language, In force), and, for a new
version, those that the amendment rule of the version before it requires. Order, `within` and the 24 hours of an
opening are judged as things stood at the statement's place; a key that turns out to have been compromised takes its
signature away whenever that becomes known, and the party may then sign anew, without the others. A party's last word
before the version is complete counts: a decline after a signature, or a signature after a decline. Nothing here knows
today's date: whether an established version is in force at an instant is the compiler's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from governance.model.mou import AtLeast, Mou
from governance.model.period import after, day_of, start_of
from governance.register.faults import MouRecords, proposal_fault, statement_fault
from governance.register.keyring import Keyring
from governance.register.records import Failure, Place, Proposal, Signed
from governance.register.rules import Needed, before_turn, departure_at, members, missing

__all__ = ["Departure", "Life", "VersionState", "live"]


@dataclass(frozen=True, slots=True)
class VersionState:
    """One version: the signatures that count, by party, the declines that stand, and what fails."""

    proposal: Proposal
    mou: Mou | None
    signatures: Mapping[str, Signed]
    declines: Mapping[str, Signed]
    failures: tuple[Failure, ...]
    needed: tuple[Needed, ...]
    established: bool
    # When the last needed signature arrived, as it stood there; a signature that fell later may be given anew.
    accepted: Place | None
    closes: dt.datetime | None  # until when the offer stands, if it ends
    every_signature: tuple[Signed, ...]  # all that count, those given anew as well: each is an acknowledgement

    @property
    def since(self) -> Place:
        """From where on an established version was signed by all who must."""
        return self.accepted or max(s.place for s in self.signatures.values())

    @property
    def declined(self) -> bool:
        """Whether, as the declines stand, too few parties are left to establish the version."""
        return any(len(set(n.missing) - set(self.declines)) < n.count for n in self.needed)


@dataclass(frozen=True, slots=True)
class Departure:
    """A withdrawal that counts: when the notice has run out, and the version whose rule it follows."""

    signed: Signed
    party: str
    version: int
    at: dt.datetime
    ends: str


@dataclass(frozen=True, slots=True)
class Life:
    """An MOU's life: its versions, lowest first, and the withdrawals that were not undone by signing anew."""

    versions: tuple[VersionState, ...]
    departures: tuple[Departure, ...]
    failures: tuple[Failure, ...]

    @property
    def established(self) -> tuple[VersionState, ...]:
        """The versions that are signed as they must be."""
        return tuple(v for v in self.versions if v.established)

    def version(self, number: int) -> VersionState | None:
        """One version, or None."""
        return next((v for v in self.versions if v.proposal.version == number), None)


def live(records: MouRecords, keyring: Keyring) -> Life:
    """Computes an MOU's life from its records and the keys. Pure."""
    states: list[VersionState] = []
    departures: list[Departure] = []
    failures: list[Failure] = [b.failure() for b in records.broken]
    numbers: dict[int, Proposal] = {}
    for proposal in records.proposals:
        if numbers.setdefault(proposal.version, proposal) is not proposal:
            detail = f"version {proposal.version} was proposed before"
            failures.append(proposal.signed.failure("proposed-twice", detail))
    used: set[str] = set()
    for number in sorted(numbers):
        statements = [s for s in records.statements if s.version == number and s.kind != "withdrawal"]
        gone = tuple(d for d in departures if not _undone(d, states))
        judge = _Judge(numbers[number], records, keyring, states, gone, used)
        states.append(judge.state(statements))
        leaving = [s for s in records.statements if s.version == number and s.kind == "withdrawal"]
        found, faults = _departures(states[-1], leaving, records, keyring, used)
        departures += found
        failures += faults
    known = set(numbers)
    failures += [
        s.failure("no-proposal", f"no proposal of version {s.version} is in the log")
        for s in records.statements
        if s.version not in known
    ]
    standing: dict[str, Departure] = {}
    for departure in sorted(departures, key=lambda d: (d.at, d.signed.place)):
        # Of several that were not undone the first to take effect counts: a second one moves nothing.
        if not _undone(departure, states):
            standing.setdefault(departure.party, departure)
    return Life(tuple(states), tuple(standing.values()), tuple(sorted(failures, key=lambda f: f.seq)))


def _undone(departure: Departure, states: Iterable[VersionState]) -> bool:
    """Whether the party signed anew: any version, or, where its leaving ended the MOU for all, a later one."""
    lowest = departure.version + (1 if departure.ends == "all" else 0)
    return any(
        s.party == departure.party and s.place.seq > departure.signed.place.seq
        for state in states
        if state.established and state.proposal.version >= lowest
        for s in state.every_signature
    )


@dataclass(slots=True)
class _Judge:
    """Judges the statements about one version, in the log's order."""

    proposal: Proposal
    records: MouRecords
    keyring: Keyring
    before: list[VersionState]
    departures: tuple[Departure, ...]
    used: set[str]

    def state(self, statements: list[Signed]) -> VersionState:
        mou = self.proposal.mou
        fault = proposal_fault(self.proposal, self.keyring)
        failures = [self.proposal.signed.failure(*fault)] if fault else []
        stood: dict[str, Signed] = {}  # as things stood at each place
        stood_no: dict[str, Signed] = {}
        final: dict[str, Signed] = {}
        final_no: dict[str, Signed] = {}
        every: list[Signed] = []
        accepted: Place | None = None
        closes = self._closes()
        for s in statements:
            party = s.party
            wrong = statement_fault(s, self.proposal, self.records, self.keyring, self.used, also=self.amenders())
            if wrong is None and s.kind == "signature" and accepted is None:
                wrong = self._too_late(s, closes) or self._out_of_turn(s, stood, stood_no)
            if wrong is None and s.kind == "decline" and accepted is not None:
                wrong = "declined-too-late", "all had signed already; a party that wants to leave withdraws"
            if wrong is not None:
                failures.append(s.failure(*wrong))
                continue
            yes, no = (stood, stood_no) if s.kind == "signature" else (stood_no, stood)
            yes[party] = s
            no.pop(party, None)
            if accepted is None and mou is not None and not any(n.count for n in self._needed(stood, s.place)):
                accepted = s.place
            hindsight = self.keyring.stands(s.fingerprint, s.place)
            if hindsight is not None:
                failures.append(s.failure(*hindsight, hindsight=True))
                continue
            yes, no = (final, final_no) if s.kind == "signature" else (final_no, final)
            yes[party] = s
            no.pop(party, None)
            if s.kind == "signature":
                every.append(s)
        last = statements[-1].place if statements else self.proposal.signed.place
        needed = self._needed(final, last)
        return VersionState(
            proposal=self.proposal,
            mou=mou,
            signatures=final,
            declines=final_no,
            failures=tuple(sorted(failures, key=lambda f: f.seq)),
            needed=needed,
            established=mou is not None and fault is None and not any(n.count for n in needed),
            accepted=accepted,
            closes=closes,
            every_signature=tuple(every),
        )

    def amenders(self) -> frozenset[str]:
        """The parties of the version before this one whose signatures a new version needs."""
        previous = next((v for v in reversed(self.before) if v.established), None)
        if previous is None or previous.mou is None or previous.mou.amendment is None:
            return frozenset()
        required = previous.mou.amendment.required
        return frozenset(members(previous.mou, required.of if isinstance(required, AtLeast) else "everyone"))

    def _closes(self) -> dt.datetime | None:
        mou = self.proposal.mou
        if mou is None or mou.signing.within is None:
            return None
        last = after(day_of(self.proposal.signed.place.time, mou.zone), mou.signing.within)
        return start_of(last + dt.timedelta(days=1), mou.zone)

    @staticmethod
    def _too_late(s: Signed, closes: dt.datetime | None) -> tuple[str, str] | None:
        if closes is None or s.place.time < closes:
            return None
        return "offer-lapsed", "the time within which all signatures must be there had run out"

    def _out_of_turn(
        self, s: Signed, signed: Mapping[str, Signed], declined: Mapping[str, Signed]
    ) -> tuple[str, str] | None:
        mou = self.proposal.mou
        if mou is None:
            return None
        waiting = before_turn(mou, s.party, signed, declined)
        if not waiting:
            return None
        return "out-of-turn", f"{', '.join(f'`{p}`' for p in waiting)} had to sign before"

    def _needed(self, signed: Mapping[str, Signed], place: Place) -> tuple[Needed, ...]:
        mou = self.proposal.mou
        if mou is None:
            return ()
        rules = [missing(mou, mou.signing.required, signed, frozenset())]
        previous = next((v for v in reversed(self.before) if v.established), None)
        if previous is not None and previous.mou is not None and previous.mou.amendment is not None:
            gone = frozenset(d.party for d in self.departures if d.at <= place.time)
            rules.append(missing(previous.mou, previous.mou.amendment.required, signed, gone))
        return tuple(rules)


def _departures(
    state: VersionState, statements: list[Signed], records: MouRecords, keyring: Keyring, used: set[str]
) -> tuple[list[Departure], list[Failure]]:
    found: list[Departure] = []
    failures: list[Failure] = []
    for s in statements:
        wrong = statement_fault(s, state.proposal, records, keyring, used) or keyring.stands(s.fingerprint, s.place)
        if wrong is None and (state.mou is None or state.accepted is None or state.accepted.seq > s.place.seq):
            wrong = "not-signed-yet", "the version was not signed by all who must; a party that will not sign declines"
        if wrong is not None or state.mou is None:
            failures.append(s.failure(*(wrong or ("document-unreadable", "the document cannot be read"))))
            continue
        rule = state.mou.withdrawal
        at = departure_at(state.mou, s.place.time)
        party = s.party
        found.append(Departure(s, party, state.proposal.version, at, rule.ends if rule else "party"))
    return found, failures
