"""What the service does by itself: each hour, and at its start, what retention and earlier orders ask for.

In between it looks whether another process of the same database erased something, and drops the keys that it has in
memory then. What fails is reported and tried again the next hour.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from audit.erasure import ERASURE
from governance.errors import AccordantError
from governance.forgetting.erasing import Forgetting
from governance.forgetting.retention import Retention
from governance.ports import Journal, Vault

__all__ = ["Schedule"]

_LOOK = 5.0  # seconds
_LOOKS_AN_HOUR = 720


class Schedule:
    """A thread of one process; `report` is told what happened: an event, and numbers."""

    def __init__(
        self,
        *,
        journal: Journal,
        vault: Vault,
        forgetting: Forgetting,
        retention: Retention,
        sweep: Callable[[], int],
        report: Callable[..., None],
    ) -> None:
        self._journal, self._vault, self._forgetting, self._retention = journal, vault, forgetting, retention
        self._sweep, self._report = sweep, report
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last = -1

    def start(self) -> None:
        """Begins; the first hour's work is done at once, beside whatever is served."""
        self._thread = threading.Thread(target=self._run, name="forgetting", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends, after what is under way. Twice does no harm."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(30)

    def hourly(self) -> dict[str, int]:
        """One hour's work. Raises nothing that a part may raise; what failed is reported."""
        done: dict[str, int] = {}
        for name, work in (
            ("keys", self._vault.finish),
            ("orders", self._forgetting.carry_on),
            ("retention", lambda: int(self._retention.run()["bodies"])),
            ("unclean", self._cleaned),
            ("rows", self._sweep),
        ):
            try:
                done[name] = work()
            except AccordantError as error:
                self._report("forgetting-failed", part=name, reason=error.reason)
            except Exception as error:  # one part's fault ends neither the others nor the thread
                self._report("forgetting-failed", part=name, reason=type(error).__name__)
        if any(done.get(name) for name in ("keys", "orders", "retention")):
            try:
                done["unclean"] = int(not self._vault.clean())
            except AccordantError as error:
                self._report("forgetting-failed", part="clean", reason=error.reason)
        if any(done.values()):
            self._report("forgetting", **done)
        return done

    def look(self) -> None:
        """Whether something was erased since the last look, by whomever."""
        self._journal.refresh()
        last = self._journal.last_of({ERASURE})
        if last != self._last:
            self._last = last
            self._vault.forget_memory()
        with suppress(AccordantError):  # what fails is told by the hour's work
            self._sweep()

    def _cleaned(self) -> int:
        return int(self._vault.unclean() and not self._vault.clean())

    def _run(self) -> None:
        looks = 0
        while True:
            if looks % _LOOKS_AN_HOUR == 0:
                self.hourly()
            try:
                self.look()
            except AccordantError:
                self._last = -1
            except Exception as error:  # a database that was changed under the service ends no thread
                self._report("forgetting-failed", part="look", reason=type(error).__name__)
                self._last = -1
            looks += 1
            if self._stop.wait(_LOOK):
                return
