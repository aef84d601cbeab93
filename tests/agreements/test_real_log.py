"""The agreements on the real log, with somebody who holds the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from audit import Log, NoteSigner, Tampered
from governance.adapters.journal import AuditJournal
from governance.adapters.unverified import UnverifiedRows
from governance.agreements import Agreements
from tests.agreement_world import World
from tests.agreements.asking import decide, refused
from tests.audit.tampering import cheating
from tests.audit.worlds import keys_of


class TestRealLog:
    """The same on the real log in SQLite, with somebody who holds the database."""

    def _open(self, world: World, path: Path, *, create: bool) -> tuple[Agreements, Log, Any]:
        engine = create_engine(f"sqlite:///{path}")
        signer = NoteSigner.generate("example.org/log") if create else world.signer  # type: ignore[attr-defined]
        opening = Log.create if create else Log.open
        log = opening(engine, origin="example.org/log", signer=signer, keys=keys_of(engine), clock=world.clock)
        world.signer = signer  # type: ignore[attr-defined]
        world.log = AuditJournal(log)  # type: ignore[assignment]
        world.claims = UnverifiedRows(engine, log.sealing)
        world.agreements = world.open()
        return world.agreements, log, engine

    def test_tampered_rows(self, tmp_path: Path) -> None:
        """With the triggers dropped, one changed byte of a signature's body: not in force, and status names it."""
        world = World()
        path = tmp_path / "log.db"
        agreements, log, _ = self._open(world, path, create=True)
        world.signed()
        assert decide(world).outcome == "permit"
        seq = next(e.seq for e in log.entries(kinds={"signature"}))
        with cheating(f"sqlite:///{path}") as cheat:
            salt, body = cheat.body(seq)
            cheat.set_body(seq, salt, body.replace(b'"jws":"', b'"jws":"A', 1))
        shown = agreements.mous.shown(world.admin, "small")
        assert (shown["state"], shown["versions"][0]["missing"]) == ("fails", ["north"])
        (failure,) = shown["failures"]
        assert (failure["entry"], failure["reason"], failure["kind"]) == (seq, "entry-broken", "signature")
        assert (failure["party"], failure["version"]) == ("north", 1)
        assert "changed after it was recorded" in failure["detail"]
        assert refused(decide, world) == "engine-stale"
        log.close()
        # A start either refuses, naming the entry, or serves without the MOU; never with it.
        try:
            agreements, log, _ = self._open(world, path, create=False)
        except Tampered as error:
            assert error.seq == seq  # noqa: PT017 either way is right
        else:
            assert agreements.policies.start() is not None
            assert decide(world).outcome == "invalid"
            log.close()
