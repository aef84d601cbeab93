"""Somebody writes to the database past every use case."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from audit import Draft
from governance.register import Register
from governance.register.reading import compiled, decoded, encoded
from tests.agreement_world import Person, World, document
from tests.register.asking import entry_of, in_force, reasons


class TestTampering:
    """Somebody has full write access to the database, and makes the hashes of leaves anew."""

    def test_a_signature_moved_to_another_party(self) -> None:
        """What a body claims beside the statement is not believed."""
        world = World()
        world.everybody()
        world.propose(document())
        for name in ("north", "south", "east"):
            world.say(world.people[name])
        statement = world.log.rows[entry_of(world, "signature")].body
        world.insert("signature", (decoded(statement["statement"]), statement["jws"]), party="hub")
        assert in_force(world) == ()
        assert world.agreements.mous.shown(world.admin, "small")["missing"] == ["hub"]

    def test_a_forged_statement(self) -> None:
        """A signature is over these very bytes."""
        world = World()
        world.everybody()
        world.propose(document())
        for name in ("north", "south", "east"):
            world.say(world.people[name])
        hub = world.people["hub"]
        opened = world.opening(hub)
        data, jws = world.word(hub, opened, "decline")
        signed = data.replace(b'"decision":"decline"', b'"decision":"sign"').replace(b'"reason":"we will not",', b"")
        entry = world.insert("signature", (signed, jws))
        assert in_force(world) == ()
        assert reasons(world) == [(entry.seq, "signature-wrong", "hub")]

    def test_a_public_key_is_changed(self) -> None:
        """The enrolment is signed by the key itself and approved by its digest: another key is another enrolment."""
        world = World().signed()
        thief = Person("north", person="the director of north")
        data, jws = world.enrolment(thief)
        seq = entry_of(world, "enrolment")

        def change(body: dict[str, Any]) -> None:
            body |= {"statement": encoded(data), "jws": jws, "fingerprint": thief.fingerprint}

        world.log.rewrite(seq, change)
        assert in_force(world) == ()
        shown = world.agreements.mous.shown(world.admin, "small")["versions"][0]
        failing = {f["party"]: f["reason"] for f in shown["failures"]}
        assert failing["north"] == "key-unknown"

    def test_a_clause_is_changed(self) -> None:
        """The document says something else than what was signed: every signature fails, and says so."""
        world = World().signed()
        seq = entry_of(world, "proposal")
        other = document().replace(b"rows: own, fields: all", b"rows: all, fields: all")
        world.log.rewrite(seq, lambda body: body.update(document=encoded(other)))
        assert in_force(world) == ()
        found = [(f.party, f.reason) for f in world.register.failures_of("small") if f.kind == "signature"]
        # Their openings are named by hash as well, so the text is what fails first.
        assert found == [(p, "text-differs") for p in ("north", "south", "east", "hub")]

    def test_the_text_is_changed(self) -> None:
        """The text that was shown is part of what was signed."""
        world = World().signed()

        def change(body: dict[str, Any]) -> None:
            body["text"] = encoded(decoded(body["text"]).replace(b"own", b"all"))

        world.log.rewrite(entry_of(world, "proposal"), change)
        assert in_force(world) == ()
        assert {f.reason for f in world.register.failures_of("small")} == {"text-differs"}

    def test_document_text_and_proposal_are_made_anew(self) -> None:
        """Even a whole proposal by the administrator's own key cannot take over signatures of another text."""
        world = World().signed()
        other = document().replace(b"rows: own, fields: all", b"rows: all, fields: all")
        data, jws = world.proposal(other, time=world.log.rows[entry_of(world, "proposal")].time)
        world.log.rewrite(
            entry_of(world, "proposal"),
            lambda body: body.update(
                document=encoded(other), text=encoded(compiled(other).text), statement=encoded(data), jws=jws
            ),
        )
        assert in_force(world) == ()
        assert {f.reason for f in world.register.failures_of("small")} == {"text-differs"}

    @pytest.mark.parametrize("kind", ["enrolment", "enrolment-approval", "proposal", "opening", "signature"])
    def test_a_body_is_changed_and_nothing_else(self, kind: str) -> None:
        """The log says that the entry was changed; the MOU that needed it is not in force, the rest is read."""
        world = World().signed()
        seq = entry_of(world, kind)
        world.log.spoil(seq)
        assert in_force(world) == ()
        assert (seq, "entry-broken") in [(f.seq, f.reason) for f in world.register.failures_of("small")]
        shown = world.agreements.mous.shown(world.admin, "small")
        assert shown["state"] == "fails" or kind == "signature"
        assert f"entry {seq}" in str(shown)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"statement": "!", "jws": "x"},
            {"statement": 7, "jws": None},
            {"statement": encoded(b"{}"), "jws": "a..b"},
            {"statement": encoded(b"[" * 20_000), "jws": "a..b"},
        ],
    )
    def test_a_body_without_its_form(self, body: dict[str, Any]) -> None:
        """Whatever stands in an entry, the others are read."""
        world = World().signed()
        (entry,) = world.log.append([Draft("signature", {"mou": "small"} | body)])
        assert in_force(world) == ("small@1",)
        assert [(f.seq, f.reason) for f in world.register.failures_of("small")] == [(entry.seq, "entry-broken")]

    def test_a_copied_acknowledgement_renews_nothing(self) -> None:
        """The same words said twice are said once."""
        world = World().signed()
        north = world.people["north"]
        world.clock.pass_(days=30)
        world.acknowledge(north)
        row = world.log.rows[entry_of(world, "acknowledgement")].body
        day = world.register.acknowledged_on("small", "3", "north")
        world.clock.pass_(days=300)
        world.insert("acknowledgement", (decoded(row["statement"]), row["jws"]))
        assert world.register.acknowledged_on("small", "3", "north") == day == dt.date(2026, 10, 10)

    def test_the_fold_is_the_same_entry_by_entry(self) -> None:
        """A register that was advanced equals one made at once."""
        world = World().signed()
        world.say(world.people["north"], "withdraw")
        whole = Register.from_entries(world.log.rows, root=world.admin.key.public)
        step = Register.from_entries((), root=world.admin.key.public)
        for entry in world.log.rows:
            step = step.advance(entry)
            step.in_force_documents()
        assert step == whole
        assert step.lives() == whole.lives()
