"""Who signed, declined and left, in the log's order, by each version's own signing, amendment and withdrawal rule.

The same reading as the service's (docs/decisions.md, The register), written a second time on purpose. Whatever does not
count is told with its reason. Days are those of the MOU's time zone; where this machine does not know it, UTC's.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Any

from governance.evidence.verifier.keyring import Keyring
from governance.evidence.verifier.rules import rule_members
from governance.evidence.verifier.statements import Stated
from governance.evidence.verifier.versions import Version

__all__ = ["Life"]

_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_OPEN = dt.timedelta(days=1)


def _zone(name: str) -> dt.tzinfo:
    try:
        import zoneinfo

        return zoneinfo.ZoneInfo(name)
    except (ImportError, KeyError, ValueError, OSError):
        return dt.timezone.utc


def _end(document: dict[str, Any], time: dt.datetime, period: str) -> dt.datetime:
    """The first instant behind the last whole day of a period from `time` on."""
    zone = _zone(document["timezone"])
    match = _PERIOD.fullmatch(period)
    years, months, weeks, days = (int(g or 0) for g in (match.groups() if match else (0, 0, 0, 0)))
    day = time.astimezone(zone).date()
    year, month = divmod(day.year * 12 + day.month - 1 + 12 * years + months, 12)
    last = dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    behind = last + dt.timedelta(days=7 * weeks + days + 1)
    return dt.datetime.combine(behind, dt.time(0), tzinfo=zone).astimezone(dt.timezone.utc)


def _missing(document: dict[str, Any], required: Any, signed: Any, gone: Any = ()) -> tuple[int, list[str]]:
    """How many must still sign, and of whom."""
    who = rule_members(document, required["of"] if isinstance(required, dict) else "everyone")
    asked = [p for p in who if p not in gone]
    absent = [p for p in asked if p not in signed]
    least = required["at_least"] if isinstance(required, dict) else len(asked)
    return max(0, least - (len(asked) - len(absent))), absent


def _amenders(before: Version | None) -> list[str]:
    """The parties of the version before whose signatures a new one needs."""
    amendment = before.document.get("amendment") if before is not None else None
    if before is None or not amendment:
        return []
    required = amendment["required"]
    return rule_members(before.document, required["of"] if isinstance(required, dict) else "everyone")


class Life:
    """An MOU's life. `fates` says of each statement that does not count why; `departures` who left, and when."""

    def __init__(self, versions: list[Version], statements: list[Stated], keyring: Keyring) -> None:
        self.versions, self._keyring = versions, keyring
        self.fates: dict[str, str] = {}
        self.departures: list[tuple[Version, Stated, dt.datetime, str]] = []
        self._used: set[str] = set()
        for s in statements:
            fault = s.fault or keyring.fault(s)
            if fault is not None:
                self.fates[s.number] = fault
        for at, version in enumerate(versions):
            fault = keyring.administers(version.proposal.fingerprint, version.proposal, hindsight=False)
            if fault is not None:
                self.fates[version.proposal.number] = fault
            about = [s for s in statements if s.said["type"] == "signing" and s.said.get("version") == version.number]
            before = next((v for v in reversed(versions[:at]) if v.established), None)
            self._judge(version, [s for s in about if s.kind != "withdrawal"], before)
            if fault is not None:
                version.missing.append((1, ["the administrator who proposed it"]))
            for s in about:
                if s.kind == "withdrawal":
                    self._leave(version, s)

    def _fault(self, version: Version, s: Stated, also: list[str]) -> str | None:
        """Why a party's word does not count, as things stood at its place."""
        enrolment = self._keyring.enrolments.get(s.fingerprint)
        fault = self.fates.get(s.number) or self._keyring.stands(s.fingerprint, s, hindsight=False)
        if fault is not None:
            return fault
        if enrolment is None or enrolment.text("use") != "signatory" or enrolment.text("party") != s.text("party"):
            return f"its key is not a signatory's of `{s.text('party')}`"
        if any(s.text(m) != version.proposal.text(m) for m in ("text_sha256", "policy_sha256")):
            return "it is about another text or policy"
        if s.text("party") not in [*version.parties(), *also]:
            return f"`{s.text('party')}` is no party of version {version.number}"
        if version.proposal.seq >= s.seq:
            return "it stands before the proposal"
        return self._opening_fault(version, s)

    def _opening_fault(self, version: Version, s: Stated) -> str | None:
        opening = s.opening
        if opening is None:
            return "the entry that opened this signing is not in the file"
        claims = (opening.body.get("mou"), opening.body.get("version"), opening.body.get("party"))
        if claims != (s.text("mou"), version.number, s.text("party")) or opening.body.get("nonce") != s.text("nonce"):
            return "the signing was opened for another party or version"
        if not opening.seq < s.seq or s.time - opening.time > _OPEN:
            return "the signing was opened more than 24 hours before"
        if opening.leaf_hash.hex() in self._used:
            return "the signing that was opened had been used"
        self._used.add(opening.leaf_hash.hex())
        return None

    def _needed(
        self, version: Version, signed: Any, before: Version | None, at: dt.datetime
    ) -> list[tuple[int, list[str]]]:
        rules = [_missing(version.document, version.document["signing"]["required"], signed)]
        amendment = before.document.get("amendment") if before is not None else None
        if before is not None and amendment:
            gone = [s.text("party") for _, s, when, _ in self._standing() if when <= at]
            rules.append(_missing(before.document, amendment["required"], signed, gone))
        return rules

    def _judge(self, version: Version, statements: list[Stated], before: Version | None) -> None:
        document, signing = version.document, version.document["signing"]
        also = _amenders(before)
        closes = _end(document, version.proposal.time, signing["within"]) if signing.get("within") else None
        stood: dict[str, dict[str, Stated]] = {"signature": {}, "decline": {}}
        for s in statements:
            party = s.text("party")
            fault = self._fault(version, s, also)
            if fault is None and s.kind == "signature" and version.accepted is None:
                if closes is not None and s.time >= closes:
                    fault = "the time within which all had to sign had run out"
                waiting = self._before_turn(document, party, stood)
                if waiting:
                    fault = f"{', '.join(waiting)} had to sign before"
            if fault is None and s.kind == "decline" and version.accepted is not None:
                fault = "all had signed already"
            if fault is None:
                self._take(stood["signature"], stood["decline"], s)
                if version.accepted is None and not any(
                    count for count, _ in self._needed(version, stood["signature"], before, s.time)
                ):
                    version.accepted = s
                fault = self._keyring.stands(s.fingerprint, s)
            if fault is not None:
                self.fates[s.number] = fault
            else:
                self._take(version.signatures, version.declines, s)
        last = statements[-1] if statements else version.proposal
        version.missing = self._needed(version, version.signatures, before, last.time)

    @staticmethod
    def _take(yes: dict[str, Stated], no: dict[str, Stated], s: Stated) -> None:
        if s.kind != "signature":
            yes, no = no, yes
        yes[s.text("party")] = s
        no.pop(s.text("party"), None)

    @staticmethod
    def _before_turn(document: dict[str, Any], party: str, stood: dict[str, dict[str, Stated]]) -> list[str]:
        order, required = document["signing"].get("order", "any"), document["signing"]["required"]
        if order == "any":
            return []
        index = next((i for i, group in enumerate(order) if party in group), 0)
        some = isinstance(required, dict)
        counts = rule_members(document, required["of"] if some else "everyone")
        spoken = {*stood["signature"], *(stood["decline"] if some else ())}
        return [p for group in order[:index] for p in group if p in counts and p not in spoken]

    def _leave(self, version: Version, s: Stated) -> None:
        fault = self._fault(version, s, []) or self._keyring.stands(s.fingerprint, s)
        if fault is None and (version.accepted is None or version.accepted.seq > s.seq):
            fault = "the version was not signed by all who must"
        if fault is not None:
            self.fates[s.number] = fault
            return
        rule = version.document.get("withdrawal") or {}
        at = _end(version.document, s.time, rule["notice"]) if rule.get("notice") else s.time
        self.departures.append((version, s, at, rule.get("ends", "party")))

    def _standing(self) -> list[tuple[Version, Stated, dt.datetime, str]]:
        """The departures that were not undone by signing anew."""
        standing = []
        for version, s, at, ends in self.departures:
            lowest = version.number + (1 if ends == "all" else 0)
            anew = any(
                v.established and v.number >= lowest and t.text("party") == s.text("party") and t.seq > s.seq
                for v in self.versions
                for t in v.signatures.values()
            )
            if not anew:
                standing.append((version, s, at, ends))
        return standing

    def ended(self) -> list[tuple[Version, Stated, dt.datetime, str]]:
        """Who left, and has not signed anew: of each party the departure that takes effect first."""
        found: dict[str, tuple[Version, Stated, dt.datetime, str]] = {}
        for one in sorted(self._standing(), key=lambda d: (d[2], d[1].seq)):
            found.setdefault(one[1].text("party"), one)
        return list(found.values())
