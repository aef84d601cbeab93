"""Who calls a use case, and what that allows. The caller's key was verified at the edge; here only its rights count."""

from __future__ import annotations

from typing import Protocol

from governance.errors import Refused
from governance.register import ADMINISTRATOR, SIGNATORY

__all__ = ["Caller", "administrates", "need_administrator", "need_signatory", "need_signer"]


class Caller(Protocol):
    """The owner of the key that signed the call."""

    @property
    def fingerprint(self) -> str:
        """The key."""

    @property
    def party(self) -> str:
        """Whose it is."""

    @property
    def use(self) -> str:
        """What it was enrolled for."""

    @property
    def person(self) -> str:
        """Who holds it."""


def administrates(caller: Caller) -> bool:
    """Whether the caller is an administrator."""
    return caller.use == ADMINISTRATOR and caller.party == ADMINISTRATOR


def need_administrator(caller: Caller) -> None:
    """Raises Refused for anybody else."""
    if not administrates(caller):
        raise Refused("only an administrator may do this", reason="not-an-administrator")


def need_signatory(caller: Caller) -> None:
    """Raises Refused unless the key is a signatory's."""
    if caller.use != SIGNATORY:
        raise Refused(f"this needs a signatory's key; yours is enrolled as `{caller.use}`", reason="not-a-signatory")


def need_signer(caller: Caller, fingerprint: str) -> None:
    """Raises Refused where somebody else's statement is handed in."""
    if caller.fingerprint != fingerprint:
        raise Refused("the statement is signed by another key than the request", reason="key-of-another")
