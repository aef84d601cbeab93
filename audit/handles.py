"""Which handle stands for which client, as far as it is kept in memory: one by one, and whole lists at once.

Whoever asks for the same rows again names the same clients in the same order. Such a list is found by its digest, and
costs a hundredth of asking the key store for each client, and a sixth of the memory. What is kept was durable; all of
it is forgotten when a key is destroyed, and what was looked up before that is not kept behind it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence

__all__ = ["Handles"]

_TEXT = 32  # characters of a handle
_ONE_BY_ONE = 200_000  # clients that are kept; then they are asked for again
_LONG = 64  # lists of so many are kept as a whole …
_LISTED = 64 * 2**20  # … up to so many characters of handles
_SEPARATOR = "\x00"

Whose = tuple[str, str]  # use and holder
_Name = tuple[Whose, int, bytes]


class Handles:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forgotten = 0
        self._clear()

    def _clear(self) -> None:
        self._of: dict[Whose, dict[str, str]] = {}
        self._lists: dict[_Name, str] = {}
        self._kept = self._listed = 0

    def forget(self) -> None:
        """Drops everything: a key was destroyed."""
        with self._lock:
            self._forgotten += 1
            self._clear()

    def of(self, whose: Whose, subjects: Sequence[str], ask: Callable[[list[str]], dict[str, str]]) -> list[str]:
        """The handles in order; `ask` is asked for those that are not in memory."""
        name = _name(whose, subjects)
        with self._lock:
            whole = self._lists.get(name) if name is not None else None
            if whole is not None:
                return [whole[at : at + _TEXT] for at in range(0, len(whole), _TEXT)]
            times, known = self._forgotten, self._of.get(whose, {})
            found = {subject: known[subject] for subject in subjects if subject in known}
        missing = [subject for subject in dict.fromkeys(subjects) if subject not in found]
        if missing:
            made = ask(missing)
            found |= made
            with self._lock:
                if self._forgotten == times:
                    self._keep(whose, made)
        handles = [found[subject] for subject in subjects]
        if name is not None:
            with self._lock:
                if self._forgotten == times:
                    self._keep_list(name, "".join(handles))
        return handles

    def _keep(self, whose: Whose, made: dict[str, str]) -> None:
        if self._kept + len(made) > _ONE_BY_ONE:
            self._of, self._kept = {}, 0
        self._of.setdefault(whose, {}).update(made)
        self._kept += len(made)

    def _keep_list(self, name: _Name, whole: str) -> None:
        if self._listed + len(whole) > _LISTED:
            self._lists, self._listed = {}, 0
        self._lists[name] = whole
        self._listed += len(whole)


def _name(whose: Whose, subjects: Sequence[str]) -> _Name | None:
    """What a list is found by; None for a short one, and where a separator in an id could make two lists look alike."""
    if len(subjects) < _LONG:
        return None
    joined = _SEPARATOR.join(subjects)
    if joined.count(_SEPARATOR) != len(subjects) - 1:
        return None
    return whose, len(subjects), hashlib.sha256(joined.encode("utf-8", "surrogatepass")).digest()
