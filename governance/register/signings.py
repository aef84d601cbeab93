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
from dataclasses import dataclass, field

from governance.model.mou import AtLeast, Mou
from governance.model.names import Who
from governance.model.period import after, day_of, start_of
from governance.register.keyring import SIGNATORY, Keyring
from governance.register.records import Broken, Failure, Opening, Place, Proposal, Signed

__all__ = ["OPENING_LIFE", "Departure", "Life", "MouRecords", "Needed", "VersionState", "live", "members"]

# How long a signing that was opened may be signed (design §5).
OPENING_LIFE = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class MouRecords:
    """Everything that the log holds about one MOU."""

    proposals: tuple[Proposal, ...] = ()
    openings: Mapping[str, Opening] = field(default_factory=dict)  # by the hex of the entry's leaf hash
    statements: tuple[Signed, ...] = ()  # signatures, declines, withdrawals, in the log's order
    broken: tuple[Broken, ...] = ()


@dataclass(frozen=True, slots=True)
class Needed:
    """What a rule still needs: `missing` parties, of whom `count` must sign."""

    count: int
    missing: tuple[str, ...]


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


def members(mou: Mou, who: Who) -> tuple[str, ...]:
    """The parties that a `<who>` speaks of, in the document's order."""
    if who == "everyone":
        return tuple(p.id for p in mou.parties)
    roles, parties = set(who.roles or ()), set(who.parties or ())
    return tuple(p.id for p in mou.parties if p.role in roles or p.id in parties)


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
        rules = [_missing(mou, mou.signing.required, signed, frozenset())]
        previous = next((v for v in reversed(self.before) if v.established), None)
        if previous is not None and previous.mou is not None and previous.mou.amendment is not None:
            gone = frozenset(d.party for d in self.departures if d.at <= place.time)
            rules.append(_missing(previous.mou, previous.mou.amendment.required, signed, gone))
        return tuple(rules)


def _missing(mou: Mou, required: str | AtLeast, signed: Mapping[str, Signed], gone: frozenset[str]) -> Needed:
    who = members(mou, required.of if isinstance(required, AtLeast) else "everyone")
    asked = [p for p in who if p not in gone]
    missing = tuple(p for p in asked if p not in signed)
    least = required.at_least if isinstance(required, AtLeast) else len(asked)
    return Needed(max(0, least - (len(asked) - len(missing))), missing)


def before_turn(mou: Mou, party: str, signed: Mapping[str, Signed], declined: Mapping[str, Signed]) -> tuple[str, ...]:
    """The parties of earlier groups that must speak before `party`: sign, or, where not all must sign, decline."""
    if mou.signing.order == "any":
        return ()
    index = next((i for i, group in enumerate(mou.signing.order) if party in group), 0)
    required = mou.signing.required
    counts = members(mou, required.of if isinstance(required, AtLeast) else "everyone")
    spoken = set(signed) | (set(declined) if isinstance(required, AtLeast) else set())
    return tuple(p for group in mou.signing.order[:index] for p in group if p in counts and p not in spoken)


def proposal_fault(proposal: Proposal, keyring: Keyring) -> tuple[str, str] | None:
    """Why a proposal does not count."""
    s = proposal.signed
    if s.fault is not None:
        return s.fault
    if proposal.mou is None:
        return "document-unreadable", "the stored document is no valid MOU"
    if (proposal.mou.id, proposal.mou.version) != (proposal.id, proposal.version):
        return "document-differs", f"the stored document is {proposal.mou.ref}, the proposal speaks of {proposal.ref}"
    if s.text("document_sha256") != proposal.document_sha256:
        return "document-differs", "the stored document is not the one that was proposed"
    if s.text("text_sha256") not in ("", proposal.text_sha256):
        return "text-differs", "the stored text is not the one that was proposed"
    if proposal.text_sha256 != proposal.compiled_text_sha256:
        return "text-differs", "the stored text is not what the stored document says"
    # Signers agree to a text, not to its proposer: a proposer's key that turns out bad later takes nothing away.
    return keyring.administers(s.fingerprint, s.place, hindsight=False)


def statement_fault(
    s: Signed,
    proposal: Proposal,
    records: MouRecords,
    keyring: Keyring,
    used: set[str],
    *,
    also: frozenset[str] = frozenset(),
) -> tuple[str, str] | None:
    """Why a signature, decline or withdrawal does not count, as things stood at its place. Marks its opening as used.

    `also`: parties of the version before, which sign a new version even where it leaves them out.
    """
    if s.fault is not None:
        return s.fault
    party, place = s.party, s.place
    opening = records.openings.get(s.text("opening"))
    wrong = _key_fault(s, keyring) or _digest_fault(s, proposal)
    if wrong is not None:
        return wrong
    if proposal.mou is not None and party not in {p.id for p in proposal.mou.parties} | also:
        return "not-a-party", f"`{party}` is not a party of {proposal.ref}"
    if proposal.signed.place.seq >= place.seq:
        return "before-proposal", "the statement stands before the proposal"
    if opening is None:
        return "no-opening", "the entry that opened the signing is not in the log"
    if (opening.mou, opening.version, opening.party) != (proposal.id, proposal.version, party):
        return "opening-of-another", "the signing was opened for another party or version"
    if opening.nonce != s.text("nonce"):
        return "nonce-differs", "the nonce is not the one that the server gave for this signing"
    if not opening.place.seq < place.seq or not place.time - opening.place.time <= OPENING_LIFE:
        return "opening-expired", "the signing was opened more than 24 hours before"
    if opening.hash in used:
        return "opening-used", "the signing that was opened had been used for another statement"
    used.add(opening.hash)
    return None


def _key_fault(s: Signed, keyring: Keyring) -> tuple[str, str] | None:
    fault = keyring.stands(s.fingerprint, s.place, hindsight=False)
    if fault is not None:
        return fault
    enrolment = keyring.enrolments.get(s.fingerprint)
    if enrolment is None or enrolment.use != SIGNATORY:
        return "not-a-signatory", f"key {s.fingerprint} is not a signatory's"
    if enrolment.party != s.party:
        return "key-of-another", f"key {s.fingerprint} is enrolled for `{enrolment.party}`, not for `{s.text('party')}`"
    return None


def _digest_fault(s: Signed, proposal: Proposal) -> tuple[str, str] | None:
    if s.text("text_sha256") != proposal.compiled_text_sha256:
        return "text-differs", (
            f"what was signed is the text {s.text('text_sha256')[:16]}…; "
            f"the stored document says {proposal.compiled_text_sha256[:16] or 'nothing'}…"
        )
    if s.text("text_sha256") != proposal.text_sha256:
        return "text-differs", (
            f"what was signed is the text {s.text('text_sha256')[:16]}…; "
            f"the stored text is {proposal.text_sha256[:16]}…"
        )
    if s.text("policy_sha256") != proposal.policy_sha256:
        return "policy-differs", (
            f"what was signed is the policy {s.text('policy_sha256')[:16]}…; "
            f"the stored document compiles to {proposal.policy_sha256[:16]}…"
        )
    return None


def departure_at(mou: Mou, time: dt.datetime) -> dt.datetime:
    """When a withdrawal given at `time` takes effect: at once, or after the last whole day of its notice."""
    if mou.withdrawal is None or mou.withdrawal.notice is None:
        return time
    last = after(day_of(time, mou.zone), mou.withdrawal.notice)
    return start_of(last + dt.timedelta(days=1), mou.zone)


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
