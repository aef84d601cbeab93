"""The port `Vault` on the audit log's database, the key store and the table of consents.

What is left to clean is noted in the home, in the file `unclean`, before anything is deleted. The number of the last
erasure is noted beside the keys: a database that knows of no such entry is an older copy, put back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, distinct, func, select

import audit
from audit import Log
from audit.erasure import Erased, clean, dated_under, erase_rows, finish, named_under
from audit.errors import mapped
from audit.keys import DATA_KEYS, DataKey, handle_id, handle_text
from audit.schema import BODIES, ERASED_KEYS, PARTS
from governance.adapters.store.consents import CONSENTS
from governance.errors import LogUnavailable

__all__ = ["LogVault"]

_SOME = 500
_TABLES = (BODIES.name, PARTS.name, DATA_KEYS.name, CONSENTS.name)


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except audit.LogError as error:
        raise LogUnavailable(str(error)) from error
    except OSError as error:
        raise LogUnavailable(f"the home can't be written ({error.strerror})") from error


class LogVault:
    """On one open log. Safe from any thread."""

    def __init__(self, log: Log, *, home: Path, keys: Path) -> None:
        self._log, self._keys = log, log.sealing.keys
        self._unclean, self._last = home / "unclean", keys / "erasures"

    def of_subject(self, subject: str, *, holder: str | None = None) -> Sequence[DataKey]:
        """As the port promises."""
        with _ours():
            return self._keys.naming(subject, holder=holder)

    def known(self, holder: str, subjects: Collection[str]) -> Collection[str]:
        """As the port promises."""
        with _ours():
            return self._keys.known(holder, subjects)

    def handle(self, holder: str, subject: str) -> str:
        """As the port promises."""
        with _ours():
            return self._keys.handles("disclosure", holder, [subject])[0]

    def behind(self, handles: Collection[str]) -> dict[str, tuple[str, str]]:
        """As the port promises."""
        with _ours():
            found = self._keys.by_id([handle_id(handle) for handle in handles])
        return {handle_text(i): (key.holder, key.subject) for i, key in found.items() if key.subject is not None}

    def months(self, use: str, *, before: str) -> Sequence[tuple[bytes, str, str]]:
        """As the port promises."""
        with _ours():
            found = self._keys.ids(use=use, before=before)  # type: ignore[arg-type]  # one of the four words
            return [(identity, holder, period) for identity, _, holder, period in found]

    def under_subjects(self, ids: Sequence[bytes]) -> Erased:
        """As the port promises."""
        with _ours(), self._reading() as connection:
            return named_under(connection, ids, self._log.sealing)

    def under_months(self, ids: Sequence[bytes]) -> Erased:
        """As the port promises."""
        with _ours(), self._reading() as connection:
            return dated_under(connection, ids, self._log.sealing)

    def erase(
        self, connection: Connection, erased: Erased, *, under: int, clients: Collection[tuple[str, str]] = ()
    ) -> None:
        """As the port promises."""
        with _ours():
            self._unclean.touch(mode=0o600)
        erase_rows(connection, erased, under=under)
        self._without(connection, clients)

    def erased_already(self, connection: Connection, ids: Collection[bytes]) -> bool:
        """As the port promises."""
        wanted, found = list(dict.fromkeys(ids)), 0
        for start in range(0, len(wanted), _SOME):
            some = select(func.count(distinct(ERASED_KEYS.c.key))).where(
                ERASED_KEYS.c.key.in_(wanted[start : start + _SOME])
            )
            found += connection.scalar(some) or 0
        return found == len(wanted)

    def destroy(self, ids: Sequence[bytes], *, under: int) -> None:
        """As the port promises."""
        with _ours():
            self._keys.destroy(ids)
            self.forget_memory()
            if under > self.last_erasure():
                self._note(under)

    def finish(self) -> int:
        """As the port promises."""
        with _ours():
            done = finish(self._log.engine, self._log.sealing)
        if done:
            self.forget_memory()
        return done

    def forget_memory(self) -> None:
        """As the port promises."""
        self._log.sealing.forget()

    def clean(self) -> bool:
        """As the port promises."""
        with _ours():
            self._unclean.touch(mode=0o600)
            went = clean(self._log.engine, _TABLES)
            if self._keys.engine is not self._log.engine:
                went = clean(self._keys.engine, _TABLES) and went
            if went:
                self._unclean.unlink(missing_ok=True)
            return went

    def unclean(self) -> bool:
        """As the port promises."""
        return self._unclean.exists()

    def last_erasure(self) -> int:
        """The number of the last erasure that this home carried out, -1 without one."""
        try:
            return int(self._last.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return -1

    def _note(self, under: int) -> None:
        self._last.touch(mode=0o600)
        self._last.write_text(f"{under}\n", encoding="ascii")

    def forget_strays(self, *, last: int) -> int:
        """Deletes consents of clients without a key, which an older copy of the database brought back; how many.

        `last` is the copy's own last erasure: the next start looks no more.
        """
        gone: list[tuple[str, str]] = []
        with _ours():
            with self._reading() as connection:
                pairs = connection.execute(select(CONSENTS.c.contributor, CONSENTS.c.subject).distinct()).all()
            for holder, subject in pairs:
                if not any(key.use == "content" for key in self._keys.naming(subject, holder=holder)):
                    gone.append((holder, subject))
            if gone:
                engine = self._log.engine
                writing = engine.connect().execution_options(sqlite_begin="IMMEDIATE")
                with mapped(engine, "being cleaned"), writing as connection, connection.begin():
                    self._without(connection, gone)
                self.clean()
            self._note(last)
        return len(gone)

    @staticmethod
    def _without(connection: Connection, clients: Collection[tuple[str, str]]) -> None:
        for holder, subject in clients:
            connection.execute(delete(CONSENTS).where(CONSENTS.c.contributor == holder, CONSENTS.c.subject == subject))

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        engine = self._log.engine
        with mapped(engine, "reading"), engine.connect() as connection, connection.begin():
            yield connection
