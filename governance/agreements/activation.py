"""Activation: the policies that decide are those of the documents whose signatures hold, and every reading agrees.

When the set of established documents changes, it is compiled, and before it counts the engines and the plain-Python
reading must agree on a generated set of requests that covers every clause's edge (design §2). Then an `activation`
entry names the revision and the documents. A document on which the readings differ is left out (`standing`), and the
entry says so with the request; where nothing else changes, that entry is an `activation-refused`. What is left out
holds back whatever it might forbid (`held`). The entry is what makes a revision count: an answer of an engine on any
other is stale.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from governance.agreements.desk import Desk
from governance.agreements.held import Held, held
from governance.agreements.standing import Check, Checked, Standing, key_of, standing
from governance.compiler.bundle import Bundle, compile_bundle, revision
from governance.errors import EngineUnavailable, Unavailable
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from governance.ports import Engine
from governance.register import Activation, Register, VersionState

__all__ = ["Check", "Checked", "Live", "Policies"]

# An engine that answers so has lost what it was told, like a server that was restarted: it is told again.
_FORGOT = frozenset({"engine-undefined", "engine-stale", "engine-incomplete", "engine-malformed", "engine-error"})


@dataclass(frozen=True)
class Live:
    """What counts now: the activation, its documents, and their bundle."""

    activation: Activation
    mous: tuple[Mou, ...]
    bundle: Bundle
    held: tuple[Held, ...] = ()  # what is signed and does not count, and what it holds back

    @property
    def revision(self) -> str:
        """The revision that an answer must carry."""
        return self.activation.revision

    def require_free(self, request: Request) -> None:
        """Raises EngineUnavailable where a document that does not count might speak about this request."""
        found = next((h for h in self.held if h.holds(request)), None)
        if found is not None:
            detail = (
                f"`{found.ref}` is signed and not activated, and might forbid this: until it is, or a version that can "
                f"be takes its place, nothing that it speaks of is released to its parties"
            )
            raise EngineUnavailable(detail, reason="mou-not-activated")


def _named(version: VersionState) -> dict[str, Any]:
    p = version.proposal
    return {"id": p.id, "version": p.version, "document_sha256": p.document_sha256, "text_sha256": p.text_sha256}


@dataclass
class Policies:
    """Keeps one engine loaded with what counts. Safe from any thread; one at a time loads and activates."""

    desk: Desk
    engine: Engine
    check: Check
    kept: Bundle | None = None  # made by this very compiler before this start; of which documents is looked at
    _live: Live | None = None
    _seen: Register | None = None  # the register that `_live` was computed from
    _loaded: str | None = None
    _made: Bundle | None = None
    _lock: Any = field(default_factory=threading.RLock)

    # Activating

    def activate(self, *, anew: bool = False, again: bool = False) -> dict[str, Any] | None:
        """Brings what counts in step with the signatures; None where it is already. Raises EngineUnavailable.

        `anew` reads the log's stored bytes; `again` looks once more at what was left out, as a start does: the program
        may be another by now.
        """
        # Always the desk's lock before ours: who signs holds it already. Requests go on deciding by what counts.
        with self.desk.lock:
            register = self.desk.book.reread() if anew else self.desk.register()
            established = {key_of(v): v for v in register.established}
            counted = register.activation.documents if register.activation else frozenset()
            left = {k for k in register.left_out if k in established}
            if established.keys() == counted | left and not (left and (again or anew)):
                return None
            try:
                found = standing(register.established, counted, self.check)
            finally:
                # The check may have asked the very engine that decides: what counts is loaded again before its next
                # answer.
                with self._lock:
                    self._loaded, self._seen = None, None
            with self._lock:
                self._made = found.bundle
            same = {key_of(v) for v in found.versions} == counted
            if same and left == {key_of(v) for v, _ in found.left_out}:
                return None
            return self._recorded(found, refused=same and bool(found.left_out))

    def _recorded(self, found: Standing, *, refused: bool) -> dict[str, Any]:
        left_out = [_named(v) | {"difference": dict(difference)} for v, difference in found.left_out]
        body = {
            "revision": found.bundle.revision,
            "mous": [_named(v) for v in found.versions],
            "cases": found.checked.cases,
            "engines": list(found.checked.readings),
        }
        if left_out:
            body["left_out"] = left_out
        mous = [v.mou for v in (*found.versions, *(v for v, _ in found.left_out)) if v.mou is not None]
        readers = sorted({p.id for m in mous for p in m.parties})
        index = {"mou": tuple(sorted({m.id for m in mous}))} if mous else {}
        entry = self.desk.record("activation-refused" if refused else "activation", body, readers, index)
        shown: dict[str, Any] = {
            "state": "refused" if refused else "active",
            "entry": entry.seq,
            "revision": found.bundle.revision,
            "cases": found.checked.cases,
        }
        if not refused:
            self.refresh()
        return shown | ({"left_out": left_out} if left_out else {})

    @property
    def made(self) -> Bundle | None:
        """The newest bundle that was compiled: to be kept for the next start."""
        return self._made

    # Deciding

    def refresh(self) -> Live | None:
        """What counts after the newest entry, loaded into the engine; None before the first activation.

        Raises EngineUnavailable: `engine-stale` where a document that counted is not signed any more, and whatever the
        engine says when it can't load.
        """
        register = self.desk.register()
        if register is not self._seen:
            with self._lock:
                if register is not self._seen:
                    live = self._computed(register)
                    if live is not None and self._loaded != live.revision:
                        self.engine.load(live.bundle)
                        self._loaded = live.revision
                    self._live, self._seen = live, register
        return self._live

    def _computed(self, register: Register) -> Live | None:
        active = register.activation
        if active is None:
            return None
        established = {key_of(v): v for v in register.established}
        gone = sorted(active.documents - set(established))
        if gone:
            name = f"{gone[0][0]}@{gone[0][1]}"
            raise EngineUnavailable(f"`{name}` is not in force by its signatures any more", reason="engine-stale")
        if register.unclear is not None:
            detail = f"what entry {register.unclear.place.seq} took away is not known: it was changed"
            raise EngineUnavailable(detail, reason="log-tampered")
        if register.interrupted is not None:
            detail = (
                f"the service was restored from a backup at entry {register.interrupted.place.seq}, and no "
                "administrator has confirmed yet that what may be missing was asked for"
            )
            raise EngineUnavailable(detail, reason="restore-unconfirmed")
        versions = [v for key, v in established.items() if key in active.documents]
        mous = tuple(v.mou for v in versions if v.mou is not None)
        # The newest bundle that was compiled here is, but for a start or a refusal, the one that counts.
        bundle = self._made
        if bundle is None or bundle.revision != active.revision:
            kept, self.kept = self.kept, None
            same = kept is not None and kept.revision == active.revision == revision(mous)
            bundle = self._made = kept if kept is not None and same else compile_bundle(mous)
        if bundle.revision != active.revision:
            detail = "the documents do not compile to the revision that the log names"
            raise EngineUnavailable(detail, reason="engine-stale")
        return Live(active, mous, bundle, held(register.lives(), mous))

    def decide(self, request: Request, facts: Facts | None = None) -> Decision:
        """One decision of the engine, on the revision that the log's last activation names, or EngineUnavailable.

        Facts come from the register unless they are given.
        """
        live = self.refresh()
        if live is None:
            raise EngineUnavailable("no MOU was ever activated here", reason="no-mou-in-force")
        live.require_free(request)
        try:
            decision = self.engine.decide(request, self.desk.register().facts(request) if facts is None else facts)
            if decision.revision != live.revision:
                detail = "the engine answers on another revision than the log names"
                raise EngineUnavailable(detail, reason="engine-stale")
        except EngineUnavailable as error:
            if error.reason in _FORGOT:
                self._tell_again(live)
            raise
        return decision

    def probe(self) -> str | None:
        """Whether the engine would decide by what counts: the revision, None before the first activation.

        Asks the engine itself, and tells it again where it has something else. Raises EngineUnavailable.
        """
        live = self.refresh()
        if live is None:
            return None
        if self.engine.loaded() != live.revision:
            self._tell_again(live)
            live = self.refresh()
            if live is None or self.engine.loaded() != live.revision:
                raise EngineUnavailable("the engine has another revision than the log names", reason="engine-stale")
        return live.revision

    def _tell_again(self, live: Live) -> None:
        """The next refresh loads what counts once more; this request stays refused."""
        with self._lock:
            if self._loaded == live.revision:
                self._loaded, self._seen = None, None

    def start(self) -> dict[str, Any] | None:
        """At the start of a service: what a crash left undone is done. Engines that don't answer are left for later."""
        early = threading.Thread(target=self._load_kept)
        early.start()
        try:
            done = self.activate(again=True)  # the register was read a moment ago
            early.join()
            self.refresh()
        except Unavailable as error:
            return {"state": "waits", "reason": error.reason, "detail": error.detail}
        finally:
            early.join()
        return done

    def _load_kept(self) -> None:
        """The engine loads what will most likely count, while it is found out; else `refresh` loads what does."""
        with self._lock:
            active = self.desk.register().activation
            if self.kept is not None and active is not None and self.kept.revision == active.revision:
                with suppress(EngineUnavailable):
                    self.engine.load(self.kept)
                    self._loaded = self.kept.revision
