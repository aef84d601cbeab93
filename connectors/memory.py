"""What a client remembers of a server's log, and the alarm when the log is another: every client is a witness by habit.

A file of its own, for one key and one server, holds the newest checkpoint that was proved to extend what was seen
before, and behind it the newest that was seen since. The proof is asked for on first contact of a process, then at most
once an hour and only where the log grew: never before every request. What each answer's checkpoint says is held against
the key that was remembered, which costs no call. The first key that is met is believed (trust on first use), and said.

A service that lags behind another one on the same database may show a little less than was seen: then the checkpoint
that the server has on its disk decides, asked for at most once a minute.
"""

from __future__ import annotations

import os
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

from audit.errors import Forked, LogError, NoteWrong, ProofWrong, Tampered, WrongCheckpoint
from audit.memory import Remembered, compared, recalled, replaced
from audit.note import NoteVerifier
from audit.succession import Chain
from audit.tiles import Tile
from governance.errors import AccordantError, InputWrong, LogForked, NotFound

__all__ = ["LogMemory"]

_PROVE_SECONDS = 3600.0
_ASK_SECONDS = 60.0
_CACHED_SECONDS = 2.5  # a proxy may keep a checkpoint for two


class LogMemory:
    """For one client, and one thread at a time. `read` gets what lies at a path of the server, unsigned."""

    def __init__(
        self,
        path: Path | None,
        *,
        read: Callable[[str], bytes],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._read, self._say, self._clock, self._pause = path, read, say, clock, pause
        self._header: str | None = None
        self._loaded = self._busy = False
        self._proved: Remembered | None = None
        self._newest: Remembered | None = None
        self._written: tuple[Remembered, ...] = ()
        self._proved_at = self._asked_at = float("-inf")

    def saw(self, header: str) -> None:
        """An answer's checkpoint, in base64. Raises LogForked, naming both; InputWrong where the file can't be read."""
        if header == self._header or self._busy:
            return
        self._busy = True
        try:
            self._look(header)
            self._header = header
        except Forked as error:
            raise _alarm(error, self._path) from error
        finally:
            self._busy = False

    def flush(self) -> None:
        """Writes down what was seen; where that can't be done it is said once, and goes on in memory."""
        held = tuple(one for one in (self._proved, self._newest) if one is not None)
        if len(held) == 2 and held[0].note == held[1].note:
            held = held[1:]
        if self._path is None or not held or held == self._written:
            return
        try:
            if self._overtaken(held[-1]):
                return
            replaced(self._path, held)
            self._written = held
        except OSError as error:
            self._say(f"the log's checkpoint can't be remembered in {self._path}: {error.strerror}")
            self._path = None

    def _overtaken(self, own: Remembered) -> bool:
        """Whether another process of the same key has written down a later checkpoint: it is the better memory."""
        try:
            there = recalled(self._path)[-1:] if self._path is not None and os.path.exists(self._path) else ()
            return any(one.vkey == own.vkey and one.checkpoint.size > own.checkpoint.size for one in there)
        except LogError:
            return False

    def _look(self, header: str) -> None:
        if not self._loaded:
            self._load()
        try:
            note = b64decode(header, validate=True)
        except ValueError:
            raise LogForked("the answer's checkpoint is not base64; the server may not be the one it was") from None
        if self._newest is None:
            self._first(note)
            return
        shown = self._verified(note, self._newest)
        if self._newest is shown:
            return  # proved on the way from one key to the next
        before, now = self._newest.checkpoint.size, shown.checkpoint.size
        if now < before:
            self._ask_again()
        elif now == before or self._clock() - self._proved_at >= _PROVE_SECONDS:
            self._prove(shown)
        else:
            self._newest = shown

    def _load(self) -> None:
        try:
            found = recalled(self._path) if self._path is not None and os.path.exists(self._path) else ()
            for one in found:
                _ = one.checkpoint
        except LogError as error:
            detail = f"what was seen of the log is not known: {error}; move the file away only if you know why"
            raise InputWrong(detail, reason="memory-unreadable") from None
        if found:
            self._written = found[:1] + found[-1:] if len(found) > 1 else found
            self._proved, self._newest = found[0], found[-1]
        self._loaded = True

    def _first(self, note: bytes) -> None:
        try:
            vkey = self._read("/log/vkey").decode(errors="replace").strip()
        except AccordantError as error:
            self._say(f"the log's key could not be read, so nothing is remembered of it yet: {error.detail}")
            return
        shown = Remembered(note, vkey)
        try:
            origin = shown.checkpoint.origin
        except LogError as error:
            raise LogForked(f"the answer's checkpoint does not verify with the log's own key: {error}") from None
        self._say(
            f"first contact with the log {origin}: its key {vkey} is believed; ask another way whether it is right"
        )
        self._proved = self._newest = shown
        self._proved_at = self._clock()
        self.flush()

    def _verified(self, note: bytes, kept: Remembered) -> Remembered:
        shown = Remembered(note, kept.vkey)
        try:
            _ = shown.checkpoint
        except LogError as error:
            following = self._followed(note, kept)
            if following is not None:
                return following
            said = f"what is shown now is not signed as what was seen before ({error})"
            raise Forked("other-key", said, kept=kept.note, shown=note) from None
        return shown

    def _followed(self, note: bytes, kept: Remembered) -> Remembered | None:
        """Under the key that the log signs with by now, where the one that was kept leads to it. Raises Forked."""
        try:
            vkeys = self._read("/log/vkeys")
            shown = Remembered(note, Chain.opened(vkeys).newest(NoteVerifier.from_vkey(kept.vkey)).vkey)
            _ = shown.checkpoint
            if not compared(kept, shown, self._tile, vkeys=vkeys):
                self._say("entries that were seen are lost: the log was restored from a backup, and says so itself")
        except (AccordantError, Tampered, ProofWrong, NoteWrong, WrongCheckpoint):
            return None
        self._proved = self._newest = shown
        self.flush()
        return shown

    def _ask_again(self) -> None:
        """Less than was seen: what the server has on its disk counts."""
        if self._newest is None or self._clock() - self._asked_at < _ASK_SECONDS:
            return
        self._asked_at = self._clock()
        for turn in range(2):
            try:
                note = self._read("/log/checkpoint")
            except AccordantError as error:
                self._say(
                    f"a shorter log is shown than was seen, and its newest checkpoint can't be read: {error.detail}"
                )
                return
            shown = self._verified(note, self._newest)
            if shown.checkpoint.size >= self._newest.checkpoint.size:
                break
            if turn == 0:
                self._pause(_CACHED_SECONDS)
        self._prove(shown)

    def _prove(self, shown: Remembered) -> None:
        """That the log extends both what was proved and what was seen since. Raises Forked."""
        try:
            for one in dict.fromkeys((self._proved, self._newest)):
                if one is not None:
                    compared(one, shown, self._tile)
        except AccordantError as error:
            self._say(f"whether the log is still the one that was seen could not be found out now: {error.detail}")
            self._newest = shown
        else:
            self._proved = self._newest = shown
        self._proved_at = self._clock()
        self.flush()

    def _tile(self, tile: Tile) -> bytes:
        try:
            return self._read(f"/log/{tile.path}")
        except NotFound as error:
            raise Tampered(None, "tile-missing", f"the server does not show `{tile.path}`") from error


def _alarm(error: Forked, path: Path | None) -> LogForked:
    where = f"; what was seen before stands in {path}: move it away only once you know why the log differs"
    alarm = LogForked(f"ALARM: {error} ({error.code}){where if path is not None else ''}")
    alarm.kept, alarm.shown = error.kept, error.shown
    return alarm
