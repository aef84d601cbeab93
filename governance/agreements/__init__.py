"""The agreements' use cases: one call, one transaction. No Flask, no SQLAlchemy, no engine by name; statements decide.

agreements = Agreements.open(journal=..., clock=..., root=..., engine=..., check=..., look=..., nonce=..., claims=...)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from governance.agreements.activation import Check, Checked, Live, Policies
from governance.agreements.book import RegisterBook, Unverified, unknown
from governance.agreements.caller import Caller, need_administrator
from governance.agreements.desk import Desk
from governance.agreements.duties import Duties
from governance.agreements.keys import Keys
from governance.agreements.mous import Mous
from governance.agreements.resuming import Resuming
from governance.agreements.reviews import Reviews
from governance.compiler.bundle import Bundle
from governance.ports import Clock, Engine, Journal
from governance.register import Register
from governance.signing.keys import PublicKey

__all__ = ["Agreements", "Caller", "Check", "Checked", "Live", "Policies", "RegisterBook"]


@dataclass(frozen=True)
class Agreements:
    """Keys, MOUs, duties, reviews and the policies that follow from them. Safe from any thread."""

    book: RegisterBook
    policies: Policies
    keys: Keys
    mous: Mous
    duties: Duties
    reviews: Reviews
    resuming: Resuming

    @classmethod
    def open(
        cls,
        *,
        journal: Journal,
        clock: Clock,
        root: PublicKey,
        engine: Engine,
        check: Check,
        look: Check,
        nonce: Callable[[], str],
        claims: Unverified = unknown,
        kept: Bundle | None = None,
        register: Register | None = None,
    ) -> Agreements:
        """`root` is the administrator's first public key, from outside the database; `engine` the one that decides.

        `check` compares the readings before documents count, the engine's included; `look`, without it, before anybody
        is asked to sign.

        `claims` tells what an entry that fails says of itself, for messages. `kept` is a bundle that this very compiler
        made before: it is used where it is of the documents that count. `register` is what was folded from this very
        log a moment ago: only later entries are read.
        """
        book = RegisterBook(journal, root=root, claims=claims, register=register)
        desk = Desk(journal, book, clock)
        policies = Policies(desk, engine, check, kept)
        keys = Keys(desk, policies.activate)
        mous = Mous(desk, nonce, policies.activate, look)
        return cls(book, policies, keys, mous, Duties(desk), Reviews(desk), Resuming(desk))

    def activate(self, caller: Caller) -> dict[str, Any]:
        """An administrator has the policies brought in step with the signatures, read anew from stored bytes."""
        need_administrator(caller)
        return self.policies.activate(anew=True) or {"state": "unchanged"}
