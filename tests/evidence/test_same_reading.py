"""The script's reading of an MOU's life is the service's: rules written twice, held against each other."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit import Draft
from governance.signing.statement import EnrolmentApproval, Revocation
from tests.evidence.scene import evidence, unpacked, verified
from tests.simulator import DOCUMENT, PARTIES, World

ONE = DOCUMENT.replace("withdrawal: {notice: P30D,", "withdrawal: {notice: P1M,")


def signing(rule: str, *, more: str = "") -> str:
    """The document with another signing rule."""
    return ONE.replace("signing: {required: everyone}\n", f"signing: {rule}\n{more}")


def says(*words: str) -> Callable[[World], None]:
    """Parties that speak one after the other: `north`, `-east` declines, `<hub` withdraws, `+1` a day passes."""

    def speak(world: World) -> None:
        for word in words:
            if word.startswith("+"):
                world.clock.pass_(days=int(word[1:]))
            elif word.startswith("-"):
                world.decide_on(world.partners[word[1:]], "decline", reason="no")
            elif word.startswith("<"):
                world.decide_on(world.partners[word[1:]], "withdraw")
            else:
                world.decide_on(world.partners[word], "sign")

    return speak


def new_version(document: str, rule: str, number: int = 2) -> Callable[[World], None]:
    """A higher version is proposed."""
    raised = document.replace("version: 1", f"version: {number}").replace("signing: {required: everyone}", rule)
    return lambda world: world.propose(raised)


AMENDED = signing("{required: everyone}", more="amendment: {required: {at_least: 2, of: {roles: [partner]}}}\n")
LESS = "signing: {required: {at_least: 1, of: everyone}}"
LIVES: dict[str, tuple[str, list[Callable[[World], None]]]] = {
    "two of a role": (signing("{required: {at_least: 2, of: {roles: [partner]}}}"), [says("hub", "north", "west")]),
    "not enough of a role": (signing("{required: {at_least: 3, of: {roles: [partner]}}}"), [says("hub", "north")]),
    "named parties": (signing("{required: {at_least: 2, of: {parties: [hub, east]}}}"), [says("east", "hub")]),
    "in turn": (
        signing("{required: everyone, order: [[hub], [north, south, east, west]]}"),
        [says("hub", "north", "south", "east", "west")],
    ),
    "in turn, one declines": (
        signing("{required: {at_least: 3, of: everyone}, order: [[hub, west], [north, south, east]]}"),
        [says("hub", "-west", "north", "south")],
    ),
    "within a month": (
        signing("{required: everyone, within: P1M}"),
        [says("north", "+20", "south", "east", "west", "hub")],
    ),
    "a signature, then a decline": (ONE, [says("north", "south", "east", "west", "-west")]),
    "left and came back": (ONE, [says(*PARTIES, "+3", "<north", "+5", "north")]),
    "left at the end of a month": (ONE, [says(*PARTIES, "+21", "<north", "<hub")]),
    "amended by the rule before": (
        AMENDED,
        [says(*PARTIES), new_version(AMENDED, LESS), says("north", "hub", "south")],
    ),
    "not amended yet": (AMENDED, [says(*PARTIES), new_version(AMENDED, LESS), says("north", "hub")]),
    "amended without those that left": (
        signing("{required: everyone}", more="amendment: {required: everyone}\n"),
        [says(*PARTIES, "<west", "+40"), new_version(AMENDED, LESS), says("north", "south", "east", "hub")],
    ),
}  # fmt: skip


def by_the_service(world: World) -> list[tuple[Any, ...]]:
    """Each version: whether it is established, who signed, who declined, how many are missing, who left and when."""
    life = world.services.agreements.book.reread().life("small")
    assert life is not None
    return [
        (
            v.proposal.version,
            v.established,
            {p: s.fingerprint for p, s in v.signatures.items()},
            sorted(v.declines),
            sorted((n.count, sorted(n.missing)) for n in v.needed if n.count),
            sorted(
                (d.party, f"{d.at:%Y-%m-%d %H:%M}", d.ends) for d in life.departures if d.version == v.proposal.version
            ),
        )
        for v in life.versions
    ]


def by_the_script(out: str) -> list[tuple[Any, ...]]:
    """The same, as the report says it."""
    found = []
    for part in re.split(r"^Version ", out.partition("Its life")[0], flags=re.M)[1:]:
        word = re.findall(r"\(`(\w+)`\): (signed|declined), statement \d+, (\S+)", part)
        needed = re.findall(r"^  (\d+) must still sign, of: (.*)$", part, re.M)
        left = re.findall(r"^  `(\w+)` left .* effect from (\S+ \S+) UTC; (with this)?", part, re.M)
        found.append((
            int(part.partition(" ")[0]),
            "NOT signed" not in part,
            {party: key for party, verb, key in word if verb == "signed"},
            sorted(party for party, verb, _ in word if verb == "declined"),
            sorted((int(count), sorted(names.split(", "))) for count, names in needed),
            sorted((party, at, "all" if ends else "party") for party, at, ends in left),
        ))  # fmt: skip
    return found


@pytest.mark.parametrize("name", LIVES)
def test_both_read_the_same(tmp_path: Path, name: str) -> None:
    """Signing rules, turns, terms, notices and amendments; and where nothing counts is told, nothing failed."""
    document, steps = LIVES[name]
    world = World.found(tmp_path)
    for party in PARTIES:
        world.enrol(party)
    world.propose(document)
    for step in steps:
        step(world)
    told = verified(unpacked(evidence(world, "administrator"), tmp_path / "e"))
    assert by_the_service(world) == by_the_script(told.out)
    assert any(v[1] for v in by_the_service(world)) == (told.code == 0), told.faults
    assert "does not count" not in told.out
    world.close()


def test_words_about_keys_of_another_time_count_for_neither(tmp_path: Path) -> None:
    """A revocation and an approval that were put into the log a month late: told, and without consequence."""
    world = World.found(tmp_path)
    for party in PARTIES:
        world.enrol(party)
    waiting = world.enrol("north", name="waiting", approved=False)
    world.propose(ONE)
    says("north", "south", "east", "hub")(world)
    enrolled = next(k for k in world.services.agreements.book.current().every_key() if k.key == waiting.key.public)
    late = world.clock.now() - dt.timedelta(days=30)
    revoked = Revocation(fingerprint=world.partners["west"].key.fingerprint, reason="lost", time=late)
    approved = EnrolmentApproval(
        enrolment_sha256=enrolled.digest, fingerprint=waiting.key.fingerprint, party="north", use="signatory", time=late
    )
    for kind, said in (("revocation", revoked), ("enrolment-approval", approved)):
        travelling = world.statement(world.administrator, said)
        body = {"statement": travelling["statement"], "jws": travelling["jws"], "fingerprint": said.fingerprint}
        world.services.journal.append([Draft(kind, body, PARTIES)])
    says("west")(world)
    told = verified(unpacked(evidence(world, "administrator"), tmp_path / "e"))
    assert by_the_service(world) == by_the_script(told.out)
    assert (0, [True]) == (told.code, [v[1] for v in by_the_service(world)]), told.faults
    assert "does not count: its own time is not that of its place in the log" in told.out
    world.close()
