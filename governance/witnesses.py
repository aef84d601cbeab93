"""The watch over the log while it is served: what the home and partners remember, and what witnesses cosign.

Part of `bootstrap`; it owns one thread. At the start the head is held against everything that is remembered outside
the database; then, every `witness_seconds` and on demand, the newest checkpoint goes to each witness of the policy
file, which is read anew each time, and the home's memory moves on. Who contradicts the log is written to `alarms.jsonl`
and makes the service read-only. Several services on one database ask for themselves; each looks for what others
recorded before it takes an answer for an alarm.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

import audit
from audit import Draft, Log
from audit.cosignature import cosignatures_of
from audit.cosigned import CosignatureStore
from audit.errors import Forked, PolicyWrong
from audit.look import recorded_at
from audit.memory import Remembered, followed, held
from audit.policy import Policy
from audit.pruned import prune
from audit.published import Published
from audit.succession import Chain
from audit.tiles import Tile
from audit.witness import Post
from audit.witnessing import Outcome, ask
from governance.adapters.alarms import AlarmFile
from governance.adapters.log_errors import called
from governance.continuity import Continuity, Coverage
from governance.errors import InputWrong, LogUnavailable
from governance.home_memory import ALARMS, POLICY, HomeMemory, text_of
from governance.model.contradiction import Contradiction
from governance.ports import Clock, Journal
from governance.settings import Settings
from governance.witness_notes import bare, named, said, shown, signed_by

__all__ = ["Witnesses"]

_STOP_SECONDS = 5.0
_PRUNE = dt.timedelta(hours=1)
_HEAR_SECONDS = 2.0  # between looks for what an administrator has settled, while the log is contradicted


class Witnesses:
    """The port `Vouching` on one open log and its home. Safe from any thread."""

    def __init__(self, *, settings: Settings, log: Log, clock: Clock, continuity: Continuity, post: Post) -> None:
        self._settings, self._log, self._clock, self._post = settings, log, clock, post
        self._continuity = continuity
        self._published, self._store = Published(log), CosignatureStore(log.engine)
        self._memory = HomeMemory(settings, log.verifier)
        self._alarms = AlarmFile(settings.home / ALARMS)
        self._asking = threading.Lock()
        self._policy, self._policy_text, self._policy_since = Policy(), "", clock.now()
        self._journal: Journal | None = None
        self._parties: Callable[[], Sequence[str]] = tuple
        self._told = ""  # the policy that the log tells of
        self._kept: tuple[Remembered, ...] = ()
        self._said: dict[str, Outcome] = {}
        self._covering: bytes | None = None
        self._uncovered: tuple[int, dt.datetime] | None = None  # the first entry without a quorum, and since when
        self._pruned: dt.datetime | None = None
        self._thread: threading.Thread | None = None
        self._first, self._ended = threading.Event(), threading.Event()
        self._events = structlog.get_logger("accordant.witnesses")

    # At the start

    def look(self) -> None:
        """Holds the head against what is remembered outside the database. Raises InputWrong, LogUnavailable."""
        called(self._look)

    def _look(self) -> None:
        alarms = self._alarms.read()
        for alarm in alarms:
            if alarm.settled_by is None:
                self._continuity.contradicted(alarm.found)
        settled = {text_of(a.found.kept) for a in alarms if a.settled_by is not None}
        head = self._published.head()
        own = tuple(one for one in self._memory.own() if text_of(one.note) not in settled)
        remembered = [("this home", one) for one in own]
        remembered += [
            (f"the file {name}", one) for name, one in self._memory.handed_in() if text_of(one.note) not in settled
        ]
        for by, one in remembered:
            self._compared(by, one, head)
        self._kept = own
        self._read_policy()
        if self._continuity.fault is not None:
            # Without it nobody would know whether a quorum is asked for.
            raise InputWrong(self._continuity.fault, reason="policy-unreadable")
        self._cover()

    def tell(self, journal: Journal, *, parties: Callable[[], Sequence[str]]) -> None:
        """Records what an administrator settled, and whose word counts where that changed; now and at each round.

        The parties may read it. Nothing is recorded while the log is contradicted.
        """
        self._journal, self._parties = journal, parties
        last = journal.search(kind="witness-policy", limit=1)
        self._told = str(last[0].body.get("policy")) if last else ""
        self._tell()

    def _tell(self) -> None:
        if self._journal is None or self._continuity.contradictions:
            return
        readers = tuple(sorted(set(self._parties())))
        new = [a for a in self._alarms.read() if a.settled_by is not None and a.entry is None]
        if new:
            told = [
                {
                    "by": a.found.by,
                    "code": a.found.code,
                    "detail": a.found.detail,
                    "kept": a.found.kept.decode(),
                    "shown": a.found.shown.decode(),
                    "settled_by": a.settled_by,
                    "reason": a.reason,
                }
                for a in new
            ]
            made = self._journal.append([Draft("alarm-settled", {"alarms": told}, readers)])
            self._alarms.recorded(made[0].seq)
        if self._policy_text != self._told:
            self._journal.append([Draft("witness-policy", {"policy": self._policy_text}, readers)])
            self._told = self._policy_text

    # While it serves

    def start(self, *, wait: float) -> None:
        """Begins to ask; waits so many seconds for the first answers, and goes on without them."""
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)
        self._thread.start()
        self._first.wait(wait)

    def stop(self) -> None:
        """Ends the thread, and remembers where the log stands. Twice does no harm."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        if self._asking.acquire(timeout=_STOP_SECONDS):
            try:
                with suppress(audit.LogError, LogUnavailable, OSError):
                    self._remember(self._published.caught_up())
            finally:
                self._asking.release()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.ask()
            except LogUnavailable as error:
                self._events.warning("witnesses", reason=error.reason)
            except Exception as error:  # it goes on watching, whatever happened
                self._events.error("unforeseen", exc_info=error)
            self._first.set()
            self._wait(self._settings.witness_seconds)

    def _wait(self, seconds: float) -> None:
        """Until the next round, or until something was settled."""
        while seconds > 0 and not self._ended.wait(min(seconds, _HEAR_SECONDS)):
            seconds -= _HEAR_SECONDS
            with suppress(InputWrong, OSError), self._asking:  # a round says so
                if self._hear():
                    return

    def _hear(self) -> bool:
        """Takes back what was settled in the home since; whether anything was.

        As after a start, the checkpoint that contradicted is not held against the log any more, and a witness that
        still contradicts it raises the alarm again.
        """
        standing = self._continuity.contradictions
        if not standing:
            return False
        alarms = self._alarms.read()
        unsettled = {(a.found.by, a.found.code) for a in alarms if a.settled_by is None}
        heard = [
            (a, c)
            for c in standing
            if (c.by, c.code) not in unsettled
            for a in alarms
            if (a.found.by, a.found.code) == (c.by, c.code) and a.settled_at is not None and a.settled_at >= c.since
        ]
        gone = {text_of(note) for a, c in heard for note in (a.found.kept, c.kept)}
        self._kept = tuple(one for one in self._kept if text_of(one.note) not in gone)
        for _, found in heard:
            self._continuity.settled(found)
            self._events.info("alarm-settled", by=found.by, code=found.code)
        return bool(heard)

    def ask(self) -> Mapping[str, Any]:
        """One round: reads the policy, moves the home's memory on, asks every witness. Raises LogUnavailable."""
        with self._asking:
            self._read_policy()
            with suppress(LogUnavailable, InputWrong, OSError):  # it is told at another round
                self._hear()
                self._tell()
            called(self._round)
            return self.standing()

    def _round(self) -> None:
        head = self._published.caught_up()
        self._remember(head)  # before: a witness may take its time
        made = ask(self._published, self._store, self._policy, post=self._post)
        for outcome in made.outcomes:
            before = self._said.get(outcome.name)
            if before is None or before.reason != outcome.reason:
                self._events.info("witness", name=outcome.name, reason=outcome.reason)
        self._said |= {outcome.name: outcome for outcome in made.outcomes}
        for outcome in made.alarms:
            self._contradicts(outcome)
        self._cover()
        self._remember(head)
        self._prune()

    def _prune(self) -> None:
        """Each hour: the cosignatures that nobody needs any more go. What fails is tried again."""
        now = self._clock.now()
        if self._continuity.contradictions or (self._pruned is not None and now - self._pruned < _PRUNE):
            return
        gone = prune(self._log.engine, self._policy)
        self._pruned = now
        if gone:
            self._events.info("cosignatures", pruned=gone)

    def take(self, note: bytes, line: bytes) -> Mapping[str, Any]:
        """A cosignature that a witness made by itself. Raises InputWrong, LogUnavailable."""
        self._continuity.require_whole()
        try:
            kept = self._bared(note)
            size = kept.checkpoint.size
            found = cosignatures_of(kept.note + line, tuple(w.verifier for w in self._policy.witnesses))
        except audit.LogError as error:
            raise InputWrong(f"not a cosignature of this log's: {error}", reason="cosignature-wrong") from None
        mine = next((one for one in found if one.line == line), None)
        if mine is None:
            detail = "signed by no witness of the policy; the administrator adds one by `accordant audit witness add`"
            raise InputWrong(detail, reason="not-a-witness")
        with self._asking:
            head = called(self._published.caught_up)
            if not called(lambda: self._compared(f"the witness {mine.verifier.name}", kept, head)):
                self._continuity.require_whole()
            called(lambda: self._store.keep(kept.note, mine))
            called(self._cover)
            carried = called(lambda: self._store.on(kept.note))
        known = next(w.name for w in self._policy.witnesses if w.verifier == mine.verifier).decode(errors="replace")
        self._said[known] = Outcome(known, mine.seconds)
        return {"witness": mine.verifier.name, "size": size, "quorum": self._policy.content(carried)}

    def covering(self, index: int) -> bytes | None:
        """As the port promises."""
        return called(lambda: self._store.satisfying(self._policy, beyond=index) or self._store.best(beyond=index))

    def standing(self) -> Mapping[str, Any]:
        """What the witnesses said last, how far they cover the log, and who contradicts it."""
        coverage = self._continuity.coverage
        return {
            "witnesses": [
                {"name": w.name.decode(errors="replace"), "vkey": w.verifier.vkey, "url": shown(w.url)}
                | said(self._said.get(w.name.decode(errors="replace")))
                for w in self._policy.witnesses
            ],
            "quorum": self._policy.quorum is not None,
            "covered": None if coverage is None else coverage.size,
            "waiting_seconds": round(self._continuity.waiting_seconds()),
            "entries": self._log.head().size,
            "contradictions": [
                {"by": c.by, "code": c.code, "detail": c.detail, "kept": c.kept.decode(), "shown": c.shown.decode()}
                for c in self._continuity.contradictions
            ],
        }

    # The parts of a round

    def _read_policy(self) -> None:
        """The file as it is now; one that can't be read leaves the last that could, and is told of."""
        path = self._settings.home / POLICY
        try:
            changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
            data = path.read_bytes()
            self._policy, self._policy_text = Policy.from_text(data), data.decode(errors="replace")
            self._policy_since, self._continuity.fault = min(changed, self._clock.now()), None
        except FileNotFoundError:
            self._policy, self._policy_text, self._continuity.fault = Policy(), "", None
        except (OSError, PolicyWrong) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            self._continuity.fault = f"the witnesses' policy can't be read: {words}"

    def _cover(self) -> None:
        """How far a quorum covers the log, and how long the first entry behind that has waited."""
        if self._policy.quorum is None:
            self._continuity.coverage = None
            return
        head, size = self._published.head(), 0
        note = self._store.satisfying(self._policy)
        if note is not None:
            kept = self._bared(note)
            if kept.note == self._covering or self._compared("a quorum of witnesses", kept, head):
                self._covering, size = kept.note, kept.checkpoint.size
        since = self._clock.now()
        if head.size > size:
            # The log's own key dates its entries: one that is dated ahead has waited since it was seen here.
            if self._uncovered is None or self._uncovered[0] != size:
                self._uncovered = size, since
            first = recorded_at(self._log.engine, size)
            since = min(max(first, self._policy_since), self._uncovered[1]) if first is not None else since
        self._continuity.coverage = Coverage(size, since)

    def _remember(self, head: audit.Head) -> None:
        """The home's memory moves on, once the head is proved to extend it. Nothing is forgotten in an alarm."""
        shown = Remembered(self._store.on(head.checkpoint), self._log.verifier.vkey)
        for one in self._kept:
            self._compared("this home", one, head)
        if self._continuity.contradictions:
            return
        cosigned = self._store.newest()
        older = (
            () if cosigned in (None, shown.note) else (Remembered(cosigned or b"", self._bared(cosigned or b"").vkey),)
        )
        if (*older, shown) == self._kept:
            return
        try:
            self._memory.save((*older, shown))
        except OSError as error:
            self._events.error("memory", reason=error.strerror)
        else:
            self._kept = (*older, shown)

    def _compared(self, by: str, kept: Remembered, head: audit.Head) -> bool:
        """Whether the log still begins with what was kept; where not, that is an alarm."""
        shown = Remembered(head.checkpoint, self._log.verifier.vkey)
        try:
            held(
                kept,
                shown,
                lambda size: self._prove(size, head),
                followed=lambda said: followed(kept, shown, self._tile, self._published.vkeys(), said),
            )
        except Forked as error:
            self._alarm(Contradiction(by, error.code, str(error), error.kept, error.shown, self._clock.now()))
            return False
        return True

    def _tile(self, tile: Tile) -> bytes:
        found = self._published.file(tile.path)
        if found is None:
            raise audit.Tampered(None, "tile-missing", f"there is no tile `{tile.path}`")
        return found

    def _bared(self, note: bytes) -> Remembered:
        """A checkpoint with the signature alone of that key of the log's that signed it. Raises audit.LogError."""
        _, verifier = Chain.opened(self._published.vkeys()).signed(note, self._log.verifier)
        return Remembered(bare(note, verifier), verifier.vkey)

    def _prove(self, size: int, head: audit.Head) -> tuple[bytes, ...]:
        try:
            return self._published.proof_from(size, head=head)
        except audit.Tampered:  # tiles that somebody wrote into are no other history
            return self._published.proof_anew(size, head=head)

    def _contradicts(self, outcome: Outcome) -> None:
        """A witness that saw another history: with the checkpoint that it cosigned, where we still know it."""
        witness = next(w for w in self._policy.witnesses if w.name.decode(errors="replace") == outcome.name)
        known = [one.note for one in self._kept]
        with suppress(audit.LogError):  # an alarm is one without it, too
            known.insert(0, self._store.newest_by(witness.verifier) or b"")
        kept = next((n for n in known if signed_by(n, witness.verifier)), b"")
        shown = self._published.head().checkpoint
        detail = f"{outcome.detail}; {named('it cosigned', kept)}{named('this log shows', shown)}"
        code = outcome.reason or "forked"
        self._alarm(Contradiction(f"the witness {outcome.name}", code, detail, kept, shown, self._clock.now()))

    def _alarm(self, found: Contradiction) -> None:
        if self._continuity.contradicted(found):
            self._events.error("log-contradicted", by=found.by, code=found.code)
            try:
                self._alarms.add(found)
            except (OSError, InputWrong) as error:
                # It holds in this process either way, and is found again at the next start.
                self._events.error("alarm-not-written", exc_info=error)
